"""TESS in integers: latents, class error, projection, gains. Twin of hw/core/learn."""
