"""A network larger than the core as one device: its parts run one after the other (`golden.parts`).

In come a device and a network that its core does not hold whole. Out comes a device that is used like any
other: weights are those of the network, samples go through all parts. The integer model has every part in
this process, compiled where there is a compiler (`sw.native.part`). On a board or a simulated one, the host
brings each part to the core, a block of samples at a time, and takes it away again (`linked`); what a part
has there (`image`) crosses the link for that, or is copied from the board's own memory and back (`keeping`).
"""

from sw.parts.parted import Parted, check_room, holding, model_core

__all__ = ["Parted", "check_room", "holding", "model_core"]
