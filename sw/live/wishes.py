"""What the viewer of a session wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from golden.spec.network import Network

MOST_SHIFT = 16
FASTEST = 50.0  # samples a second


@dataclass
class Wishes:
    """What the viewer wants; `set` checks it."""

    learning: bool = False
    """Learn from samples whose label is known."""
    teacher: int | None = None
    """Learn from every sample that it is of this class, whatever its label; None: nobody says so."""
    paused: bool = False
    """Take no samples."""
    pace: float = 4.0
    """Samples a second; of a recording, times as fast as it was [0.1 to 50]."""
    rate: float = 0.3
    """Factor of the network's learning rates [0 to 1]."""
    shift: tuple[int, int] = (0, 0)
    """Pixels that the sensor is moved right and down [-16 to 16 each]."""
    classes: list[int] = field(default_factory=list)
    """Classes that come, of samples with labels."""

    def set(self, name: str, value: Any, network: Network) -> None:
        """Change one. Raises ValueError, which says what is possible."""
        if name in ("learning", "paused"):
            if not isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}: true or false")
        elif name == "teacher":
            if value is not None:
                check_class(value, network)
        elif name in ("pace", "rate"):
            low, high = {"pace": (0.1, FASTEST), "rate": (0.0, 1.0)}[name]
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not low <= value <= high
            ):
                raise ValueError(f"{name} is {value!r}: {low:g} to {high:g} are possible")
        elif name == "shift":
            if not _whole(value, -MOST_SHIFT, MOST_SHIFT) or len(value) != 2:
                raise ValueError(f"shift is {value!r}: two numbers, up to {MOST_SHIFT} pixels")
            value = (value[0], value[1])
        elif name == "classes":
            if not _whole(value, 0, network.classes - 1) or not value:
                raise ValueError(f"classes is {value!r}: some of 0 to {network.classes - 1}")
            value = sorted(set(value))
        else:
            raise ValueError(f"{name!r}: there is nothing of that name to set")
        setattr(self, name, value)


def check_class(value: Any, network: Network) -> None:
    """Raise ValueError for what is no class of the network."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not 0 <= value < network.classes:
        raise ValueError(f"class {value!r}: the network has 0 to {network.classes - 1}")


def _whole(values: Any, low: int, high: int) -> bool:
    """Whether it is a list of whole numbers within bounds."""
    return isinstance(values, list) and all(
        isinstance(v, int) and not isinstance(v, bool) and low <= v <= high for v in values
    )
