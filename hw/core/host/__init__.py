"""What the host sees of the core while it is at rest: registers, memories of all rooms, counters.

In come accesses of the link, and what every cycle was spent on, from `schedule/`. Out go answers. The room
owns the registers, the counters and the layer table, from which the other rooms read their layer's entry.
"""
