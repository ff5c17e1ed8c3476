"""A training run, from its plan to the files that are left of it.

In come a loaded device (`sw.device`) and data sets (`sw.data`). Out come metrics and the files of a
run folder. `training` feeds the samples and tells a `watcher`; `metrics` has the plan and counts;
`signs_of_life` says what learns nothing; `stopping` ends it early. `checkpoint` is a run at one moment;
`recorder` keeps checkpoints and metrics, and `log` a line a second, in the run `folder` (`files` writes each
whole or not at all). `follow` reads the folder from another process.

Whoever holds the lock on log.jsonl owns the folder: one process writes, any number read. While a run
goes on the weights are on the device alone; the newest checkpoint is what a crash leaves.
"""

from sw.run.checkpoint import Checkpoint
from sw.run.files import FileError, write_atomically
from sw.run.folder import RunFolder, checkpoint_file, newest_run
from sw.run.follow import Follower
from sw.run.log import Log
from sw.run.metrics import Epoch, Plan, Progress, Tally
from sw.run.recorder import Recorder
from sw.run.signs_of_life import TrainingWarning
from sw.run.stopping import Every, StopRequest
from sw.run.tensorboard import TensorBoard
from sw.run.training import Trainer
from sw.run.watcher import Watcher, Watchers

__all__ = [
    "Checkpoint",
    "Epoch",
    "Every",
    "FileError",
    "Follower",
    "Log",
    "Plan",
    "Progress",
    "Recorder",
    "RunFolder",
    "StopRequest",
    "Tally",
    "TensorBoard",
    "Trainer",
    "TrainingWarning",
    "Watcher",
    "Watchers",
    "checkpoint_file",
    "newest_run",
    "write_atomically",
]
