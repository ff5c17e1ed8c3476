"""Threshold, surrogate, reset and leak of one group of neurons. Twin of golden/fire.py."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from golden.spec.formats import MEMBRANE_BITS, READOUT_SURROGATE, SURROGATE_BITS
from hw.core.multiply import SerialMultiply
from hw.core.tokens import context, layer_bits, layer_entry

ROUND = 128


class Fire(wiring.Component):
    """Fires the group whose `sums` are final in the cycle of `start`.

    start · 1 membranes saturated · 2 distance to theta · 3 `fired`: spikes, surrogates and (of a
    readout) `membranes` are there to be written · 12 or so `leaked`: membranes of a hidden group.
    Lane outputs and `fired_context` stay until the next group; groups must be SPACING cycles apart.
    """

    SPACING = 14

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        lanes = config.lanes
        super().__init__(
            {
                "start": In(1),
                "context": In(context(config)),
                "sums": In(data.ArrayLayout(signed(config.accumulator_bits), lanes)),
                "layer": Out(layer_bits(config)),
                "entry": In(layer_entry()),
                "fired": Out(1),
                "leaked": Out(1),
                "fired_context": Out(context(config)),
                "readout": Out(1),
                "spikes": Out(lanes),
                "surrogates": Out(data.ArrayLayout(SURROGATE_BITS, lanes)),
                "membranes": Out(data.ArrayLayout(signed(MEMBRANE_BITS), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes = self.config.lanes
        m.submodules.leak = leak = SerialMultiply(lanes, MEMBRANE_BITS + 1)
        entry = Signal(layer_entry())
        stages = Signal(3)
        leaking = Signal()
        m.d.comb += self.layer.eq(self.context.layer)
        m.d.comb += self.readout.eq(entry.flags.readout)
        m.d.sync += [
            stages.eq(Cat(self.start, stages[:2])),
            self.fired.eq(stages[1]),
            leak.start.eq(stages[2] & ~entry.flags.readout),
            self.leaked.eq(leak.done & leaking),
        ]
        with m.If(self.start):
            m.d.sync += self.fired_context.eq(self.context), entry.eq(self.entry), leaking.eq(0)
        with m.If(leak.start):
            m.d.sync += leaking.eq(1)
        m.d.comb += leak.bias.eq(ROUND)
        for lane in range(lanes):
            self._lane(m, lane, entry, stages, leak)
        return m

    def _lane(self, m, lane, entry, stages, leak):
        v = Signal(signed(MEMBRANE_BITS), name=f"v_{lane}")
        distance = Signal(signed(MEMBRANE_BITS + 1), name=f"distance_{lane}")
        valid = Signal(name=f"valid_{lane}")
        total = self.sums[lane]
        top = 1 << (MEMBRANE_BITS - 1)
        with m.If(self.start):
            m.d.sync += v.eq(Mux(total >= top, top - 1, Mux(total < -top, -top, total)))
        theta = entry.theta.as_signed()
        m.d.sync += distance.eq(v - theta), valid.eq(lane < self.fired_context.valid)

        spike = Signal(name=f"spike_{lane}")
        height = Signal(signed(MEMBRANE_BITS + 2), name=f"height_{lane}")
        shifted = Signal(MEMBRANE_BITS + 1, name=f"shifted_{lane}")
        below = distance[-1].replicate(len(distance))
        m.d.comb += [
            spike.eq((distance > 0) & valid & ~entry.flags.readout),
            height.eq(entry.psi_width - (distance.as_unsigned() ^ below)),
            shifted.eq(height[:-1] >> entry.psi_shift[:2]),
        ]
        full = (1 << SURROGATE_BITS) - 1
        capped = Mux(shifted > full, full, shifted)
        surrogate = Mux(entry.flags.readout, READOUT_SURROGATE, Mux(height < 0, 0, capped))
        reset = Mux(entry.flags.hard_reset, 0, distance)
        u = Signal(signed(MEMBRANE_BITS + 1), name=f"u_{lane}")
        m.d.comb += [
            leak.values[lane].eq(u),
            leak.factors[lane].eq(entry.leak[:8]),
            self.membranes[lane].eq(
                Mux(entry.flags.readout, u[:MEMBRANE_BITS], leak.products[lane][:MEMBRANE_BITS])
            ),
        ]
        with m.If(stages[1]):
            m.d.sync += [
                self.spikes[lane].eq(spike),
                self.surrogates[lane].eq(Mux(valid, surrogate, 0)),
                u.eq(Mux(spike, reset, v)),
            ]
