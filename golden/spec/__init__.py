"""Everything hardware and software share, declared once: formats, registers, frames, configuration."""
