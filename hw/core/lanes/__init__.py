"""The work: a row of weights a cycle is updated, written back and integrated, one weight a lane.

In come slots, from `schedule/`, and gains, from `learn/`. Out go the sums of a group, to `fire/`. Lanes
work in chunks, each a cycle behind the one before. The room owns the weights, the gains of every group and
the random numbers of stochastic rounding. LaneTimes says which cycle of a slot does what, and why.
"""
