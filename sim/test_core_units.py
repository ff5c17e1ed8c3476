"""Units of the core on their own, against their golden twins."""

from typing import Any

import cocotb
import numpy as np
import pytest
from cocotb.triggers import RisingEdge

from golden.lanes.noise import WEYL, noise, word
from golden.lanes.update import update_rows
from golden.learn.error import class_signals
from golden.rows.events import decode_sample
from golden.rows.scan import scan as golden_scan
from golden.spec.config import CoreConfig
from golden.spec.formats import round_shift
from golden.spec.layers import Layer
from golden.spec.samples import split_sample
from hw.core.base.layouts import HEADER, event, spike_word
from hw.core.base.multiply import Multiply
from hw.core.lanes.noise import Noise
from hw.core.lanes.update import Update
from hw.core.learn.error import Error
from hw.core.ports import SAMPLE_BYTE
from hw.core.rows.events import Events
from hw.core.rows.scan import Scan
from sim.harness import parameters, run, seeded, start
from sim.streams import OFTEN, RARE, STEADY, Port, StreamSink, StreamSource

CONFIG = CoreConfig(lanes=32, neuron_groups=6, trace_entries=300, weight_words=64)
LANES, FIRST = 5, 16  # of an Update on its own


def generator(name: str = "") -> np.random.Generator:
    """NumPy's generator under the seed of the run."""
    return np.random.default_rng(seeded(name).getrandbits(32))


def test_noise() -> None:
    run(Noise, __name__, testcase="noise_words")


def test_update() -> None:
    run(lambda: Update(CONFIG, LANES, FIRST), __name__, testcase="updates")


@pytest.mark.parametrize("in_logic", [False, True])
def test_multiply(in_logic: bool) -> None:
    run(lambda: Multiply(5, 17, in_logic=in_logic), __name__, testcase="products")


def test_error() -> None:
    run(Error, __name__, testcase="errors")


@pytest.mark.parametrize("waits", ["STEADY", "RARE", "OFTEN"])
def test_events(waits: str) -> None:
    run(lambda: Events(CONFIG), __name__, testcase="decodes", parameters={"waits": waits})


@pytest.mark.parametrize("waits", ["STEADY", "OFTEN"])
def test_scan(waits: str) -> None:
    run(lambda: Scan(CONFIG), __name__, testcase="scans", parameters={"waits": waits})


@cocotb.test()
async def noise_words(dut: Any) -> None:
    """Words of a loaded state, with pauses; every lane's bits are those of the model."""
    rng = seeded()
    state = rng.getrandbits(32)
    dut.advance.value = dut.load_low.value = dut.load_high.value = 0
    await start(dut)
    for strobe, half in ((dut.load_low, state & 0xFFFF), (dut.load_high, state >> 16)):
        dut.load.value, strobe.value = half, 1
        await RisingEdge(dut.clk)
        strobe.value = 0
    due: list[int | None] = [None] * (Noise.LATENCY + 1)
    for _ in range(300):
        advance = rng.random() < 0.7
        dut.advance.value = int(advance)
        due.append(state if advance else None)
        await RisingEdge(dut.clk)
        expected = due[-1 - Noise.LATENCY]
        if expected is not None:
            assert int(dut.word.value) == int(word(np.array([expected], np.uint64))[0])
        state = (state + WEYL) & 0xFFFFFFFF if advance else state
    lanes = noise(state, 1, 40)[0]
    base = int(word(np.array([state], np.uint64))[0])
    turned = [(base << (11 * i % 32) | base >> (32 - 11 * i % 32)) & 0xFFFF for i in range(40)]
    assert [t ^ (i * 0x9E37 & 0xFFFF) for i, t in enumerate(turned)] == list(lanes)


@cocotb.test()
async def updates(dut: Any) -> None:
    """Extremes and random values; weights at both ends saturate."""
    rng, lanes, bits = generator(), LANES, CONFIG.weight_bits
    unit = Update(CONFIG, LANES, FIRST)
    weights_port, new_port = (
        Port(dut.weights, unit.weights.shape()),
        Port(dut.new, unit.new.shape()),
    )
    gains_shape = unit.gains.shape()
    gains_port, posts_port = Port(dut.gains, gains_shape), Port(dut.post_gains, gains_shape)
    await start(dut)
    top = 1 << (bits - 1)
    for _ in range(200):
        large = rng.random() < 0.3
        limit = 32768 if large else 600
        gains = rng.integers(-limit, limit, lanes).astype(np.int32)
        posts = rng.integers(-limit, limit, lanes).astype(np.int32) * int(rng.integers(2))
        weights = rng.choice([-top, top - 1, 0, 5, -7], lanes).astype(np.int32)
        trace, spiked = int(rng.choice([0, 1, 16, 255])), bool(rng.integers(2))
        update = bool(rng.random() < 0.9)
        state = int(rng.integers(1 << 32))
        gains_port.value, posts_port.value = gains.tolist(), posts.tolist()
        dut.pre_trace.value, dut.spiked.value = trace, int(spiked)
        dut.noise.value = int(word(np.array([state], np.uint64))[0])
        weights_port.value, dut.update.value = weights.tolist(), int(update)
        for _ in range(Update.LATENCY + 1):
            await RisingEdge(dut.clk)
        expected = update_rows(
            weights[None], gains, posts, np.array([trace], np.int32), np.array([spiked]),
            noise(state, 1, FIRST + lanes)[:, FIRST:], bits,
        )[0]  # fmt: skip
        assert new_port.value == (expected if update else weights).tolist()


