"""Training that something ends in the middle, and `resume` on the same model: the same bits."""

import fcntl
import json
import os
import random
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from sw import driver
from sw.data import load
from sw.device import Device
from sw.link import GoldenTransport, LinkError
from sw.model import Model
from sw.run import Checkpoint, Every, Recorder, RunFolder, StopRequest, Watcher
from sw.shadow import Shadowed

ROOT = Path(__file__).parent.parent
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
TRAIN = load("synthetic", limit=30, steps=5)
TEST = load("synthetic", limit=8, steps=5, train=False)
OFTEN = Every(samples=7)


def opened():
    """A device that keeps no samples, so that checkpoints and stops fall between any two."""
    return Device.open("golden", config=CORES["tiny"])


def outcome(model):
    """Weights, noise state, and every epoch without its clocks."""
    epochs = [
        {k: v for k, v in e.as_dict().items() if k not in ("seconds", "samples_per_second")}
        for e in model.progress.epochs
    ]
    return [w.tolist() for w in model.weights], model.device.noise_state, epochs


@pytest.fixture(scope="module")
def whole():
    """What a training comes to that nothing ends."""
    with opened() as device:
        model = Model(NETWORK, device)
        model.fit(TRAIN, TEST, epochs=2)
        return outcome(model)


class Broken(Watcher):
    """Raises at one of the times it is told of `kind`."""

    def __init__(self, kind, when):
        self.kind, self.left, self.message = kind, when, RuntimeError("a fault of the user's")

    def _told(self, kind):
        self.left -= kind == self.kind
        if kind == self.kind and self.left == 0:
            raise self.message

    def begin(self, task, total, network):
        self._told("begin")

    def sample(self, tally):
        self._told("sample")

    def epoch(self, epoch):
        self._told("epoch")


TIMES = [("begin", n) for n in range(1, 7)] + [("epoch", 1), ("epoch", 2)]
TIMES += [("sample", n) for n in (1, 5, 16, 30, 31, 37, 46, 47, 75)]


@pytest.mark.parametrize(("kind", "when"), TIMES)
def test_a_callback_that_raises(kind, when, whole, tmp_path):
    """Its exception comes out as it is, nothing that was learned is lost, also in the run folder."""
    with opened() as device:
        model, broken = Model(NETWORK, device), Broken(kind, when)
        with pytest.raises(RuntimeError) as caught:
            model.fit(TRAIN, TEST, epochs=2, run=tmp_path / "run", callbacks=[broken])
        assert caught.value is broken.message
        kept = Checkpoint.load(RunFolder(tmp_path / "run").checkpoint)
        assert kept.progress.samples == model.progress.samples
        assert [w.tolist() for w in kept.weights] == [w.tolist() for w in model.weights]
        model.resume(TRAIN, TEST, run=tmp_path / "run")
        assert outcome(model) == whole


def test_the_disk_is_full_when_a_callback_raises(whole, tmp_path, monkeypatch):
    """The callback's exception goes first; the model still goes on."""

    def full(self, checkpoint):
        if checkpoint.progress.samples:
            raise OSError("no space left")

    with opened() as device:
        model = Model(NETWORK, device)
        monkeypatch.setattr(Recorder, "keep", full)
        with pytest.raises(RuntimeError, match="user's") as caught:
            broken = Broken("sample", 9)
            model.fit(TRAIN, TEST, epochs=2, run=tmp_path / "a", callbacks=[broken])
        assert "no space left" in caught.value.__notes__[0]
        monkeypatch.undo()
        model.resume(TRAIN, TEST)
        assert outcome(model) == whole


def interrupt_after(lines):
    """A trace function that raises KeyboardInterrupt at a line of ours, as a second Ctrl-C may."""
    places = tuple(str(ROOT / folder) for folder in ("sw", "golden"))

    def trace(frame, event, argument):
        nonlocal lines
        if not frame.f_code.co_filename.startswith(places):
            return None
        lines -= 1
        if lines == 0:
            raise KeyboardInterrupt
        return trace

    return trace


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("seed", range(6))
def test_a_second_ctrl_c_at_any_line(seed, whole):
    rng = random.Random(seed)
    with opened() as device:
        model, before = Model(NETWORK, device), sys.gettrace()
        for _ in range(12):
            sys.settrace(interrupt_after(rng.randrange(1, 100_000)))
            try:
                if model.plan is None:
                    model.fit(TRAIN, TEST, epochs=2, checkpoint_every=OFTEN)
                else:
                    model.resume(TRAIN, TEST, checkpoint_every=OFTEN)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(before)
        if not model.complete:
            model.resume(TRAIN, TEST)
        assert outcome(model) == whole


def test_what_is_looked_at_after_an_interrupt_is_the_last_checkpoint(tmp_path):
    with opened() as device:
        model = Model(NETWORK, device)

        class Impatient(Watcher):
            def sample(self, tally):
                if tally.samples == 10:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            model.fit(TRAIN, epochs=1, checkpoint_every=OFTEN, callbacks=[Impatient()])
        model.save(tmp_path / "m")
        kept = Checkpoint.load(tmp_path / "m")
        assert kept.progress.samples == 7
        again = Model(NETWORK, device)
        again.fit(TRAIN, epochs=1, stop=Reached(7))
        assert [w.tolist() for w in kept.weights] == [w.tolist() for w in again.weights]


