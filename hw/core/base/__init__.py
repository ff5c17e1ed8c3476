"""What every room uses: pipelines, number formats, chunks of lanes, small units. It belongs to no room.

Nothing here knows of a room. `layouts.py` has the structs that travel, `formats.py` is the twin of
golden/spec/formats.py, `chunk_memory.py` the memory of which rooms own several.
"""
