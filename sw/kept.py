"""Things made once and kept by what they were made of, up to a number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST_BYTES = 256 << 20
"""What is kept of samples at most: more than 100,000 of `nmnist-fast`."""


Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by key. When `most` bytes are held it keeps what it has, and makes the rest anew each time."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._left = most
        self._values: dict[Key, Value] = {}

    def get(self, key: Key, make: Callable[[], Value], size: int) -> Value:
        """The value of a key, made if there is none. `size`: bytes of both, about."""
        found = self._values.get(key)
        if found is None:
            found = make()
            if size <= self._left:
                self._left -= size
                self._values[key] = found
        return found
