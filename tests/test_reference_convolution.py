"""Convolution and pooling against loops written from their definitions."""

import numpy as np
import pytest

from golden.reference import convolution, pooling
from golden.reference.convolution import Convolution
from golden.spec.shape import Map
from tests.reference_loop import average_windows, convolution_edges, number, pool_windows

SHAPES = [Map(1, 1, 1), Map(3, 1, 4), Map(2, 3, 2), Map(3, 5, 4), Map(2, 7, 6)]


@pytest.mark.parametrize("inputs", SHAPES, ids=str)
@pytest.mark.parametrize("block", [1, 200, 1 << 20])
def test_convolution_against_a_loop(
    inputs: Map, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print("seed", 1)
    monkeypatch.setattr(convolution, "BLOCK_VALUES", block)
    rng, outputs = np.random.default_rng(1), 4
    w = rng.normal(size=(9 * inputs.channels, outputs))
    x = rng.normal(size=(2, 3, inputs.neurons))
    columns = rng.normal(size=(2, 3, inputs.positions * outputs))
    sums, gathered, back = np.zeros_like(columns), np.zeros_like(w), np.zeros_like(x)
    for source, target, row, column in convolution_edges(inputs, outputs):
        sums[..., target] += w[row, column] * x[..., source]
        gathered[row, column] += (x[..., source] * columns[..., target]).sum()
        back[..., source] += w[row, column] * columns[..., target]
    synapses = Convolution(inputs)
    np.testing.assert_allclose(synapses.integrate(w, x), sums, atol=1e-12)
    np.testing.assert_allclose(synapses.gather(x, columns), gathered, atol=1e-12)
    np.testing.assert_allclose(synapses.back(w, columns), back, atol=1e-12)
    moved = w.copy()
    synapses.add(moved, x[0, :1], columns[0, :1])
    np.testing.assert_allclose(moved - w, synapses.gather(x[0, :1], columns[0, :1]), atol=1e-12)


def test_a_spike_reaches_its_neighbours_through_the_kernel() -> None:
    inputs = Map(2, 3, 3)
    w = np.arange(18.0)[:, None]
    x = np.zeros((1, inputs.neurons))
    x[0, number(inputs, 1, 1, 2)] = 1.0  # channel 1, y = 1, x = 2
    sums = Convolution(inputs).integrate(w, x).reshape(3, 3)
    # seen from (y, x) the spike lies at offset (1 - y, 2 - x): k = 3 (2 - y) + 3 - x
    expected = [[0, 2 * (3 * (2 - y) + 2) + 1, 2 * (3 * (2 - y) + 1) + 1] for y in range(3)]
    np.testing.assert_array_equal(sums, expected)


def test_float32_stays_float32() -> None:
    inputs, single = Map(2, 5, 4), np.float32
    x, w = np.ones((1, inputs.neurons), single), np.ones((18, 3), single)
    o = Convolution(inputs).integrate(w, x)
    fired = Map(3, 5, 4)
    z = pooling.max_pool(o, fired)
    found = [o, z, pooling.to_winners(z, o, z, fired), pooling.mean_pool(o, fired)]
    found += [pooling.averages(z, Map(3, 2, 2), 1), pooling.from_averages(z, Map(3, 3, 3), 2)]
    assert {array.dtype for array in found} == {np.dtype(single)}


@pytest.mark.parametrize("fired", [Map(1, 2, 2), Map(3, 4, 6), Map(2, 5, 7)], ids=str)
@pytest.mark.parametrize("kind", ["spikes", "silence", "reals"])
def test_the_first_maximum_of_a_window_wins(fired: Map, kind: str) -> None:
    print("seed", 3)
    rng = np.random.default_rng(3)
    o = rng.normal(size=(2, 4, fired.neurons))
    if kind != "reals":
        o = (o > (0.5 if kind == "spikes" else np.inf)).astype(float)
    windows = pool_windows(fired)
    z, do = np.zeros((2, 4, len(windows))), np.zeros_like(o)
    dz = rng.normal(size=z.shape)
    for index in np.ndindex(2, 4):
        for pooled, window in enumerate(windows):
            values = [o[index][k] for k in window]
            z[index][pooled] = max(values)
            do[index][window[values.index(max(values))]] = dz[index][pooled]
    got = pooling.max_pool(o, fired)
    np.testing.assert_array_equal(got, z)
    np.testing.assert_array_equal(pooling.to_winners(dz, o, got, fired), do)


@pytest.mark.parametrize("shape", [Map(1, 4, 4), Map(2, 5, 7), Map(3, 17, 8)], ids=str)
@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_adaptive_averages_against_their_definition(shape: Map, side: int) -> None:
    print("seed", 4)
    rng = np.random.default_rng(4)
    z, windows = rng.normal(size=(2, 3, shape.neurons)), average_windows(shape, side)
    a = np.stack([z[..., window].mean(axis=-1) for window in windows], axis=-1)
    np.testing.assert_allclose(pooling.averages(z, shape, side), a, atol=1e-14)
    m, back = rng.normal(size=a.shape), np.zeros_like(z)
    for latent, window in enumerate(windows):
        back[..., window] += m[..., latent, None] / len(window)
    np.testing.assert_allclose(pooling.from_averages(m, shape, side), back, atol=1e-14)


def test_windows_overlap_where_sizes_do_not_divide() -> None:
    half, third = 1 / 2, 1 / 3
    expected = [[half, half, 0, 0, 0], [0, third, third, third, 0], [0, 0, 0, half, half]]
    np.testing.assert_array_equal(pooling.windows(5, 3, np.dtype(float)), expected)


def test_the_mean_of_a_map_and_back() -> None:
    fired = Map(2, 1, 4)
    o = np.array([[1.0, 0, 0, 0, 1, 1, 1, 0]])
    np.testing.assert_array_equal(pooling.mean_pool(o, fired), [[0.75, 0.25]])
    spread = pooling.from_mean(np.array([[4.0, 8.0]]), fired)
    np.testing.assert_array_equal(spread, [[1.0, 2.0] * 4])
