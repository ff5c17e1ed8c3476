"""Studies: many trainings, on one computer or on a cluster, as one table.

In: options of `train`, values for some of them, seeds. Out: a folder with a run for each combination, and
results.jsonl. Dask distributed hands out the trainings, starts workers and repeats what a lost worker had.
"""

from sw.study.engine import run
from sw.study.grid import Axis, Task, tasks
from sw.study.record import Study

__all__ = ["Axis", "Study", "Task", "run", "tasks"]
