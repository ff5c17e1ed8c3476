"""How much of the memory's bus its controller uses, beside LiteDRAM's: `python -m bench.memory --help`."""
