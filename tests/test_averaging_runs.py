"""Runs of several boards: processes, stops, ports, and what is refused."""

import json
import sys

import pytest

from golden.averaging import Averaging
from sw import Boards, Device, Model, driver
from sw.averaging import part
from sw.device import DeviceError
from sw.link import GoldenTransport, LinkError
from sw.run import Checkpoint, Every, Plan, RunFolder, Watcher
from sw.run.folder import WEIGHTS
from tests.averaging import (
    CORE,
    NETWORK,
    QUICK,
    TEST,
    TRAIN,
    boards,
    kept,
    outcome,
)

# Runs


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing stopped, in one process."""
    out = tmp_path_factory.mktemp("whole") / "a"
    words = ["--boards", "3", "--average-every", "7", "--workers", "1", "--verify-golden"]
    assert driver.main([*QUICK, *words, "--out", str(out)]) == 0
    return out


def test_processes_learn_the_same_and_it_goes_on_in_one(whole, tmp_path, capsys):
    words = ["--boards", "3", "--average-every", "7", "--workers", "2", "--until", "2"]
    assert driver.main([*QUICK, *words, "--out", str(tmp_path / "b")]) == 0
    assert "3 boards, averaged every 7 samples" in capsys.readouterr().out
    again = ["train", "--resume", str(tmp_path / "b"), "--target", "golden", "--workers", "1"]
    assert driver.main(again) == 0
    assert kept(tmp_path / "b") == kept(whole)


@pytest.mark.parametrize("after", [1, 21, 50, 100, 150])
def test_a_stop_falls_between_rounds_and_loses_nothing(after, whole, tmp_path):
    class Stop(Watcher):
        def sample(self, tally):
            model.stopping.asked |= model.progress.samples >= after

    from sw import StopRequest

    with boards(3, 7) as device:
        model = Model(NETWORK, device)
        model.stopping = StopRequest()
        model.fit(
            TRAIN, TEST, epochs=4, run=tmp_path / "c", callbacks=[Stop()], stop=model.stopping,
            checkpoint_every=Every(samples=10),
        )  # fmt: skip
        learned = model.progress.samples
        assert learned % 100 % 21 == 0 and after <= learned < after + 21
    with boards(3, 7, workers=1) as device:
        model = Model.load(tmp_path / "c", device)
        model.resume(TRAIN, TEST)
        assert (*outcome(model)[:2],) == kept(whole)


def test_the_file_has_all_of_it(whole):
    end = Checkpoint.load(whole / WEIGHTS)
    assert end.averaging == Averaging(3, 7) and len(set(end.noise_states)) == 3
    with Device.open("golden", config=CORE) as one:
        model = Model.load(whole, one)
        assert model.evaluate(TEST).accuracy == end.progress.test_accuracy
        model.plan = Plan(epochs=9)
        with pytest.raises(ValueError, match=r"begun with 3 boards.*this is one board"):
            model.resume(TRAIN)
    with boards(2, 7) as two, pytest.raises(DeviceError, match="3 noise states"):
        Model.load(whole, two)


def test_verification_finds_a_weight_that_is_off(tmp_path, capsys, monkeypatch):
    true = part.from_tensors

    def off(tensors):
        weights = true(tensors)
        weights[0][3, 4] ^= 1
        return weights

    real = Boards.as_model

    def as_model(self):
        monkeypatch.setattr(part, "from_tensors", true)
        return real(self)

    monkeypatch.setattr(part, "from_tensors", off)
    monkeypatch.setattr(Boards, "as_model", as_model)
    words = ["--boards", "2", "--workers", "1", "--epochs", "1", "--verify-golden"]
    assert driver.main([*QUICK, *words, "--out", str(tmp_path / "d")]) == 1
    assert "DIFFERENT" in capsys.readouterr().out


def test_counters_and_bytes_are_those_of_all_boards(whole):
    epochs = RunFolder(whole).epochs()
    assert all(epoch.counters["samples"] == 100 for epoch in epochs if "samples" in epoch.counters)
    assert all(epoch.counters["updates"] > 0 for epoch in epochs)
    link = json.loads((whole / "metrics.json").read_text())["link"]
    weights = sum(w.size for w in RunFolder(whole).weights())
    rounds = 4 * 5 * 3  # parts that learn: 4 epochs of 5 rounds of 3 boards
    assert link["bytes_sent"] > rounds * 2 * weights < link["bytes_received"]


# What is refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--average-every", "3"], "give --boards N"),
        (["--boards", "0"], "boards is 0"),
        (["--boards", "2", "--average-every", "0"], "1 or more"),
        (["--boards", "2", "--shadow", "golden"], "--verify-golden"),
        (["--workers", "2"], "give --boards N"),
        (["--boards", "2", "--workers", "0"], "1 or more"),
        (["--cluster", "tcp://127.0.0.1:9"], "give --boards N"),
        (["--boards", "2", "--cluster", "tcp://127.0.0.1:9"], "no Dask scheduler answers"),
        (["--target", "golden,sim"], "several are serial ports"),
        (["--target", "serial:/dev/x,serial:/dev/x"], "twice"),
    ],
)
def test_wrong_options_are_told_before_anything_is_written(
    words, said, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert driver.main([*QUICK, *words]) == 2
    assert said in capsys.readouterr().err
    assert not [*tmp_path.glob("runs/*")]


def test_a_resumed_run_keeps_its_boards(whole, capsys):
    for words, said in (
        (["--boards", "2"], "keeps its settings"),
        (["--average-every", "2"], "keeps its settings"),
        (["--shadow", "golden"], "compares one board"),
    ):
        assert driver.main(["train", "--resume", str(whole), *words]) == 2
        assert said in capsys.readouterr().err


def test_a_file_of_options_has_them(capsys):
    assert driver.main([*QUICK, "--boards", "3", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "boards = 3\naverage_every = 100\n" in said


def test_a_study_takes_boards_as_a_setting(tmp_path, capsys):
    words = ["sweep", "--grid", "boards=1,2", *QUICK[1:3], *QUICK[5:], "--workers", "1"]
    assert driver.main([*words, "--epochs", "1", "--out", str(tmp_path / "s")]) == 0
    names = [path.name for path in sorted((tmp_path / "s").iterdir()) if path.is_dir()]
    assert names == ["001-boards=1-seed=1", "002-boards=2-seed=1"]
    assert Checkpoint.load(tmp_path / "s" / names[1] / WEIGHTS).averaging == Averaging(2, 100)


def test_without_dask_one_process_is_enough(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert driver.main([*QUICK, "--boards", "2", "--workers", "2"]) == 2
    assert "pip install 'tess-fpga[cluster]', or take --workers 1" in capsys.readouterr().err
    words = ["--boards", "2", "--workers", "1", "--epochs", "1"]
    assert driver.main([*QUICK, *words, "--out", str(tmp_path / "e")]) == 0


def test_boards_have_no_step_in_common():
    with boards(2, 5) as device:
        device.load(NETWORK)
        with pytest.raises(DeviceError, match="no step in common"):
            device.step_through(TRAIN[0])


# Ports


class Port(GoldenTransport):
    """A board at a port: one program at a time has it, and those in `dead` do not answer."""

    taken, dead = set(), set()

    def __init__(self, port):
        super().__init__(CORE)
        if port in self.taken:
            raise LinkError(f"{port}: in use by another program")
        self.taken.add(port)
        self.port, self.name = port, f"board at {port}"

    def read(self, timeout):
        return b"" if self.port in self.dead else super().read(timeout)

    def close(self):
        self.taken.discard(self.port)


@pytest.fixture
def ports(monkeypatch):
    """Serial ports with a board at each."""
    made = lambda port, baud: Port(port)  # noqa: E731
    monkeypatch.setattr("sw.link.targets.SerialTransport", made)
    monkeypatch.setattr(Port, "patience", 0.001)
    yield Port
    Port.taken.clear()
    Port.dead.clear()


def test_a_process_takes_the_first_port_that_nobody_has_and_that_answers(ports):
    ports.taken.add("/dev/a")
    ports.dead.add("/dev/b")
    names = [f"serial:/dev/{name}" for name in "abc"]
    with Boards(names, every=10) as device:
        assert device.averaging == Averaging(3, 10) and device.config == CORE
        assert device.channel.transport.name == "3 x board at /dev/c"
        Model(NETWORK, device).fit(TRAIN, epochs=1)
    assert ports.taken == {"/dev/a"}, "all are let go of"
    ports.taken.add("/dev/c")
    with pytest.raises(
        LinkError, match=r"no board is free: /dev/a: in use.*/dev/b does not answer"
    ):
        Boards(names)


def test_a_port_that_a_crashed_run_left_open_is_free_for_the_next(ports):
    left = Boards(["serial:/dev/a"], boards=2, baud=9600)
    Model(NETWORK, left).fit(TRAIN, epochs=1)
    with Boards(["serial:/dev/a"], boards=2) as device:
        Model(NETWORK, device).fit(TRAIN, epochs=1)


def test_a_board_that_dies_ends_the_run_after_the_last_round_and_another_goes_on(
    ports, tmp_path, capsys, whole
):
    class Dies(Watcher):
        def sample(self, tally):
            if tally.samples == 42:
                ports.dead.add("/dev/a")

    with Boards(["serial:/dev/a"], boards=3, every=7) as device:
        model = Model(NETWORK, device)
        with pytest.raises(LinkError, match="does not answer"):
            model.fit(TRAIN, TEST, epochs=4, run=tmp_path / "f", callbacks=[Dies()])
    with Boards(["serial:/dev/b"], boards=3, every=7) as device:
        model = Model.load(tmp_path / "f", device)
        assert model.progress.samples == 42
        model.resume(TRAIN, TEST)
        assert outcome(model)[:2] == kept(whole)
        assert sum(model.progress.epochs[0].counters.values()) > 0
