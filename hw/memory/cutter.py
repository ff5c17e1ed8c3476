"""Bursts become pieces that lie in one row each."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from golden.spec.sdram import Chip
from hw.memory.ports import request, segment


class Cutter(Component):
    """Cuts a burst where its row ends; a piece a cycle, and a cycle between two bursts.

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
        column, line = left.address[: chip.column_bits], left.address[chip.column_bits :]
        room = Signal(chip.column_bits + 1)  # words from here to the end of the row
        busy, fits = Signal(), Signal()
        m.d.comb += [
            room.eq(chip.columns - column),
            fits.eq(left.words <= room),
            self.i.ready.eq(~busy),
            self.o.valid.eq(busy),
            self.o.payload.column.eq(column),
            self.o.payload.bank.eq(line),
            self.o.payload.row.eq(line[chip.bank_bits :]),
            self.o.payload.last.eq(Mux(fits, column + left.words - 1, chip.columns - 1)),
            self.o.payload.write.eq(left.write),
        ]
        with m.If(~busy):
            m.d.sync += [
                left.eq(self.i.payload),
                busy.eq(self.i.valid & (self.i.payload.words != 0)),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += [busy.eq(~fits), left.words.eq(left.words - room)]
            m.d.sync += [line.eq(line + 1), column.eq(0)]
        return m
