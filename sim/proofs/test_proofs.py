"""Every claim is proven; a unit that breaks one is found out; the page about it is not stale."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assume, Const, Module, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, Signature

from golden.spec.rules import Op, Step
from golden.spec.sdram import Chip, SdramConfig
from hw.core.host.checker import Checker
from hw.core.host.gate import Gate
from hw.core.rows.scan import Scan
from hw.core.schedule.sequencer import Sequencer
from hw.link.copier import Copier
from hw.link.receiver import Part, Receiver
from hw.memory.arbiter import Arbiter
from hw.memory.controller import BurstController
from sim.proofs.__main__ import page
from sim.proofs.checking import ChecksEnd
from sim.proofs.claims import BESIDE, CLAIMS, DEPTH, KEEPS, MAPS, SMALL, TINY, Claim, duty
from sim.proofs.copying import MovesInOrder
from sim.proofs.duties import NeverHeldUp, TakesWholeFrames, Watched
from sim.proofs.ending import LayersAreCounted, PassesEnd
from sim.proofs.engine import Disproved, prove, reach
from sim.proofs.rules import InOrder, StreamRules, free_ports, streams
from sim.proofs.sdram import KeepsPlaces, ObeysTheChip
from sim.proofs.words import KeepsApart, MovesWhatIsAsked

ROOT = Path(__file__).parent.parent.parent


def test_directions_of_streams_are_the_units_own_at_any_depth() -> None:
    port = Signature({"asks": Out(stream.Signature(4)), "gets": In(stream.Signature(4))})
    ports = {"i": In(stream.Signature(4)), "at": In(port), "to": Out(port)}
    found = {name: leaves for name, _, leaves in streams(Component(ports))}
    assert found == {
        "i": False,
        "at.asks": False,
        "at.gets": True,
        "to.asks": True,
        "to.gets": False,
    }


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_claim(claim: Claim, tmp_path: Path) -> None:
    design, ports = claim.make()
    prove(design, ports, claim.depth, induction=claim.ever, folder=tmp_path)


TOO_LATE = ("UartReceiver", "Replies")
"""A byte takes 80 cycles; the solver takes minutes for the first byte of a reply."""
SHARED = ("Arbiter", "Copier", "MemoryTester")
"""Whose claims are about words that others move."""


@pytest.mark.parametrize(
    "claim",
    [
        claim
        for claim in CLAIMS
        if (claim.says == KEEPS and claim.unit not in TOO_LATE) or claim.unit in SHARED
    ],
    ids=lambda claim: claim.unit,
)
def test_what_is_assumed_lets_every_stream_move(claim: Claim, tmp_path: Path) -> None:
    """No proof is about nothing: within its cycles something comes by every stream."""
    design, ports = claim.make()
    reach(design, ports, claim.depth if not claim.ever else DEPTH, folder=tmp_path)


def test_a_sample_may_get_stuck_and_be_answered(tmp_path: Path) -> None:
    gate, sequencer = Gate(SMALL, cycles=4, reset_cycles=3), Sequencer(SMALL)
    ports = [*free_ports(gate), *free_ports(sequencer)]
    reach(PassesEnd(gate, sequencer), ports, 20, folder=tmp_path)


def test_what_cannot_be_is_not_reached(tmp_path: Path) -> None:
    unit = Greedy()
    never = StreamRules(unit, lambda m, unit: m.d.comb.__iadd__(Assume(~unit.i.valid)))
    with pytest.raises(Disproved, match="Unreached"):
        reach(never, free_ports(unit), 6, folder=tmp_path)


class Greedy(Component):
    """Takes everything, and forgets what waits when the next one comes."""

    i: In(stream.Signature(4))
    o: Out(stream.Signature(4))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.eq(self.i.payload)]
        return m


class Twice(Component):
    """Offers a payload once more after it was taken, if the next one is late."""

    i: In(stream.Signature(4))
    o: Out(stream.Signature(4))

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.i.ready.eq(self.o.ready | ~self.o.valid)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(self.i.payload)]
        return m


def test_a_payload_that_is_dropped_breaks_the_stream_rules(tmp_path: Path) -> None:
    unit = Greedy()
    with pytest.raises(Disproved, match="Assert failed"):
        prove(StreamRules(unit), free_ports(unit), 6, induction=False, folder=tmp_path)
    assert (tmp_path / "trace.vcd").exists()


@pytest.mark.parametrize("kind", [Greedy, Twice])
def test_a_payload_that_is_lost_or_doubled_is_out_of_order(kind: Any, tmp_path: Path) -> None:
    unit = kind()
    found = InOrder(unit, unit.i, unit.o)
    with pytest.raises(Disproved, match="Assert failed"):
        prove(found, [*free_ports(unit), found.number], 6, induction=False, folder=tmp_path)


class Trusting(Receiver):
    """Takes a frame whatever its CRC, or its number."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def decide(self, m: Module, end: Any, whole: Any, *others: Any) -> None:
        if self.what == "crc":
            whole = self.part == Part.END
        super().decide(m, end, whole, *others)
        if self.what == "number":
            m.d.comb += self.commit.eq(end & whole & ~self.fresh)


