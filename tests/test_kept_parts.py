"""Parts that a board keeps in the memory beside its FPGA: the same bits, and weights stay off the link."""

import random
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bench.parts import vgg
from golden.spec.config import PRESETS
from golden.spec.cutting import cut
from golden.spec.frames import WRITE_PAYLOAD, Command
from golden.spec.network import Network
from golden.spec.registers import KEY_WORDS, SPACE_SHIFT, Space, store_memory
from golden.spec.sdram import SdramConfig, beside
from golden.spec.shape import VGG9
from sim.faults import Faults
from sw.device import Channel, Device, DeviceError, Restarted
from sw.link import SimulatedTransport
from sw.model import Model
from sw.parts import Parted, holding
from sw.parts.image import Image
from sw.parts.keeping import Allocator
from sw.run import Every, RunFolder
from tests.test_parted import (
    CONFIG,
    DATA,
    MAPPED,
    NETWORK,
    ROOT,
    Heard,
    check,
    learned,
    linked,
    modelled,
    outcome,
    same,
)
from tests.test_restarts import Shaky, restart_simulated
from tests.test_store_outlives import SMOKE, Board

__all__ = ["modelled"]  # a fixture
MEMORY = SdramConfig()
KEPT = beside(CONFIG, MEMORY)
ALL = "the core holds one at a time; the board's memory keeps all"


def kept(**how):
    """A device in parts, whose board keeps them."""
    return linked(KEPT, memory=MEMORY, **how)


def ran(device):
    """Commands that run on its board from now on: code, payload."""
    device.channel.transport.board.device.executed = executed = []
    return executed


def crossed(executed, code, space):
    """Words of READs or WRITEs of a space."""
    found = 0
    for each, data in executed:
        if each == code and int.from_bytes(data[:4], "little") >> SPACE_SHIFT == space:
            written = len(data) - WRITE_PAYLOAD.size
            found += int.from_bytes(data[4:], "little") if code == Command.READ else written // 2
    return found


@pytest.mark.parametrize("block", [1, 5, 100])
def test_over_a_link_they_leave_the_same_bits(block, modelled):
    with kept() as device:
        check(learned(device, NETWORK, block), modelled)
        assert str(device).endswith(ALL)


def test_weights_cross_the_link_once_and_when_they_are_asked_for():
    with kept() as device:
        device.load(NETWORK)
        executed, device.block = ran(device), 2
        list(device.run(list(DATA), learn=True))
        sent = crossed(executed, Command.WRITE, Space.STORE)
        list(device.run(list(DATA), learn=True))
        list(device.run(list(DATA), learn=False))
        device.set_rates(0.3)
        images = [run.kept.image for run in device._linked]
        assert sent == sum(image.words for image in images)
        assert crossed(executed, Command.WRITE, Space.STORE) == sent
        assert not crossed(executed, Command.READ, Space.STORE)
        first = device.read_weights()
        asked = crossed(executed, Command.READ, Space.STORE)
        assert asked == sum(piece.words for image in images for piece in image.learned)
        assert same(first, device.read_weights())
        list(device.run(list(DATA)[:1], learn=False))
        assert crossed(executed, Command.READ, Space.STORE) == asked, "they are known here"
        tables = sum(image.table.words for image in images)
        assert crossed(executed, Command.WRITE, Space.STORE) == sent + tables, "the rates"
        for space in (Space.WEIGHTS, Space.LAYERS):
            assert not crossed(executed, Command.WRITE, space) + crossed(
                executed, Command.READ, space
            )


def test_on_the_simulated_board_they_leave_the_same_bits(modelled):
    with Device.open("sim", config=CONFIG, memory=MEMORY) as device:
        parted = holding(device, NETWORK)
        check(learned(parted, NETWORK, 6), modelled)
        assert str(parted).endswith(ALL)


def test_classifiers_that_learn_are_kept_too():
    """Channels in tiles, pooled, a flat layer behind a map; on the simulated board as on the model."""
    settings = {"eta": 0.01, "eta_out": 0.05, "theta": 0.1, "seed": 7, "classifiers": "learned"}
    settings |= {"score": "all", "guess": "even", "eta_classifier": 0.2, "tau": 0.1}
    network = Network.of_stages((1, 6, 6), ("9c3p", "6c3", "7"), 4, **settings)
    config = replace(MAPPED, weight_words=90, neuron_groups=100, trace_entries=250)
    rng, ends = np.random.default_rng(7), []
    data = [sample._replace(frames=rng.random((4, 36)) < 0.3) for sample in list(DATA)[:4]]
    for target, memory in (("golden", None), ("sim", MEMORY)):
        with Device.open(target, config=config, memory=memory) as device:
            parted = holding(device, network)
            ends.append(learned(parted, network, 3, data))
    assert any(values.any() for values in ends[0][3].classifiers.values())
    check(*ends)
    assert str(parted).endswith(ALL)


