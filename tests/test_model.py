"""The Python API: what it takes, what it gives, and that it is the command line's own path."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sw import CORES, Binning, Device, Model, Network, Watcher, driver, load
from sw.data import DataError
from sw.data.events import EVENT_DTYPE
from sw.energy import EnergyModel
from sw.run import Checkpoint, RunFolder

NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


@pytest.fixture
def device():
    with Device.open("golden", config=CORES["tiny"]) as opened:
        yield opened


def test_every_form_of_samples_trains_alike(device):
    data = load("synthetic", limit=40)
    frames = np.array([sample.frames for sample in data])
    forms = [
        data,
        list(data),
        (frames, data.labels),
        ((f.reshape(-1, 8, 8).astype(int), label) for f, label, _ in data),
    ]
    ends = []
    for form in forms:
        model = Model(NETWORK, device)
        model.fit(form, epochs=1)
        ends.append([w.tolist() for w in model.weights])
    assert all(end == ends[0] for end in ends)


def test_twice_n_epochs_at_constant_rate_are_2n(device):
    data, ends = load("synthetic", limit=30), []
    for parts in ((4,), (2, 2)):
        model = Model(NETWORK, device)
        for epochs in parts:
            model.fit(data, epochs=epochs, constant_rate=True)
        ends.append([w.tolist() for w in model.weights])
    assert ends[0] == ends[1]


def test_evaluate_predict_and_scores_agree(device, tmp_path):
    test = load("synthetic", train=False)
    model = Model(NETWORK, device)
    progress = model.fit(load("synthetic"), test, epochs=2, run=tmp_path)
    classes = model.predict(test)
    assert np.mean(classes == test.labels) == model.evaluate(test).accuracy
    assert progress.test_accuracy == model.evaluate(test).accuracy
    assert np.array_equal(model.scores(test).argmax(axis=1), classes)
    assert np.array_equal(model.predict([s.frames for s in test]), classes)
    assert RunFolder(tmp_path).weights()[0].tolist() == model.weights[0].tolist()
    energy = json.loads((tmp_path / "metrics.json").read_text())["energy_estimate"]
    totals = {n: sum(e.counters[n] for e in progress.epochs) for n in ("synops", "updates")}
    assert energy["joules"] == EnergyModel().joules(totals) > 0
    assert "not a measurement" in energy["kind"]
    other = Model.load(tmp_path, device)
    assert np.array_equal(other.predict(test), classes)


def test_events_need_binning(device):
    events = np.zeros(5, EVENT_DTYPE)
    with pytest.raises(DataError, match="say how to bin it"):
        Model(NETWORK, device).predict([events])
    binning = Binning(sensor=(8, 8, 1), steps=3)
    assert binning.inputs == 64
    assert Model(NETWORK, device, binning=binning).predict([events]).shape == (1,)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([(np.full((3, 64), 2), 0)], "more than 0 and 1"),
        ([(np.zeros((3, 63)), 0)], "63 inputs, the network has 64"),
        ([(np.zeros(64), 0)], "neither frames"),
        ([(np.zeros((3, 64)), 4)], "label 4"),
        ([7], "not a pair"),
        ((np.zeros((2, 3, 64)), np.zeros(3, int)), "2 samples and 3 labels"),
        ([], "no samples"),
        ([(np.zeros((3, 64)), 0), (np.zeros((4, 64)), 0)], "shape"),
    ],
)
def test_wrong_samples_are_named(samples, message, device):
    with pytest.raises(DataError, match=message):
        Model(NETWORK, device).fit(samples)


@pytest.mark.parametrize("seed", [None, 3])
def test_python_and_the_command_line_end_with_the_same_bits(device, tmp_path, seed):
    """Weights, noise state, metrics and position, with the default seeds and with one given."""
    size = ["--train", "30", "--test", "10", "--epochs", "2"]
    given = [] if seed is None else ["--seed", str(seed)]
    out = ["--out", str(tmp_path)]
    command = ["train", "--target", "golden", "--preset", "smoke", *size, *given, *out]
    assert driver.main(command) == 0
    seeds = [{}, {}, {}] if seed is None else [{"seed": seed}] * 3
    train = load("synthetic", steps=5, limit=30, **seeds[0])
    test = load("synthetic", steps=5, limit=10, train=False, **seeds[0])
    model = Model(Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01, **seeds[1]), device)
    model.fit(train, test, epochs=2, **seeds[2])
    theirs = Checkpoint.load(tmp_path / "weights.safetensors")
    assert theirs.network == model.network
    assert all(np.array_equal(a, b) for a, b in zip(theirs.weights, model.weights, strict=True))
    assert theirs.noise_state == device.noise_state
    assert theirs.plan == model.plan
    for ours, other in zip(model.progress.epochs, theirs.progress.epochs, strict=True):
        assert ours.test_accuracy == other.test_accuracy
        assert ours.firing_rates == other.firing_rates
        assert ours.counters == other.counters
    assert len(model.progress.epochs) == 2


def test_events_in_tonics_dtype_train_as_their_frames_do(device):
    """Any order and width of the fields, as tonic's sets have them; pairs from a generator."""
    rng = np.random.default_rng(5)
    dtype = np.dtype([("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", np.int8)])
    binning = Binning(sensor=(4, 8, 2), steps=3, window_us=(0, 3000))
    events = []
    for _ in range(20):
        one = np.zeros(60, dtype)
        for name, most in (("t", 3000), ("x", 4), ("y", 8), ("p", 2)):
            one[name] = rng.integers(0, most, 60)
        events.append(one)
    labels = rng.integers(0, 4, 20)
    frames = np.array([binning.frames(one) for one in events])
    by_frames = Model(NETWORK, device)
    by_frames.fit((frames, labels), epochs=1)
    ends, classes = by_frames.weights, by_frames.predict(frames)
    by_events = Model(NETWORK, device, binning=binning)
    by_events.fit(zip(events, labels, strict=True), epochs=1)
    assert all(np.array_equal(a, b) for a, b in zip(by_events.weights, ends, strict=True))
    assert np.array_equal(by_events.predict(iter(events)), classes)


