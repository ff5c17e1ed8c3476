"""Pictures of the report, pixel by pixel."""

import struct
import zlib

import numpy as np
import pytest

from sw.report.pictures import png, spike_pixels, weight_pixels
from sw.report.plots import Axes, some, ticks


def test_png_files_hold_their_pixels():
    pixels = np.random.default_rng(3).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    data = png(pixels)
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (7, 5)
    start = data.index(b"IDAT") + 4
    raw = zlib.decompress(data[start : data.index(b"IEND") - 8])
    rows = np.frombuffer(raw, np.uint8).reshape(5, -1)
    assert (rows[:, 0] == 0).all()
    assert np.array_equal(rows[:, 1:].reshape(pixels.shape), pixels)


def test_colours_of_weights_and_spikes():
    def colour(off, on):
        return weight_pixels(np.array([[[off]], [[on]]], float), 1.0)[0, 0].astype(int)

    red, _, blue = colour(-1, 1)
    assert red > blue + 100
    red, _, blue = colour(1, -1)
    assert blue > red + 100
    assert colour(1, 1).min() > 230
    assert colour(-1, -1).max() < 50
    assert np.ptp(colour(0, 0)) <= 1
    assert np.array_equal(colour(9, -9), colour(1, -1))
    spikes = np.array([[[0, 1, 0, 1]], [[0, 0, 1, 1]]], bool)
    assert len({tuple(p) for p in spike_pixels(spikes)[0]}) == 4


def test_places_and_ticks():
    axes = Axes((0, 10), (0, 2))
    assert axes.at(5, 0.5) == "500.0 750.0"
    assert ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(-43, 2, 4) == [-40, -20, 0]
    assert some(list(range(1, 101)), 8) == list(range(1, 101, 13))
    for high in np.random.default_rng(4).uniform(1e-3, 1e6, 50):
        assert 2 <= len(ticks(0, high, 5)) <= 6
