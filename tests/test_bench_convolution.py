"""The convolution bench: every method trains the network it says, and the figures are kept."""

import argparse
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.convolution import SENSOR, SETTINGS, Samples, keep, make_config, table, train
from golden.reference import evaluate, init_weights
from sw.data import load

STAGES = ["2c3p", "4c3p"]


def sides(count: int, seed: int) -> Samples:
    """Spikes on the left or on the right half of the sensor."""
    print("seed", seed)
    rng, labels = np.random.default_rng(seed), np.arange(count) % 2
    left = np.arange(SENSOR.width) < SENSOR.width // 2
    rates = np.where(left == (labels[:, None] == 0), 0.3, 0.02)
    frames = rng.random((count, 10, SENSOR.height, SENSOR.width, 2)) < rates[:, None, None, :, None]
    return Samples(frames.reshape(count, 10, -1), labels)


@pytest.mark.parametrize("method", SETTINGS)
def test_every_method_learns(method: str) -> None:
    cfg, told = make_config(method, STAGES, 1), []
    outcome = train(method, cfg, (sides(24, 1), judge := sides(20, 2)), 2, told.append)
    assert len(outcome.accuracy) == len(told) == 2
    assert outcome.accuracy[-1] >= 0.9 and outcome.seconds > 0
    drawn = evaluate(cfg, init_weights(cfg), judge.frames).firing_rates
    assert (tuple(outcome.firing_rates) == drawn) == (method == "frozen")


def test_included_recordings_are_turned_channel_last() -> None:
    samples = Samples.of(train=False, limit=3)
    assert samples.frames.shape == (3, 10, SENSOR.neurons)
    grid = samples.frames.reshape(3, 10, 34, 34, 2)
    for one, sample in zip(grid, load("nmnist", train=False, limit=3), strict=True):
        np.testing.assert_array_equal(
            one.transpose(0, 3, 1, 2), sample.frames.reshape(10, 2, 34, 34)
        )


def test_figures_are_kept_and_shown(tmp_path: Path) -> None:
    outcome = train(
        "frozen", make_config("frozen", STAGES, 2), (sides(4, 3), sides(4, 4)), 1, lambda _: None
    )
    path = tmp_path / "kept" / "convolution.json"
    keep(path, argparse.Namespace(stages=STAGES, seeds=[2]), {"frozen": [outcome]})
    kept = json.loads(path.read_text())
    assert kept["methods"]["frozen"][0]["accuracy"] == outcome.accuracy
    assert (kept["input"], kept["stages"]) == ("2x34x34", STAGES)
    console = Console(width=120, file=io.StringIO())
    console.print(table(STAGES, {"frozen": [outcome]}))
    shown = console.file.getvalue()
    assert f"{100 * outcome.accuracy[-1]:.1f} %" in shown and " ".join(STAGES) in shown
