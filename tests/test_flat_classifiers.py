"""bench.flat_classifiers: every row trains, and a fold is judged by what it did not learn."""

import sys

import numpy as np

from bench import flat_classifiers
from sw.data import load


def test_every_row_has_its_accuracy(monkeypatch, capsys) -> None:
    arguments = ["--train", "20", "--folds", "1", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", ["bench.flat_classifiers", *arguments])
    flat_classifiers.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" %")]
    assert len(lines) == 1 + len(flat_classifiers.SETTINGS)


def test_a_classifier_that_learns_does_so_on_a_flat_layer() -> None:
    samples = load("synthetic", limit=60)
    config = flat_classifiers.learned(samples, flat_classifiers.SETTINGS[1])
    assert config.readouts.start == "zero" and config.rate_cost == 0
    found = flat_classifiers.accuracy(config, samples, samples, epochs=6)
    assert found > 0.5, found


def test_each_fold_holds_another_fifth_out() -> None:
    samples = load("synthetic", limit=20)
    seen = []
    for learn, judge in flat_classifiers.folds(samples, 5):
        assert len(learn) == 16 and len(judge) == 4
        seen += [sample.frames.tobytes() for sample in judge]
    assert sorted(seen) == sorted(sample.frames.tobytes() for sample in samples)
    np.testing.assert_array_equal(judge.labels, samples.labels[4::5])
