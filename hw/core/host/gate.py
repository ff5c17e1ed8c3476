"""The way of samples into the core, and of results out of it. Twin of golden/host/gate.py."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.registers import result_words
from golden.spec.samples import FIRST, SampleStatus
from hw.clocks import START_CYCLES
from hw.core.interfaces import TableCheck
from hw.core.ports import ResultWords, SampleBytes

PATIENCE_BITS = 20


def patience(config: CoreConfig) -> int:
    """Cycles in which a layer has run its step, at least: four times that each group visits each row.

    And a million, for what else may take long: a signal of many classes, the end of a damaged payload.
    """
    visits = ceil_log2(config.neuron_groups) + ceil_log2(config.trace_entries)
    return 1 << max(PATIENCE_BITS, visits + 2)


class Gate(Component):
    """A sample that the core cannot run is taken in and answered here. Others pass, without a cycle lost.

    The table is checked before the first sample behind a change of it. That sample then has to begin
    (FIRST): what is known of one before is of another table. If a layer does not end its step within
    `patience`, the core is reset, and the sample is answered STUCK.

    sample       payloads from the link
    result       results to the link
    core_sample  payloads to the core
    core_result  its results
    table        the layer table: its changes, and its check
    restart      pulse, between samples: no sample is under way
    progress     pulse: a layer begins
    reset        the rooms are reset, longer than their pipelines are
    """

    def __init__(
        self, config: CoreConfig, *, cycles: int | None = None, reset_cycles: int = START_CYCLES
    ) -> None:
        """Both are for tests: the patience, and how long a reset lasts."""
        self.config, self.reset_cycles = config, reset_cycles
        self.patience = cycles or patience(config)
        super().__init__(
            {
                "sample": In(SampleBytes),
                "result": Out(ResultWords),
                "core_sample": Out(SampleBytes),
                "core_result": In(ResultWords),
                "table": Out(TableCheck()),
                "restart": In(1),
                "progress": In(1),
                "reset": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self.begun, self.good = Signal(), Signal()  # a sample of this table began; it is checked
        self.label, self.flags, self.status = Signal(8), Signal(8), Signal(8)
        self.inside, self.fed = Signal(), Signal()  # the core is given a sample; has it whole
        self.waited = Signal(range(self.patience + 1))
        self.index = Signal(range(max(result_words(self.config), self.reset_cycles) + 1))
        took = self.sample.valid & self.sample.ready
        self.whole = took & self.sample.payload.last
        m.d.sync += self.reset.eq(0)
        with m.FSM() as self.fsm:
            with m.State("OPEN"):
                self._open(m)
            with m.State("CHECK"):
                with m.If(self.table.done):
                    m.d.sync += self.good.eq(~self.table.fault)
                    m.next = "LABEL"
                    with m.If(self.table.fault):
                        self._refuse(m, SampleStatus.BAD_TABLE)
            self._first_bytes(m)
            with m.State("SWALLOW"):
                m.d.comb += self.sample.ready.eq(1)
                with m.If(self.whole):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                self._answer(m)
            with m.State("RESET"):
                m.d.sync += self.reset.eq(1)  # from a register: it goes far
                m.d.sync += self.index.eq(self.index + 1)
                with m.If(self.index == self.reset_cycles - 1):
                    m.d.sync += [self.index.eq(0), self.fed.eq(0)]
                    m.next = "SWALLOW"
                    with m.If(self.fed):
                        m.next = "ANSWER"
        with m.If(self.restart | self.table.written):
            m.d.sync += self.begun.eq(0)
        with m.If(self.table.written):
            m.d.sync += self.good.eq(0)
        return m

    def _open(self, m: Module) -> None:
        """Both roads lead through, as long as a sample of this table has begun."""
        ended = self.core_result.valid & self.core_result.ready & self.core_result.payload.last
        m.d.comb += [
            self.core_sample.payload.eq(self.sample.payload),
            self.core_sample.valid.eq(self.sample.valid & self.begun),
            self.sample.ready.eq(self.core_sample.ready & self.begun),
            self.result.payload.eq(self.core_result.payload),
            self.result.valid.eq(self.core_result.valid),
            self.core_result.ready.eq(self.result.ready),
        ]
        m.d.sync += self.index.eq(0)
        m.d.sync += self.inside.eq(self.inside | self.core_sample.valid)
        m.d.sync += self.fed.eq(self.fed | self.whole)
        self._watch(m)
        with m.If(ended):
            m.d.sync += [self.inside.eq(0), self.fed.eq(0)]
        with m.Elif((self.waited == self.patience) & ~self.core_result.valid):
            self._stuck(m)
        with m.Elif(self.sample.valid & ~self.begun & ~self.inside):
            m.d.comb += self.table.start.eq(~self.good)
            m.next = "CHECK"
            with m.If(self.good):
                m.next = "LABEL"

    def _watch(self, m: Module) -> None:
        """Count the cycles since the core moved on."""
        with m.If(self.progress | ~self.inside | self.core_result.valid):
            m.d.sync += self.waited.eq(0)
        with m.Elif(self.waited != self.patience):
            m.d.sync += self.waited.eq(self.waited + 1)

    def _stuck(self, m: Module) -> None:
        """It does not move on."""
        m.d.sync += [self.status.eq(SampleStatus.STUCK), self.begun.eq(0), self.inside.eq(0)]
        m.d.sync += self.waited.eq(0)
        m.next = "RESET"

    def _first_bytes(self, m: Module) -> None:
        """The first bytes of a payload are kept back until it is known that it begins a sample."""
        data = self.sample.payload.data
        for state, place, following in (("LABEL", self.label, "FLAGS"), ("FLAGS", self.flags, "")):
            with m.State(state):
                m.d.comb += self.sample.ready.eq(1)
                m.d.sync += place.eq(Mux(self.sample.valid, data, place))
                with m.If(self.sample.valid):
                    m.next = following or "GIVE LABEL"
                    if not following:
                        with m.If(~(data & FIRST).any()):
                            self._refuse(m, SampleStatus.NOT_BEGUN)
        for state, place, following in (
            ("GIVE LABEL", self.label, "GIVE FLAGS"),
            ("GIVE FLAGS", self.flags, "OPEN"),
        ):
            with m.State(state):
                m.d.comb += [self.core_sample.valid.eq(1), self.core_sample.payload.data.eq(place)]
                m.d.sync += [self.begun.eq(1), self.inside.eq(1)]
                self._watch(m)
                with m.If(self.core_sample.ready):
                    m.next = following
                with m.Elif(self.waited == self.patience):
                    self._stuck(m)

    def _refuse(self, m: Module, status: SampleStatus) -> None:
        """Take the rest of the payload in, then say why."""
        m.d.sync += [self.status.eq(status), self.index.eq(0)]
        m.next = "SWALLOW"

    def _answer(self, m: Module) -> None:
        """A result of zeros but for its status."""
        word, last = self.result.payload, result_words(self.config) - 1
        m.d.comb += [
            self.result.valid.eq(1),
            word.data.eq(Mux(self.index == 0, self.status, 0)),
            word.last.eq(self.index == last),
        ]
        with m.If(self.result.ready):
            m.d.sync += self.index.eq(self.index + 1)
            with m.If(word.last):
                m.next = "OPEN"
