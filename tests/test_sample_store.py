"""Samples on the board: what is played from there learns as what is sent."""

import random
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from golden.device import GoldenDevice
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.frames import PLAY_ENTRY, Command, Frame, FrameReader, Status
from golden.spec.network import Network
from golden.spec.registers import (
    RESULT_SLOTS,
    Space,
    brief_words,
    memories,
    play_entries,
    play_words,
    result_words,
    store_memory,
)
from golden.spec.samples import SampleStatus, keep
from sim.faults import Faults
from sw.data import load
from sw.device import Channel, Device, Refused
from sw.link import GoldenTransport
from sw.model import Model
from sw.run import Watcher
from sw.shadow import Shadowed

TINY = PRESETS["tiny"]
LARGE = replace(TINY, store_bytes=1 << 14)
NONE = replace(TINY, store_bytes=0)
NETWORK = Network(sizes=(64, 12, 6, 4), eta=0.02, eta_out=0.02, alpha_post=-0.5, weight_fraction=7)


class Line(GoldenTransport):
    """The integer model, and what was sent to it; on a bad line if there are faults."""

    def __init__(self, config: CoreConfig, faults: Faults | None = None) -> None:
        super().__init__(config)
        self.faults, self.rng = faults or Faults(), random.Random(3)
        self.device.executed = []

    def write(self, data: bytes) -> None:
        super().write(self.faults.apply(data, self.rng))

    def read(self, timeout: float) -> bytes:
        return self.faults.apply(super().read(timeout), self.rng)

    def count(self, command: Command) -> int:
        """Times a command ran."""
        return [code for code, _ in self.device.executed or []].count(command)


def opened(config, faults=None):
    device = Device(Channel(Line(config, faults)), config)
    device.load(NETWORK)
    return device


def same(one, two):
    return all(np.array_equal(*pair) for pair in zip(one, two, strict=True))


@pytest.fixture
def data():
    return load("synthetic", limit=40)


def brief(result):
    return result.prediction, result.spikes, result.status


@pytest.mark.parametrize("config", [TINY, LARGE])
def test_played_samples_learn_as_those_sent(config, data):
    orders = [data.order(epoch, 1).tolist() for epoch in range(3)]
    with opened(config) as board, opened(NONE) as other:
        kept = board.store_samples(data)
        assert kept == (len(data) if config is LARGE else 10) and other.store_samples(data) == 0
        assert str(board.sample_store) == f"{kept} of 40 samples on the board"
        for order, learn in zip(orders, (True, False, True), strict=True):
            one, two = (
                list(d.run((d.sample_store.find(data, i) for i in order), learn=learn))
                for d in (board, other)
            )
            assert [*map(brief, one)] == [*map(brief, two)]
        assert same(board.read_weights(), other.read_weights())
        assert board.noise_state == other.noise_state
        line = board.channel.transport
        assert line.count(Command.SAMPLE) == 3 * (len(data) - kept)
        assert 3 * kept / play_entries(config) <= line.count(Command.PLAY) <= 3 * kept
        assert other.channel.transport.count(Command.PLAY) == 0


def test_one_sample_comes_with_its_scores(data):
    with opened(TINY) as board, opened(NONE) as other:
        board.store_samples(data)
        one = next(board.run([board.sample_store.find(data, 0)], learn=True))
        two = next(other.run([data[0]], learn=True))
        assert one == two and one.scores


def test_a_bad_line_costs_time_and_nothing_else(data):
    faults = Faults(flip=0.08, drop=0.05, cut=0.05, twice=0.05, junk=0.05)
    with opened(LARGE, faults) as bad, opened(LARGE) as good:
        for device in (bad, good):
            assert device.store_samples(data) == len(data)
        size = store_memory(LARGE).size
        assert np.array_equal(bad.read(Space.STORE, 0, size), good.read(Space.STORE, 0, size))
        for epoch in range(4):
            runs = [
                list(d.run((d.sample_store.find(data, i) for i in data.order(epoch)), learn=True))
                for d in (bad, good)
            ]
            assert [*map(brief, runs[0])] == [*map(brief, runs[1])]
        assert same(bad.read_weights(), good.read_weights())
        assert bad.channel.statistics.recovered > 0 and bad.channel.statistics.resent > 0


