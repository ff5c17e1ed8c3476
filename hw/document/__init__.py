"""The page of all units, written from the hardware: `python -m hw.document > docs/units.md`.

units.py finds the units and makes them, names.py knows what shapes and interfaces are called, ports.py
reads the docstrings, page.py puts it all together.
"""
