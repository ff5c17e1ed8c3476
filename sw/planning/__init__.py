"""What a network takes before anything is built: memory, cycles, chips that hold it, an SDRAM's share.

`shape` understands how a network is written, `activity` says how much it is assumed to fire, `cycles`
counts, `fitting` looks for a core on each chip, `sdram` is the machine for networks that no chip holds,
`plan` puts it together. Memories are those of `golden.spec.memory_map`.
"""

from sw.planning.activity import MEASURED, Activity
from sw.planning.plan import Plan, make_plan
from sw.planning.shape import Shape, parse

__all__ = ["MEASURED", "Activity", "Plan", "Shape", "make_plan", "parse"]
