"""What is counted is what happened: the core's counters against a count made from outside it."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from golden.spec.config import PRESETS, CoreConfig
from golden.spec.network import Network
from golden.spec.samples import Result, SampleStatus
from sw import Device, Every, Model, StopRequest, Watcher, load
from sw.data import Sample
from sw.device import Channel
from sw.energy import EnergyModel
from sw.link import GoldenTransport
from sw.run import Progress, Tally
from sw.run.summary import summary

TINY = PRESETS["tiny"]
LIVELY = {"eta": 0.05, "eta_out": 0.1, "weight_fraction": 7, "logit_scale": 0.4, "init_scale": 3.0}


def counted_outside(network, samples, records):
    """Counters from input spikes and what every layer showed in every step.

    Without memory in the pre traces (lambda_pre = 0) the rows that learn from a step are those that
    spiked in it; a group of lanes is left alone when none of its gains is above a half.
    """
    count = dict.fromkeys(("samples", "steps", "events", "spikes", "synops", "updates"), 0)
    steps = iter(records)
    for sample in samples:
        count["samples"] += 1
        for frame in sample.frames:
            count["steps"] += 1
            count["events"] += int(frame.sum())
            rows = int(frame.sum())
            for layer, outputs in enumerate(network.sizes[1:]):
                readout = layer == len(network.hidden)
                record = next(steps)
                assert record.layer == layer
                rows += readout  # the bias
                count["synops"] += rows * outputs
                gains = np.floor(record.signals * record.surrogates / 256 + 0.5)
                for group, lanes in enumerate(gains):
                    valid = min(outputs - group * TINY.lanes, TINY.lanes)
                    count["updates"] += rows * valid * bool(lanes.any())
                if not readout:
                    rows = int(record.spikes.sum())
                    count["spikes"] += rows
    return count


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("hidden", [(11,), (9, 6), ()])
def test_counters_are_exact(seed, hidden):
    rng = np.random.default_rng(seed)
    network = Network(sizes=(20, *hidden, 3), lambda_pre=0, seed=seed, **LIVELY)
    samples = [Sample(rng.random((6, 20)) < 0.3, int(rng.integers(3)), str(n)) for n in range(5)]
    transport = GoldenTransport(TINY)
    device = Device(Channel(transport))
    device.load(network)
    transport.device.core.records = []
    results = list(device.run(samples, learn=True))
    found = device.counters()
    expected = counted_outside(network, samples, transport.device.core.records)
    assert {name: found[name] for name in expected} == expected
    assert found["updates"] > 0
    assert found["spikes"] == sum(sum(r.spikes[: len(hidden)]) for r in results)


class StopAfter(Watcher):
    """Asks to stop after so many samples of an epoch."""

    def __init__(self, samples):
        self.samples, self.stop = samples, StopRequest()

    def sample(self, tally):
        """One more."""
        self.stop.asked |= tally.samples == self.samples


def test_an_epoch_counts_its_samples_and_no_others(tmp_path):
    """Evaluation, checkpoints, and a stop with another device after it, are not in the counters."""
    data = load("synthetic", limit=20)
    network = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)
    file, ends = tmp_path / "m.safetensors", []
    with Device.open("golden", config=TINY) as device:
        model = Model(network, device)
        model.fit(data, data, epochs=1)
        ends.append(model.progress.epochs[0])
    with Device.open("golden", config=TINY) as device:
        model, watcher = Model(network, device), StopAfter(7)
        model.fit(data, data, epochs=1, callbacks=[watcher], stop=watcher.stop)
        assert model.progress.tally is not None
        model.evaluate(data)
        model.save(file)
    with Device.open("golden", config=TINY) as device:
        model = Model.load(file, device)
        model.evaluate(data)
        model.resume(data, data, checkpoint_every=Every(samples=3))
        ends.append(model.progress.epochs[0])
    for epoch in ends:
        assert epoch.counters["samples"] == epoch.samples == 20
        assert epoch.counters["steps"] == 20 * data.steps
        assert epoch.counters["events"] == sum(int(sample.frames.sum()) for sample in data)
        fired = epoch.firing_rates[0] * 20 * data.steps * 12
        assert epoch.counters["spikes"] == pytest.approx(fired, abs=1e-6)
    assert ends[0].counters == ends[1].counters


def test_cycles_after_a_resume_on_a_target_without_a_clock():
    """Those of the samples that were counted, not spread over all."""
    network, result = Network(sizes=(4, 5, 3)), Result(SampleStatus.OK, 0, 0, (1,), (0, 0, 0))
    progress = Progress(tally=Tally(1))
    progress.count({"cycles": 100}, {"cycles": 800})
    for _ in range(7):
        progress.tally.add(replace(result, cycles=100), 0, 2)
    progress = Progress.from_dict(json.loads(json.dumps(progress.as_dict())))
    progress.count({"cycles": 0}, {"cycles": 0})
    for _ in range(13):
        progress.tally.add(result, 0, 2)
    assert progress.tally.cycles_per_sample == 100
    epoch = progress.close(network, 1.0, None, None)
    assert (epoch.cycles_per_sample, epoch.samples) == (100, 20)
    for number in range(1, 4):  # an epoch without a clock, and the text about it
        progress.tally = Tally(1)
        progress.tally.add(result, 0, 2)
        progress.count({"cycles": 0}, {"cycles": 0})
        assert progress.close(network, 1.0, None, None).cycles_per_sample == 0
        assert len(progress.epochs) == 1 + number


def test_seconds_are_those_at_work_and_never_negative(monkeypatch):
    now = [50.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.time", lambda: -now[0])  # a clock that is set back
    tally = Tally(1)
    tally.started = now[0]
    now[0] = 53.0
    tally.pause()
    now[0] = 90.0  # nothing goes on
    assert tally.seconds == 3.0
    again = Tally.from_dict(tally.as_dict())
    again.started = now[0]
    now[0] = 94.0
    assert again.seconds == 7.0
    tally.go_on()
    tally.go_on()
    now[0] = 95.0
    assert tally.seconds == 4.0
    assert Tally.from_dict(tally.as_dict() | {"before": -3.0}).before == 0.0


def test_time_between_two_sessions_does_not_count(monkeypatch):
    real, later = time.monotonic, [0.0]
    monkeypatch.setattr("time.monotonic", lambda: real() + later[0])
    data = load("synthetic", limit=20)
    with Device.open("golden", config=TINY) as device:
        model, watcher = Model(Network(sizes=(64, 12, 4)), device), StopAfter(7)
        model.fit(data, epochs=1, callbacks=[watcher], stop=watcher.stop)
        later[0] += 1e6
        model.resume(data)
    assert 0 < model.progress.epochs[0].seconds < 1e5


def test_rates_that_a_result_could_not_hold_are_marked():
    network = Network(sizes=(4, 500, 3))
    tally = Tally(1)
    for spikes in (65534, 65535):
        tally.add(Result(SampleStatus.OK, 0, 0, (spikes,), (0, 0, 0)), 0, 200)
    assert (tally.samples, tally.capped) == (2, 1)
    progress = Progress(tally=tally, counters={"cycles": 0})
    epoch = progress.close(network, 1.0, None, None)
    assert epoch.capped == 1
    assert Progress.from_dict(progress.as_dict()).epochs == [epoch]
    old = progress.as_dict()
    del old["epochs"][0]["capped"]  # a run of an earlier version
    assert Progress.from_dict(old).epochs[0].capped == 0
    counters = {"synops": 1, "updates": 1, "cycles": 1}
    progress.epochs[0] = replace(epoch, counters=counters)
    assert "or more (1 samples fired too much to count)" in summary(network, CoreConfig(), progress)


def test_energy_states_what_it_rests_on(tmp_path):
    """And follows the width of a weight."""
    wide = replace(TINY, weight_bits=16)
    data, found = load("synthetic", limit=6), {}
    for core in (TINY, wide):
        with Device.open("golden", config=core) as device:
            model = Model(Network(sizes=(64, 12, 4)), device)
            model.fit(data, epochs=1, run=tmp_path / str(core.weight_bits))
        text = (tmp_path / str(core.weight_bits) / "metrics.json").read_text()
        kept = found[core.weight_bits] = json.loads(text)["energy_estimate"]
        counted = kept["synops"] * kept["synop_pj"] + kept["updates"] * kept["update_pj"]
        assert kept["joules"] == pytest.approx(counted * 1e-12)
        assert kept["formula"] == "synops x synop_pj + updates x update_pj"
        assert "not a measurement" in kept["kind"]
        assert kept["covers"].startswith("learning")
    assert found[16]["synop_pj"] - found[9]["synop_pj"] == pytest.approx(7 * 10 / 64)
    assert EnergyModel.of(TINY) == EnergyModel()
