"""From sums to spikes, and pooling. Twin of hw/core/fire."""
