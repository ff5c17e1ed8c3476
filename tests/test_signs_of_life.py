"""A training that learns nothing says so in its first epoch, and names the part that is dead."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from sw import CORES, Device, Model, Network, TrainingWarning, Watcher, driver, load

NETWORK = Network(sizes=(64, 12, 8, 4), eta=0.01, eta_out=0.01, theta=0.2)
DATA = load("synthetic", limit=24, steps=3)
TEST = load("synthetic", limit=12, steps=3, train=False)


def told(network, samples=DATA, test=TEST, epochs=1):
    """What a training warns of."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with Device.open("golden-numpy", config=CORES["tiny"]) as device:
            Model(network, device).fit(samples, test, epochs=epochs)
    return [str(w.message) for w in seen if w.category is TrainingWarning]


def test_one_that_learns_says_nothing():
    assert (
        told(Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.02), load("synthetic", limit=60)) == []
    )


def test_a_layer_that_never_fires_is_named():
    first, *_ = told(replace(NETWORK, theta=3.0))
    assert first.startswith("hidden layer 0 (12 neurons) did not fire once in epoch 1")
    assert "lower theta (it is 3)" in first


def test_weights_that_stay_are_named():
    still = [text for text in told(replace(NETWORK, eta=(0.01, 0.0))) if "no weight" in text]
    assert len(still) == 1 and "no weight of hidden layer 1 changed" in still[0]
    assert "larger eta (it is 0)" in still[0]
    (readout,) = [text for text in told(replace(NETWORK, eta_out=0)) if "no weight" in text]
    assert "no weight of the readout changed" in readout and "eta_out" in readout
    frozen = told(replace(NETWORK, train_hidden=False))
    assert not [text for text in frozen if "no weight" in text]


def test_one_class_for_all_is_told_once():
    texts = told(replace(NETWORK, theta=3.0), epochs=3)
    assert sum("is predicted for all 12 test samples" in text for text in texts) == 1
    alike = (np.stack([TEST[0].frames] * 12), np.full(12, TEST[0].label))
    assert not [t for t in told(replace(NETWORK, theta=3.0), test=alike) if "predicted" in t]


def test_frames_without_spikes_are_told_before_the_first_epoch():
    silent = (np.zeros((12, 3, 64)), np.arange(12) % 4)
    texts = told(NETWORK, samples=silent)
    assert texts[0].startswith("none of the 12 training samples has a spike")


def test_a_callback_takes_them_instead():
    class Notes(Watcher):
        texts = []

        def odd(self, text):
            self.texts.append(text)

    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingWarning)
        with Device.open("golden-numpy", config=CORES["tiny"]) as device:
            Model(replace(NETWORK, theta=3.0), device).fit(DATA, epochs=1, callbacks=[Notes()])
    assert "did not fire" in Notes.texts[0]


def test_the_command_prints_them(tmp_path, capsys):
    command = ["train", "--preset", "smoke", "--train", "12", "--test", "12", "--epochs", "1"]
    out = ["--target", "golden", "--out", str(tmp_path / "run")]
    assert driver.main([*command, *out, "--theta", "3"]) == 0
    said = capsys.readouterr().out
    assert "warning: hidden layer 0 (12 neurons) did not fire once in epoch 1" in said


def test_callbacks_need_no_base_class():
    class Counts:
        samples = 0

        def sample(self, tally):
            self.samples += 1

    with Device.open("golden-numpy", config=CORES["tiny"]) as device:
        model, counts = Model(NETWORK, device), Counts()
        model.fit(DATA, epochs=1, callbacks=[counts])
        assert counts.samples == 24
        for wrong in (print, Counts, object()):
            with pytest.raises(ValueError, match=r"callbacks: .* is not told anything"):
                model.fit(DATA, epochs=1, callbacks=[wrong])
