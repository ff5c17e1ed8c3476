"""Weights of one layer on a device, written and read; and the check that they fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from golden.spec.layers import Layer
from golden.spec.layout import Placement
from golden.spec.packing import pack_weights, unpack_weights
from golden.spec.registers import Space, memories
from sw.device.blocks import Blocks, as_host_words
from sw.device.identity import DeviceError


def check_weights(
    weights: Sequence[NDArray[np.int32]], shapes: list[tuple[int, int]], weight_bits: int
) -> None:
    """Raise DeviceError for weights of other shapes [rows, outputs], or too large for the chip."""
    if [w.shape for w in weights] != shapes:
        raise DeviceError(
            f"weights of shapes {[w.shape for w in weights]}: the network has {shapes}; "
            "use the weights of this network"
        )
    top = 1 << (weight_bits - 1)
    for values in weights:
        if values.size and (values.min() < -top or values.max() >= top):
            raise DeviceError(
                f"weights of {values.min()} to {values.max()}: {weight_bits} bits "
                f"hold {-top} to {top - 1}; lower weight_fraction or init_scale"
            )


def write_layer(
    device: Blocks, layer: Layer, placement: Placement, values: NDArray[np.int32]
) -> None:
    """Write the weights [rows, outputs] of a layer."""
    memory = memories(device.config)[Space.WEIGHTS]
    words = as_host_words(pack_weights(values, placement), memory)
    device.write(Space.WEIGHTS, layer.weight_base * memory.stride, words)


def read_layer(device: Blocks, layer: Layer, placement: Placement) -> NDArray[np.int32]:
    """The weights [rows, outputs] of a layer."""
    words = device.memory(Space.WEIGHTS, layer.weight_base, layer.words)
    return np.ascontiguousarray(unpack_weights(words, placement))
