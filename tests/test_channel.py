"""The channel over a faulty link: every command runs once, in order, or the link is called dead."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.device import GoldenDevice
from golden.spec.config import PRESETS
from golden.spec.frames import (
    MAX_READ_WORDS,
    READ_PAYLOAD,
    WRITE_PAYLOAD,
    Command,
    Frame,
    FrameReader,
    Status,
)
from golden.spec.network import Network
from golden.spec.packing import pack_signs, pack_weights
from golden.spec.registers import (
    REGISTER_WORDS,
    Space,
    address,
    memories,
    register_address,
    store_memory,
)
from golden.spec.samples import Result, encode_sample
from sim.faults import Faults
from sw.device import Channel, Refused
from sw.device.in_flight import writable
from sw.link import LinkError, Transport

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(20, 6, 3), eta=0.05, weight_fraction=7)


class FaultyTransport(Transport):
    """A golden device behind a link with seeded faults; runs commands late, as a busy core does."""

    patience = 0.2
    name = "faulty device"

    def __init__(self, out: Faults, back: Faults, seed: int) -> None:
        self.device = GoldenDevice(CONFIG)
        self.device.executed = []
        self.out, self.back, self.rng = out, back, random.Random(seed)

    def write(self, data: bytes) -> None:
        self.device.receive(self.out.apply(data, self.rng))

    def read(self, timeout: float) -> bytes:
        busy = self.device.busy
        data = self.back.apply(self.device.run(), self.rng)
        while not data and busy:  # an empty read says that nothing comes any more
            busy = self.device.busy
            data = self.back.apply(self.device.run(), self.rng)
        return data

    def close(self) -> None:
        pass


Asked = tuple[Command, bytes]


def write_command(space: Space, words: np.ndarray, index: int = 0) -> Asked:
    payload = WRITE_PAYLOAD.pack(address(space, index)) + words.astype("<u2").tobytes()
    return Command.WRITE, payload


def read_command(space: Space, count: int, index: int = 0) -> Asked:
    return Command.READ, READ_PAYLOAD.pack(address(space, index), count)


def session(seed: int, count: int) -> list[Asked]:
    """Commands whose outcome depends on order: learning, rates, reads in between."""
    rng = random.Random(seed)
    table = np.concatenate([np.array(layer.encode()) for layer in NETWORK.layers(CONFIG)])
    placed = zip(NETWORK.initial_weights(), NETWORK.placements(CONFIG), strict=True)
    words = np.concatenate([pack_weights(weights, place) for weights, place in placed])
    asked = [
        write_command(Space.LAYERS, table),
        write_command(Space.REGISTERS, np.array([2, 3]), register_address("layer_count")),
        *(write_command(Space.SIGNS, part, at) for part, at in pieces(pack_signs(CONFIG, 3))),
        *(
            write_command(Space.WEIGHTS, part, at)
            for part, at in pieces(words.reshape(-1) & 0xFFFF)
        ),
    ]
    for _ in range(count):
        kind = rng.randrange(10)
        if kind < 6:
            frames = np.array([[rng.random() < 0.3 for _ in range(20)] for _ in range(3)])
            asked.append((Command.SAMPLE, encode_sample(frames, rng.randrange(3), learn=True)))
        elif kind < 8:
            at = rng.randrange(60)
            asked.append(write_command(Space.WEIGHTS, np.array([rng.randrange(256)]), at))
        else:
            asked.append(read_command(Space.WEIGHTS, rng.randrange(1, 100), rng.randrange(60)))
    return [*asked, read_command(Space.WEIGHTS, 200)]


def pieces(words: np.ndarray) -> list[tuple[np.ndarray, int]]:
    return [(words[at : at + 200], at) for at in range(0, len(words), 200)]


def run_session(transport: FaultyTransport, asked: list[Asked]) -> list[bytes]:
    # where most frames are lost, most probes have to be asked for again: many silences in a row
    channel = Channel(transport, tries=1000, go_backs=2000, nonce=b"12345678")
    channel.configure(CONFIG)
    sent = [channel.submit(command, payload) for command, payload in asked]
    return [pending.result() for pending in sent]


def check_against_clean(out: Faults, back: Faults, seed: int, count: int = 40) -> FaultyTransport:
    asked = session(seed, count)
    clean, faulty = (FaultyTransport(*ends, seed) for ends in ((Faults(), Faults()), (out, back)))
    expected = run_session(clean, asked)
    answers = run_session(faulty, asked)
    assert answers == expected
    changing = [command for command in faulty.device.executed if command[0] != Command.READ]
    assert changing == [command for command in asked if command[0] != Command.READ]
    assert np.array_equal(faulty.device.core.weights, clean.device.core.weights)
    assert faulty.device.core.registers == clean.device.core.registers
    return faulty


def test_clean_link_sends_every_frame_once():
    transport = FaultyTransport(Faults(), Faults(), 0)
    channel = Channel(transport)
    channel.configure(CONFIG)
    for command, payload in session(1, 60):
        channel.submit(command, payload)
    assert (channel.statistics.resent, channel.statistics.silences) == (0, 0)


@pytest.mark.parametrize("fault", ["flip", "drop", "cut", "twice", "junk"])
@pytest.mark.parametrize("way", ["out", "back", "both"])
def test_each_fault_each_way(fault, way):
    faults = Faults(**{fault: 0.2})
    for seed in range(3):
        check_against_clean(
            faults if way != "back" else Faults(), faults if way != "out" else Faults(), seed
        )


chance = st.floats(0, 0.25)
faults_strategy = st.builds(Faults, flip=chance, drop=chance, cut=chance, twice=chance, junk=chance)


@settings(max_examples=40, deadline=None)
@given(faults_strategy, faults_strategy, st.integers(0, 2**32))
def test_any_faults_leave_exactly_once_in_order(out, back, seed):
    check_against_clean(out, back, seed, 25)


def test_sequence_numbers_wrap():
    check_against_clean(Faults(drop=0.02), Faults(drop=0.02), 5, count=600)


class Dead(FaultyTransport):
    """Works for a while, then says nothing, or rubbish, for ever."""

    def __init__(self, after: int, noise: bytes) -> None:
        super().__init__(Faults(), Faults(), 0)
        self.after, self.noise = after, noise

    def read(self, timeout: float) -> bytes:
        self.after -= 1
        return super().read(timeout) if self.after > 0 else self.noise


@pytest.mark.parametrize("noise", [b"", b"\x55\xc0", b"no end of it"])
@pytest.mark.parametrize("after", [0, 1, 30])
def test_dead_link_ends_in_an_error(noise, after):
    transport = Dead(after, noise)
    transport.patience = 0.01
    with pytest.raises(LinkError, match="check"):
        channel = Channel(transport, tries=4)
        channel.configure(CONFIG)
        for command, payload in session(1, 60):
            channel.submit(command, payload).result()


def test_opening_ignores_replies_of_an_earlier_session():
    transport = FaultyTransport(Faults(), Faults(), 0)
    first = Channel(transport)
    first.configure(CONFIG)
    for _ in range(9):
        first.submit(*read_command(Space.REGISTERS, 2))
    again = Channel(transport)
    assert again.call(*read_command(Space.REGISTERS, 2)) == b"TESS"


def test_refusal_names_the_status_and_the_channel_lives_on():
    channel = Channel(FaultyTransport(Faults(), Faults(), 0))
    with pytest.raises(Refused, match="BAD_ADDRESS"):
        channel.call(*read_command(Space.WEIGHTS, 10, 1 << 20))
    assert channel.call(*read_command(Space.REGISTERS, 2)) == b"TESS"
    with pytest.raises(ValueError, match="fit"):
        channel.submit(Command.WRITE, bytes(5000))


class Deaf(FaultyTransport):
    """Loses the first reply with a certain status."""

    def __init__(self, status: Status) -> None:
        super().__init__(Faults(), Faults(), 0)
        self.status: Status | None = status

    def read(self, timeout: float) -> bytes:
        data = super().read(timeout)
        (reply,) = list(FrameReader().feed(data)) or [None]
        if isinstance(reply, Frame) and reply.code == self.status:
            self.status = None
            return super().read(timeout)
        return data


REFUSED_WRITES = {
    "past the end": write_command(Space.WEIGHTS, np.zeros(8), (1 << 20)),
    "over the end": write_command(Space.SIGNS, np.zeros(200), 1),
    "read-only memory": write_command(Space.MEMBRANES, np.ones(2)),
    "results": write_command(Space.RESULTS, np.ones(2)),
    "identity": write_command(Space.REGISTERS, np.ones(1), register_address("magic")),
    "from control into counters": write_command(
        Space.REGISTERS, np.ones(2), register_address("clear_counters")
    ),
    "counter": write_command(Space.REGISTERS, np.ones(1), register_address("cycles")),
    "no such register": write_command(Space.REGISTERS, np.ones(1), 5000),
    "no such space": (Command.WRITE, WRITE_PAYLOAD.pack(77 << 24) + bytes(2)),
    "half a word": (Command.WRITE, write_command(Space.WEIGHTS, np.ones(1))[1] + b"x"),
    "no address": (Command.WRITE, b"12"),
}


@pytest.mark.parametrize("after", ["silence", "a write", "a read", "samples"])
@pytest.mark.parametrize("what", REFUSED_WRITES)
def test_a_write_whose_refusal_is_lost_is_not_reported_as_written(what, after):
    status = Status.BAD_LENGTH if what in ("half a word", "no address") else Status.BAD_ADDRESS
    channel = Channel(Deaf(status))
    channel.configure(CONFIG)
    for command, payload in session(1, 0)[:-1]:
        channel.submit(command, payload).result()
    sent = channel.submit(*REFUSED_WRITES[what])
    good = write_command(Space.WEIGHTS, np.arange(4), 4)
    sample = (Command.SAMPLE, encode_sample(np.ones((2, 20), bool), 1, learn=True))
    more = {
        "a write": [good],
        "a read": [read_command(Space.REGISTERS, 2)],
        "samples": [sample] * 3,
    }
    later = [channel.submit(*one) for one in more.get(after, [])]
    with pytest.raises(Refused, match=f"refused WRITE with {status.name}"):
        sent.result()
    assert channel.statistics.recovered == 1
    for one in later:
        one.result()
    assert channel.call(*read_command(Space.REGISTERS, 2)) == b"TESS"


@pytest.mark.parametrize("name", [*PRESETS])
def test_the_map_tells_which_writes_a_device_takes(name):
    """`writable` and the device agree at both ends of every space."""
    config = replace(PRESETS[name], weight_words=64, neuron_groups=8, trace_entries=64)
    device, sequence = opened(config), 0
    ends = {space: memory.size for space, memory in memories(config).items()}
    ends |= {Space.STORE: store_memory(config).depth, Space.REGISTERS: REGISTER_WORDS, 99: 4}
    starts = [(space, at) for space, end in ends.items() for at in (0, 1, end - 1, end) if at >= 0]
    starts += [(Space.REGISTERS, at) for at in range(REGISTER_WORDS)]
    for space, at in starts:
        for words in (0, 1, 2):
            start = (space << 24) | at
            payload = WRITE_PAYLOAD.pack(start) + bytes(2 * words)
            (reply,) = replies(device, Frame(sequence % 256, Command.WRITE, payload))
            sequence += 1
            if words:
                assert (reply.code == Status.OK) == writable(config, start, words), (space, at)


def opened(config):
    """A device that has had its SYNC; frame 0 is next."""
    device = GoldenDevice(config)
    device.exchange(Frame(255, Command.SYNC).encode())
    return device


def replies(device: GoldenDevice, *frames: Frame) -> list[Frame]:
    data = device.exchange(b"".join(frame.encode() for frame in frames))
    return list(FrameReader().feed(data))


def test_device_answers_by_the_rules_of_the_receiver():
    device = opened(CONFIG)
    read = Frame(0, *read_command(Space.REGISTERS, 2))
    at = [Frame(sequence, read.code, read.payload) for sequence in range(6)]
    assert replies(device, at[0]) == [Frame(0, Status.OK, b"TESS")]
    assert replies(device, at[0]) == [Frame(0, Status.DUPLICATE)]
    assert replies(device, at[2], at[3]) == [Frame(1, Status.GAP)]  # said once
    assert replies(device, at[1]) == [Frame(1, Status.OK, b"TESS")]
    assert replies(device, at[4]) == [Frame(2, Status.GAP)]
    broken = bytearray(at[2].encode())
    broken[5] ^= 1
    assert list(FrameReader().feed(device.exchange(bytes(broken)))) == [Frame(2, Status.DAMAGED)]
    assert replies(device, Frame(77, Command.SYNC, b"abc")) == [Frame(77, Status.OK, b"abc")]
    assert replies(device, Frame(78, 99)) == [Frame(78, Status.BAD_COMMAND)]
    assert replies(device, Frame(79, Command.READ, b"12")) == [Frame(79, Status.BAD_LENGTH)]
    assert replies(device, Frame(80, Command.WRITE, bytes(5))) == [Frame(80, Status.BAD_LENGTH)]
    assert replies(device, Frame(81, Command.SAMPLE, bytes(5))) == [Frame(81, Status.BAD_LENGTH)]
    device = GoldenDevice(replace(CONFIG, frame_bytes=4096))
    long = Frame(9, Command.SYNC, bytes(2 * MAX_READ_WORDS + 1))
    assert replies(device, long) == [Frame(9, Status.BAD_LENGTH)]


def test_device_refuses_what_overruns_its_buffer():
    device = opened(CONFIG)
    device.receive(
        b"".join(Frame(n, *read_command(Space.REGISTERS, 2)).encode() for n in range(17))
    )
    found = list(FrameReader().feed(device.exchange(b"")))
    assert [frame for frame in found if frame.code != Status.OK] == [Frame(16, Status.NO_ROOM)]
    assert replies(device, Frame(16, Command.SYNC, b"")) == [Frame(16, Status.OK)]
    assert replies(device, Frame(17, Command.WRITE, bytes(510))) == [Frame(17, Status.NO_ROOM)]


def test_results_are_kept_by_sequence_number():
    transport = FaultyTransport(Faults(), Faults(), 0)
    asked = [entry for entry in session(3, 30) if entry[0] != Command.READ]
    answers = run_session(transport, asked)
    slots = transport.device._results
    last = [n for n, entry in enumerate(asked, 1) if entry[0] == Command.SAMPLE][-1]
    words = np.frombuffer(answers[last - 1], "<u2")
    assert np.array_equal(slots[last % 16, : len(words)], words)
    assert Result.from_words(words.tolist(), CONFIG.layers).words() == words.tolist()
