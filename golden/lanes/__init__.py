"""Update and integration of rows of weights, and their random numbers. Twin of hw/core/lanes."""
