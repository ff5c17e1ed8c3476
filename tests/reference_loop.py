"""TESS on maps as loops over single synapses: what the vectorised reference is held against.

Nothing is shared with it but the configuration; synapses, windows and signs are lists made here.
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from golden.reference import Fixed, FloatConfig, Weights
from golden.spec.shape import Map, Stage, parse_stages


def number(grid: Map, channel: int, y: int, x: int) -> int:
    """Of a neuron: channel-last."""
    return (y * grid.width + x) * grid.channels + channel


def convolution_edges(inputs: Map, outputs: int) -> list[tuple[int, int, int, int]]:
    """(input, neuron, row, column) of every synapse of a convolution."""
    found = []
    for y, x, dy, dx in product(range(inputs.height), range(inputs.width), (-1, 0, 1), (-1, 0, 1)):
        if 0 <= y + dy < inputs.height and 0 <= x + dx < inputs.width:
            for ci, co in product(range(inputs.channels), range(outputs)):
                source = number(inputs, ci, y + dy, x + dx)
                target = (y * inputs.width + x) * outputs + co
                row = (3 * (dy + 1) + (dx + 1)) * inputs.channels + ci
                found.append((source, target, row, co))
    return found


def pool_windows(fired: Map) -> list[list[int]]:
    """Neurons of each 2 x 2 window in row-major order, by the number of the pooled neuron."""
    rows, columns = range(fired.height // 2), range(fired.width // 2)
    return [
        [number(fired, c, 2 * y + i, 2 * x + j) for i in (0, 1) for j in (0, 1)]
        for y, x, c in product(rows, columns, range(fired.channels))
    ]


def average_windows(grid: Map, side: int) -> list[list[int]]:
    """Neurons of each latent, by its number: rows floor(i H / s) to ceil((i + 1) H / s) - 1."""

    def span(i: int, length: int) -> range:
        return range(math.floor(i * length / side), math.ceil((i + 1) * length / side))

    return [
        [number(grid, c, y, x) for y in span(i, grid.height) for x in span(j, grid.width)]
        for i, j, c in product(range(side), range(side), range(grid.channels))
    ]


def error(kind: str, y: np.ndarray, label: int) -> np.ndarray:
    """Of logits y."""
    target = np.eye(len(y))[label]
    if kind == "softmax":
        return np.exp(y) / np.exp(y).sum() - target
    if kind == "clipped":
        return np.array([min(1, max(0, v / 4 + 1 / len(y))) for v in y]) - target
    return 2 / len(y) * (np.clip(y / 4 + 0.5, 0, 1) - target)


@dataclass
class LoopLayer:
    """One hidden layer."""

    stage: Stage
    inputs: Map
    side: int

    def __post_init__(self) -> None:
        self.fired, self.after = self.stage.fired(self.inputs), self.stage.passed_on(self.inputs)
        dense = product(range(self.inputs.neurons), range(self.stage.outputs))
        self.edges = (
            convolution_edges(self.inputs, self.stage.outputs)
            if self.stage.convolution
            else [(j, i, j, i) for j, i in dense]
        )
        self.latents = average_windows(self.after, self.side)
        self.u, self.h, self.psi = (np.zeros(self.fired.neurons) for _ in range(3))
        self.q = np.zeros(self.inputs.neurons)

    def step(self, cfg: FloatConfig, w: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Integrate, fire, pool; leaves x, o, z."""
        v = cfg.gamma * self.u
        for source, target, row, column in self.edges:
            v[target] += w[row, column] * x[source]
        self.x, self.o = x, (v > cfg.theta).astype(float)
        self.q = cfg.lambda_pre * self.q + x
        self.h = cfg.lambda_post * self.h + self.psi
        rho = cfg.theta if cfg.reset_by is None else cfg.reset_by
        self.u = v - rho * self.o if cfg.reset == "soft" else v * (1 - self.o)
        self.psi = np.array([self.surrogate(cfg, value) for value in v])
        return self.pool()

    def surrogate(self, cfg: FloatConfig, v: float) -> float:
        """Psi."""
        if cfg.surrogate == "triangle":
            return 0.3 * max(0.0, 1.0 - abs(v - cfg.theta))
        return 1.0 / (100.0 * abs(v - cfg.theta) + 1.0) ** 2

    def pool(self) -> np.ndarray:
        """z; `routes` holds which neuron gets what share of the signal of each output."""
        if self.stage.pool == "max":
            windows = pool_windows(self.fired)
            winners = [
                max(window, key=lambda k: (self.o[k], -window.index(k))) for window in windows
            ]
            self.routes = [[(k, 1.0)] for k in winners]
        elif self.stage.pool == "mean":
            share = 1 / self.fired.positions
            self.routes = [
                [(p * self.fired.channels + c, share) for p in range(self.fired.positions)]
                for c in range(self.fired.channels)
            ]
        else:
            self.routes = [[(k, 1.0)] for k in range(self.fired.neurons)]
        self.z = np.array([sum(self.o[k] * share for k, share in route) for route in self.routes])
        return self.z

    def start(self, cfg: FloatConfig) -> np.ndarray:
        """The readout B of the beginning."""
        d, classes = len(self.latents), cfg.classes
        if cfg.readouts.start == "zero":
            return np.zeros((classes, d))
        frequencies = [50 + (512 - 50) * c / (classes - 1) for c in range(classes)]
        return np.array(
            [[1.0 if math.sin(f * k) > 0 else -1.0 for k in range(d)] for f in frequencies]
        )

    def signal(self, cfg: FloatConfig, b: np.ndarray, tau: float, label: int) -> np.ndarray:
        """m of every neuron; leaves what B moves by."""
        d = len(self.latents)
        scale = 1 if cfg.fold_scale else 1 / (d * tau)
        a = np.array([np.mean([self.z[p] for p in window]) for window in self.latents])
        e = error(cfg.error, b @ a / (d * tau), label)
        self.logits, self.readout_move = b @ a / (d * tau), np.outer(e, a) * scale
        fed_back = np.array([[shift(value) for value in row] for row in b])
        exact = cfg.readouts.feedback == "exact"
        latent = (b if exact else fed_back).T @ e * scale
        heard = {k for route in self.routes for k, _ in route}
        m = np.array([cfg.rate_cost * o * (k in heard) for k, o in enumerate(self.o)])
        for k, window in enumerate(self.latents):
            for p in window:
                for neuron, share in self.routes[p]:
                    whole = cfg.fold_cells
                    m[neuron] += latent[k] if whole else latent[k] / len(window) * share
        return m

    def update(
        self,
        cfg: FloatConfig,
        m: np.ndarray,
        shape: tuple[int, ...],
        eta: float,
        grid: Fixed | None,
    ) -> np.ndarray:
        """What the weights of this step lose; with a grid every synapse's part is rounded to it."""
        total = np.zeros(shape)
        for source, target, row, column in self.edges:
            causal = cfg.alpha_pre * self.psi[target] * self.q[source]
            part = m[target] * (causal + cfg.alpha_post * self.h[target] * self.x[source])
            total[row, column] -= rounded(-eta * part, grid)
        return total


