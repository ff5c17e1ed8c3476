"""Host software: it drives a core, feeds it data sets, trains networks, and keeps and shows the results.

In Python, a user needs `Network`, `Device`, `Model`, and `load` for the data sets that have a name. On
the command line the entry is `python -m sw.driver`. The packages, each of which uses those before it:

- `data`: data sets and recordings become binary frames
- `native`: the integer model's core as compiled C++
- `link`: bytes to a board, to compiled RTL or to the integer model, and back
- `device`: commands over a link; a network, its samples and its memories on a core
- `run`: training, its metrics, and the files of a run folder
- `shadow`: a device and its twin, compared after every sample
- `interchange`, `report`, `planning`: networks as files, a run as a page, a network before it is built
- `live`: a network in use, on a page
- `study`: many trainings, on one computer or many
- `averaging`: several boards that learn one model
- `cli`: the commands

At the top are what a Python user meets: `model`, what it takes as `samples` and time `windows`, `notebook`,
`presets`, and the constants of the `energy` estimate; `places` knows folders of this computer, `own`
which files may be loaded as code, and `child` keeps native code that reads files of others in a process of
its own; `driver` and `reference` are programs.
"""

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.samples import Result
from sw.averaging import Boards
from sw.data import DataError, Dataset, DataWarning, Recording, Sample, load, read_recording
from sw.device import Device, ListsFull
from sw.model import Model
from sw.run import Every, StopRequest, TrainingWarning, Watcher
from sw.samples import Binning
from sw.windows import WindowResult

__all__ = [
    "CORES",
    "Binning",
    "Boards",
    "CoreConfig",
    "DataError",
    "DataWarning",
    "Dataset",
    "Device",
    "Every",
    "ListsFull",
    "Model",
    "Network",
    "Recording",
    "Result",
    "Sample",
    "StopRequest",
    "TrainingWarning",
    "Watcher",
    "WindowResult",
    "load",
    "read_recording",
]