class Reached(StopRequest):
    """Asks to stop when so many samples were fed."""

    def __init__(self, samples):
        super().__init__()
        self.samples = samples

    def until(self, items):
        for count, item in enumerate(items):
            if count == self.samples:
                self.asked = True
                return
            yield item


def test_a_link_that_falls_silent_for_a_while(whole, monkeypatch):
    read, silent = GoldenTransport.read, []

    def reading(self, timeout):
        return b"" if silent else read(self, timeout)

    class Unplug(Watcher):
        def sample(self, tally):
            if tally.samples == 9 and not silent:
                silent.append(True)

    monkeypatch.setattr(GoldenTransport, "read", reading)
    monkeypatch.setattr(GoldenTransport, "patience", 0.001)
    with opened() as device:
        model = Model(NETWORK, device)
        with pytest.raises(LinkError, match="does not answer"):
            model.fit(
                TRAIN, TEST, epochs=2, checkpoint_every=Every(samples=4), callbacks=[Unplug()]
            )
        with pytest.raises(LinkError, match="does not answer"):
            model.resume(TRAIN, TEST)
        silent.clear()
        model.resume(TRAIN, TEST)
        assert outcome(model) == whole


def test_an_interrupt_of_a_device_with_a_twin(whole):
    with Shadowed.beside("golden", CORES["tiny"], every=10) as device:
        model = Model(NETWORK, device)
        for lines in (15_000, 40_000):
            sys.settrace(interrupt_after(lines))
            try:
                with pytest.raises(KeyboardInterrupt):
                    if model.plan is None:
                        model.fit(TRAIN, TEST, epochs=2, checkpoint_every=OFTEN)
                    else:
                        model.resume(TRAIN, TEST, checkpoint_every=OFTEN)
            finally:
                sys.settrace(None)
        model.resume(TRAIN, TEST)
        assert outcome(model) == whole


SIGNALLED = """
import os, signal, sys
from sw import driver
from sw.cli.progress import TerminalWatcher
number, seen = int(sys.argv[1]), []
def sample(self, tally):
    seen.append(tally.samples)
    if tally.samples == 11 and seen.count(11) == 2:  # in epoch 2: the tests have 8 samples
        os.kill(os.getpid(), number)
TerminalWatcher.sample = sample
if sys.argv[2] == "ignored":
    signal.signal(number, signal.SIG_IGN)
sys.exit(driver.main(sys.argv[3:]))
"""
QUICK = ["train", "--target", "golden", "--preset", "smoke", "--train", "30", "--test", "8"]
QUICK += ["--epochs", "2", "--store-bytes", "0", "--checkpoint-every", "never"]


def signalled(number, out, how="default"):
    """A training in a process that sends itself a signal in mid-epoch."""
    command = [sys.executable, "-c", SIGNALLED, str(int(number)), how, *QUICK, "--out", str(out)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_a_process_keep_what_was_learned(number, tmp_path):
    done = signalled(number, tmp_path / "a")
    assert done.returncode == -number  # as the sender expects
    kept = Checkpoint.load(RunFolder(tmp_path / "a").checkpoint)
    assert len(kept.progress.epochs) == 1
    assert 11 <= kept.progress.tally.samples < 30
    assert f"weights after {kept.progress.samples} samples are in" in done.stdout
    resume = ["train", "--resume", str(tmp_path / "a"), "--target", "golden"]
    assert driver.main(resume) == 0
    assert driver.main([*QUICK, "--out", str(tmp_path / "b")]) == 0
    one, two = (Checkpoint.load(RunFolder(tmp_path / name).checkpoint) for name in "ab")
    assert [w.tolist() for w in one.weights] == [w.tolist() for w in two.weights]
    assert one.noise_state == two.noise_state


def test_a_terminal_that_is_closed_keeps_what_was_learned(tmp_path):
    """SIGHUP comes, and nothing can be written to the terminal any more."""
    ours, theirs = os.openpty()

    def lead():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    out = tmp_path / "a"
    command = [sys.executable, "-m", "sw.driver", *QUICK, "--epochs", "500", "--out", str(out)]
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(command, cwd=ROOT, preexec_fn=lead, **streams)
    os.close(theirs)
    limit = time.monotonic() + 60
    while not RunFolder(out).epoch_lines() and time.monotonic() < limit:
        if select.select([ours], [], [], 0.05)[0]:
            os.read(ours, 65536)
    os.close(ours)
    assert process.wait(timeout=60) == -signal.SIGHUP
    kept = Checkpoint.load(RunFolder(out).checkpoint)
    assert kept.progress.samples >= 30
    assert json.loads((out / "log.jsonl").read_text().splitlines()[-1])["what"] == "end"
    assert (
        json.loads((out / "metrics.json").read_text())["samples_learned"] == kept.progress.samples
    )


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    """`nohup` ignores SIGHUP so that the run outlives its terminal."""
    assert signalled(signal.SIGHUP, tmp_path, "ignored").returncode == 0
    assert len(Checkpoint.load(RunFolder(tmp_path).checkpoint).progress.epochs) == 2


def test_the_handlers_of_the_caller_come_back_and_are_called():
    told = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    mine = signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert (stop.asked, told) == (True, [])
        assert told == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, mine)
    assert {number: signal.getsignal(number) for number in before} == before
