"""Samples in the memory beside the FPGA outlive the host that sent them, unless it went away too early."""

import os
import pty
import signal
import subprocess
import sys
import threading
import tty
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.spec.config import PRESETS as CORES
from golden.spec.frames import WRITE_PAYLOAD, Command
from golden.spec.memory_test import Pass, Pattern
from golden.spec.network import Network
from golden.spec.registers import KEY_WORDS, SPACE_SHIFT, Space
from golden.spec.samples import keep
from golden.spec.sdram import SdramConfig, beside
from sw.data import load
from sw.device import Channel, Device, MemoryUnit
from sw.device.sample_store import content_key
from sw.link import GoldenTransport
from sw.presets import PRESETS
from sw.run import RunFolder

ROOT = Path(__file__).parent.parent
MEMORY = SdramConfig()
TINY = beside(CORES["tiny"], MEMORY)
NETWORK = Network(sizes=(64, 12, 6, 4), eta=0.02, eta_out=0.02, alpha_post=-0.5, weight_fraction=7)
SMOKE = beside(PRESETS["smoke"].config, MEMORY)
TRAIN = ["train", "--preset", "smoke", "--train", "24", "--test", "4", "--epochs", "2"]


class Board(threading.Thread):
    """A board at a serial port, which stays when a host goes away. `look` is called behind every command."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.master, slave = pty.openpty()
        for end in (self.master, slave):
            tty.setraw(end)
        self.port, self._slave = os.ttyname(slave), slave  # held open: the line stays up
        self.device = GoldenDevice(SMOKE, memory=MEMORY)
        self.device.executed = self.seen = []
        self.look = lambda: None
        self.start()

    def run(self) -> None:
        """Serve until the test is over."""
        while data := os.read(self.master, 4096):
            self.device.receive(data)
            while self.device.busy:
                answer = self.device.run()
                self.look()
                os.write(self.master, answer)
            os.write(self.master, self.device.run())

    def stored(self) -> list[int]:
        """Addresses of the words that were written to the store, of all WRITEs so far."""
        starts = [
            WRITE_PAYLOAD.unpack_from(data)[0] for code, data in self.seen if code == Command.WRITE
        ]
        return [at for at in starts if at >> SPACE_SHIFT == Space.STORE]


def command(board: Board, folder: Path, *more: str) -> list[str]:
    """Training on that board."""
    words = ["--target", f"serial:{board.port}", "--out", str(folder), *more]
    return [sys.executable, "-m", "sw.driver", *TRAIN, *words]


def test_kill_9_while_samples_are_sent(tmp_path: Path) -> None:
    board, weights = Board(), {}
    host = subprocess.Popen(command(board, tmp_path / "a"), cwd=ROOT, stdout=subprocess.DEVNULL)
    half = 5

    def look() -> None:
        if len(board.stored()) == half and host.poll() is None:
            host.send_signal(signal.SIGKILL)

    board.look = look
    assert host.wait(100) == -signal.SIGKILL
    assert not board.device.store.key.any(), "not all was there"
    board.look = lambda: None

    for name in ("b", "c"):  # the first sends all from the start, the second nothing
        board.seen.clear()
        done = subprocess.run(
            command(board, tmp_path / name), cwd=ROOT, capture_output=True, text=True, check=True
        )
        weights[name] = RunFolder(tmp_path / name).weights()
        sent = board.stored()
        assert bool(sent) == (name == "b") and ("as they were" in done.stdout) == (name == "c")
        assert "24 of 24 samples on the board" in done.stdout
        assert {code for code, _ in board.seen} >= {Command.PLAY}
        if sent:
            assert sent[0] == Space.STORE << SPACE_SHIFT and len(sent) > half
    model = [
        sys.executable,
        "-m",
        "sw.driver",
        *TRAIN,
        "--target",
        "golden",
        "--out",
        str(tmp_path / "g"),
    ]
    subprocess.run(model, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    golden = RunFolder(tmp_path / "g").weights()
    for found in weights.values():
        assert all(np.array_equal(*pair) for pair in zip(found, golden, strict=True))


@pytest.fixture
def line():
    transport = GoldenTransport(TINY, memory=MEMORY)
    transport.device.executed = []
    return transport


def opened(line: GoldenTransport) -> Device:
    """Another host at the same board."""
    device = Device(Channel(line), TINY)
    device.load(NETWORK)
    line.device.executed.clear()
    return device


def writes(line: GoldenTransport, space: Space) -> int:
    """WRITEs to a space that ran."""
    found = [
        WRITE_PAYLOAD.unpack_from(data)[0]
        for code, data in line.device.executed
        if code == Command.WRITE
    ]
    return sum(at >> SPACE_SHIFT == space for at in found)


def test_what_is_there_is_found_whoever_sent_it(line):
    data = load("synthetic", limit=30)
    assert opened(line).store_samples(data) == 30 and writes(line, Space.STORE_KEY) == 1
    again = opened(line)
    assert again.store_samples(load("synthetic", limit=30)) == 30  # the same, read anew
    assert again.sample_store.found and "as they were" in str(again.sample_store)
    assert not writes(line, Space.STORE) and not writes(line, Space.STORE_KEY)
    list(again.run([again.sample_store.find(data, 3)], learn=True))


@pytest.mark.parametrize("what", ["fewer", "order", "learn_from", "other"])
def test_other_samples_are_sent(line, what):
    opened(line).store_samples(load("synthetic", limit=30))
    device = opened(line)
    data = load("synthetic", limit=29 if what == "fewer" else 30, seed=5 if what == "other" else 0)
    if what == "learn_from":
        device.load(replace(NETWORK, learn_last=2))
    series = [data[n] for n in (reversed(range(30)) if what == "order" else range(len(data)))]
    device.store_samples(series)
    assert not device.sample_store.found and writes(line, Space.STORE)


@pytest.mark.parametrize("what", ["word", "tester", "restart", "beyond"])
def test_a_key_is_gone_when_a_word_may_have_changed(line, what):
    data = load("synthetic", limit=30)
    device = opened(line)
    device.store_samples(data)
    words = line.device.store.words
    used = sum(len(keep(device.stored_payload(data[n]))) for n in range(30))
    assert np.array_equal(device.read(Space.STORE_KEY, 0, KEY_WORDS), line.device.store.key)
    assert np.array_equal(line.device.store.key, content_key(words[:used]))
    if what == "word":
        device.write(Space.STORE, 5, np.array([7]))
    elif what == "tester":
        unit = MemoryUnit.find(device)
        assert unit is not None
        unit.test(Pattern.RANDOM, address=3, words=10, passes=Pass.WRITE)
    elif what == "beyond":
        with pytest.raises(Exception, match="BAD_ADDRESS"):
            device.write(Space.STORE, device.sample_store.words - 1, np.array([1, 2]))
    else:
        line.device = GoldenDevice(TINY, memory=MEMORY)
        line.device.executed = []
        device = Device(Channel(line), TINY)
    assert not device.read(Space.STORE_KEY, 0, KEY_WORDS).any()
    other = opened(line)
    assert other.store_samples(data) == 30 and not other.sample_store.found
    assert np.array_equal(line.device.store.words[:used], words[:used]) and writes(
        line, Space.STORE
    )


def test_progress_is_told_while_samples_are_sent(line, monkeypatch):
    monkeypatch.setattr("sw.device.sample_store.PART", 100)
    told = []
    opened(line).store_samples(load("synthetic", limit=10), lambda *words: told.append(words))
    done, total = zip(*told, strict=True)
    assert list(done) == list(range(0, total[0], 100)) and len(set(total)) == 1
