"""Moves words between store and core. Twin of golden/copier.py."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.copies import copied
from golden.spec.registers import SPACE_SHIFT, store_memory
from hw.core.ports import BusReply, BusRequest


class Copier(Component):
    """Sits in the roads to core and store: accesses pass through, and while it copies both are its own.

    Words are asked for on one side as fast as that takes it, and written on the other as they come, so
    each unit's own queue of accesses under way hides how long a word is on its way. Up to a word a clock.

    asked          the three words of a COPY, as in its payload, one behind the other
    copying        high from the clock after the last of them until all words are moved, or `refused`
    refused        pulse: a side does not have these words, none was moved
    host_request   accesses to the core, while nothing is copied
    host_reply     their answers
    core_request   to the core
    core_reply     its answers
    user_request   accesses to the store, while nothing is copied
    user_reply     their answers
    store_request  to the store; the address is an index there
    store_reply    its answers
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.depth = store_memory(config).depth
        ports: dict[str, Any] = {}
        for side in ("host", "user"):
            ports |= {f"{side}_request": In(BusRequest), f"{side}_reply": Out(BusReply)}
        for side in ("core", "store"):
            ports |= {f"{side}_request": Out(BusRequest), f"{side}_reply": In(BusReply)}
        super().__init__(
            ports | {"asked": In(stream.Signature(32)), "copying": Out(1), "refused": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = max(memory.size for memory in copied(self.config)).bit_length()
        self.to_core, self.kept = Signal(), Signal(self.depth.bit_length())
        self.index, self.space = Signal(bits), Signal(8)
        self.unasked, self.left = Signal(bits), Signal(bits)  # words; `left` to arrive
        self.number = number = Signal(2)  # of the next word of a COPY
        self.huge, self.there, self.within = huge, there, within = Signal(), Signal(), Signal()
        asked, moving, size = self.asked.payload, Signal(), Signal(bits)
        with m.Switch(self.space):
            for memory in copied(self.config):
                with m.Case(memory.space):
                    m.d.comb += size.eq(memory.size)
        m.d.comb += self.copying.eq(1)
        with m.FSM() as self.fsm:
            with m.State("IDLE"):
                m.d.comb += [self.copying.eq(0), self.asked.ready.eq(1)]
                with m.If(self.asked.valid):
                    m.d.sync += number.eq(number + 1)
                    with m.Switch(number):
                        with m.Case(0):
                            m.d.sync += [self.kept.eq(asked), self.to_core.eq(asked[31])]
                            m.d.sync += huge.eq(asked[len(self.kept) : 31].any())
                        with m.Case(1):
                            m.d.sync += [self.index.eq(asked), self.space.eq(asked[SPACE_SHIFT:])]
                            m.d.sync += huge.eq(huge | asked[bits:SPACE_SHIFT].any())
                        with m.Default():
                            m.d.sync += [number.eq(0), huge.eq(huge | asked[bits:].any())]
                            m.d.sync += [self.unasked.eq(asked), self.left.eq(asked)]
                            m.next = "ENDS"
            with m.State("ENDS"):
                m.d.sync += [
                    there.eq(self.kept + self.left <= self.depth),
                    within.eq((size != 0) & (self.index + self.left <= size)),
                ]
                m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "MOVE"
                with m.If(huge | ~there | ~within):
                    m.d.comb += self.refused.eq(1)
                    m.next = "IDLE"
            with m.State("MOVE"):
                m.d.comb += moving.eq(1)
                with m.If(self.left == 0):
                    m.next = "IDLE"
        self._roads(m, moving)
        return m

    def _roads(self, m: Module, moving: Signal) -> None:
        """Accesses and answers of others, or those of the words that are moved."""
        core, store, to_core = self.core_request, self.store_request, self.to_core
        asks, fill = self.unasked != 0, Const(0, SPACE_SHIFT - len(self.index))
        with m.If(self.copying):
            m.d.comb += [
                core.payload.address.eq(Cat(self.index, fill, self.space)),
                core.payload.data.eq(Mux(to_core, self.store_reply.payload.data, 0)),
                core.payload.write.eq(to_core),
                core.valid.eq(moving & Mux(to_core, self.store_reply.valid, asks)),
                store.payload.address.eq(self.kept),
                store.payload.data.eq(Mux(to_core, 0, self.core_reply.payload.data)),
                store.payload.write.eq(~to_core),
                store.valid.eq(moving & Mux(to_core, asks, self.core_reply.valid)),
                self.store_reply.ready.eq(~to_core | core.ready),
                self.core_reply.ready.eq(to_core | store.ready),
            ]
        with m.Else():
            m.d.comb += [
                core.payload.eq(self.host_request.payload),
                core.valid.eq(self.host_request.valid),
                self.host_request.ready.eq(core.ready),
                store.payload.eq(self.user_request.payload),
                store.valid.eq(self.user_request.valid),
                self.user_request.ready.eq(store.ready),
                self.host_reply.valid.eq(self.core_reply.valid),
                self.core_reply.ready.eq(self.host_reply.ready),
                self.user_reply.valid.eq(self.store_reply.valid),
                self.store_reply.ready.eq(self.user_reply.ready),
            ]
        m.d.comb += [
            self.host_reply.payload.eq(self.core_reply.payload),
            self.user_reply.payload.eq(self.store_reply.payload),
        ]
        with m.If(moving):
            to_one, to_other = core.valid & core.ready, store.valid & store.ready
            written = Mux(to_core, self.core_reply.valid, self.store_reply.valid)
            m.d.sync += [
                self.index.eq(self.index + to_one),
                self.kept.eq(self.kept + to_other),
                self.unasked.eq(self.unasked - Mux(to_core, to_other, to_one)),
                self.left.eq(self.left - written),
            ]
