"""Classifiers that learn, one for each map that has one. Twin of golden/learn/classifier.py.

Spikes of every cell of latents are counted as they are seen. Behind the passes of the next layer the
weights B are gone over twice: for the logits, class after class, and, chunk after chunk of latents, for their
learning signals. The second time every weight also moves. Where only votes are wanted, the first time is all.
"""

from typing import Any

from amaranth import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from amaranth.utils import bits_for

from golden.spec.config import CoreConfig, ceil_log2
from golden.spec.formats import (
    CLASSIFIER_BITS,
    CLASSIFIER_FRACTION,
    LOGIT_BITS,
    MOVE_BITS,
    MOVE_FRACTION,
    SIGNAL_BITS,
)
from hw.core.base.chunks import chunk_bits
from hw.core.base.formats import round_shift, saturate
from hw.core.base.pipeline import later, taps
from hw.core.fire.firing import Firing
from hw.core.interfaces import ClassifierAccess, LayerRead, Seen
from hw.core.learn.steps import step

READ = 2  # cycles from an address to a registered word
PRODUCTS = READ + 1  # cycles to the products


def count_bits(config: CoreConfig) -> int:
    """Bits of a count: a cell may be the whole map."""
    return bits_for(config.map_pixels)


def sweep(config: CoreConfig) -> data.StructLayout:
    """The layer whose logits are wanted: `base`, its first group; `groups` of latents.

    `clear`: no walk follows, its counts are used.
    """
    bits = ceil_log2(config.classifier_groups)
    return data.StructLayout({"base": bits, "groups": bits + 1, "clear": 1})


def asked(entry: Any, teach: Any) -> Value:
    """A layer's logits are those of its classifier, in this step: it learns, or votes."""
    return entry.flags.classifier & (teach | (entry.vote_gain != 0))


