"""What each group of a convolution visits: stretches of the list of rows. Twin of golden/schedule/window.py.

An input neuron's number is pixel x channels + channel, so what a 3 x 3 window sees of one line is one
stretch of the list, and its row of weights is the neuron's number plus an offset that is the same all
along the stretch. Borders are where stretches are shorter: nothing is stored for them.

A flat layer that sees the average of a map has a stretch for every pixel, all with the same rows.
"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig
from hw.core.base.pipeline import front, later
from hw.core.base.raster import Raster, pixel_bits
from hw.core.base.tokens import layer_entry, state_bits, visit, word_bits

AHEAD, ON_THE_WAY = 16, 4  # stretches found ahead of the lanes; cycles from asking to having one


def stretch(config: CoreConfig) -> data.StructLayout:
    """A part of a list that a pass visits, from `first` to before `beyond`; or the `end` of a pass.

    The list is that of spikes unless the pass `updates`; a visit's word of weights is its row plus
    `offset`. `pixel_end`: the pass is the last one of its pixel, `final`: of its layer.
    """
    bits = config.row_bits + 1
    return data.StructLayout(
        {
            "first": bits,
            "beyond": bits,
            "offset": word_bits(config),
            "updates": 1,
            "end": 1,
            "pixel_end": 1,
            "final": 1,
        }
    )


class Window(wiring.Component):
    """From `start`, with the layer's `entry` beside it until `final` is taken: list in, stretches out.

    The list's `visits` are `record`ed by Replay, whose counts are `visited` and `spiked`; here it is
    remembered where each pixel's begin. Passes begin while the list still grows. `state` is the group
    whose `pending` is needed a cycle later.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        count = config.row_bits + 1
        super().__init__(
            {
                "start": In(1),
                "entry": In(layer_entry()),
                "visits": In(stream.Signature(visit(config))),
                "record": Out(1),
                "visited": In(count),
                "spiked": In(count),
                "state": Out(state_bits(config)),
                "pending": In(1),
                "stretches": Out(stream.Signature(stretch(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        count = len(self.visited)
        starts = data.StructLayout({"visited": count, "spiked": count})
        m.submodules.raster = self.raster = Raster(config)
        m.submodules.starts = memory = Memory(
            shape=starts, depth=config.map_pixels + 1, init=[], attrs={"ram_style": "block"}
        )
        size = stretch(config).size
        m.submodules.found = found = fifo.SyncFIFO(width=size, depth=AHEAD)
        self.written = Signal(range(config.map_pixels + 2))
        self.complete = Signal(init=1)
        self._remember(m, memory.write_port())
        self._ask(m, memory, found)
        near = front(m, found, 2)
        m.d.comb += [
            self.stretches.payload.eq(near.r_data),
            self.stretches.valid.eq(near.r_rdy),
            near.r_en.eq(self.stretches.ready),
        ]
        return m

    def _remember(self, m, port):
        """Where the visits of each pixel begin, and, one beyond the last pixel, end."""
        token, average = self.visits.payload, self.entry.flags.average
        bound = Signal(self.config.row_bits + 2)  # first row of the pixel that is due
        inside, bias = Signal(), Signal()  # a bias counts as the last pixel's
        m.d.comb += [
            bias.eq(average & (bound == self.entry.map_inputs)),
            inside.eq(~token.end & ((token.row < bound) | bias)),
            self.record.eq(self.visits.valid & inside),
            port.addr.eq(self.written),
            port.data.visited.eq(self.visited),
            port.data.spiked.eq(self.spiked),
        ]
        all_written = Signal()
        m.d.comb += all_written.eq(bound > self.entry.map_inputs)
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

    def _ask(self, m, memory, found):
        """Three lines of every pass's window, or all pixels one by one, then its end, one a cycle."""
        config, raster, entry = self.config, self.raster, self.entry
        first, beyond = memory.read_port(), memory.read_port()
        bits = pixel_bits(config) + 1
        pixel, place = Signal(bits), Signal(bits)  # in the middle of the window; of its line
        after = Signal(bits)  # the first pixel behind the stretch
        line = Signal(2)
        offset, of_pass, of_pixel = (
            Signal(word_bits(config), name=name) for name in ("offset", "of_pass", "of_pixel")
        )
        running, go, ends = Signal(), Signal(), Signal()
        outside, average = Signal(), entry.flags.average
        ahead, on = Signal(word_bits(config)), Signal(bits)  # from one stretch to the next; a line
        m.d.sync += ahead.eq(Mux(average, -entry.channels, 3 * entry.channels - entry.line_inputs))
        m.d.comb += on.eq(Mux(average, 0, entry.width))
        room = found.level < AHEAD - ON_THE_WAY
        m.d.comb += [
            raster.entry.eq(entry),
            raster.start.eq(self.start),
            ends.eq(Mux(average, self.complete & (after == self.written), line == 3)),
            outside.eq(
                ~average
                & (((line == 0) & (raster.y == 0)) | ((line == 2) & (raster.y + 1 == entry.height)))
            ),
            first.addr.eq(place - (raster.x != 0)),
            after.eq(place + 1 + (raster.x + 1 != entry.width)),
            beyond.addr.eq(after),
            go.eq(
                running
                & room
                & Mux(ends, ~raster.end | self.complete, outside | (after < self.written))
            ),
            raster.step.eq(go & ends),
        ]
        with m.If(go):
            m.d.sync += [
                line.eq(line + 1),
                place.eq(place + entry.width),
                offset.eq(offset + ahead),
            ]
            with m.If(ends):
                m.d.sync += [
                    self.state.eq(self.state + 1),
                    place.eq(pixel - on),
                    of_pass.eq(of_pass + entry.rows),
                    offset.eq(of_pass + entry.rows),
                ]
                with m.If(raster.pixel_end):
                    m.d.sync += [
                        pixel.eq(pixel + 1),
                        place.eq(pixel + 1 - on),
                        of_pixel.eq(of_pixel - entry.channels),
                        of_pass.eq(of_pixel - entry.channels),
                        offset.eq(of_pixel - entry.channels),
                    ]
                with m.If(raster.end):
                    m.d.sync += running.eq(0)
        with m.If(self.start):
            corner = entry.weight_base + Mux(
                average, 0, entry.line_inputs + entry.channels
            )  # of the first window, beyond the border
            m.d.sync += [
                running.eq(1),
                line.eq(0),
                pixel.eq(0),
                place.eq(-on),
                self.state.eq(entry.state_base),
                of_pixel.eq(corner),
                of_pass.eq(corner),
                offset.eq(corner),
            ]
        marks = Cat(go & ~ends & ~outside, go & ends, raster.pixel_end, raster.end)
        self._found(m, found, first.data, beyond.data, marks, offset)

    def _found(self, m, found, first, beyond, marks, offset):
        """What was asked for, two cycles ago; nothing of it where no visit is."""
        marks, offset = later(m, "marks", marks, 1), later(m, "offset", offset, 1)
        out = Signal(stretch(self.config), reset_less=True)
        asked = Signal()
        updates = self.pending
        m.d.sync += [
            out.first.eq(Mux(updates, first.visited, first.spiked)),
            out.beyond.eq(Mux(updates, beyond.visited, beyond.spiked)),
            out.offset.eq(offset),
            out.updates.eq(updates),
            asked.eq(marks[0]),
            out.end.eq(marks[1]),
            out.pixel_end.eq(marks[2]),
            out.final.eq(marks[3]),
        ]
        m.d.comb += [
            found.w_data.eq(out),
            found.w_en.eq(out.end | (asked & (out.first != out.beyond))),
        ]