def test_another_network_or_device_is_sent_the_frames(data):
    with opened(TINY) as board, opened(TINY) as other:
        board.store_samples(data)
        sample = board.sample_store.find(data, 3)
        assert board.sample_store.holds(sample) and not other.sample_store.holds(sample)
        results = [next(d.run([sample], learn=True)) for d in (board, other)]
        assert results[0] == results[1]
        assert board.channel.transport.count(Command.SAMPLE) == 0
        assert other.channel.transport.count(Command.SAMPLE) == 1
        board.load(replace(NETWORK, learn_last=2))
        assert not board.sample_store.holds(sample) and len(board.sample_store) == 0
        next(board.run([sample], learn=True))
        assert board.channel.transport.count(Command.SAMPLE) == 1
        assert board.sample_store.find(data, 3).key == data[3].key


def test_samples_too_long_or_wrong_are_not_kept(data):
    long = SimpleNamespace(frames=np.ones((60, 64), bool), label=0)
    with opened(TINY) as board:
        assert board.store_samples([data[0], long, long, data[1]]) == 2
        wrong = SimpleNamespace(frames=np.zeros((2, 65), bool), label=0)
        with pytest.raises(ValueError, match="the network takes"):
            board.store_samples([data[0], wrong])
        assert len(board.sample_store) == 0
    with opened(replace(TINY, store_bytes=1 << 19)) as board:
        huge = SimpleNamespace(frames=np.ones((9000, 64), bool), label=0)
        assert board.store_samples([data[0], huge]) == 1


def test_what_is_not_in_the_store_is_told(data):
    with opened(TINY) as board:
        board.store_samples(data)
        board.write(Space.STORE, 0, np.zeros(4))
        with pytest.raises(Refused, match="refused PLAY with BAD_ADDRESS"):
            list(board.run([board.sample_store.find(data, 0)], learn=True))


def test_play_by_its_words(data):
    """Lengths, places and answers of PLAY, and what the slot of RESULTS keeps."""
    device = opened(TINY).channel.transport.device
    device.exchange(Frame(255, Command.SYNC).encode())  # the next is frame 0
    payload = bytes([1, 6, 1, 0, 0, 0, 1, 0, 0])
    words = keep(payload)
    device.store.write(0, words)
    device.store.write(500, words)
    last = store_memory(TINY).depth - 1

    def ask(number, *entries, cut=None):
        data = b"".join(map(PLAY_ENTRY.pack, entries))[:cut]
        replies = FrameReader().feed(device.exchange(Frame(number, Command.PLAY, data).encode()))
        return next(iter(replies))

    most, layers = play_entries(TINY), len(NETWORK.sizes) - 1
    whole = ask(0, 0).payload
    assert len(whole) == 2 * play_words(TINY, 1, layers)
    briefs = ask(1, *[0, 500] * (most // 2)).payload
    assert len(briefs) == 2 * play_words(TINY, most, layers)
    assert briefs == whole[: 2 * brief_words(layers)] * most
    for number, entries in enumerate(([], [0] * (most + 1)), 2):
        assert ask(number, *entries) == Frame(number, Status.BAD_LENGTH)
    assert ask(4, 0, cut=3) == Frame(4, Status.BAD_LENGTH)
    for number, place in enumerate((last, last + 1, 1, 1 << 30), 5):
        assert ask(number, 0, place) == Frame(number, Status.BAD_ADDRESS)
        slot = device._results[number % RESULT_SLOTS]
        assert slot[brief_words(layers)] == SampleStatus.NOT_KEPT
    assert memories(TINY)[Space.RESULTS].elements == result_words(TINY)
    none = GoldenDevice(NONE)
    none.exchange(Frame(255, Command.SYNC).encode())
    reply = none.exchange(Frame(0, Command.PLAY, PLAY_ENTRY.pack(0)).encode())
    assert next(iter(FrameReader().feed(reply))) == Frame(0, Status.BAD_COMMAND)


def test_training_fills_the_store_and_says_so(data):
    class Seen(Watcher):
        said = ""

        def stored(self, store):
            self.said = str(store)

    results = {}
    for config in (TINY, NONE):
        with Device.open("golden", config=config) as device:
            model, seen = Model(NETWORK, device), Seen()
            model.fit(data, load("synthetic", train=False, limit=10), epochs=2, callbacks=[seen])
            epochs = [(e.test_accuracy, e.train_accuracy) for e in model.progress.epochs]
            results[config] = model.weights, epochs
            assert seen.said == ("10 of 40 samples on the board" if config is TINY else "")
            assert ("samples on the board" in model.summary()) == (config is TINY)
    assert same(results[TINY][0], results[NONE][0]) and results[TINY][1] == results[NONE][1]


def test_a_shadow_compares_played_with_sent(data, tmp_path):
    with Shadowed.beside("golden", TINY, folder=tmp_path) as device:
        device.load(NETWORK)
        device.store_samples(data)
        list(device.run((device.sample_store.find(data, i) for i in range(40)), learn=True))
        assert not any(tmp_path.iterdir())
