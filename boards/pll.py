"""Dividers of the PLLs, found exactly or refused with the nearest frequencies that exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Protocol

from amaranth.hdl import Const, Instance, Signal, Value


class Pll(Protocol):
    """A configured PLL."""

    @property
    def output_mhz(self) -> float:
        """Frequency of the output, exact as far as a float can be."""

    def phase(self, wanted: float) -> float:
        """Degrees, the nearest to `wanted` by which a second output can be behind. Raises ValueError."""

    def instance(
        self,
        *,
        clock: Value,
        output: Signal,
        locked: Signal,
        second: tuple[Signal, float] | None = None,
    ) -> Instance:
        """The primitive: oscillator in, generated clock and lock out.

        `second` is another output of the same frequency, and the degrees by which it is behind.
        """

    def gate(self, *, clock: Value, enable: Value, output: Signal) -> Instance | None:
        """The primitive that lets the clock through while enabled, without a glitch; None: there is none."""


@dataclass(frozen=True)
class Ecp5Pll:
    """EHXPLLL of Lattice ECP5: output on CLKOP, loop closed inside over CLKOS3.

    f_vco = f_in / input_divider * feedback * vco_feedback, f_out = f_vco / output_divider
    """

    input_mhz: float
    input_divider: int
    feedback: int
    vco_feedback: int
    output_divider: int

    @property
    def vco_mhz(self) -> float:
        """Frequency of the oscillator inside."""
        return float(_mhz(self.input_mhz) / self.input_divider * self.feedback * self.vco_feedback)

    @property
    def output_mhz(self) -> float:
        """Frequency of CLKOP."""
        return self.vco_mhz / self.output_divider

    def phase(self, wanted: float) -> float:
        """Steps are eighths of a period of the VCO."""
        return self._steps(wanted) * 360 / (8 * self.output_divider)

    def _steps(self, wanted: float) -> int:
        return round(wanted / 360 * 8 * self.output_divider) % (8 * self.output_divider)

    def instance(
        self,
        *,
        clock: Value,
        output: Signal,
        locked: Signal,
        second: tuple[Signal, float] | None = None,
    ) -> Instance:
        """CLKI -> CLKOP, and CLKOS, which is the second."""
        more: dict[str, Any] = {}
        if second:
            coarse, fine = divmod(self._steps(second[1]), 8)
            more = {
                "p_CLKOS_ENABLE": "ENABLED",
                "p_CLKOS_DIV": self.output_divider,
                "p_CLKOS_CPHASE": self.output_divider - 1 + coarse,
                "p_CLKOS_FPHASE": fine,
                "o_CLKOS": second[0],
            }
        return Instance(
            "EHXPLLL",
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            p_CLKI_DIV=self.input_divider,
            p_CLKFB_DIV=self.feedback,
            p_FEEDBK_PATH="INT_OS3",
            p_CLKOS3_ENABLE="ENABLED",
            p_CLKOS3_DIV=self.vco_feedback,
            p_CLKOS3_CPHASE=self.vco_feedback - 1,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=self.output_divider,
            p_CLKOP_CPHASE=self.output_divider - 1,
            i_CLKI=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=output,
            o_LOCK=locked,
            **more,
        )

    def gate(self, *, clock: Value, enable: Value, output: Signal) -> Instance | None:
        """The buffer at the root of a clock network."""
        return Instance("DCCA", i_CLKI=clock, i_CE=enable, o_CLKO=output)


@dataclass(frozen=True)
class GowinPll:
    """rPLL of Gowin: f_out = f_in / input_divider * feedback, f_vco = f_out * vco_divider."""

    input_mhz: float
    input_divider: int
    feedback: int
    vco_divider: int
    device: str

    @property
    def output_mhz(self) -> float:
        """Frequency of CLKOUT."""
        return float(_mhz(self.input_mhz) / self.input_divider * self.feedback)

    @property
    def vco_mhz(self) -> float:
        """Frequency of the oscillator inside."""
        return self.output_mhz * self.vco_divider

    def phase(self, wanted: float) -> float:
        """None but 0: no board of this family has a use for it."""
        if wanted:
            raise ValueError(f"a phase of {wanted:g} degrees: only ECP5 boards have a second clock")
        return 0.0

    def instance(
        self,
        *,
        clock: Value,
        output: Signal,
        locked: Signal,
        second: tuple[Signal, float] | None = None,
    ) -> Instance:
        """CLKIN -> CLKOUT, feedback inside. There is no second output."""
        assert second is None, "GowinPll.phase refuses it"
        fixed = {f"p_DYN_{name}_SEL": "false" for name in ("IDIV", "FBDIV", "ODIV")}
        return Instance(
            "rPLL",
            p_FCLKIN=f"{self.input_mhz:g}",
            p_DEVICE=self.device,
            p_IDIV_SEL=self.input_divider - 1,
            p_FBDIV_SEL=self.feedback - 1,
            p_ODIV_SEL=self.vco_divider,
            **fixed,
            p_CLKFB_SEL="internal",
            p_CLKOUT_BYPASS="false",
            i_CLKIN=clock,
            i_CLKFB=Const(0),
            i_RESET=Const(0),
            i_RESET_P=Const(0),
            i_FBDSEL=Const(0, 6),
            i_IDSEL=Const(0, 6),
            i_ODSEL=Const(0, 6),
            i_PSDA=Const(0, 4),
            i_DUTYDA=Const(0, 4),
            i_FDLY=Const(0, 4),
            o_CLKOUT=output,
            o_LOCK=locked,
        )

    def gate(self, *, clock: Value, enable: Value, output: Signal) -> Instance | None:
        """None that the tools from PyPI are known to place."""
        return None


def find_ecp5(input_mhz: float, wanted_mhz: float) -> Ecp5Pll:
    """Dividers for exactly `wanted_mhz`, the VCO as fast as can be. Raises ValueError.

    Limits of the data sheet: input 8 to 400, phase detector 10 to 400, VCO 400 to 800,
    output 3.125 to 400 MHz.
    """
    _within("input clock", input_mhz, 8, 400)
    _within("clock", wanted_mhz, 3.125, 400)
    source = _mhz(input_mhz)
    found: dict[Fraction, tuple[int, ...]] = {}
    for input_divider in range(1, min(128, int(source / 10)) + 1):
        detector = source / input_divider
        for multiple in range(ceil(400 / detector), int(800 / detector) + 1):
            for vco_feedback in (d for d in range(2, 129) if multiple % d == 0):
                feedback = multiple // vco_feedback
                for output_divider in range(1, 129) if feedback <= 80 else ():
                    output = detector * multiple / output_divider
                    choice = (-input_divider, multiple, -vco_feedback, output_divider)
                    found[output] = max(choice, found.get(output, choice))
    best = found[_nearest(found, wanted_mhz, "ECP5 PLL", input_mhz)]
    return Ecp5Pll(input_mhz, -best[0], best[1] // -best[2], -best[2], best[3])


def find_gw2a(input_mhz: float, wanted_mhz: float) -> GowinPll:
    """Dividers of a GW2A-18C (grade C8/I7) for exactly `wanted_mhz`. Raises ValueError.

    Limits of the data sheet: input and phase detector 3 to 500, VCO 500 to 1250, output 3.90625
    to 625 MHz.
    """
    _within("input clock", input_mhz, 3, 500)
    _within("clock", wanted_mhz, 3.90625, 625)
    source = _mhz(input_mhz)
    found: dict[Fraction, tuple[int, ...]] = {}
    for input_divider in range(1, min(64, int(source / 3)) + 1):
        for feedback in range(1, 65):
            output = source / input_divider * feedback
            for vco_divider in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 500 <= output * vco_divider <= 1250:
                    pll = (-input_divider, feedback, vco_divider)
                    found[output] = max(pll, found.get(output, pll))
    dividers = found[_nearest(found, wanted_mhz, "GW2A PLL", input_mhz)]
    return GowinPll(input_mhz, -dividers[0], dividers[1], dividers[2], "GW2A-18C")


def _nearest(found: Iterable[Fraction], wanted_mhz: float, what: str, input_mhz: float) -> Fraction:
    """`wanted_mhz` if it is among `found`. Raises ValueError with its two neighbours."""
    wanted = _mhz(wanted_mhz)
    choices = sorted(found)
    if wanted in choices:
        return wanted
    below = [f for f in choices if f < wanted][-1:]
    above = [f for f in choices if f > wanted][:1]
    near = " and ".join(f"{float(f):.6g}" for f in below + above)
    raise ValueError(
        f"the {what} cannot make {wanted_mhz:g} MHz from {input_mhz:g} MHz; nearest: {near} MHz"
    )


def _within(what: str, mhz: float, low: float, high: float) -> None:
    if not low <= mhz <= high:
        raise ValueError(f"{what} of {mhz:g} MHz: the PLL takes {low:g} to {high:g} MHz")


def _mhz(value: float) -> Fraction:
    """A frequency as people write it: 0.1 is 1/10."""
    return Fraction(str(value)) if value == round(value, 6) else Fraction(value)
