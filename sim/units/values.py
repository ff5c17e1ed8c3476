"""Random values of any shape, and how values are compared."""

from collections.abc import Iterator, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from amaranth.lib import data

from sim.streams import unpack

Values = dict[str, Any]


def anything(shape: Any, rng: Random, **given: Any) -> Any:
    """A random value of a shape; `given` members of a struct are as they are given."""
    value = unpack(shape, rng.getrandbits(Shape.cast(shape).width))
    return value | given if given else value


def extremes(shape: Any, rng: Random) -> int:
    """A random number of a shape, often one of its ends, zero, or next to zero."""
    plain = Shape.cast(shape)
    low = -(1 << plain.width - 1) if plain.signed else 0
    high = low + (1 << plain.width) - 1
    return rng.choice([low, high, 0, max(low, -1), 1, *(rng.randint(low, high) for _ in range(5))])


def fill(shape: data.ArrayLayout, rng: Random) -> list[int]:
    """An array of `extremes`."""
    return [extremes(shape.elem_shape, rng) for _ in range(shape.length)]


def generator(rng: Random) -> np.random.Generator:
    """NumPy's generator, seeded by a run's."""
    return np.random.default_rng(rng.getrandbits(32))


def bits_of(number: int, count: int) -> list[int]:
    """The lowest `count` bits of a number, as 0 and 1."""
    return [number >> bit & 1 for bit in range(count)]


def number_of(bits: Any) -> int:
    """The number whose bits are these, the lowest first."""
    return sum(int(bit) << at for at, bit in enumerate(bits))


def tidy(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's."""
    if isinstance(value, Mapping):
        return {key: tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return tidy(value.tolist())
    return int(value) if isinstance(value, bool) else value


def matches(wanted: Any, got: Any) -> bool:
    """Whether `got` is what is wanted; None, and members left out, may be anything."""
    if wanted is None:
        return True
    if isinstance(wanted, Mapping):
        return all(matches(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(wanted) == len(got) and all(map(matches, wanted, got))
    return bool(wanted == got)


def prefixes(name: str) -> Iterator[str]:
    """`a.b.c`, `a.b`, `a`: a port, and the interfaces it is in."""
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def nested(values: Values) -> SimpleNamespace:
    """Values by full name as attributes of attributes."""
    top = SimpleNamespace()
    for name, value in values.items():
        *path, label = name.split(".")
        place = top
        for part in path:
            place = place.__dict__.setdefault(part, SimpleNamespace())
        setattr(place, label, value)
    return top
