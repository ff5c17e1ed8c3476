"""Accuracy of the chip beside frozen hidden layers, float TESS and BPTT: same network, same samples.

    python -m bench.accuracy [--preset nmnist-fast] [--seeds 1 2 3] [--quick] [--json]

chip    the integer model, equal to the hardware bit for bit: batch 1, no optimizer state
frozen  the same, hidden layers as drawn (spread 2, the best for it, where it fits); only the readout learns
tess    the rule in floating point, on line, same rates
bptt    surrogate-gradient BPTT in floating point: Adam 3e-3, minibatches of 32, three times the epochs

Test samples with learning off, after the last epoch; no epoch is picked by its test accuracy. The
settings of the presets were chosen on held-out training samples.
"""

import argparse
import json
import math
import multiprocessing
import os
import time
from dataclasses import replace

import numpy as np
from rich.console import Console
from rich.table import Table

from golden.reference import FloatConfig, accuracy, fit_bptt, fit_online
from golden.reference.optim import Adam
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from sw.data import Dataset
from sw.device import Device
from sw.metrics import Plan
from sw.presets import PRESETS, Preset
from sw.training import Trainer

METHODS = ("chip", "frozen", "tess", "bptt")
BPTT_EPOCHS = 3  # for each epoch of the others: it needs them to converge
BPTT_ETA = 3e-3
FROZEN_SPREAD = 2.0
Job = tuple[str, str, int, int | None, int | None]


def frozen(network: Network, config: CoreConfig) -> Network:
    """The network with its hidden layers as drawn, as widely as a weight can hold."""
    most = ((1 << (config.weight_bits - 1)) - 1) / (1 << network.weight_fraction)
    widest = most * math.sqrt(min(network.sizes[:-2]))
    return replace(network, train_hidden=False, init_scale=min(FROZEN_SPREAD, widest))


def train_chip(
    preset: Preset, network: Network, train: Dataset, test: Dataset, epochs: int
) -> float:
    """Test accuracy of the integer model."""
    with Device.open("golden", config=preset.config) as device:
        device.load(network)
        trainer = Trainer(device, train, None, Plan(epochs=epochs, seed=network.seed))
        for number in range(epochs):
            trainer.learn(number)
        return trainer.evaluate(test, "test").accuracy


def float_config(network: Network, steps: int) -> FloatConfig:
    """The same network for the float models. Their error carries the 2/C that eta has on chip."""
    per_error = network.classes / 2
    return FloatConfig(
        sizes=network.sizes,
        steps=steps,
        gamma=network.gamma,
        theta=network.theta,
        lambda_pre=network.lambda_pre,
        error="hard_sigmoid",
        error_out="hard_sigmoid",
        temperature=tuple(1 / (neurons * network.logit_scale) for neurons in network.hidden),
        temperature_out=1 / network.readout_scale,
        eta=network.eta * per_error,
        eta_out=network.eta_out * per_error,
        output_bias=True,
        init_scale=network.init_scale,
        seed=network.seed,
    )


def train_float(method: str, network: Network, train: Dataset, test: Dataset, epochs: int) -> float:
    """Test accuracy of float TESS or BPTT."""
    config = float_config(network, train.steps)
    frames, labels = np.stack([s.frames for s in train]), train.labels
    if method == "tess":
        weights = fit_online(config, frames, labels, epochs=epochs)
    else:
        config = replace(config, error_out="softmax", init_scale=1.0)
        epochs *= BPTT_EPOCHS
        weights = fit_bptt(config, frames, labels, epochs=epochs, optimizer=Adam(BPTT_ETA))
    return accuracy(config, weights, np.stack([s.frames for s in test]), test.labels)


def run(job: Job) -> tuple[str, int, float, float]:
    """One training: method, seed, accuracy, seconds."""
    name, method, seed, limit, epochs = job
    preset, started = PRESETS[name], time.perf_counter()
    train, test = (preset.samples(train=part, limit=limit) for part in (True, False))
    network, epochs = preset.make_network(train, seed=seed), epochs or preset.epochs
    if method == "frozen":
        network = frozen(network, preset.config)
    if method in ("chip", "frozen"):
        result = train_chip(preset, network, train, test, epochs)
    else:
        result = train_float(method, network, train, test, epochs)
    return method, seed, result, time.perf_counter() - started


def main() -> None:
    """Train all, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--epochs", type=int, help="default: the preset's")
    parser.add_argument("--quick", action="store_true", help="100 samples, 2 epochs, one seed")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    limit, epochs, seeds = None, options.epochs, options.seeds
    if options.quick:
        limit, epochs, seeds = 100, epochs or 2, seeds[:1]
    jobs = [(options.preset, m, s, limit, epochs) for s in seeds for m in options.methods]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    console, results = Console(stderr=True), []
    with multiprocessing.get_context("spawn").Pool() as pool:
        for method, seed, value, seconds in pool.imap_unordered(run, jobs):
            console.print(f"{method:7} seed {seed}: {100 * value:5.1f} %  {seconds:6.1f} s")
            results.append((method, seed, value))
    by_method = {m: [v for n, _, v in sorted(results) if n == m] for m in options.methods}
    if options.json:
        print(json.dumps({"preset": options.preset, "seeds": seeds, "accuracy": by_method}))
        return
    table = Table(title=f"{options.preset}: test accuracy, {len(seeds)} seeds")
    for column in ("method", "mean", "least", "most"):
        table.add_column(column)
    for method, values in by_method.items():
        figures = (float(np.mean(values)), min(values), max(values))
        table.add_row(method, *(f"{100 * value:.1f} %" for value in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