class Classifier(Component):
    """Owns the weights of all classifiers and the counts of their latents.

    class_count  classes in use
    seen         chunks that fired
    layer        reads the layer table, for a chunk that is coming
    start        pulse: the logits of `sweep` are wanted
    sweep        a layer
    blocked      a chunk is coming: clear nothing in this cycle
    logit        of the next class
    found        pulse: there is a logit; one for each class in use, in order
    step         of the walk of Gain, over a layer with a classifier
    base         first group of that layer
    walks        `step` is of a layer with a classifier
    signals      of its classes
    moves        of its classes
    m            learning signals of a chunk of latents, LATENCY cycles after its last step
    host         weights, for the host
    """

    LATENCY = PRODUCTS + 2

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.lanes = lanes = config.chunk_lanes
        self.weights = data.ArrayLayout(signed(CLASSIFIER_BITS), lanes)
        self.counts = data.ArrayLayout(count_bits(config), lanes)
        super().__init__(
            {
                "class_count": In(16),
                "seen": In(Seen(config)),
                "layer": Out(LayerRead(config)),
                "start": In(1),
                "sweep": In(sweep(config)),
                "blocked": In(1),
                "logit": Out(signed(LOGIT_BITS)),
                "found": Out(1),
                "step": In(step(config)),
                "base": In(ceil_log2(config.classifier_groups)),
                "walks": In(1),
                "signals": In(data.ArrayLayout(signed(SIGNAL_BITS), config.classes)),
                "moves": In(data.ArrayLayout(signed(MOVE_BITS), config.classes)),
                "m": Out(data.ArrayLayout(signed(SIGNAL_BITS), lanes)),
                "host": In(ClassifierAccess(config)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        chunks, slots = 1 << chunk_bits(config), config.class_slots
        depth = config.classifier_groups * chunks
        block = {"ram_style": "block"}
        m.submodules.weights = weights = Memory(
            shape=self.weights, depth=depth * slots, init=[], attrs=block
        )
        m.submodules.counts = counts = Memory(shape=self.counts, depth=depth, init=[], attrs=block)
        self.walking = Signal()  # the walk has the read ports in this cycle
        m.d.comb += self.walking.eq(self.walks & self.step.go)
        going = self._sweep(m)
        at = self._chunk(self.base + self.step.group, self.step.chunk)
        chunk = Mux(self.walking, at, going.chunk)
        number = Mux(self.walking, self.step.part, going.number)
        reader, counted = weights.read_port(), counts.read_port()
        own = Cat(number[: ceil_log2(config.classes)], chunk)
        m.d.comb += [
            reader.addr.eq(Mux(self.host.active, self.host.address, own)),
            counted.addr.eq(chunk),
        ]
        word = later(m, "word", reader.data, READ - 1)
        count = later(m, "count", counted.data, READ - 1)
        m.d.comb += self.host.values.eq(word)
        self._logits(m, going, word, count)
        self._learn(m, weights.write_port(granularity=1), word, count, own)
        self._count(m, counts, chunk, going.valid & going.clear)
        return m

    def _chunk(self, group: Any, chunk: Any) -> Value:
        """Address of a chunk of latents."""
        bits = ceil_log2(self.config.classifier_groups)
        return Cat(chunk[: chunk_bits(self.config)], group[:bits])

    def _count(self, m: Module, counts: Memory, used: Value, swept: Value) -> None:
        """Spikes of a chunk that is seen are added to its cell's.

        The walk clears what it has `used`, or, where none follows, the sweep (`swept`). Both are blocked in
        the cycle after a chunk is coming. So what clears as long after itself as a chunk is counted after
        that cycle never does so in the same cycle.
        """
        seen, lead = self.seen, Firing.SEEN_LEAD
        coming, entry = seen.coming, self.layer.entry
        m.d.comb += self.layer.layer.eq(coming.context.layer)
        counts_it = coming.valid & asked(entry, coming.context.teach)
        due = later(m, "due", counts_it, lead)
        place = later(m, "place", entry.classifier_base + seen.latent, 1)
        place = later(m, "of_chunk", self._chunk(place, later(m, "at", coming.chunk, 1)), lead - 2)
        clears = later(m, "clears", (self.walking & self.step.end) | swept, lead - 1)
        cleared = later(m, "cleared", used, lead - 1)
        before, after = counts.read_port(), counts.write_port()
        m.d.comb += before.addr.eq(place)
        m.d.comb += [
            after.addr.eq(Mux(clears, cleared, later(m, "written", place, 1))),
            after.en.eq(due | clears),
        ]
        for lane in range(self.lanes):
            more = before.data[lane] + seen.spikes[lane]
            m.d.comb += after.data[lane].eq(Mux(clears, 0, more))

    def _sweep(self, m: Module) -> Any:
        """A chunk of a class a cycle, unless the walk has the read ports."""
        config, running = self.config, Signal()
        group, chunk = Signal(self.sweep.groups.shape()), Signal(bits_for(config.chunks))
        number, layer = Signal(ceil_log2(config.classes)), Signal(sweep(config))
        last_chunk, last_group, last = Signal(), Signal(), Signal()
        going = Signal(
            data.StructLayout(
                {
                    "valid": 1,
                    "first": 1,
                    "last": 1,
                    "clear": 1,
                    "number": len(number),
                    "chunk": len(self._chunk(self.base, chunk)),
                }
            )
        )
        m.d.comb += [
            last_chunk.eq(chunk == config.chunks - 1),
            last_group.eq(group == layer.groups - 1),
            last.eq(last_chunk & last_group),
            going.clear.eq(layer.clear & (number == self.class_count - 1)),
            going.valid.eq(running & ~self.walking & ~(going.clear & self.blocked)),
            going.first.eq((chunk == 0) & (group == 0)),
            going.last.eq(last),
            going.number.eq(number),
            going.chunk.eq(self._chunk(layer.base + group, chunk)),
        ]
        with m.If(going.valid):
            m.d.sync += chunk.eq(chunk + 1)
            with m.If(last_chunk):
                m.d.sync += chunk.eq(0), group.eq(group + 1)
            with m.If(last):
                m.d.sync += group.eq(0), number.eq(number + 1)
                m.d.sync += running.eq(number != self.class_count - 1)
        with m.If(self.start):
            m.d.sync += running.eq(1), layer.eq(self.sweep)
            m.d.sync += group.eq(0), chunk.eq(0), number.eq(0)
        return going

    def _logits(self, m: Module, going: Any, word: Any, count: Any) -> None:
        """Products of a chunk, their sum, and that of the class so far; a cycle each."""
        config = self.config
        steps = taps(m, "going", going, PRODUCTS + 2)
        products = []
        for lane in range(self.lanes):
            bits = CLASSIFIER_BITS + count_bits(config)
            product = Signal(signed(bits), name=f"product_{lane}", reset_less=True)
            m.d.sync += product.eq(word[lane] * count[lane])
            products.append(product)
        of_chunk = Signal(signed(len(products[0]) + bits_for(self.lanes)), reset_less=True)
        latents = config.classifier_groups * config.chunks
        total = Signal(signed(len(of_chunk) + bits_for(latents)), reset_less=True)
        adds, done = steps[PRODUCTS + 1], steps[PRODUCTS + 2]
        m.d.sync += of_chunk.eq(sum(products[1:], products[0]))
        with m.If(adds.valid):
            m.d.sync += total.eq(Mux(adds.first, 0, total) + of_chunk)
        m.d.comb += [
            self.logit.eq(saturate(round_shift(total, CLASSIFIER_FRACTION), LOGIT_BITS)),
            self.found.eq(done.valid & done.last),
        ]

    def _learn(self, m: Module, writer: Any, word: Any, count: Any, address: Value) -> None:
        """m = B' signals of a chunk, a class a cycle; each weight moves by its class's move x count."""
        config, host = self.config, self.host
        walks = taps(m, "walks", self.walking, PRODUCTS + 1)
        begins = later(m, "begins", self.step.begin, PRODUCTS)
        ends = later(m, "ends", self.step.end, PRODUCTS + 1)
        address = later(m, "moved", address, PRODUCTS + 1)
        part = later(m, "part", self.step.part, READ - 1)
        signal, move = Signal(signed(SIGNAL_BITS)), Signal(signed(MOVE_BITS))
        m.d.sync += signal.eq(Array(self.signals)[part]), move.eq(Array(self.moves)[part])
        host_lanes = Mux(host.write, 1 << host.lane, 0)
        m.d.comb += [
            writer.addr.eq(Mux(walks[-1], address, host.address)),
            writer.en.eq(Mux(walks[-1], (1 << self.lanes) - 1, host_lanes)),
        ]
        for lane in range(self.lanes):
            product = Signal(signed(CLASSIFIER_BITS + SIGNAL_BITS), name=f"signal_{lane}")
            shift = Signal(signed(MOVE_BITS + count_bits(config) + 1), name=f"shift_{lane}")
            old = Signal(signed(CLASSIFIER_BITS), name=f"old_{lane}")
            new = Signal(signed(CLASSIFIER_BITS), name=f"new_{lane}")
            total = Signal(signed(len(product) + bits_for(config.classes)), name=f"total_{lane}")
            out = Signal(signed(SIGNAL_BITS), name=f"m_{lane}")
            m.d.sync += product.eq(word[lane] * signal), shift.eq(move * count[lane])
            m.d.sync += old.eq(word[lane])
            moved = old + round_shift(shift, MOVE_FRACTION)
            m.d.sync += new.eq(saturate(moved, CLASSIFIER_BITS))
            with m.If(walks[PRODUCTS]):
                m.d.sync += total.eq(Mux(begins, 0, total) + product)
            with m.If(walks[PRODUCTS + 1] & ends):
                m.d.sync += out.eq(saturate(round_shift(total, CLASSIFIER_FRACTION), SIGNAL_BITS))
            m.d.comb += self.m[lane].eq(out)
            m.d.comb += writer.data[lane].eq(Mux(walks[-1], new, host.data))
