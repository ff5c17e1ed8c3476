"""From bytes to rows: which rows of weights the layer in hand visits, ascending.

In come the payload of a sample, from the link, and chunks of spikes, from `fire/`. Out goes one visit a
cycle: a row, its pre trace, whether it spikes in this step and whether it did in the step before. The room
owns the ring of active lists, in which every row with a pre trace has an entry, and the queue of decoded
events.
"""
