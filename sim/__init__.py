"""Simulation: every unit and the whole design under Verilator, driven by cocotb, against golden."""
