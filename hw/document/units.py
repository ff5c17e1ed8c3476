"""Finds the units of the design, and makes one for a configuration."""

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from inspect import Parameter, getmembers, isclass, signature
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from amaranth.hdl import UnusedElaboratable, signed
from amaranth.lib.wiring import Component

from golden.spec.config import CoreConfig
from golden.spec.formats import MEMBRANE_BITS
from golden.spec.sdram import SdramConfig
from hw.core.ports import ByteStream

DESIGN = ("hw.core", "hw.link", "hw.memory", "hw.top", "hw.clocks")
"""Packages and modules that hold units, in the order of the page."""


@contextmanager
def only_looked_at() -> Iterator[None]:
    """Units that are made and dropped within are not elaborated, which Amaranth would warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        yield
        gc.collect()  # a unit refers to itself: it would stay beyond the block


PARAMETERS: dict[str, Callable[[CoreConfig], Any]] = {
    "config": lambda config: config,
    "lanes": lambda config: config.chunk_lanes,
    "chunk": lambda config: 0,
    "clock_hz": lambda config: 80e6,
    "baud": lambda config: 1e6,
    "shape": lambda config: signed(MEMBRANE_BITS),
    "value_bits": lambda config: MEMBRANE_BITS,
    "depth": lambda config: config.frame_bytes,
    "count": lambda config: config.chunk_lanes,
    "settles": lambda config: 1,
    "memory": lambda config: SdramConfig() if config.store_off_chip else None,
    "sdram": lambda config: SdramConfig(),
    "timing": lambda config: SdramConfig().timing,
    "chip": lambda config: SdramConfig().chip,
    "stream": lambda config: ByteStream,
    "source": lambda config: "sync",
    "sink": lambda config: "memory",
}
"""What a parameter of that name gets when a unit is made on its own, beside the fields of CoreConfig."""


def modules() -> list[ModuleType]:
    """Every module of the design."""
    found = []
    for name in DESIGN:
        module = import_module(name)
        found.append(module)
        paths = getattr(module, "__path__", [])
        found += [import_module(inner.name) for inner in walk_packages(paths, f"{name}.")]
    return found


def units() -> dict[str, type[Component]]:
    """Components of the design by lower-case name."""
    return dict(sorted(_walk()))


def _walk() -> Iterator[tuple[str, type[Component]]]:
    for module in modules():
        for label, value in getmembers(module, isclass):
            if issubclass(value, Component) and value.__module__ == module.__name__:
                yield label.lower(), value


def make_unit(name: str, config: CoreConfig) -> Component:
    """The unit called `name`, for `config`. Raises ValueError with the choices."""
    known = {key: kind for key, kind in units().items() if arguments(kind, config) is not None}
    kind = known.get(name.lower())
    if kind is None:
        raise ValueError(f"unit {name!r}: choose from {', '.join(known)}")
    return kind(**arguments(kind, config) or {})


def arguments(kind: Callable[..., Any], config: CoreConfig) -> dict[str, Any] | None:
    """What to call `kind` with, by the names of its parameters; None when one is not known."""
    fields, given = config.as_dict(), {}
    for name, parameter in signature(kind).parameters.items():
        if name in PARAMETERS:
            given[name] = PARAMETERS[name](config)
        elif name in fields:
            given[name] = fields[name]
        elif parameter.default is Parameter.empty:
            return None
    return given
