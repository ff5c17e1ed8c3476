"""The whole link: commands run as `golden.spec.frames` says, whatever the line does to frames."""

from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.frames import READ_PAYLOAD, WRITE_PAYLOAD, Command, Frame, Status
from golden.spec.registers import RESULT_SLOTS, Space, address
from hw.link.link import Link
from sim.harness import parameters, run, seeded, start
from sim.link_model import Core, Faults, Host, Reference, Wire, biased_bytes, random_command
from sim.streams import OFTEN, RARE, STALL, STEADY, StreamSink

CONFIGS = {
    "tiny": PRESETS["tiny"],  # ring of 512 bytes
    "1k": CoreConfig(lanes=8, frame_bytes=1024, layers=3, classes=10),  # 27 words of result
    "85f": PRESETS["ulx3s-85f"],
}
ALL = Faults(flip=0.04, drop=0.03, truncate=0.03, lose=0.03, repeat=0.03, noise=0.03)
FAULTS = {
    "none": Faults(),
    "flip": Faults(flip=0.2),
    "drop": Faults(drop=0.2),
    "truncate": Faults(truncate=0.2),
    "lose": Faults(lose=0.2),
    "repeat": Faults(repeat=0.3),
    "noise": Faults(noise=0.3),
    "all": ALL,
}
WAITS = {"steady": STEADY, "rare": RARE, "often": OFTEN, "stall": STALL}


