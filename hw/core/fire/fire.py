"""Threshold, surrogate, reset and leak, a chunk of neurons a cycle. Twin of golden/fire/fire.py."""

from typing import Any

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.formats import FACTOR_BITS, MEMBRANE_BITS, READOUT_SURROGATE, SURROGATE_BITS
from golden.spec.layers import most_psi_shift
from hw.core.base.formats import half, saturate, saturate_unsigned
from hw.core.base.layouts import context, layer_entry
from hw.core.base.multiply import Multiply
from hw.core.base.pipeline import derived, later, register, taps, when


class Fire(wiring.Component):
    """Fires the chunk whose `sums` are final.

    A pipeline without stalls; times are cycles after `sums`. What happens on the way: 1 sums and start
    taken · 2 v whole · 3 v saturated · 4 distance to theta.

    context     of the group
    chunk       number of the chunk within it
    entry       of its layer
    sums        of its rows
    start       membranes that it starts from
    spikes      at FIRED
    potentials  u, at FIRED: after the reset, before the leak
    surrogates  Psi, at PSI
    membranes   gamma u (of a readout: v), at LEAKED, to be kept for the next step
    """

    FIRED, PSI = 5, 6

    @derived
    def LEAKED(cls) -> int:
        return cls.FIRED + Multiply.LATENCY

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.shift_bits = bits_for(most_psi_shift(config))
        lanes = config.chunk_lanes
        membranes = data.ArrayLayout(signed(MEMBRANE_BITS), lanes)
        super().__init__(
            {
                "context": In(context(config)),
                "chunk": In(bits_for(config.chunks)),
                "entry": In(layer_entry()),
                "sums": In(data.ArrayLayout(signed(config.accumulator_bits), lanes)),
                "start": In(membranes),
                "spikes": Out(lanes),
                "potentials": Out(membranes),
                "surrogates": Out(data.ArrayLayout(SURROGATE_BITS, lanes)),
                "membranes": Out(membranes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        lanes = self.config.chunk_lanes
        m.submodules.leak = leak = Multiply(lanes, MEMBRANE_BITS + 1)
        entries = taps(m, "entry", self.entry, self.FIRED)
        left = Signal(
            signed(bits_for(self.config.lanes) + 2), reset_less=True
        )  # neurons from this chunk on
        m.d.sync += left.eq(self.context.neurons - self.chunk * lanes)
        left = later(m, "left", left, 2)
        readout = entries[self.FIRED].flags.readout
        self.fired = register(m, self.spikes), register(m, self.potentials)
        self.psi = register(m, self.surrogates)
        m.d.comb += leak.bias.eq(half(FACTOR_BITS))
        nothing = self.context.fresh | self.entry.flags.readout
        for lane in range(lanes):
            v = self._membrane(m, lane, nothing)
            valid = Signal(name=f"valid_{lane}", reset_less=True)
            m.d.sync += valid.eq(left > lane)
            self._threshold(m, lane, v, valid, entries)
            m.d.comb += [
                leak.values[lane].eq(self.potentials[lane]),
                leak.factors[lane].eq(
                    Mux(readout, 1 << FACTOR_BITS, entries[self.FIRED].leak[:FACTOR_BITS])
                ),
                self.membranes[lane].eq(leak.products[lane]),
            ]
        return m

    def _membrane(self, m: Module, lane: int, nothing: Value) -> Signal:
        """v = saturate(start + sum), at 3."""
        total = Signal(signed(self.config.accumulator_bits), name=f"total_{lane}", reset_less=True)
        start = Signal(signed(MEMBRANE_BITS), name=f"start_{lane}", reset_less=True)
        whole = Signal.like(total, name=f"whole_{lane}", reset_less=True)
        v = Signal(signed(MEMBRANE_BITS), name=f"v_{lane}", reset_less=True)
        m.d.sync += [
            total.eq(self.sums[lane]),
            start.eq(Mux(nothing, 0, self.start[lane])),
            whole.eq(total + start),
            v.eq(saturate(whole, MEMBRANE_BITS)),
        ]
        return v

    def _threshold(
        self, m: Module, lane: int, v: Signal, valid: Signal, entries: list[Any]
    ) -> None:
        """Spike and reset at FIRED, surrogate at PSI."""
        at_4 = entries[4]
        distance = Signal(signed(MEMBRANE_BITS + 1), name=f"distance_{lane}", reset_less=True)
        kept = Signal.like(v, name=f"kept_{lane}", reset_less=True)
        spike = Signal(name=f"spike_{lane}")
        m.d.sync += distance.eq(v - entries[3].theta.as_signed()), kept.eq(v)
        m.d.comb += spike.eq((distance > 0) & valid & ~at_4.flags.readout)
        m.d.sync += [
            self.fired[0][lane].eq(spike),
            self.fired[1][lane].eq(Mux(spike, Mux(at_4.flags.hard_reset, 0, distance), kept)),
        ]
        height = Signal(signed(MEMBRANE_BITS + 2), name=f"height_{lane}", reset_less=True)
        there = Signal(name=f"there_{lane}", reset_less=True)
        below = distance[-1].replicate(len(distance))
        m.d.sync += [
            height.eq(at_4.psi_width - (distance.as_unsigned() ^ below)),
            there.eq(valid),
        ]
        entry = entries[self.FIRED]
        shifted = Signal(MEMBRANE_BITS + 1, name=f"shifted_{lane}")
        m.d.comb += shifted.eq(height[:-1] >> entry.psi_shift[: self.shift_bits])
        triangle = when(height >= 0, saturate_unsigned(shifted, SURROGATE_BITS))
        surrogate = Mux(entry.flags.readout, READOUT_SURROGATE, triangle)
        m.d.sync += self.psi[lane].eq(Mux(there, surrogate, 0))
