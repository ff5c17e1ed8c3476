"""The streaming neuron core, a file per unit, in the order data flows through them."""
