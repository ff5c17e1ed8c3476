"""Samples as a device takes them, and the check that its network can take one."""

from __future__ import annotations

from typing import Protocol

from golden.spec.network import Network
from golden.spec.shape import Map
from golden.spec.values import check_values
from sw.data.binning import Frames
from sw.data.maps import channel_last


class SampleLike(Protocol):
    """A sample to run: what `sw.data.Sample` has."""

    @property
    def frames(self) -> Frames:
        """Input spikes, bool[steps, inputs]; or the values of inputs, int8."""
        ...

    @property
    def label(self) -> int:
        """Its class."""
        ...


class Series(Protocol):
    """Samples by number: a `Dataset`, a list."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __getitem__(self, index: int, /) -> SampleLike:
        """One of them."""
        ...


def check_sample(sample: SampleLike, network: Network) -> None:
    """Raise ValueError for a sample that `network` has no inputs, values, class or steps for."""
    if sample.frames.ndim != 2 or sample.frames.shape[1] != network.inputs:
        raise ValueError(
            f"sample of shape {sample.frames.shape}: the network takes [steps, {network.inputs}]; "
            "check the data set and its pooling"
        )
    try:
        check_values(sample.frames, network.input_bits)
    except ValueError as error:
        raise ValueError(
            f"sample: {error}; use a network with more input_bits, or other data"
        ) from None
    if not 1 <= len(sample.frames) <= 0xFFFF:
        raise ValueError(f"sample of {len(sample.frames)} steps: 1 to 65535 fit")
    if not 0 <= sample.label < network.classes:
        raise ValueError(
            f"label {sample.label}: the network has classes 0 to {network.classes - 1}; "
            "check the data set"
        )


def chip_frames(sample: SampleLike, network: Network) -> Frames:
    """Inputs of a sample in the order in which the chip numbers them, bool or int8[steps, inputs].

    A network with convolutions has the channels of a pixel side by side. Raises ValueError, see
    `check_sample`.
    """
    check_sample(sample, network)
    if not (network.stages and network.input_map):
        return sample.frames
    return channel_last(sample.frames, Map(*network.input_map))
