"""No time is typed where it could be derived: with longer units the core computes the same bits."""

import pytest

from golden.spec.config import CoreConfig
from hw.core.base.chunk_memory import ChunkMemory
from hw.core.base.multiply import Multiply
from hw.core.base.read_multiplexer import ReadMultiplexer
from hw.core.core import Core
from hw.core.fire.pool import Pool
from hw.core.lanes.gains import Gains
from hw.core.lanes.integrate import Integrate
from hw.core.lanes.noise import Noise
from hw.core.lanes.update import Update
from hw.core.lanes.weights import Weights
from hw.core.learn.error import Error
from hw.core.learn.latents import Latents
from hw.core.learn.project import Project
from hw.core.learn.signs import Signs
from hw.core.schedule.row_list import RowList
from sim import test_core
from sim.harness import run
from sim.lengthen import lengthen

UNITS = {
    ChunkMemory: ("read.values", "host.values"),
    Multiply: ("products",),
    ReadMultiplexer: ("value",),
    Gains: ("used",),
    Integrate: ("sums",),
    Noise: ("word",),
    Update: ("new",),
    Weights: ("data",),
    Error: ("signal",),
    Latents: ("logits",),
    Project: ("m",),
    Signs: ("read.signs", "host.signs"),
    RowList: ("visit",),
    Pool: ("seen", "potentials"),
}
"""Units with a LATENCY, and the outputs that it is the latency of."""
CONFIGS = {
    "flat": CoreConfig(lanes=8, layers=4, classes=7, **test_core.SMALL),
    "maps": CoreConfig(lanes=16, layers=5, classes=6, **test_core.WIDE_MAPS),
}


@pytest.mark.parametrize(
    ("config", "kinds"),
    [("flat", [Weights]), ("maps", list(UNITS))],
    ids=["weights", "every-unit"],
)
def test_a_longer_unit_changes_no_bit(
    config: str, kinds: list[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in kinds:
        lengthen(monkeypatch, kind, *UNITS[kind])
    run(
        lambda: Core(CONFIGS[config]),
        "sim.test_core",
        testcase=["agrees"],
        parameters={"config": CONFIGS[config].as_dict()},
    )
