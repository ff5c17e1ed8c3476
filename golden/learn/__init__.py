"""The learning signal of one layer in one step: spikes and logits in, gains of every neuron out.

TESS (arXiv 2502.01837) gives every layer a target of its own: fixed random signs B project its
latents (its spikes; on a map, their sums over cells) on the classes (`latents`). The error of that guess
(`error`) projected back (`project`, on a map `map_signal`) is each neuron's learning signal m, and m times
the eligibility of the neuron is its gain (`gain`). A hard sigmoid stands for the softmax: no exponential,
and an exact zero once a class is decided, so that nothing is written. The error is target minus
prediction, so that an update is an addition.
"""