def test_what_finds_no_room_crosses_the_link(modelled, monkeypatch):
    class Small(Allocator):
        def __init__(self, config):
            super().__init__(config)
            self._end = 2000

    monkeypatch.setattr("sw.parts.parted.Allocator", Small)
    with kept() as device:
        check(learned(device, NETWORK, 5), modelled)
        count = sum(run.kept.on_board for run in device._linked)
        assert 0 < count < 6 and str(device).endswith(f"the board's memory keeps {count}")


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_changes_nothing(seed, modelled):
    """Frames lost, cut, doubled and changed, both ways, while parts are sent, copied and read."""
    print("seed", seed)
    faults = Faults(flip=0.01, drop=0.01, cut=0.01, twice=0.01, junk=0.01)
    with kept(faults=faults) as device:
        device.channel.transport.rng = random.Random(seed)
        check(learned(device, NETWORK, 1), modelled)
        assert device.statistics.recovered
    assert faults.done > 20


def test_a_board_that_is_restarted_goes_on_from_its_checkpoint():
    ends = []
    for when in ((), (900,), (400, 1500)):
        with kept(when=when) as device:
            model = Model(NETWORK, device)
            model.device.block = 4
            seen = Heard()
            model.fit(DATA, epochs=2, checkpoint_every=Every(samples=5), callbacks=[seen])
            assert len(seen.odd_things) == len(when)
            ends.append((model.weights, model.device.noise_states))
    assert all(same(end[0], ends[0][0]) and end[1] == ends[0][1] for end in ends[1:])


def test_a_simulated_board_that_is_restarted_goes_on_from_its_checkpoint():
    """Chip and core forget all; what was learned by then is sent again."""
    ends = []
    for when in ((), (500,)):
        shaky = Shaky(SimulatedTransport(KEPT, memory=MEMORY), restart_simulated, set(when))
        shaky.patience = SimulatedTransport.patience
        with Parted.over(Device(Channel(shaky))) as device:
            model, seen = Model(NETWORK, device), Heard()
            model.device.block = 3
            every = Every(samples=3)
            model.fit(list(DATA)[:8], epochs=1, checkpoint_every=every, callbacks=[seen])
            assert len(seen.odd_things) == len(when) and (not when or shaky.reads > 1000)
            ends.append((model.weights, model.device.noise_states))
    assert same(ends[0][0], ends[1][0]) and ends[0][1] == ends[1][1]


def test_what_a_board_alone_had_is_lost_with_it():
    """Weights that are known here are sent again, others are not made up."""
    with kept() as device:
        transport = device.channel.transport
        model = Model(NETWORK, device)
        scores = model.scores(list(DATA))

        def restart():
            transport.restart(transport.board)
            with pytest.raises(Restarted):
                list(device.run([DATA[0]], learn=False))
            device.restart()

        restart()
        assert np.array_equal(model.scores(list(DATA)), scores)
        list(device.run([DATA[0]], learn=True))
        restart()
        for use in (device.read_weights, lambda: list(device.run([DATA[0]], learn=False))):
            with pytest.raises(DeviceError, match="memory of a board that was given up; load the"):
                use()
        device.load(NETWORK)
        assert np.array_equal(model.scores(list(DATA)), scores)


def test_samples_that_were_kept_there_are_not_taken_for_whole():
    small = Network(sizes=(64, 8, 4))
    with kept() as device:
        other = Device(device.channel, KEPT)
        other.load(small)
        assert other.store_samples(DATA) == len(DATA)
        assert other.read(Space.STORE_KEY, 0, KEY_WORDS).any()
        device.load(NETWORK)
        list(device.run(list(DATA), learn=True))
        assert not other.read(Space.STORE_KEY, 0, KEY_WORDS).any()
        other.load(small)
        other.store_samples(DATA)
        assert not other.sample_store.found


def test_all_parts_of_vgg9_find_room():
    core = beside(PRESETS[vgg.BOARD_CORE], MEMORY)
    network = Network.of_stages((2, 32, 32), VGG9, 11, **vgg.BOARD)
    parts, allocator = cut(network, core), Allocator(core)
    images = [Image(part, part.table(network, core), 11, core) for part in parts]
    assert len(images) == 163 and None not in [allocator.take(image.words) for image in images]
    assert allocator.take(store_memory(core).depth) is None


TRAIN = ["train", "--preset", "smoke", "--hidden", "18,40", "--train", "20", "--test", "6"]
TRAIN += ["--epochs", "3", "--checkpoint-every", "5"]


def test_kill_9_and_resume_on_a_board_that_stays(tmp_path):
    board = Board()
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "sw.driver"]
    host = subprocess.Popen(
        [*command, *TRAIN, "--target", f"serial:{board.port}", "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )

    def look():  # in mid-block, between a copy and the next
        copies = sum(code == Command.COPY for code, _ in board.seen)
        if copies == 60 and RunFolder(out).checkpoint.exists() and host.poll() is None:
            host.send_signal(signal.SIGKILL)

    board.look = look
    assert host.wait(100) == -signal.SIGKILL
    board.look = lambda: None
    again = [*command, "train", "--resume", str(out), "--target", f"serial:{board.port}"]
    subprocess.run(again, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    model = [*command, *TRAIN, "--target", "golden", "--sdram", "--out", str(tmp_path / "g")]
    said = subprocess.run(model, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "parts" in said and SMOKE.store_off_chip
    assert outcome(out) == outcome(tmp_path / "g")
