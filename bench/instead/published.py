"""Figures of other chips that learn, as their authors give them: other networks, other data, other boards."""

from typing import NamedTuple


class Published(NamedTuple):
    """A line of the table."""

    name: str
    source: str
    device: str
    learns: str
    speed: str
    energy: str


PUBLISHED = (
    Published(
        "Huang et al.",
        "ICTA 2023",
        "VC707",
        "MNIST, 95.5 %",
        "1,183 trained frames/s",
        "0.67 mJ a frame",
    ),
    Published(
        "Spiker-LL",
        "arXiv 2605.18003",
        "Pynq-Z2",
        "784-200-10, MNIST, 92 %",
        "an inference in under 1 ms",
        "an inference under 0.1 mJ",
    ),
    Published(
        "FireFly-P",
        "arXiv 2601.21222",
        "Artix-7 35T",
        "control, plasticity",
        "8 us with its update",
        "0.713 W",
    ),
)
