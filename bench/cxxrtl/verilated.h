// Nothing: hw/simulate/harness.cc includes it for Verilator.
