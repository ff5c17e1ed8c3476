"""Whether the network that a host means is the one that a device holds."""

from __future__ import annotations

from golden.spec.layers import ENTRY_WORDS, FIELD_NAMES
from golden.spec.network import Network
from golden.spec.registers import Space
from sw.device.blocks import Blocks
from sw.device.identity import DeviceError

RATES = ("rate", "rate_cost", "classifier_rate")
"""Fields that training changes: they say nothing of which network it is."""


def check_table(device: Blocks, network: Network) -> None:
    """Raise DeviceError unless the layer table, and layers and classes in use, are those of `network`."""
    layers = network.layers(device.config)
    for name, wanted in (("layer_count", len(layers)), ("class_count", network.classes)):
        if (found := device.register(name)) != wanted:
            raise _other(device, network, f"{name} is {found}, not {wanted}")
    words = device.read(Space.LAYERS, 0, len(layers) * ENTRY_WORDS).reshape(-1, ENTRY_WORDS)
    for number, (entry, layer) in enumerate(zip(words.tolist(), layers, strict=True)):
        for name, found in zip(FIELD_NAMES, entry, strict=False):
            if name not in RATES and found != getattr(layer, name):
                text = f"{name} of layer {number} is {found}, not {getattr(layer, name)}"
                raise _other(device, network, text)


def _other(device: Blocks, network: Network, text: str) -> DeviceError:
    return DeviceError(
        f"{device.channel.transport.name} does not hold network {network.name}: {text} (was it "
        "restarted since?); load the network: leave out --keep"
    )
