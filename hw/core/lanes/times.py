"""When a slot meets what in the lanes: every time follows from the LATENCY of a unit.

Times are cycles after a slot. With the units as they are:

0 slot · 2 gains looked up · 4 address, products begin · 6 noise · 7 weights · 8 new weights: written back,
and integrated · 9 sums · 10 the first chunk of lanes fires, the others follow, a cycle each
"""

from hw.core.base.pipeline import derived
from hw.core.fire.firing import Firing
from hw.core.interfaces import SumRead
from hw.core.lanes.gains import Gains
from hw.core.lanes.integrate import Integrate
from hw.core.lanes.noise import Noise
from hw.core.lanes.update import Update
from hw.core.lanes.weights import Weights


class LaneTimes:
    """Cycles after a slot, of the first chunk of lanes; chunk n works n cycles behind it."""

    @derived
    def UPDATE_AT(cls) -> int:
        """The update begins: as soon as gains, noise and weights can be there in time."""
        return max(
            Gains.LATENCY, Noise.LATENCY - Update.NOISE_AT, Weights.LATENCY - Update.WEIGHTS_AT
        )

    @derived
    def GAINS_AT(cls) -> int:
        """The gains of a group are looked up."""
        return cls.UPDATE_AT - Gains.LATENCY

    @derived
    def NOISE_AT(cls) -> int:
        """The row's random word is used."""
        return cls.UPDATE_AT + Update.NOISE_AT

    @derived
    def WEIGHTS_AT(cls) -> int:
        """The row's weights are there."""
        return cls.UPDATE_AT + Update.WEIGHTS_AT

    @derived
    def ADDRESS_AT(cls) -> int:
        """The row's address goes to the weight memory."""
        return cls.WEIGHTS_AT - Weights.LATENCY

    @derived
    def NEW_AT(cls) -> int:
        """The row's new weights are written back, and integrated."""
        return cls.UPDATE_AT + Update.LATENCY

    @derived
    def SUMS_AT(cls) -> int:
        """The sums include the row."""
        return cls.NEW_AT + Integrate.LATENCY

    @derived
    def FIRE_AT(cls) -> int:
        """The sums of a pass are taken by Fire."""
        return cls.SUMS_AT + SumRead.LATENCY

    @derived
    def END_AT(cls) -> int:
        """Firing is told of the end of a pass."""
        return cls.FIRE_AT - Firing.LEAD

    @derived
    def REUSE(cls) -> int:
        """Cycles after which a slot may have the row of an earlier slot, and read what that wrote."""
        return cls.NEW_AT + 1 - cls.ADDRESS_AT
