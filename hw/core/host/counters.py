"""Counters: every cycle by cause, and the work done. Exact, 48 bits, cleared by the host."""

from typing import Any

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig
from golden.spec.registers import COUNTERS
from hw.core.base.pipeline import later
from hw.core.interfaces import Activity, Phase, Slots


def counter_values() -> data.StructLayout:
    """The counters by name."""
    return data.StructLayout({counter.name: counter.bits for counter in COUNTERS})


class Counters(Component):
    """Every cycle has one cause, told a cycle later. Work is counted where it is done.

    clear     pulse: all counters are zero
    phase     a sample is in the core
    slots     rows and what they are for
    activity  what a cycle without a row waits for
    event     an input spike was decoded
    spikes    spikes of this cycle
    values    the counters
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "phase": In(Phase()),
                "slots": In(Slots(config)),
                "activity": In(Activity()),
                "event": In(1),
                "spikes": In(bits_for(config.chunk_lanes)),
                "values": Out(counter_values()),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        clear = later(m, "clear", self.clear, 1)
        row = later(m, "slot", self.slots.slot, 1)
        amounts = self._cycles(m, row) | self._work(m, row)
        for counter in COUNTERS:
            value, amount = self.values[counter.name], amounts[counter.name]
            taken = Signal(Value.cast(amount).shape(), name=f"taken_{counter.name}")
            m.d.sync += taken.eq(amount), value.eq(value + taken)
            with m.If(clear):
                m.d.sync += taken.eq(0), value.eq(0)
        return m

    def _cycles(self, m: Module, row: Any) -> dict[str, Value]:
        """The cause of the cycle before: a row, or what was waited for."""
        activity = self.activity
        busy, issued = (
            later(m, "busy", self.phase.busy, 1),
            later(m, "issued", self.slots.issued, 1),
        )
        waits = ("wait_input", "wait_spikes", "wait_signal")
        waiting = {name: later(m, name, getattr(activity, name), 1) for name in waits}
        idle = busy & ~issued
        nothing = ~(waiting["wait_input"] | waiting["wait_spikes"] | waiting["wait_signal"])
        kinds = {
            "rows_both": row.update & row.spike,
            "rows_integrate": row.active & row.spike & ~row.update,
            "rows_update": row.active & row.update & ~row.spike,
            "rows_trace": ~row.active,
        }
        return {
            "cycles": busy,
            "turnaround": idle & nothing,
            **{name: issued & kind for name, kind in kinds.items()},
            **{name: idle & wait for name, wait in waiting.items()},
        }

    def _work(self, m: Module, row: Any) -> dict[str, Value]:
        """Samples, steps, spikes, and weights that were integrated or updated."""
        neurons = row.context.neurons
        return {
            "samples": self.activity.sample_done,
            "steps": self.activity.step_done,
            "events": self.event,
            "spikes": later(m, "spikes", self.spikes, 1),
            "synops": Mux(row.active & row.spike, neurons, 0),
            "updates": Mux(row.update, neurons, 0),
        }