def shift(b: float) -> float:
    """The power of two nearest to b in its exponent, not less than 2^-6; 0 of 0."""
    if b == 0:
        return 0.0
    return math.copysign(2.0 ** round(math.log2(max(abs(b), 1 / 64))), b)


def rounded(change: float, grid: Fixed | None) -> float:
    """To the nearest step, halves up: what stochastic rounding does when all noise is 1/2."""
    return (
        change if grid is None else math.floor(change * 2**grid.fraction + 0.5) / 2**grid.fraction
    )


def move(w: np.ndarray, lost: np.ndarray, grid: Fixed | None) -> None:
    """Take ``lost`` from the weights, on their grid if they have one."""
    for index in np.ndindex(w.shape):
        w[index] += rounded(-lost[index], grid)
        if grid is not None:
            most = 2 ** (grid.bits - 1)
            w[index] = min(max(w[index], -most / 2**grid.fraction), (most - 1) / 2**grid.fraction)


def learn(
    cfg: FloatConfig, start: Weights, sample: np.ndarray, label: int
) -> tuple[list[np.ndarray], list[float], np.ndarray]:
    """Weights after one sample as `Weights.arrays` has them, firing rates, and its score as it went."""
    layers, grid = [], cfg.input_map
    assert grid is not None and cfg.latent_sides is not None
    for stage, side in zip(parse_stages(cfg.stages), cfg.latent_sides, strict=True):
        layers.append(LoopLayer(stage, grid, side))
        grid = layers[-1].after
    hidden, out = [array.copy() for array in start.hidden], [start.out.copy(), start.bias.copy()]
    readouts = [b.copy() for b in start.readouts] or [layer.start(cfg) for layer in layers]
    waiting = [[np.zeros_like(w) for w in arrays] for arrays in (hidden, readouts, out)]
    fired, score = np.zeros(len(layers)), np.zeros(cfg.classes)
    late_out = (cfg.update_out or cfg.update) == "sample"
    for t in range(cfg.steps):
        z = sample[t].astype(float)
        moves: list[list[np.ndarray]] = [[], [], []]
        for n, layer in enumerate(layers):
            z = layer.step(cfg, hidden[n], z)
            fired[n] += layer.z.mean() / cfg.steps
            m = layer.signal(cfg, readouts[n], cfg.per_layer("temperature", n), label)
            by_pixel = cfg.formats.hidden if cfg.update == "pixel" else None
            eta = cfg.per_layer("eta", n)
            moves[0].append(layer.update(cfg, m, hidden[n].shape, eta, by_pixel))
            moves[1].append(cfg.readouts.eta * layer.readout_move)
            score += layer.logits * cfg.readouts.in_score
        y = z @ out[0] + out[1]
        score += y
        e = error(cfg.error_out, y, label)
        moves[2] = [cfg.eta_out * np.outer(z, e), cfg.eta_out * e * cfg.output_bias]
        last = t == cfg.steps - 1
        formats = (cfg.formats.hidden, cfg.formats.readout, cfg.formats.out)
        late_b = late_out if cfg.readouts.update is None else cfg.readouts.update == "sample"
        late = (cfg.update == "sample", late_b, late_out)
        groups = zip((hidden, readouts, out), moves, waiting, formats, late, strict=True)
        for weights, parts, sums, grid_, waits in groups:
            for w, part, total in zip(weights, parts, sums, strict=True):
                total += part * (t >= cfg.first_learning_step)
                if last or not waits:
                    move(w, total, grid_)
                    total[:] = 0
    learned = readouts if cfg.readouts.eta else []
    return [*hidden, *out, *learned], fired.tolist(), score
