"""The hardware: Amaranth descriptions of core, link and top, and their build commands."""
