"""Pickles of plain values and arrays of whole numbers: what the Python version of CIFAR is made of.

Unpickling runs what the file says. Here a file may name three things of NumPy's, and gets stand-ins for
them, which keep what the file says of an array; the array is made from its bytes afterwards. NumPy's own
would believe any flags that a type has in the file, and take bytes for pointers.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = tuple(f"{kind}{size}" for kind in "ui" for size in (1, 2, 4, 8))
"""Types that an array may have."""
ORDERS = "<>|="


class Refused(pickle.UnpicklingError):
    """A file that wants more than arrays to be made."""


def load(raw: bytes) -> Any:
    """What a pickle holds; its arrays are NumPy's, and its strings of Python 2 are bytes.

    Raises Refused, ValueError for numbers that are too large, and whatever damage leads pickle to.
    """
    _check_memo(raw)
    value = _Plain(io.BytesIO(raw), encoding="bytes").load()
    if isinstance(value, dict):
        return {key: _array(each) for key, each in value.items()}
    return _array(value)


class _Type:
    """Stands in for a dtype: its name, and the order of its bytes."""

    def __init__(self, name: str | bytes, *_: object) -> None:
        self.name = name.decode("ascii") if isinstance(name, bytes) else name
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        self.order = order.decode("ascii") if isinstance(order, bytes) else order

    def dtype(self) -> np.dtype[Any]:
        """Raises Refused for all but whole numbers."""
        if self.name not in KINDS or self.order not in ORDERS:
            raise Refused(f"an array of {self.name!r} has no business in it")
        return np.dtype(self.order + self.name)


class _Array:
    """Stands in for an array."""

    def __init__(self, *_: object) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> NDArray[Any]:
        """Raises ValueError, TypeError when the parts do not fit together."""
        _, shape, kind, columns_first, raw = self.state
        if not isinstance(kind, _Type) or not isinstance(raw, bytes):
            raise Refused("an array of other things than numbers has no business in it")
        dtype = kind.dtype()
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError(f"an array of {len(raw)} bytes says that it has shape {shape}")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if columns_first else "C")


class _Plain(pickle.Unpickler):
    """Makes plain values and the stand-ins; any other class in the file is refused."""

    STAND_INS = {"_reconstruct": _Array, "ndarray": _Array, "dtype": _Type}

    def find_class(self, module: str, name: str) -> Any:
        """NumPy's three names, whatever NumPy wrote them; `latin1` is how Python 2 kept bytes."""
        if module.split(".")[0] == "numpy" and name in self.STAND_INS:
            return self.STAND_INS[name]
        if (module, name) == ("_codecs", "encode"):
            return lambda text, _: text.encode("latin1")
        raise Refused(f"{module}.{name} has no business in it")


def _array(value: Any) -> Any:
    return value.array() if isinstance(value, _Array) else value


def _check_memo(raw: bytes) -> None:
    """Refuse a memo index above the file's length: pickle would make a table of that many entries.

    Raises ValueError, and what pickletools does for no pickle.
    """
    for code, argument, _ in pickletools.genops(raw):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and not 0 <= int(argument or 0) <= len(
            raw
        ):
            raise ValueError(f"it asks for {argument} places")
