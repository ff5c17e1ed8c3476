"""Data sets and recordings as binary frames.

In come files: events of a camera (`recording` reads AEDAT, AEDAT4, Prophesee, CSV, NumPy), images, sounds,
or a generator. Out comes a `Dataset` of samples, `bool[steps, inputs]` and a label each, one bit a frame
value in memory. `datasets` has the sets that have a name, a module each; `folder` is for one's own. `binning`
cuts a time window of events into steps, and `cache` keeps the frames of a set for the next run.

The files of a data set are only read. Loading one writes to the cache folder alone (docs/data-sets.md).
"""

from sw.data.binning import DEFAULT_WINDOW_US, bin_events
from sw.data.dataset import Dataset, Request, Sample
from sw.data.datasets import DATASETS, Entry, load
from sw.data.event_array import DataWarning
from sw.data.events import EVENT_DTYPE, NMNIST_SENSOR, DamagedFile, DataError, Sensor, read_nmnist
from sw.data.maps import channel_last
from sw.data.recording import Recording, read_recording
from sw.data.tonic_adapter import from_tonic

__all__ = [
    "DATASETS",
    "DEFAULT_WINDOW_US",
    "EVENT_DTYPE",
    "NMNIST_SENSOR",
    "DamagedFile",
    "DataError",
    "DataWarning",
    "Dataset",
    "Entry",
    "Recording",
    "Request",
    "Sample",
    "Sensor",
    "bin_events",
    "channel_last",
    "from_tonic",
    "load",
    "read_nmnist",
    "read_recording",
]
