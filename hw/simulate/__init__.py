"""The simulated board: the whole design compiled into a shared library, clock loop included."""
