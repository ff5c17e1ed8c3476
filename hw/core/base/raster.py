"""Where a walk over the neurons of a map stands: pixel, group, cell of latents, window of pooling."""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.spec.config import CoreConfig, ceil_log2
from hw.core.base.layouts import group_bits, layer_entry


def pixel_bits(config: CoreConfig) -> int:
    """Bits that count the lines or columns of the largest map, and one more."""
    return ceil_log2(config.map_pixels) + 1


class Raster(wiring.Component):
    """The groups of a pixel come one after the other, then those of the next pixel of the line.

    start      pulse, without `step`: go to the layer's first group
    step       pulse: go on by a group
    entry      of the layer
    group      group of the pixel
    x, y       the pixel
    latent     group of latents of the map
    window     group of pooling windows of the map
    in_line    group of pooling windows of the line
    corner     the pixel's corner in its window
    pooled     the pixel has a whole window
    pixel_end  the group is the last of the pixel
    line_end   the group is the last of the line
    end        the group is the last of the map
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        bits = group_bits(config)
        super().__init__(
            {
                "start": In(1),
                "step": In(1),
                "entry": In(layer_entry()),
                "group": Out(bits),
                "x": Out(pixel_bits(config)),
                "y": Out(pixel_bits(config)),
                "latent": Out(bits),
                "window": Out(bits),
                "in_line": Out(bits),
                "corner": Out(2),
                "pooled": Out(1),
                "pixel_end": Out(1),
                "line_end": Out(1),
                "end": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        entry, x, y, bits = self.entry, self.x, self.y, group_bits(self.config)
        cell_line, cell_x = Signal(bits), Signal(bits)
        window_line, window_x = Signal(bits), Signal(bits)
        next_x, next_y = Signal(len(x)), Signal(len(y))
        mask, places = Signal(len(x)), ceil_log2(len(x))
        whole = entry.cell_shift[places:].any()  # a cell is larger than any map: tables may say so
        m.d.comb += [
            mask.eq(((1 << entry.cell_shift[:places]) - 1) | whole.replicate(len(x))),
            next_x.eq(x + 1),
            next_y.eq(y + 1),
            self.pixel_end.eq(self.group == entry.groups - 1),
            self.line_end.eq(self.pixel_end & (next_x == entry.width)),
            self.end.eq(self.line_end & (next_y == entry.height)),
            self.latent.eq(cell_line + cell_x + self.group),
            self.in_line.eq(window_x + self.group),
            self.window.eq(window_line + window_x + self.group),
            self.corner.eq(2 * y[0] + x[0]),
            self.pooled.eq(((x | 1) < entry.width) & ((y | 1) < entry.height)),
        ]
        after_window = Signal(bits)
        m.d.comb += after_window.eq(window_x + Mux(x[0], entry.groups, 0))
        with m.If(self.step):
            m.d.sync += self.group.eq(self.group + 1)
            with m.If(self.pixel_end):
                m.d.sync += self.group.eq(0), x.eq(next_x), window_x.eq(after_window)
                with m.If((next_x & mask) == 0):
                    m.d.sync += cell_x.eq(cell_x + entry.groups)
            with m.If(self.line_end):
                m.d.sync += x.eq(0), y.eq(next_y), cell_x.eq(0), window_x.eq(0)
                with m.If((next_y & mask) == 0):
                    m.d.sync += cell_line.eq(cell_line + entry.cell_line)
                with m.If(y[0]):
                    m.d.sync += window_line.eq(window_line + after_window)
        with m.If(self.start):
            m.d.sync += [
                register.eq(0)
                for register in (self.group, x, y, cell_line, cell_x, window_line, window_x)
            ]
        return m
