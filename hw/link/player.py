"""Plays samples of the store to the core. Twin of `golden.store.SampleStore.play`."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from golden.spec.registers import store_memory
from golden.spec.samples import FLAGS_BYTE, SAMPLE_HEADER
from hw.core.ports import BusReply, BusRequest, SampleBytes
from hw.link.ports import PLAY


class Player(Component):
    """Sits in the road of samples: those of the link pass through, those of the store start here.

    The core cannot tell them apart. A byte a clock, two clocks a word of the store.

    play     where a sample is kept, and whether to learn from it
    playing  high from the clock after `play` was taken until the last byte was, or `refused`
    refused  pulse: there is no sample, nothing was sent
    request  accesses to the store; the address is an index there
    reply    their answers
    i        payloads of samples from the link
    sample   payloads to the core
    """

    def __init__(self, config: CoreConfig) -> None:
        self.depth = store_memory(config).depth
        super().__init__(
            {
                "play": In(stream.Signature(PLAY)),
                "playing": Out(1),
                "refused": Out(1),
                "request": Out(BusRequest),
                "reply": In(BusReply),
                "i": In(SampleBytes),
                "sample": Out(SampleBytes),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        address, end = Signal(32), Signal(32)
        learn = Signal()
        unasked = Signal(16)  # words
        left, index = Signal(16), Signal(2)  # bytes; index goes 0, 1, 2, 3, 2, 3 …
        data = self.reply.payload.data
        m.d.comb += [
            self.playing.eq(1),
            self.request.payload.address.eq(address),
            self.sample.payload.eq(self.i.payload),
        ]
        with m.If(self.request.valid & self.request.ready):
            m.d.sync += [address.eq(address + 1), unasked.eq(unasked - 1)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.playing.eq(0), self.play.ready.eq(1)]
                m.d.comb += [self.sample.valid.eq(self.i.valid), self.i.ready.eq(self.sample.ready)]
                m.d.sync += address.eq(self.play.payload.address)
                m.d.sync += [learn.eq(self.play.payload.learn), index.eq(0)]
                with m.If(self.play.valid):
                    m.next = "SEEK"
            with m.State("SEEK"):
                m.d.comb += self.request.valid.eq(1)
                with m.If(self.request.ready):
                    m.next = "LENGTH"
            with m.State("LENGTH"):
                m.d.comb += self.reply.ready.eq(1)
                words = (data + 1) >> 1
                m.d.sync += [left.eq(data), unasked.eq(words), end.eq(address + words)]
                with m.If(self.reply.valid):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "PLAY"
                with m.If((end > self.depth) | (left < SAMPLE_HEADER.size)):
                    m.d.comb += self.refused.eq(1)
                    m.next = "IDLE"
            with m.State("PLAY"):
                odd, final = index[0], left == 1
                byte = self.sample.payload
                m.d.comb += [
                    self.request.valid.eq(unasked != 0),
                    self.sample.valid.eq(self.reply.valid),
                    byte.data.eq(data.word_select(odd, 8)),
                    byte.last.eq(final),
                    self.reply.ready.eq(self.sample.ready & (odd | final)),
                ]
                with m.If(index == FLAGS_BYTE):
                    m.d.comb += byte.data[0].eq(learn)
                with m.If(self.sample.valid & self.sample.ready):
                    m.d.sync += [left.eq(left - 1), index.eq(Cat(~odd, index.any()))]
                    with m.If(final):
                        m.next = "IDLE"
        return m
