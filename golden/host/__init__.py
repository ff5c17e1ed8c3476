"""Memories and registers as the host sees them. Twin of hw/core/host."""
