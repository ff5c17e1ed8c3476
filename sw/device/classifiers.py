"""Classifiers that learn, on a device: their weights, written and read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from golden.spec.formats import CLASSIFIER_BITS
from golden.spec.layers import Layer
from golden.spec.layout import Placement
from golden.spec.network import Network
from golden.spec.packing import pack_classifier, unpack_classifier
from golden.spec.registers import Space, memories
from sw.device.blocks import Blocks, as_host_words
from sw.device.identity import DeviceError


def check_classifiers(network: Network, given: Mapping[int, NDArray[np.int32]]) -> None:
    """Raise DeviceError for classifiers of other shapes than the network's, or too large for the chip.

    One that is missing is zero; one of a layer that has signs is not looked at.
    """
    top = 1 << (CLASSIFIER_BITS - 1)
    for at, shape in network.classifier_shapes.items():
        values = given.get(at)
        if values is None:
            continue
        if values.shape != shape:
            raise DeviceError(
                f"classifier of layer {at} is {values.shape}: the network has {shape} (classes, latents); "
                "use the weights of this network, or the latent_side that they were trained with"
            )
        if values.min() < -top or values.max() >= top:
            raise DeviceError(
                f"classifier of layer {at}: weights of {values.min()} to {values.max()}, "
                f"{CLASSIFIER_BITS} bits hold {-top} to {top - 1}; use weights that were read off a chip"
            )


def write_classifiers(
    device: Blocks,
    network: Network,
    layers: list[Layer],
    given: Mapping[int, NDArray[np.int32]],
) -> None:
    """Write the classifiers [classes, latents] of all layers that learn one; zeros for what is missing."""
    placements = network.placements(device.config)
    for at, shape in network.classifier_shapes.items():
        values = given.get(at, np.zeros(shape, np.int32))
        write_classifier(device, layers[at], placements[at], values)


def write_classifier(
    device: Blocks, layer: Layer, placement: Placement, values: NDArray[np.int32]
) -> None:
    """Write the classifier [classes, latents] of a layer."""
    config = device.config
    memory = memories(config)[Space.CLASSIFIERS]
    words = as_host_words(pack_classifier(values, placement, config), memory)
    first = layer.classifier_base * config.class_slots
    device.write(Space.CLASSIFIERS, first * memory.stride, words)


def read_classifiers(
    device: Blocks, network: Network, layers: list[Layer]
) -> dict[int, NDArray[np.int32]]:
    """The classifiers on the chip: int32[classes, latents] by layer."""
    placements = network.placements(device.config)
    return {
        at: read_classifier(device, layers[at], placements[at], network.classes)
        for at in network.classifier_shapes
    }


def read_classifier(
    device: Blocks, layer: Layer, placement: Placement, classes: int
) -> NDArray[np.int32]:
    """The classifier [classes, latents] of a layer."""
    slots = device.config.class_slots
    first, count = layer.classifier_base * slots, layer.latent_groups * slots
    words = device.memory(Space.CLASSIFIERS, first, count)
    return unpack_classifier(words, classes, placement, device.config)