@cocotb.test()
async def products(dut: Any) -> None:
    """(value x factor + bias) / 256, rounded down after the bias; every cycle another one."""
    rng, unit = generator(), Multiply(5, 17)
    values, factors = Port(dut.values, unit.values.shape()), Port(dut.factors, unit.factors.shape())
    got = Port(dut.products, unit.products.shape())
    await start(dut)
    due: list[list[int]] = []
    for _ in range(200):
        v = rng.choice([-65536, 65535, 0, -1, int(rng.integers(-65536, 65536))], 5)
        f = rng.choice([0, 1, 255, 256, int(rng.integers(256))], 5)
        bias = int(rng.choice([0, 128]))
        values.value, factors.value = v.tolist(), f.tolist()
        dut.bias.value = bias
        due.append(((v * f + bias) >> 8).tolist())
        await RisingEdge(dut.clk)
        if len(due) > Multiply.LATENCY:
            assert got.value == due[-1 - Multiply.LATENCY]


@cocotb.test()
async def errors(dut: Any) -> None:
    """Class errors around both ends of the hard sigmoid."""
    rng = generator()
    logit_port, signal_port = (
        Port(dut.logit, Error().logit.shape()),
        Port(dut.signal, Error().signal.shape()),
    )
    await start(dut)
    for _ in range(300):
        gain, rate = int(rng.integers(32768)), int(rng.integers(32768))
        logit = int(rng.choice([rng.integers(-131072, 131072), rng.integers(-300, 300)]))
        target = int(rng.integers(2))
        logit_port.value, dut.target.value = logit, target
        dut.gain.value, dut.rate.value = gain, rate
        for _ in range(Error.LATENCY + 1):
            await RisingEdge(dut.clk)
        layer = Layer(rows=1, groups=1, outputs=1, error_gain=gain, rate=rate)
        wanted = class_signals(np.array([logit]), 0 if target else 9, layer)
        assert signal_port.value == int(wanted[0])
    assert int(round_shift(np.array([-128]), 8)[0]) == 0  # halves go up


@cocotb.test()
async def decodes(dut: Any) -> None:
    """Samples of every density: each step's rows in order, then its end."""
    rng = generator()
    waits = {"STEADY": STEADY, "RARE": RARE, "OFTEN": OFTEN}[parameters()["waits"]]
    sample = StreamSource(dut, "sample", SAMPLE_BYTE, waits=waits)
    events = StreamSink(dut, "events", event(CONFIG), waits=waits)
    header = Port(dut.header, HEADER)
    dut.free.value = 0
    await start(dut)
    for _ in range(12):
        inputs = int(rng.integers(1, 290))
        dut.inputs.value = inputs
        frames = rng.random((int(rng.integers(0, 6)), inputs)) < rng.choice([0, 0.02, 0.2, 1])
        dut._log.info(f"{inputs} inputs, {len(frames)} steps, {int(frames.sum())} spikes")
        (payload,) = split_sample(frames, 3, learn=True, learn_from=2, limit=9999)
        sample.send(
            *({"data": b, "last": int(i == len(payload) - 1)} for i, b in enumerate(payload))
        )
        for rows in decode_sample(payload, inputs).steps:
            got = await events.receive_many(len(rows) + 1)
            assert [item["row"] for item in got[:-1]] == rows.tolist()
            assert [item["end"] for item in got] == [0] * len(rows) + [1]
        await sample.drain()
        await RisingEdge(dut.clk)
        while not dut.finished.value:
            await RisingEdge(dut.clk)
        assert dut.status.value == 0 and header.value["learn_from"] == 2
        dut.free.value = 1
        await RisingEdge(dut.clk)
        dut.free.value = 0


@cocotb.test()
async def scans(dut: Any) -> None:
    """Layers of several chunks, silent and full ones too."""
    rng = generator()
    waits = {"STEADY": STEADY, "OFTEN": OFTEN}[parameters()["waits"]]
    words = StreamSource(dut, "chunks", spike_word(CONFIG), waits=waits)
    events = StreamSink(dut, "events", event(CONFIG), waits=waits)
    await start(dut)
    for _ in range(25):
        chunks = int(rng.integers(1, CONFIG.neuron_groups * CONFIG.chunks + 1))
        shape = (chunks, CONFIG.chunk_lanes)
        spikes = (rng.random(shape) < rng.choice([0, 0.1, 0.5, 1])).astype(int)
        for number, bits in enumerate(spikes):
            packed = sum(int(bit) << lane for lane, bit in enumerate(bits))
            words.send({"spikes": packed, "last": int(number == chunks - 1)})
        rows = golden_scan(spikes).tolist()
        got = await events.receive_many(len(rows) + 1)
        assert [item["row"] for item in got[:-1]] == rows and got[-1]["end"]