def simulate(name: str, testcase: str | list[str], **values: Any) -> None:
    run(
        lambda: Link(CONFIGS[name]), __name__, testcase=testcase, parameters=values | {"name": name}
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_commands(name: str) -> None:
    simulate(name, "commands", count=100, divisors=[8, 32, 128] if name == "85f" else [1, 4, 16])


def test_receiver() -> None:
    simulate("tiny", list(DIRECTED))


def test_throughput() -> None:
    simulate("85f", "throughput")


@pytest.mark.parametrize("name", ["tiny", "1k"])
def test_recovery(name: str) -> None:
    simulate(name, "recovery", count=60)


async def begin(dut: Any) -> tuple[CoreConfig, Wire, Core]:
    config = CONFIGS[parameters()["name"]]
    wire, core = Wire(dut), Core(config)
    return config, wire, core


@cocotb.test()
@cocotb.parametrize(waits=list(WAITS))
async def commands(dut: Any, waits: str) -> None:
    """Random commands, right and wrong, one after the other and many in flight: bit for bit."""
    config, wire, core = await begin(dut)
    rng = seeded()
    reference = Reference(config)
    wire.source.waits = wire.sink.waits = WAITS[waits]
    core.attach(dut, WAITS[waits])
    await start(dut)
    await wire.open()
    todo = fill_slots(rng)
    for _ in range(parameters()["count"]):
        largest = config.frame_bytes // rng.choice(parameters()["divisors"]) - 4
        todo.append(random_command(rng, largest))
    frames = [Frame(number & 0xFF, *command) for number, command in enumerate(todo)]
    expected = [reference.run(frame) for frame in frames]
    held: list[int] = []
    got = 0
    for frame in frames:
        while len(held) == RESULT_SLOTS or sum(held) + frame.credit > config.frame_bytes:
            await receive(wire, expected, got)
            got += 1
            held.pop(0)
        wire.send(frame)
        held.append(frame.credit)
    while got < len(frames):
        await receive(wire, expected, got)
        got += 1
    assert await wire.quiet()
    assert core.log == reference.core.log


def fill_slots(rng: Random) -> list[tuple[int, bytes]]:
    """A sample for every slot of results: they outlive a reset, and with it the test before."""
    return [(Command.SAMPLE, biased_bytes(rng, 6)) for _ in range(RESULT_SLOTS)]


async def receive(wire: Wire, expected: list[Frame], number: int) -> None:
    got = await wire.receive()
    assert got == expected[number], f"reply {number}"


@cocotb.test()
@cocotb.parametrize(kind=list(FAULTS))
async def recovery(dut: Any, kind: str) -> None:
    """Every command runs exactly once and in order; results of lost replies can be read back."""
    config, wire, core = await begin(dut)
    rng = seeded()
    reference = Reference(config)
    core.attach(dut, RARE)
    wire.source.waits = wire.sink.waits = RARE
    await start(dut)
    await wire.open()
    largest = config.frame_bytes // 4 - 4
    todo = fill_slots(rng)
    todo += [random_command(rng, largest, valid=True) for _ in range(parameters()["count"])]
    expected = [reference.run(Frame(n & 0xFF, *command)) for n, command in enumerate(todo)]
    host = Host(wire, config, FAULTS[kind], rng)
    replies = await host.run(todo)
    dut._log.info("%s: %s", kind, host.counts)
    for number, (reply, wanted) in enumerate(zip(replies, expected, strict=True)):
        assert reply in (None, wanted), f"reply {number}"
    if kind == "none":
        assert None not in replies and host.counts == {"OK": len(todo)}

    wire.sink.take_all()
    wire.reader = type(wire.reader)()
    slots, stride = RESULT_SLOTS, reference.space.stride
    last = sync(rng.randrange(256), rng.randbytes(8))
    wire.send_raw(b"\xc0")
    wire.send(last)
    while await wire.receive() != Frame(last.sequence, Status.OK, last.payload):
        pass  # the echo comes when all before it has run
    assert core.log == reference.core.log
    for slot in range(slots):
        start_word = address(Space.RESULTS, slot * stride)
        frame = Frame(
            (last.sequence + 1 + slot) & 0xFF, Command.READ, READ_PAYLOAD.pack(start_word, stride)
        )
        wire.send(frame)
        got = await wire.receive()
        assert got == reference.run(frame), f"slot {slot}"


@cocotb.test()
async def throughput(dut: Any) -> None:
    """A byte of a sample a clock, a word read a clock, a word written every two."""
    _, wire, core = await begin(dut)
    core.attach(dut)
    await start(dut)
    await wire.open()
    samples = StreamSink(dut, "sample", 9, take=False)
    requests = StreamSink(dut, "bus_request", 49, take=False)

    async def clocks_of(frame: Frame, watched: StreamSink) -> int:
        """From the first transfer to the last."""
        wire.send(frame)
        before = watched.transfers
        while watched.transfers == before:
            await ClockCycles(dut.clk, 1)
        clocks, last = 0, 0
        while not wire.arrived:
            seen = watched.transfers
            await ClockCycles(dut.clk, 1)
            clocks += 1
            last = clocks if watched.transfers != seen else last
            wire.arrived += wire.reader.feed(bytes(wire.sink.take_all()))
        reply = wire.arrived.pop()
        assert isinstance(reply, Frame) and reply.code == Status.OK
        return last

    sample = Frame(0, Command.SAMPLE, bytes(4000))
    assert await clocks_of(sample, samples) <= 4000
    read = Frame(1, Command.READ, READ_PAYLOAD.pack(address(Space.WEIGHTS), 1024))
    assert await clocks_of(read, requests) <= 1024
    write = Frame(2, Command.WRITE, WRITE_PAYLOAD.pack(address(Space.WEIGHTS)) + bytes(2048))
    assert await clocks_of(write, requests) <= 2048


def sync(sequence: int, payload: bytes = b"") -> Frame:
    return Frame(sequence, Command.SYNC, payload)


async def begin_at(dut: Any, sequence: int) -> tuple[Wire, Core]:
    """A link that wants `sequence` next."""
    _, wire, core = await begin(dut)
    core.attach(dut)
    await start(dut)
    wire.send(sync(sequence - 1 & 0xFF, b"hello"))
    assert await wire.receive() == Frame(sequence - 1 & 0xFF, Status.OK, b"hello")
    return wire, core


def write(sequence: int, *words: int) -> Frame:
    data = b"".join(word.to_bytes(2, "little") for word in words)
    return Frame(sequence & 0xFF, Command.WRITE, WRITE_PAYLOAD.pack(address(Space.WEIGHTS)) + data)


@cocotb.test()
async def damage_is_always_answered(dut: Any) -> None:
    """Flipped bits, wrong lengths, short frames, broken escapes: each answered, none taken."""
    wire, core = await begin_at(dut, 7)
    good = write(7, 1, 0xC0DB).encode()
    for bit in range(0, 8 * (len(good) - 1)):
        harmed = bytearray(good)
        harmed[bit // 8] ^= 1 << bit % 8
        wire.send_raw(bytes(harmed))
        answers = 2 if harmed[bit // 8] == 0xC0 and bit >= 8 else 1
        for _ in range(answers):
            assert await wire.receive() == Frame(7, Status.DAMAGED), f"bit {bit}"
    for cut in range(1, len(good) - 1):
        wire.send_raw(good[:cut] + b"\xc0")
        assert await wire.receive() == Frame(7, Status.DAMAGED), f"cut at {cut}"
        wire.send_raw(good[:cut] + good[cut + 1 :])
        assert await wire.receive() == Frame(7, Status.DAMAGED), f"without {cut}"
        wire.send_raw(good[:cut] + b"\x01" + good[cut:])
        assert await wire.receive() == Frame(7, Status.DAMAGED), f"more at {cut}"
    for noise in (b"\xdb\xc0", b"\xdb\xdb\xdc\xc0", b"\x00\xc0", bytes(9) + b"\xc0"):
        wire.send_raw(noise)
        assert await wire.receive() == Frame(7, Status.DAMAGED), noise
    assert core.log == []
    wire.send_raw(b"\xc0\xc0\xc0")
    assert await wire.quiet()
    wire.send(write(7, 5))
    assert await wire.receive() == Frame(7, Status.OK)
    assert core.log == [("write", address(Space.WEIGHTS), 5)]


@cocotb.test()
async def gap_is_answered_once(dut: Any) -> None:
    """The first frame ahead asks to go back; the others wait for the one that is missing."""
    wire, core = await begin_at(dut, 250)
    for ahead in (1, 2, 127, 5):
        wire.send(write(250 + ahead, 1))
    assert await wire.receive() == Frame(250, Status.GAP)
    assert await wire.quiet()
    wire.send(write(250, 2), write(253, 3), write(254, 3))
    assert await wire.receive() == Frame(251, Status.GAP)
    assert await wire.receive() == Frame(250, Status.OK)
    assert await wire.quiet()
    wire.send_raw(b"\x00\xc0")
    assert await wire.receive() == Frame(251, Status.DAMAGED)
    wire.send(write(253, 4))
    assert await wire.quiet()
    wire.send(write(251, 4))
    assert await wire.receive() == Frame(251, Status.OK)
    assert [entry[2] for entry in core.log] == [2, 4]


@cocotb.test()
async def duplicates_are_not_run(dut: Any) -> None:
    """Any of the 128 before the one wanted, a whole window at once; over the end of the numbers."""
    wire, core = await begin_at(dut, 3)
    for back in (1, 2, 3, 4, 100, 127, 128):
        wire.send(write(3 - back, 1))
        assert await wire.receive() == Frame(3 - back & 0xFF, Status.DUPLICATE)
    wire.send(write(3 - 129, 1))
    assert await wire.receive() == Frame(3, Status.GAP)
    wire.sink.waits = STALL
    wire.send(*(write(3 - back, 1) for back in range(RESULT_SLOTS, 0, -1)))
    for back in range(RESULT_SLOTS, 0, -1):
        assert await wire.receive() == Frame(3 - back & 0xFF, Status.DUPLICATE)
    assert core.log == []
    assert await wire.quiet()


@cocotb.test()
async def credit_overrun_is_refused(dut: Any) -> None:
    """A full ring drops the frame, says so once, and takes it when there is room again."""
    config, wire, core = await begin(dut)
    drivers = core.attach(dut)
    await start(dut)
    await wire.open()
    slow = drivers[0]
    slow.waits = type(slow.waits)(1.0, 300)
    frames = [write(n, *range(n, n + 50)) for n in range(12)]
    wire.send(*frames)
    replies = [await wire.receive(within_us=5000)]
    while replies[-1].code != Status.NO_ROOM:  # type: ignore[union-attr]
        replies.append(await wire.receive(within_us=5000))
    refused = replies[-1].sequence  # type: ignore[union-attr]
    assert sum(frame.credit for frame in frames[:refused]) <= config.frame_bytes + 110
    slow.waits = STEADY
    while len(replies) < refused + 1:
        replies.append(await wire.receive(within_us=5000))
    assert await wire.quiet(2000)
    assert [reply.code for reply in replies].count(Status.NO_ROOM) == 1  # type: ignore[union-attr]
    for frame in frames[refused:]:
        wire.send(frame)
        assert await wire.receive() == Frame(frame.sequence, Status.OK)
    assert [entry[2] for entry in core.log] == [n + k for n in range(12) for k in range(50)]


@cocotb.test()
async def too_many_frames_are_refused(dut: Any) -> None:
    """Of the frames that have not run, RESULT_SLOTS are kept, however small."""
    _, wire, core = await begin(dut)
    dut.bus_request__ready.value = 0
    await start(dut)
    await wire.open()
    frames = [write(n, n) for n in range(40)]
    wire.send(*frames)
    assert await wire.receive() == Frame(RESULT_SLOTS, Status.NO_ROOM)
    assert await wire.quiet()
    core.attach(dut)
    for frame in frames[:RESULT_SLOTS]:
        assert await wire.receive() == Frame(frame.sequence, Status.OK)
    wire.send(*frames[RESULT_SLOTS : 2 * RESULT_SLOTS])
    for frame in frames[RESULT_SLOTS : 2 * RESULT_SLOTS]:
        assert await wire.receive() == Frame(frame.sequence, Status.OK)
    assert await wire.quiet()
    assert [entry[2] for entry in core.log] == list(range(2 * RESULT_SLOTS))


@cocotb.test()
async def sync_sets_the_sequence(dut: Any) -> None:
    """SYNC is taken with any number, echoes any bytes, and the next frame follows it."""
    wire, _ = await begin_at(dut, 9)
    rng = seeded()
    for size in (0, 1, 2, 3, 100, 507, 508):
        number = rng.randrange(256)
        payload = biased_bytes(rng, size)
        wire.send(sync(number, payload))
        assert await wire.receive() == Frame(number, Status.OK, payload)
        wire.send(write(number + 1, 1))
        assert await wire.receive() == Frame(number + 1 & 0xFF, Status.OK)
        wire.send(write(number + 3, 1))
        assert await wire.receive() == Frame(number + 2 & 0xFF, Status.GAP)


@cocotb.test()
async def a_fresh_link_runs_nothing(dut: Any) -> None:
    """Before the first SYNC every whole frame is answered RESTARTED, whatever its number."""
    _, wire, core = await begin(dut)
    core.attach(dut)
    await start(dut)
    for number in range(256):
        wire.send(write(number, 1))
        assert await wire.receive() == Frame(0, Status.RESTARTED), number
    wire.send_raw(write(0, 1).encode()[2:])
    assert await wire.receive() == Frame(0, Status.DAMAGED)
    wire.send(write(0, 1), sync(41), write(42, 2))
    assert await wire.receive() == Frame(0, Status.RESTARTED)
    assert await wire.receive() == Frame(41, Status.OK)
    assert await wire.receive() == Frame(42, Status.OK)
    assert core.log == [("write", address(Space.WEIGHTS), 2)]


@cocotb.test()
async def largest_frame_fits(dut: Any) -> None:
    """A frame of all the credit there is, again and again at odd places of the ring."""
    config, wire, core = await begin(dut)
    core.attach(dut)
    await start(dut)
    await wire.open()
    reference = Reference(config)
    rng = seeded()
    for number in range(0, 60, 2):
        for frame in (
            Frame(number, Command.SAMPLE, biased_bytes(rng, config.frame_bytes - 4)),
            Frame(number + 1, Command.SAMPLE, biased_bytes(rng, rng.randrange(6, 30))),
        ):
            wire.send(frame)
            assert await wire.receive() == reference.run(frame)
    too_large = Frame(60, Command.SYNC, bytes(config.frame_bytes - 3))
    wire.send(too_large)
    assert await wire.receive() == Frame(60, Status.NO_ROOM)
    wire.send(write(60, 1))
    assert await wire.receive() == Frame(60, Status.OK)


DIRECTED = (
    "damage_is_always_answered",
    "gap_is_answered_once",
    "duplicates_are_not_run",
    "credit_overrun_is_refused",
    "too_many_frames_are_refused",
    "sync_sets_the_sequence",
    "a_fresh_link_runs_nothing",
    "largest_frame_fits",
)
