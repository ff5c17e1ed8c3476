"""Several boards learn one model: to all above, they are one device.

In come targets and samples. Out come results, and the average of the weights, which this process keeps.
A round is a few tasks, one a board (`part`): a task has everything that decides its result, so a lost
worker's can be done again anywhere. `golden.averaging` has the arithmetic, `sw.study.engine` the workers.
"""

from sw.averaging.boards import Boards

__all__ = ["Boards"]
