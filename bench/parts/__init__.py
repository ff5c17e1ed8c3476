"""Networks larger than the chip, measured: accuracy in parts and whole, VGG-9, what BPTT would need."""
