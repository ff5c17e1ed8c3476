"""Layers for units that read an entry of the layer table."""

from random import Random
from typing import Any

from golden.spec.layers import FIELD_NAMES, FIELDS, WORD_BITS, Layer
from hw.core.base.layouts import layer_entry
from sim.streams import pack, unpack


def random_layer(rng: Random, **given: int) -> Layer:
    """A layer of extremes and random values in every field; `given` fields are as they are given."""
    fields = {
        field.name: rng.choice([field.low, field.high, rng.randint(field.low, field.high)])
        for field in FIELDS
    }
    return Layer(**(fields | given))


def entry_of(layer: Layer) -> Any:
    """The value of a port that carries the layer's entry."""
    words = [int(getattr(layer, name)) for name in FIELD_NAMES]
    return unpack(layer_entry(), sum(word << WORD_BITS * at for at, word in enumerate(words)))


def layer_of(entry: Any) -> Layer:
    """The layer whose entry a port carries."""
    bits = pack(layer_entry(), entry)
    words = [bits >> WORD_BITS * at & 0xFFFF for at in range(len(FIELDS))]
    return Layer(**dict(zip(FIELD_NAMES, words, strict=True)))
