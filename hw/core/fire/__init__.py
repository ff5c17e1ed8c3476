"""From sums to spikes: threshold, surrogate, reset, leak and pooling, a chunk of neurons a cycle.

In come sums, from `lanes/`. Out go spikes: to `rows/` for the next layer, to `learn/` and to `readout/`; and
surrogates, to `learn/`. The room owns the membranes, the spikes of the step and the pooling windows in hand.
"""
