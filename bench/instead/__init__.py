"""What a user would run instead of the chip: a processor, a GPU, other chips. `python -m bench.instead`."""
