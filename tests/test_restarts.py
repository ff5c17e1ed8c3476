"""A board that is restarted in mid-session, at any moment: noticed, and training goes on to the same bits."""

import os
import random
from collections.abc import Callable

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.spec.config import PRESETS
from golden.spec.frames import WRITE_PAYLOAD, Command, Frame, FrameReader, Status
from golden.spec.network import Network
from golden.spec.registers import Space, address
from sim.faults import Faults
from sw.data import load
from sw.device import Channel, Device, Restarted
from sw.link import GoldenTransport, SimulatedTransport, Transport
from sw.model import Model
from sw.run import Checkpoint, Every, RunFolder, Watcher
from sw.run.training import MOST_RESTARTS
from tests.test_interrupted import outcome

CONFIG = PRESETS["tiny"]
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
TRAIN = load("synthetic", limit=16, steps=4)
TEST = load("synthetic", limit=4, steps=4, train=False)
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1 << 32)


class Shaky(Transport):
    """A board that is restarted before some of its reads, and a line that harms frames."""

    patience = 0.05
    name = "shaky board"

    def __init__(
        self, board: Transport, restart: Callable[[Transport], None], when: set[int]
    ) -> None:
        self.board, self.restart, self.when = board, restart, when
        self.reads, self.faults, self.rng = 0, Faults(), random.Random(0)

    def write(self, data: bytes) -> None:
        self.board.write(self.faults.apply(data, self.rng))

    def read(self, timeout: float) -> bytes:
        if self.reads in self.when:
            self.restart(self.board)
        self.reads += 1
        return self.faults.apply(self.board.read(timeout), self.rng)

    def close(self) -> None:
        self.board.close()


def restart_golden(board: GoldenTransport) -> None:
    board.device = GoldenDevice(CONFIG)


def restart_simulated(board: SimulatedTransport) -> None:
    board._library.board_destroy(board._board)
    board._board = board._library.board_create()
    board._waiting.clear()


BOARDS = {
    "golden": (lambda: GoldenTransport(CONFIG), restart_golden),
    "sim": (lambda: SimulatedTransport(CONFIG), restart_simulated),
}


def test_every_frame_before_the_first_sync_is_answered_restarted():
    payload = WRITE_PAYLOAD.pack(address(Space.WEIGHTS)) + bytes(2)
    for number in range(256):
        device = GoldenDevice(CONFIG)
        data = device.exchange(Frame(number, Command.WRITE, payload).encode())
        assert list(FrameReader().feed(data)) == [Frame(0, Status.RESTARTED)]


@pytest.mark.parametrize("number", range(0, 256, 2))
def test_a_restart_is_noticed_whatever_number_is_next(number):
    """Reads and writes alike; the device stays refused until it is begun anew."""
    for writes in (False, True):
        number += writes
        transport = GoldenTransport(CONFIG)
        device = Device(Channel(transport))
        device.write(Space.WEIGHTS, 0, np.array([100]))
        while device.channel._sequence != number:
            device.read(Space.REGISTERS, 0, 1)
        restart_golden(transport)
        for _ in range(2):
            with pytest.raises(Restarted, match="was restarted"):
                if writes:
                    device.write(Space.WEIGHTS, 0, np.array([77]))
                else:
                    device.memory(Space.WEIGHTS, 0, CONFIG.weight_words)
        device.restart()
        assert not device.memory(Space.WEIGHTS, 0, 4).any()


@pytest.mark.parametrize("bad_line", [False, True])
def test_nothing_is_done_on_a_board_that_was_restarted(bad_line):
    """Commands answered before the restart stand; of those behind it, none has an answer."""
    print("seed", SEED)
    for turn in range(60):
        rng = random.Random(SEED + turn)
        shaky = Shaky(GoldenTransport(CONFIG), restart_golden, {rng.randrange(5, 300)})
        channel = Channel(shaky, tries=60, go_backs=2000)
        channel.configure(CONFIG)
        if bad_line:
            shaky.faults, shaky.rng = Faults(flip=0.05, drop=0.05, cut=0.05), rng
        sent = []
        with pytest.raises(Restarted):
            for value in range(400):
                payload = WRITE_PAYLOAD.pack(address(Space.WEIGHTS)) + bytes([value & 0x7F, 0])
                sent.append(channel.submit(Command.WRITE, payload))
            for one in sent:
                one.result()
        done = [one.answer is not None for one in sent]
        assert not all(done) and all(one.done for one in sent)
        # on a bad line, of a command whose reply was lost nothing more was heard than that it ran
        assert bad_line or done == sorted(done, reverse=True)
        assert not shaky.board.device.core.weights.any()


@pytest.fixture(scope="module")
def whole():
    with Device.open("golden", config=CONFIG) as device:
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=2)
        return outcome(model)


class Told(Watcher):
    def __init__(self):
        self.lines = []

    def odd(self, text):
        self.lines.append(text)


def without_cycles(found):
    """An outcome without what only a clock knows."""
    weights, noise, epochs = found
    clocked = ("cycles_per_sample", "counters")
    return weights, noise, [{k: v for k, v in e.items() if k not in clocked} for e in epochs]


@pytest.mark.parametrize(("board", "turns"), [("golden", 25), ("sim", 4)])
def test_training_goes_on_to_the_same_bits(board, turns, whole, tmp_path):
    """Restarts at random moments: in samples, tests, checkpoints, and while the board is loaded anew."""
    print("seed", SEED)
    opened, restart = BOARDS[board]
    length = 0
    for turn in range(turns):
        rng = random.Random(SEED + turn)
        shaky = Shaky(opened(), restart, set())
        if board == "sim":
            shaky.patience = SimulatedTransport.patience
        with Device(Channel(shaky)) as device:
            model, told = Model(NETWORK, device), Told()
            if length:
                some = [shaky.reads + rng.randrange(length) for _ in range(rng.randint(1, 4))]
                shaky.when = set(some)
            before, folder = shaky.reads, tmp_path / f"run{turn}"
            every = Every(samples=rng.choice([3, 7, 50]))
            options = {"run": folder, "callbacks": [told], "checkpoint_every": every}
            try:
                model.fit(TRAIN, TEST, epochs=2, **options)
            except Restarted:  # before there was a checkpoint to go on from
                assert not told.lines and not RunFolder(folder).checkpoint.exists()
                continue
            length = length or shaky.reads - before
            happened = {when for when in shaky.when if when < shaky.reads}
            shaky.when = set()  # the training is over: it may have read less than the first one did
            assert len(told.lines) <= len(happened) and bool(told.lines) == bool(happened)
            assert without_cycles(outcome(model)) == without_cycles(whole), (SEED, turn)
        kept = Checkpoint.load(RunFolder(folder).checkpoint)
        assert [w.tolist() for w in kept.weights] == whole[0]


def test_a_board_that_is_restarted_again_and_again_ends_the_run(tmp_path):
    """After the last time the error comes out, and the checkpoint is that of before."""
    shaky = Shaky(GoldenTransport(CONFIG), restart_golden, set())
    told = Told()
    with Device(Channel(shaky)) as device:
        model = Model(NETWORK, device)
        start = [w.tolist() for w in model.weights]
        shaky.when = {*range(shaky.reads + 20, 10**6, 8)}
        with pytest.raises(Restarted):
            model.fit(TRAIN, epochs=20, run=tmp_path / "run", callbacks=[told])
    assert len(told.lines) <= MOST_RESTARTS
    kept = Checkpoint.load(RunFolder(tmp_path / "run").checkpoint)
    assert kept.progress.samples > 0 or [w.tolist() for w in kept.weights] == start
    assert any(w.any() for w in kept.weights)
