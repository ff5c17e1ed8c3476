"""Events, spikes and active lists: which rows a layer visits. Twin of hw/core/rows."""
