"""Data sets as binary frames: `load(name)` gives samples of `bool[steps, n_inputs]` and a label."""

from sw.data.binning import DEFAULT_WINDOW_US, bin_events
from sw.data.dataset import Dataset, Request, Sample
from sw.data.datasets import DATASETS, Entry, load
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
