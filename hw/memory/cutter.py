"""Bursts become pieces that lie in one row each."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import Chip
from hw.memory.ports import request, segment


class Cutter(Component):
    """Cuts a burst where its row ends; a piece a cycle, the first one a cycle behind the request.

    A burst of no words gives no piece. Behind the last word of the memory comes the first one.

    i      bursts
    o      their pieces, in order
    """

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        super().__init__(
            {
                "i": In(stream.Signature(request(chip))),
                "o": Out(stream.Signature(segment(chip))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        chip, left = self.chip, Signal(request(self.chip))
        column = left.address[: chip.column_bits]
        room = Signal(chip.column_bits + 1)  # words from here to the end of the row
        fits, taken = Signal(), Signal()
        m.d.comb += [
            room.eq(chip.columns - column),
            fits.eq(left.words <= room),
            self.o.valid.eq(left.words != 0),
            self.o.payload.column.eq(column),
            self.o.payload.bank.eq(left.address[chip.column_bits :]),
            self.o.payload.row.eq(left.address[chip.column_bits + chip.bank_bits :]),
            self.o.payload.last.eq(Mux(fits, column + left.words - 1, chip.columns - 1)),
            self.o.payload.write.eq(left.write),
            taken.eq(self.o.valid & self.o.ready),
            self.i.ready.eq(~self.o.valid | (self.o.ready & fits)),
        ]
        following = left.address[chip.column_bits :] + 1
        with m.If(taken):
            m.d.sync += left.words.eq(Mux(fits, 0, left.words - room))
            m.d.sync += left.address[chip.column_bits :].eq(following)
            m.d.sync += column.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += left.eq(self.i.payload)
        return m