@pytest.mark.parametrize("what", ["crc", "number"])
def test_a_receiver_that_trusts_is_found_out(what: str, tmp_path: Path) -> None:
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(TakesWholeFrames(Trusting(what))), 2, induction=True, folder=tmp_path)


def test_a_scan_with_too_little_room_holds_chunks_up(tmp_path: Path) -> None:
    found = NeverHeldUp(Scan(SMALL, ahead=2))
    found.most += 4
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(found), 12, induction=False, folder=tmp_path)


def test_a_gate_without_patience_may_wait_for_ever(tmp_path: Path) -> None:
    found = Watched(Gate(SMALL, cycles=100, reset_cycles=3))
    found.bound = 13
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(found), 24, induction=False, folder=tmp_path)


class Forgetful(Gate):
    """Does not count."""

    def _watch(self, m: Module) -> None:
        pass


class Rash(Gate):
    """Resets the core in the cycle in which its result begins."""

    def _open(self, m: Module) -> None:
        super()._open(m)
        with m.If(self.waited == self.patience):
            self._stuck(m)


@pytest.mark.parametrize("kind", [Forgetful, Rash])
def test_a_gate_that_does_not_report_is_found_out(kind: Any, tmp_path: Path) -> None:
    gate, sequencer = kind(SMALL), Sequencer(SMALL)
    ports = [*free_ports(gate), *free_ports(sequencer)]
    with pytest.raises(Disproved, match="Assert failed"):
        prove(PassesEnd(gate, sequencer), ports, 2, induction=True, folder=tmp_path)


class Endless(Sequencer):
    """Forgets that it is at the end of a sample."""

    def _settle(self, m: Module, layer: Any) -> None:
        m.d.sync += layer.eq(0)
        m.next = "LAYER"


def test_a_sequencer_without_end_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(LayersAreCounted(Endless(MAPS))), 1, induction=True, folder=tmp_path)


class Backwards(Checker):
    """Leaves no operation behind it when it goes back."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        steps = [step for step in self.program.steps if step.op != Op.NEXT]
        steps += [Step(Op.SKIP_ZERO, argument=(1 << len(steps).bit_length()) - 3)]
        self.program = replace(self.program, steps=tuple(steps))


def test_a_check_without_end_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(ChecksEnd(Backwards(SMALL))), 2, induction=True, folder=tmp_path)


SHORT = Chip(
    row_bits=3, column_bits=2, power_up=100.0, refreshes_first=1, retention=8 * 280.0 + 400
)
"""A chip that starts, and wants a refresh, within few cycles."""
SLOWER = {
    "activate_to_column": 30.0,
    "precharge": 30.0,
    "active": 55.0,
    "other_bank": 45.0,
    "write_recovery": 25.0,
    "refresh": 80.0,
}


@pytest.mark.parametrize("what", SLOWER)
def test_a_controller_that_is_early_is_found_out(what: str, tmp_path: Path) -> None:
    """The chip needs a clock more than the controller was told; of other banks, two more."""
    unit = BurstController(SdramConfig(chip=SHORT))
    judge = SdramConfig(chip=replace(SHORT, **{what: SLOWER[what]}))
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(ObeysTheChip(unit, judge)), 60, induction=False, folder=tmp_path)
    assert (tmp_path / "trace.vcd").exists()


def test_a_queue_that_is_too_short_loses_a_word(tmp_path: Path) -> None:
    found = KeepsPlaces(BurstController(SdramConfig()))
    found.places -= 1
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(found), 2, induction=True, folder=tmp_path)


class Swallowing(BurstController):
    """Takes words to write for as long as it has a piece."""

    def elaborate(self, platform: Any) -> Module:
        m = super().elaborate(platform)
        m.d.comb += self.port.write.ready.eq(self.opener.valid)
        return m


def test_a_controller_that_swallows_a_word_is_found_out(tmp_path: Path) -> None:
    found = MovesWhatIsAsked(Swallowing(SdramConfig(chip=TINY)))
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(found), 1, induction=True, folder=tmp_path)


def test_a_copier_that_goes_beyond_the_store_is_found_out(tmp_path: Path) -> None:
    copier = Copier(BESIDE)
    copier.depth += 1
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(MovesInOrder(copier)), 2, induction=True, folder=tmp_path)


class Early(Copier):
    """Is done when every word was given to be written, whether it was or not."""

    def elaborate(self, platform: Any) -> Module:
        m = super().elaborate(platform)
        with m.If(self.fsm.ongoing("MOVE") & (self.unasked == 0)):
            m.d.sync += self.left.eq(0)
        return m


def test_a_copier_that_ends_early_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(MovesInOrder(Early(BESIDE))), 2, induction=True, folder=tmp_path)


class Hasty(Arbiter):
    """Does not wait for the words of the store."""

    def _done(self) -> Value:
        return Const(1)


def test_an_arbiter_that_does_not_wait_is_found_out(tmp_path: Path) -> None:
    with pytest.raises(Disproved, match="Assert failed"):
        prove(*duty(KeepsApart(Hasty(TINY))), 8, induction=False, folder=tmp_path)


def test_what_is_proven_is_written_down() -> None:
    assert (ROOT / "docs" / "proofs.md").read_text() == page(), (
        "python -m sim.proofs > docs/proofs.md"
    )
