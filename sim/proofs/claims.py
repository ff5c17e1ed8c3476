"""What is proven of which unit, on what size, and how far."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from amaranth.hdl import Elaboratable, Module, Value
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import Component, In, Out

from golden.spec.config import MOST_BLOCK_STORE, CoreConfig
from golden.spec.sdram import Chip, SdramConfig
from hw.core.base.register_slice import register_slice
from hw.core.host.checker import Checker
from hw.core.host.gate import Gate
from hw.core.host.readback import Readback
from hw.core.readout.result import Result
from hw.core.rows.decoder import Decoder
from hw.core.rows.events import Events
from hw.core.rows.scan import Scan
from hw.core.rows.trace import Trace
from hw.core.schedule.segments import Segments
from hw.core.schedule.sequencer import Sequencer
from hw.link.complaints import Complaints
from hw.link.copier import Copier
from hw.link.executor import Executor
from hw.link.memory_store import MemoryStore
from hw.link.player import Player
from hw.link.receiver import Receiver
from hw.link.replies import Replies
from hw.link.ring import Ring
from hw.link.slip import Stuffer, Unstuffer
from hw.link.store import BlockStore, StoreSwitch
from hw.link.transmitter import Transmitter
from hw.link.uart import UartReceiver
from hw.memory.arbiter import OUTSTANDING_BITS, Arbiter
from hw.memory.controller import BurstController
from hw.memory.cutter import Cutter
from hw.memory.registers import MemoryRegisters
from hw.memory.tester import MemoryTester
from sim.proofs.checking import ChecksEnd
from sim.proofs.copying import MovesInOrder
from sim.proofs.duties import IsTheCrc, NeverHeldUp, TakesWholeFrames, Watched
from sim.proofs.ending import LayersAreCounted, PassesEnd
from sim.proofs.neighbours import (
    a_command_at_a_time,
    a_sample_at_a_time,
    a_side_at_a_time,
    answers_follow,
    words_stand_still,
)
from sim.proofs.rules import Committed, InOrder, StreamRules, free_ports
from sim.proofs.sdram import KeepsPlaces, ObeysTheChip
from sim.proofs.words import KeepsApart, MovesWhatIsAsked, RunsUntilMoved

SMALL = CoreConfig(
    lanes=3, neuron_groups=3, trace_entries=9, weight_words=16, layers=2, classes=3,
    frame_bytes=512, store_bytes=1024,
)  # fmt: skip
BESIDE = replace(SMALL, store_bytes=MOST_BLOCK_STORE + 512)
MAPS = CoreConfig(
    lanes=4, neuron_groups=40, trace_entries=40, weight_words=64, layers=3, classes=3, map_pixels=9
)


class Slice(Component):
    """A register slice between two streams."""

    def __init__(self, places: int = 2) -> None:
        self.places = places
        super().__init__({"i": In(stream.Signature(4)), "o": Out(stream.Signature(4))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        register_slice(m, "cut", self.i, self.o, self.places)
        return m


class Buffered(Component):
    """The kind of queue that Events keeps what it decoded in."""

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(4)), "o": Out(stream.Signature(4))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = SyncFIFOBuffered(width=4, depth=4)
        m.d.comb += [queue.w_data.eq(self.i.payload), queue.w_en.eq(self.i.valid)]
        m.d.comb += [self.i.ready.eq(queue.w_rdy), self.o.valid.eq(queue.r_rdy)]
        m.d.comb += [self.o.payload.eq(queue.r_data), queue.r_en.eq(self.o.ready)]
        return m


@dataclass(frozen=True)
class Claim:
    """A property, made ready to be proven."""

    unit: str
    says: str
    make: Callable[[], tuple[Elaboratable, list[Value]]]
    """The property around the unit, and its free inputs."""
    depth: int
    """Cycles from power-on; of induction: cycles that come before."""
    ever: bool = False
    """For ever, by induction."""
    given: str = field(default="")
    """What is assumed of the neighbours besides."""

    @property
    def name(self) -> str:
        """Of its test."""
        return f"{self.unit}-{'-'.join(self.says.split()[:2])}"


def rules(unit: Callable[[], Component], **environment: Any) -> tuple[Elaboratable, list[Value]]:
    """The stream rules at all streams of a unit."""
    made = unit()
    return StreamRules(made, **environment), free_ports(made)


def order(unit: Slice | Buffered) -> tuple[Elaboratable, list[Value]]:
    """What enters a queue leaves it."""
    found = InOrder(unit, unit.i, unit.o)
    return found, [*free_ports(unit), found.number]


def committed() -> tuple[Elaboratable, list[Value]]:
    """What is committed to the ring leaves it; a ring of 4, so that it is full and goes round."""
    found = Committed(Ring(4))
    return found, [*free_ports(found.ring), found.number]


def duty(made: Any) -> tuple[Elaboratable, list[Value]]:
    """What a unit owes its neighbours."""
    return made, free_ports(made.unit)


def ending() -> tuple[Elaboratable, list[Value]]:
    """Gate and sequencer, both as large as they are."""
    gate, sequencer = Gate(SMALL), Sequencer(SMALL)
    return PassesEnd(gate, sequencer), [*free_ports(gate), *free_ports(sequencer)]


def crc() -> tuple[Elaboratable, list[Value]]:
    """A byte of the CRC."""
    step = IsTheCrc()
    return step, [step.register, step.byte]


def obeys(config: SdramConfig) -> tuple[Elaboratable, list[Value]]:
    """The controller of the memory obeys its chip."""
    return duty(ObeysTheChip(BurstController(config)))


MEMORIES = {SdramConfig(): 8, SdramConfig(mhz=132.5, read_delay=2): 11}
"""The memory of the boards with each CAS latency; cycles that are longer than its longest wait."""
DEPTH = 10
"""Cycles of what is not proven for ever: enough to fill every queue of the units and to go round. Where the
first word comes out later, more (`SLOW`)."""
SLOW = 15
KEEPS = "keeps the stream rules: what is valid stays, and stays the same, until it is taken"
TINY = Chip(row_bits=4, column_bits=4, bank_bits=1)
FOR_EVER: dict[str, Callable[[], Component]] = {
    "Unstuffer": Unstuffer,
    "Stuffer": Stuffer,
    "Ring": partial(Ring, 4),
    "Complaints": Complaints,
    "Transmitter": Transmitter,
    "Trace": partial(Trace, SMALL),
    "Trace with short lists": partial(Trace, replace(SMALL, list_rows=5)),
    "Decoder": Decoder,
    "BlockStore": partial(BlockStore, SMALL),
    "UartReceiver": partial(UartReceiver, clock_hz=8e6, baud=1e6),
}
BOUNDED: dict[str, Callable[[], Component]] = {
    "Slice": Slice,
    "Receiver": Receiver,
    "Replies": partial(Replies, SMALL),
    "Scan": partial(Scan, SMALL),
    "Segments": partial(Segments, MAPS),
    "MemoryStore": partial(MemoryStore, SMALL, TINY),
}
LATE: dict[str, Callable[[], Component]] = {
    "Readback": partial(Readback, SMALL),
    "Events": partial(Events, SMALL),
}
CLAIMS = (
    *(Claim(name, KEEPS, partial(rules, unit), 6, ever=True) for name, unit in FOR_EVER.items()),
    *(Claim(name, KEEPS, partial(rules, unit), DEPTH) for name, unit in BOUNDED.items()),
    *(Claim(name, KEEPS, partial(rules, unit), SLOW) for name, unit in LATE.items()),
    Claim(
        "Executor", KEEPS, partial(rules, partial(Executor, BESIDE), environment=answers_follow), SLOW,
        given="the core answers accesses and samples once, when asked; player and copier refuse what they "
        "took",
    ),
    Claim(
        "Result", KEEPS, partial(rules, partial(Result, SMALL), environment=words_stand_still), DEPTH,
        given="what a result is made of stands still while a word of it waits",
    ),
    Claim(
        "StoreSwitch", KEEPS, partial(rules, StoreSwitch, environment=a_side_at_a_time), 6, ever=True,
        given="the store changes hands at rest; core and store do not answer at once",
    ),
    Claim(
        "Player", KEEPS, partial(rules, partial(Player, SMALL), environment=a_command_at_a_time), DEPTH,
        given="a sample comes from the link, or one is played",
    ),
    Claim(
        "Gate", KEEPS,
        partial(rules, partial(Gate, SMALL, cycles=100), environment=a_sample_at_a_time), DEPTH,
        given="the core is not reset; it answers the sample that it was given, and nothing changes within",
    ),
    Claim("Slice", "loses, doubles and swaps nothing, with 2 places", lambda: order(Slice(2)), 8),
    Claim("Slice", "neither does it with 4 places", lambda: order(Slice(4)), 8),
    Claim("Events", "its queue loses, doubles and swaps nothing", lambda: order(Buffered()), 8),
    Claim(
        "Ring", "gives what was committed, in order, once, and nothing that was discarded", committed, 8,
        given="nothing is written while it is full; a frame is not committed and discarded at once",
    ),
    Claim("Crc32", "is the CRC of the definition, bit by bit", crc, 1, ever=True),
    Claim(
        "Receiver", "takes whole frames: CRC, length and sequence number right, every byte kept",
        lambda: duty(TakesWholeFrames(Receiver())), 2, ever=True, given="no frame is done that was not taken",
    ),
    Claim(
        "Scan", "is never held up", lambda: duty(NeverHeldUp(Scan(SMALL, ahead=2))), 12,
        given="no layer has more chunks than its neurons can have; the next one fires behind its end",
    ),
    Claim(
        "Gate", "answers every sample, by itself if a layer takes longer than its patience (here 4 cycles)",
        lambda: duty(Watched(Gate(SMALL, cycles=4, reset_cycles=3))), 24,
        given="the check of a table ends (`Checker`); samples come whole, one after the other, and no change "
        "within",
    ),
    Claim(
        "Gate", "with the sequencer in any state, whatever the other rooms do, passes that are under way end "
        "within its patience (2^20 cycles here, and 3), or the core is reset and the sample answered STUCK; "
        "no result is cut short by that",
        ending, 2, ever=True,
        given="results come from the sequencer's state for them, with a sample in the core",
    ),
    Claim(
        "Sequencer", "from any state, begins the passes of at most (steps + 1) x layers layers before the "
        "result (layers rounded up to a power of two)",
        lambda: duty(LayersAreCounted(Sequencer(MAPS))), 1, ever=True,
        given="1 to as many layers as there are in use, and no change within",
    ),
    Claim(
        "Checker", "ends: its operations are gone through once for each layer in use, each in a bounded time",
        lambda: duty(ChecksEnd(Checker(SMALL))), 2, ever=True,
        given="1 to as many layers as there are in use, and no change within",
    ),
    Claim(
        "Copier", "reads every word of a COPY once, in order, and writes it once, to its place, or refuses "
        "it and moves none; passes on what others ask at other times; keeps the stream rules",
        lambda: duty(MovesInOrder(Copier(BESIDE))), 2, ever=True,
        given="core and store answer what they were asked, once; others have nothing under way meanwhile",
    ),
    Claim("Cutter", KEEPS, partial(rules, partial(Cutter, Chip())), 4, ever=True),
    Claim("MemoryRegisters", KEEPS, partial(rules, partial(MemoryRegisters, SdramConfig())), 4, ever=True),
    *(
        Claim(
            "BurstController", f"sends no command to the chip early or out of order, at {config.mhz:g} MHz; "
            "columns are of the row they are meant for; no refresh waits longer than closing all rows takes",
            partial(obeys, config), depth, ever=True,
        )
        for config, depth in MEMORIES.items()
    ),
    Claim(
        "BurstController", "has room for every word that it reads",
        lambda: duty(KeepsPlaces(BurstController(SdramConfig()))), 2, ever=True,
    ),
    Claim(
        "BurstController", "moves only words of bursts that it has, and as many as they have",
        lambda: duty(MovesWhatIsAsked(BurstController(SdramConfig(chip=TINY)))), 1, ever=True,
    ),
    Claim(
        "Arbiter", "passes every burst and word on, once, each word to the side whose burst asked for it: "
        "never do both have words under way; keeps the stream rules",
        lambda: duty(KeepsApart(Arbiter(Chip()))), 1, ever=True,
        given="the controller moves only words of bursts that it has, in their order; a test runs until its "
        f"words have moved; the store has fewer than {1 << OUTSTANDING_BITS} under way",
    ),
    Claim(
        "MemoryTester", "runs until the words of all its bursts have moved",
        lambda: duty(RunsUntilMoved(MemoryTester(TINY))), DEPTH,
        given="the controller moves only words of bursts that it has",
    ),
)  # fmt: skip
