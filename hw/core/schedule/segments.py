"""Which segments of the row list each pass visits, in a layer whose pixels share weights.

Twin of golden/schedule/passes.py. An input neuron's number is pixel x channels + channel. So what a patch
sees of one line is one segment of the row list, and a row of weights is the neuron's number plus an offset
that is the same all along the segment. At borders segments are shorter: nothing is stored for them.

A flat layer that sees the average of a map has a segment for every pixel, all with the same weights.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, fifo, stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import CoreConfig
from hw.core import kinds
from hw.core.base.layouts import group_bits, layer_entry, visit, word_bits
from hw.core.base.pipeline import front, later, when
from hw.core.base.raster import Raster, pixel_bits

AHEAD = 16  # segments found ahead of the lanes
LOOKUP = 3  # cycles from asking for a segment to writing it into the queue, if its pass goes on
ON_THE_WAY = LOOKUP + 2  # segments asked for that the queue's level does not tell of yet
LINES = 3  # of a patch


def segment(config: CoreConfig) -> data.StructLayout:
    """A part of a row list that a pass visits, from `first` to before `beyond`.

    The list is that of spikes unless the pass `updates`. A visit's word of weights is its row plus
    `offset`. Segments of different `line`s have no word in common. `single`: it is one row. `end`: the pass
    ends with it; a pass that visits nothing has one that is `empty`. `pixel_end`: the pass is the last one of
    its pixel, `final`: of its layer.
    """
    bits = config.list_bits + 1
    return data.StructLayout(
        {
            "first": bits,
            "beyond": bits,
            "offset": word_bits(config),
            "line": range(LINES),
            "updates": 1,
            "single": 1,
            "empty": 1,
            "end": 1,
            "pixel_end": 1,
            "final": 1,
        }
    )


class Segments(Component):
    """Finds the segments of one layer. Passes begin while the list still grows.

    start     pulse: a layer begins
    entry     of the layer, until its final segment is taken
    visits    rows of the layer
    record    append the visit to the row list
    rows      rows in the row list
    spikes    those that spike
    group     a group
    updates   it has a deferred update, a cycle later
    segments  segments of one pass after the other
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        count = config.list_bits + 1
        super().__init__(
            {
                "start": In(1),
                "entry": In(layer_entry()),
                "visits": In(stream.Signature(visit(config))),
                "record": Out(1),
                "rows": In(count),
                "spikes": In(count),
                "group": Out(group_bits(config)),
                "updates": In(1),
                "segments": Out(stream.Signature(segment(config))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        count = len(self.rows)
        starts = data.StructLayout({"rows": count, "spikes": count})
        m.submodules.raster = self.raster = Raster(config)
        m.submodules.starts = memory = Memory(
            shape=starts, depth=config.map_pixels + 1, init=[], attrs={"ram_style": "block"}
        )
        size = segment(config).size
        m.submodules.found = found = fifo.SyncFIFO(width=size, depth=AHEAD)
        self.written = Signal(range(config.map_pixels + 2))  # pixels whose begin is known
        self.complete = Signal(init=1)  # the end of the last one, too
        self._remember(m, memory.write_port())
        self._ask(m, memory, found)
        near = front(m, found, 2)
        m.d.comb += [
            self.segments.payload.eq(near.r_data),
            self.segments.valid.eq(near.r_rdy),
            near.r_en.eq(self.segments.ready),
        ]
        return m

    def _remember(self, m: Module, port: Any) -> None:
        """Where the visits of each pixel begin, and, one beyond the last pixel, end."""
        token = self.visits.payload
        bound = Signal(self.config.row_bits + 2)  # first row of the pixel that is due
        inside, bias = Signal(), Signal()  # a bias counts as the last pixel's
        by_pixel = kinds.segmentation(self.entry).by_pixel
        map_inputs = kinds.map_inputs(self.config, self.entry)
        m.d.comb += [
            bias.eq(by_pixel & (bound == map_inputs)),
            inside.eq(~token.end & ((token.row < bound) | bias)),
            self.record.eq(self.visits.valid & inside),
            port.addr.eq(self.written),
            port.data.rows.eq(self.rows),
            port.data.spikes.eq(self.spikes),
        ]
        all_written = Signal()
        m.d.comb += all_written.eq(bound > map_inputs)
        with m.If(~self.complete & self.visits.valid & ~inside):
            with m.If(all_written):  # only the end can be left
                m.d.sync += self.complete.eq(1)
            with m.Else():
                m.d.comb += port.en.eq(1)
                m.d.sync += self.written.eq(self.written + 1)
                m.d.sync += bound.eq(bound + self.entry.channels)
        m.d.comb += self.visits.ready.eq(~self.complete & (inside | all_written))
        with m.If(self.start):
            m.d.sync += self.complete.eq(0), self.written.eq(0), bound.eq(0)

    def _ask(self, m: Module, memory: Memory, found: fifo.SyncFIFO) -> None:
        """Every segment of a pass, one a cycle, then those of the next pass."""
        config, raster, entry = self.config, self.raster, self.entry
        way = kinds.segmentation(entry)
        first, beyond = memory.read_port(), memory.read_port()
        bits = pixel_bits(config) + 1
        pixel, middle = Signal(bits), Signal(bits)  # of the patch; of its line
        after = Signal(bits)  # the first pixel behind the segment
        line = Signal(range(LINES))
        offset = Signal(word_bits(config))
        running, go, ends, outside = Signal(), Signal(), Signal(), Signal()
        beyond_map = Signal()  # all pixels of an average are asked for
        at_right = Signal()  # the pixel is the last one of its line
        offset_step, above = Signal(word_bits(config)), Signal(bits)
        m.d.sync += offset_step.eq(way.offset_step)
        m.d.comb += above.eq(way.above)
        room = found.level < AHEAD - ON_THE_WAY
        m.d.comb += [
            raster.entry.eq(entry),
            raster.start.eq(self.start),
            ends.eq(Mux(way.by_pixel, beyond_map, line == LINES - 1)),
            beyond_map.eq(way.by_pixel & self.complete & (after == self.written)),
            outside.eq(
                ~way.by_pixel
                & (((line == 0) & (raster.y == 0)) | ((line == 2) & (raster.y + 1 == entry.height)))
            ),
            first.addr.eq(middle - (raster.x != 0)),
            after.eq(middle + 2 - at_right),
            beyond.addr.eq(after),
            go.eq(
                running
                & room
                & (outside | beyond_map | (after < self.written))
                & (~ends | ~raster.end | self.complete)
            ),
            raster.step.eq(go & ends),
        ]
        with m.If(raster.step & raster.pixel_end):
            m.d.sync += at_right.eq(
                Mux(raster.line_end, entry.width == 1, raster.x + 2 == entry.width)
            )
        with m.If(go):
            m.d.sync += line.eq(line + 1), middle.eq(middle + entry.width)
            with m.If(ends):
                m.d.sync += line.eq(0), self.group.eq(self.group + 1), middle.eq(pixel - above)
                with m.If(raster.pixel_end):
                    m.d.sync += pixel.eq(pixel + 1), middle.eq(pixel + 1 - above)
                with m.If(raster.end):
                    m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += running.eq(1), line.eq(0), pixel.eq(0), middle.eq(-above)
            m.d.sync += self.group.eq(entry.state_base), at_right.eq(entry.width == 1)
        self._offsets(m, go, ends, offset, offset_step, way.corner)
        asks = go & ~outside & ~beyond_map
        marks = Cat(asks, go & ends, raster.pixel_end, raster.end, when(~way.by_pixel, line))
        self._found(m, found, first.data, beyond.data, marks, offset)

    def _offsets(
        self, m: Module, go: Value, ends: Value, offset: Signal, step: Signal, corner: Value
    ) -> None:
        """Offsets of the weights: from segment to segment, from group to group, from pixel to pixel."""
        bits = word_bits(self.config)
        of_pass, of_pixel = Signal(bits), Signal(bits)  # first offset of the pass; of the pixel
        next_pass, next_pixel = Signal(bits), Signal(bits)
        m.d.comb += next_pass.eq(of_pass + self.entry.rows)
        m.d.comb += next_pixel.eq(of_pixel - self.entry.channels)
        with m.If(go):
            m.d.sync += offset.eq(offset + step)
            with m.If(ends):
                m.d.sync += of_pass.eq(next_pass), offset.eq(next_pass)
                with m.If(self.raster.pixel_end):
                    m.d.sync += [each.eq(next_pixel) for each in (of_pixel, of_pass, offset)]
        with m.If(self.start):
            m.d.sync += [each.eq(corner) for each in (of_pixel, of_pass, offset)]

    def _found(
        self, m: Module, found: fifo.SyncFIFO, first: Any, beyond: Any, marks: Value, offset: Signal
    ) -> None:
        """What was asked for, a cycle ago. It waits until it is known whether its pass ends with it."""
        marks, offset = later(m, "marks", marks, 1), later(m, "offset", offset, 1)
        out, one, last, given = (Signal(segment(self.config), reset_less=True) for _ in range(4))
        asked, waiting, comes, closes = Signal(), Signal(), Signal(), Signal()
        m.d.sync += [
            out.first.eq(Mux(self.updates, first.rows, first.spikes)),
            out.beyond.eq(Mux(self.updates, beyond.rows, beyond.spikes)),
            out.offset.eq(offset),
            out.updates.eq(self.updates),
            Cat(asked, out.end, out.pixel_end, out.final, out.line).eq(marks),
        ]
        m.d.comb += [
            one.eq(out),
            one.single.eq(out.first + 1 == out.beyond),
            one.empty.eq(~asked | (out.first == out.beyond)),
            comes.eq(~one.empty | one.end),
            closes.eq(waiting & ~last.end & one.empty & one.end),
            given.eq(last),
            given.end.eq(last.end | closes),
            found.w_data.eq(given),
            found.w_en.eq(waiting & (comes | last.end)),
        ]
        with m.If(comes & ~closes):
            m.d.sync += last.eq(one), waiting.eq(1)
        with m.Elif(found.w_en):
            m.d.sync += waiting.eq(0)