def test_predict_takes_samples_one_by_one(device):
    """From a generator as large as one likes: it is not read to its end first."""
    test, read = load("synthetic", train=False), []

    def samples():
        for sample in test:
            read.append(sample.key)
            yield sample.frames
            if len(read) == 50:
                raise RuntimeError("read too far")

    with pytest.raises(RuntimeError, match="read too far"):
        Model(NETWORK, device).predict(samples())
    model = Model(NETWORK, device)
    assert model.scores(s.frames for s in list(test)[:5]).shape == (5, 4)
    assert model.scores([]).shape == (0, 4)


def test_callbacks_are_told(device):
    class Counts(Watcher):
        samples = epochs = 0

        def sample(self, tally):
            self.samples += 1

        def epoch(self, epoch):
            self.epochs += 1

    counts = Counts()
    Model(NETWORK, device).fit(load("synthetic", limit=20), epochs=3, callbacks=[counts])
    assert (counts.samples, counts.epochs) == (60, 3)


def test_summary_counts_and_estimates(device):
    model = Model(NETWORK, device)
    assert "not trained yet" in model.summary()
    model.fit(load("synthetic", limit=20), epochs=1)
    counters = model.progress.epochs[0].counters
    text = model.summary()
    assert "820 weights of 9 bits, 80% of the weight memory" in text
    assert f"{counters['synops'] / 20:.0f} synaptic operations" in text
    assert "estimated energy" in text
    assert "not measured" in text


def test_energy_is_counts_times_constants():
    counters = {"synops": 1000, "updates": 10}
    assert EnergyModel(synop_pj=2, update_pj=5).joules(counters) == pytest.approx(2050e-12)
    assert "synops x 2.8 pJ + updates x 7.0 pJ" in EnergyModel().describe(counters, 1)


def test_the_shortest_program_runs(tmp_path):
    """The example of the tutorial, in a process of its own."""
    text = (Path(__file__).parent.parent / "docs" / "tutorial.md").read_text()
    program = re.search(r"```python\n(.*?)```", text, re.S)[1]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) > 0.9
