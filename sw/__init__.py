"""Host software: links, driver, data sets and command line.

For Python: `Network`, `Device`, `Model`, and `load` for the data sets that have a name.
"""

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Dataset, Recording, Sample, load, read_recording
from sw.device.device import Device
from sw.model import Model
from sw.run.training import Watcher
from sw.samples import Binning
from sw.stopping import Every, StopRequest
from sw.windows import WindowResult

__all__ = [
    "CORES",
    "Binning",
    "CoreConfig",
    "Dataset",
    "Device",
    "Every",
    "Model",
    "Network",
    "Recording",
    "Sample",
    "StopRequest",
    "Watcher",
    "WindowResult",
    "load",
    "read_recording",
]
