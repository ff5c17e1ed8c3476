"""An estimate of the energy of learning, from the chip's exact counts. An estimate, not a reading.

    E = synops x synop_pj + updates x update_pj

`synops` and `updates` are counted by the core, one by one. The two constants are not measured: they
come from published figures for other silicon,

- Horowitz, "Computing's energy problem", ISSCC 2014, 45 nm: an 8 KiB memory gives 64 bits for
  10 pJ; an 8-bit addition takes 0.03 pJ, a 32-bit addition 0.1 pJ, an 8-bit multiplication 0.2 pJ
- Kuon and Rose, IEEE TCAD 26(2), 2007: logic in an FPGA takes about 14 times the dynamic power of
  the same logic in an ASIC

so a synaptic operation, reading a 9-bit weight and adding it, is 9/64 x 10 + 14 x 0.1 = 2.8 pJ, and
an update, reading and writing it and multiplying once, is 2 x 9/64 x 10 + 14 x (0.2 + 0.1) = 7.0 pJ.
Wider weights take more. Only what the two counters count is in it: not firing, traces and the learning
signal, not clock tree, link, leakage and the rest of the board. Only a meter knows those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from golden.spec.config import CoreConfig

BIT_ACCESS_PJ = 10 / 64
USUAL_BITS = 9
FPGA_FACTOR = 14
ADD_PJ, MULTIPLY_PJ = 0.1, 0.2


@dataclass(frozen=True, kw_only=True)
class EnergyModel:
    """The constants of the estimate; replace them by your own measurements."""

    synop_pj: float = USUAL_BITS * BIT_ACCESS_PJ + FPGA_FACTOR * ADD_PJ
    """Picojoules of a weight that is read and added [0 or more]."""
    update_pj: float = 2 * USUAL_BITS * BIT_ACCESS_PJ + FPGA_FACTOR * (MULTIPLY_PJ + ADD_PJ)
    """Picojoules of a weight that is read, changed and written [0 or more]."""

    @classmethod
    def of(cls, core: CoreConfig) -> Self:
        """The constants for weights as wide as the core's."""
        access = core.weight_bits * BIT_ACCESS_PJ
        return cls(
            synop_pj=access + FPGA_FACTOR * ADD_PJ,
            update_pj=2 * access + FPGA_FACTOR * (MULTIPLY_PJ + ADD_PJ),
        )

    def joules(self, counters: Mapping[str, int]) -> float:
        """Estimated energy of what `counters` (Device.counters, or an Epoch's) counted."""
        picojoules = counters["synops"] * self.synop_pj + counters["updates"] * self.update_pj
        return picojoules * 1e-12

    def as_dict(self, counters: Mapping[str, int]) -> dict[str, float | str]:
        """The estimate for a file, with what it rests on."""
        return {
            "joules": self.joules(counters),
            "covers": "learning in complete epochs; no evaluation",
            "synops": counters["synops"],
            "updates": counters["updates"],
            "formula": "synops x synop_pj + updates x update_pj",
            "synop_pj": self.synop_pj,
            "update_pj": self.update_pj,
            "kind": "estimate from counts and published constants, not a measurement",
        }

    def describe(self, counters: Mapping[str, int], samples: int) -> str:
        """The estimate in a line, formula and constants included."""
        each = self.joules(counters) / max(samples, 1) * 1e6
        return (
            f"estimated energy {each:.3g} uJ/sample = synops x {self.synop_pj:.1f} pJ + updates x "
            f"{self.update_pj:.1f} pJ (published constants, not measured; see sw/energy.py)"
        )
