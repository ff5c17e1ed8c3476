"""Bursts become pieces that lie in one row each."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
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
        chip, columns = self.chip, self.chip.column_bits
        asked, out = self.i.payload, self.o.payload
        place = Signal(chip.address_bits)
        self.write = write = Signal()
        self.more = more = Signal(max(len(asked.words), columns + 1))  # words behind the next one
        end = Signal(len(more) + 1)  # column of the last word, if the row went on
        column, line = place[:columns], place[columns:]
        self.busy = busy = Signal()
        fits = Signal()
        m.d.comb += [
            end.eq(column + more),
            fits.eq(end[columns:] == 0),
            self.i.ready.eq(~busy),
            self.o.valid.eq(busy),
            out.column.eq(column),
            out.bank.eq(line),
            out.row.eq(line[chip.bank_bits :]),
            out.last.eq(Mux(fits, end, chip.columns - 1)),
            out.write.eq(write),
        ]
        with m.If(~busy):
            m.d.sync += [place.eq(asked.address), write.eq(asked.write), more.eq(asked.words - 1)]
            m.d.sync += busy.eq(self.i.valid & (asked.words != 0))
        with m.Elif(self.o.ready):
            m.d.sync += [busy.eq(~fits), column.eq(0), line.eq(line + 1)]
            m.d.sync += more.eq(Cat(end[:columns], end[columns:] - 1))
        return m
