"""Bursts to commands of the chip, and words to and from its bus."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from golden.spec.sdram import Command, SdramConfig
from hw.memory.cutter import Cutter
from hw.memory.opener import Opener, timer
from hw.memory.ports import BurstPort, SdramPins
from hw.memory.refresher import Refresher

READ_QUEUE = 16
"""Words read that the chip may be asked for before they are taken: more than are on their way at a time."""


class BurstController(Component):
    """A word a clock, as long as the words come and are taken; rows and refreshes are its own affair.

    Every command is one slot of the chip's bus. Slots go to the refresher, to the opener, else to the
    columns of the present piece: a READ while there is room for its word, a WRITE when there is one. The
    chip's bursts are one word long, so a wait costs its own cycles alone and nothing has to be ended.

    port     bursts and their words
    pins     to the registers at the pins
    started  the chip can be used
    """

    def __init__(self, sdram: SdramConfig) -> None:
        self.sdram = sdram
        self.latency = sdram.timing.cas + 2 + sdram.read_delay
        """Cycles from the decision for a READ to its word in `pins.sampled`."""
        assert self.latency + 3 <= READ_QUEUE, "a word a clock needs room for all on their way"
        chip = sdram.chip
        super().__init__(
            {"port": In(BurstPort(chip)), "pins": Out(SdramPins(chip)), "started": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        timing = self.sdram.timing
        m.submodules.cutter = self.cutter = cutter = Cutter(timing.chip)
        m.submodules.opener = self.opener = opener = Opener(timing)
        m.submodules.refresher = self.refresher = refresher = Refresher(timing)
        connect(m, flipped(self.port.request), cutter.i)
        connect(m, cutter.o, opener.i)
        reads, writes, room = Signal(), Signal(), Signal()
        self.turn = turn = timer(m, "turn", (reads, timing.turn))
        self.wrote = wrote = timer(m, "wrote", (writes, timing.clocks(timing.chip.write_recovery)))
        now = opener.now
        m.d.comb += [
            opener.hold.eq(refresher.hold),
            opener.closed.eq(refresher.closed),
            refresher.quiet.eq(opener.old & ~wrote[0]),
            self.started.eq(refresher.started),
            reads.eq(opener.columns & ~now.write & room),
            writes.eq(self.port.write.ready & self.port.write.valid),
            self.port.write.ready.eq(opener.columns & now.write & ~turn[0]),
            opener.goes.eq(reads | writes),
        ]
        self._command(m, opener, refresher, reads, writes)
        self._read(m, reads, room)
        return m

    def _command(
        self, m: Module, opener: Opener, refresher: Refresher, reads: Signal, writes: Signal
    ) -> None:
        """One slot: to the registers of the pins."""
        pins, now = self.pins, opener.now
        m.d.sync += [
            pins.command.eq(refresher.command | opener.command),
            pins.bank.eq(opener.bank),
            pins.address.eq(Mux(refresher.hold, refresher.address, opener.row)),
            pins.data.eq(self.port.write.payload),
            pins.drives.eq(writes),
            pins.mask.eq(~refresher.started),
        ]
        with m.If(opener.command == Command.PRECHARGE):
            m.d.sync += pins.address.eq(0)
        with m.If(reads | writes):
            m.d.sync += [
                pins.command.eq(Mux(writes, Command.WRITE, Command.READ)),
                pins.bank.eq(now.bank),
                pins.address.eq(now.column),
            ]

    def _read(self, m: Module, reads: Signal, room: Signal) -> None:
        """Words come back a known time later, to places that were kept for them."""
        m.submodules.queue = self.queue = queue = SyncFIFO(
            width=self.sdram.chip.data_bits, depth=READ_QUEUE
        )
        self.places = places = Signal(range(READ_QUEUE + 1), init=READ_QUEUE)
        self.room, self.coming = room, Signal(self.latency)
        taken, coming = Signal(), self.coming
        m.d.sync += [
            coming.eq(Cat(reads, coming)),
            places.eq(places + taken - reads),
            room.eq((places > 1) | (taken & ~reads)),
        ]
        m.d.comb += [
            queue.w_en.eq(coming[-1]),
            queue.w_data.eq(self.pins.sampled),
            self.port.read.valid.eq(queue.r_rdy),
            self.port.read.payload.eq(queue.r_data),
            queue.r_en.eq(self.port.read.ready),
            taken.eq(self.port.read.valid & self.port.read.ready),
        ]
