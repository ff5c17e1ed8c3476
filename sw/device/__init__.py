"""The device as the host sees it: commands over a link, and what they do to a core.

In come a transport (`sw.link`), networks and samples. Out come results, weights and the state of
every layer. From the link upwards: `channel` gets every command executed once and in order
(`in_flight` holds those that wait for an answer), `identity` checks who is there, `blocks` reads and
writes memories and registers, `state` reads membranes, traces and spikes, and `device` puts a
network and its samples on top. `inputs` says what a sample is.

A Device owns its channel, and the channel its transport: nobody else may send over it. Every memory
is the board's; the host keeps no copy. `sample_store` knows which samples the board holds.
"""

from sw.device.channel import Channel
from sw.device.device import Device, Weights
from sw.device.identity import DeviceError, ListsFull
from sw.device.in_flight import LinkStatistics, Refused, Restarted
from sw.device.inputs import SampleLike, Series, chip_frames
from sw.device.memory_unit import MemoryResult, MemoryUnit
from sw.device.sample_store import SampleStore

__all__ = [
    "Channel",
    "Device",
    "DeviceError",
    "LinkStatistics",
    "ListsFull",
    "MemoryResult",
    "MemoryUnit",
    "Refused",
    "Restarted",
    "SampleLike",
    "SampleStore",
    "Series",
    "Weights",
    "chip_frames",
]
