"""Shadow mode and resume on the simulated board: the RTL beside the model."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.network import Network
from golden.spec.registers import Space
from hw.core.fire.fire import Fire
from hw.simulate.compiling import compile_board
from hw.simulate.design import convert
from sw.cli.progress import TerminalWatcher
from sw.data import load
from sw.device import Channel
from sw.device.blocks import Blocks
from sw.driver import main
from sw.link import SimulatedTransport
from sw.model import Model
from sw.run import Checkpoint, RunFolder, Watcher
from sw.shadow import Differs, Shadowed

TINY = PRESETS["tiny"]
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
ROOT = Path(__file__).parent.parent
KILLED = """
import os, signal, sys
from sw import driver
from sw.cli.progress import TerminalWatcher
def sample(self, tally):
    if tally.samples == 37:  # of epoch 1, between two checkpoints
        os.kill(os.getpid(), signal.SIGKILL)
TerminalWatcher.sample = sample
driver.main(sys.argv[1:])
"""


class StuckLane(wiring.Component):
    """Fire with the spike wire of lane 1 stuck at zero: a fault of the hardware itself."""

    FIRED, PSI, LEAKED = Fire.FIRED, Fire.PSI, Fire.LEAKED

    def __init__(self, config: CoreConfig) -> None:
        self.real = Fire(config)
        super().__init__(self.real.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.real = self.real
        for name, member in self.signature.members.items():
            mine, real = getattr(self, name), getattr(self.real, name)
            if member.flow is In:
                m.d.comb += real.eq(mine)
            else:
                m.d.comb += mine.eq(real & ~(1 << 1) if name == "spikes" else real)
        return m


class WritesAWeight(Watcher):
    """Writes a weight of the board, and not of its shadow, after sample 12."""

    def __init__(self, device: Shadowed) -> None:
        self.device = device

    def sample(self, tally) -> None:
        if tally.samples == 12:
            at = 7 * 4 + 2  # row 7, lane 2 of the first group
            wrong = self.device.twin.read(Space.WEIGHTS, at, 1) ^ 0x40
            Blocks.write(self.device, Space.WEIGHTS, at, wrong)


def test_a_fault_of_the_hardware_is_named_and_dumped(tmp_path: Path, monkeypatch) -> None:
    """The design is compiled with a stuck wire; the waveform shows it where the report says."""
    monkeypatch.setattr("hw.core.fire.firing.Fire", StuckLane)
    library = compile_board(convert(TINY), trace=True, notify=print)
    transport = SimulatedTransport(TINY, library=library)
    with Shadowed(Channel(transport), TINY, folder=tmp_path) as board:
        model = Model(NETWORK, board)
        with pytest.raises(Differs) as failure:
            model.fit(load("synthetic", limit=40, steps=5), epochs=1)
    named = r"spike of layer 0, neuron (\d+), step (\d): 0, not 1"
    neuron, step = map(int, re.search(named, str(failure.value)).groups())
    assert neuron % TINY.lanes == 1
    report = (tmp_path / "report.txt").read_text()
    start, stop = map(int, re.search(rf"step {step} from time (\d+) to (\d+)", report).groups())
    times = [int(x[1:]) for x in (tmp_path / "sample.vcd").read_text().splitlines() if x[:1] == "#"]
    assert times[0] <= start < stop <= times[-1]
    assert sum(start <= time < stop for time in times) > 50
    assert np.load(tmp_path / "sample.npz")["frames"].shape == (5, 64)
    assert stuck_in(tmp_path / "sample.vcd", start, stop)


def stuck_in(path: Path, start: int, stop: int) -> bool:
    """Whether the real Fire spikes on lane 1 between two times, and the wire behind it never does."""
    scopes: list[str] = []
    widths: dict[str, str] = {}
    inside, outside, now = [], [], 0
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"] and words[4] == "spikes" and "fire" in scopes:
            widths.setdefault(words[3], "inside" if "real" in scopes else "outside")
        elif line[:1] == "#":
            now = int(line[1:])
        elif line[:1] == "b" and words[1] in widths and start <= now < stop:
            (inside if widths[words[1]] == "inside" else outside).append(int(words[0][1:], 2))
    assert inside
    return any(value & 2 for value in inside) and not any(value & 2 for value in outside)


def test_a_write_in_mid_run_is_found(tmp_path: Path) -> None:
    with Shadowed.beside("sim", TINY, every=10, folder=tmp_path) as board:
        model = Model(NETWORK, board)
        with pytest.raises(Differs, match="does not come again") as failure:
            model.fit(
                load("synthetic", limit=40, steps=5), epochs=1, callbacks=[WritesAWeight(board)]
            )
        assert "layer 0, neuron 2, row 7" in str(failure.value)
    assert (tmp_path / "sample.vcd").stat().st_size > 10_000


def test_a_run_goes_from_the_board_to_the_model_and_back(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    """Killed in mid-epoch on the board, stopped in mid-epoch on the model, ended on the board."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train = "train --preset smoke --train 60 --test 12 --epochs 3 --checkpoint-every 10"
    assert main([*train.split(), "--target", "golden", "--out", str(whole)]) == 0
    begin = [*train.split(), "--target", "sim", "--out", str(parts)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *begin], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Checkpoint.load(RunFolder(parts).checkpoint).progress.tally.samples == 30
    stopped = []

    def stop(self, tally) -> None:
        if tally.samples == 43 and not stopped:
            stopped.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(TerminalWatcher, "sample", stop)
    arguments = ["train", "--resume", str(parts), "--verify-golden", "--target"]
    assert main([*arguments, "golden"]) == 130
    assert 43 <= Checkpoint.load(RunFolder(parts).checkpoint).progress.tally.samples < 60
    assert main([*arguments, "sim"]) == 0
    assert capsys.readouterr().out.count("bit for bit") == 2
    ends = [Checkpoint.load(RunFolder(path).checkpoint) for path in (whole, parts)]
    assert ends[0].noise_state == ends[1].noise_state
    for one, two in zip(ends[0].weights, ends[1].weights, strict=True):
        assert np.array_equal(one, two)
    for one, two in zip(*(end.progress.epochs for end in ends), strict=True):
        assert one.test_accuracy == two.test_accuracy
        assert one.firing_rates == two.firing_rates
        assert all(one.counters[name] == two.counters[name] for name in ("synops", "updates"))
