"""A convolutional network on N-MNIST, 34 x 34 x 2: what learning adds to kernels as they were drawn.

    python -m bench.convolution [--stages 16c3p 32c3p] [--epochs 4] [--seeds 1 2 3] [--quick]

chip     the integer model, equal to the hardware bit for bit: preset nmnist-conv
drawn    the same, kernels as drawn: only the readout learns
frozen   the same in floating point
online   TESS as the chip does it, in floating point: batch 1, an update every step, the same rates
tess     TESS as published: updates added up over a minibatch of 16, softmax, Adam
bptt     surrogate-gradient BPTT: minibatches of 16, softmax, Adam

Same network, samples, steps and epochs; accuracy of the test samples with learning off after every epoch,
none of them picked. Step sizes of Adam: as given, for all. `--out FILE` keeps the figures as JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench.accuracy.methods import Setting, Task, chip
from golden.reference import (
    FloatConfig,
    Weights,
    evaluate,
    fit_bptt,
    fit_online,
    fit_tess_batched,
)
from golden.reference.optim import Adam
from golden.spec.network import Network
from golden.spec.shape import Map
from sw.data import load
from sw.presets import PRESETS

SENSOR = Map(2, 34, 34)
CLASSES, STEPS, BATCH = 10, 10, 16
QUICK_SAMPLES, QUICK_EPOCHS = 60, 1
COMMON: dict[str, Any] = {"steps": STEPS, "precision": "float32", "output_bias": True}
ONLINE = {"error": "hard_sigmoid", "error_out": "hard_sigmoid"}
PRESET = PRESETS["nmnist-conv"]
DRAWN = 2.0
"""init_scale of kernels that do not learn: with that of the preset next to none would fire."""
CHIP: dict[str, Setting] = {
    "chip": {},
    "drawn": {"train_hidden": False, "init_scale": DRAWN, "weight_fraction": 8},
}
"""Methods of the integer model, and what differs from the preset."""
SETTINGS: dict[str, dict[str, Any]] = {
    "frozen": {**ONLINE, "train_hidden": False},
    "online": ONLINE,
    "tess": {"init_scale": 1.5, "temperature": 0.02},
    "bptt": {"init_scale": 1.5},
}
"""Fields of FloatConfig by method."""
ADAM = {"tess": 3e-3, "bptt": 3e-3}
"""Step sizes of Adam."""


@dataclass(frozen=True)
class Samples:
    """Channel-last frames bool[samples, steps, inputs] and their labels."""

    frames: NDArray[np.bool_]
    labels: NDArray[np.integer]

    @classmethod
    def of(cls, *, train: bool, limit: int | None) -> "Samples":
        """N-MNIST as included, or its first ``limit`` samples. Raises DataError."""
        dataset = load("nmnist", train=train, steps=STEPS, limit=limit).channel_last()
        return cls(np.stack([sample.frames for sample in dataset]), dataset.labels)


@dataclass
class Outcome:
    """What a training came to."""

    accuracy: list[float]
    """Of the test samples after each epoch."""
    firing_rates: list[float]
    """Spikes per neuron and step of each hidden layer, at the end."""
    seconds: float = 0.0
    """Of processor time, evaluation included."""


def make_config(method: str, stages: list[str], seed: int, **changes: Any) -> FloatConfig:
    """The network and how it learns. Raises ValueError."""
    fields = {**COMMON, **SETTINGS[method], "seed": seed}
    if method in ("frozen", "online"):
        fields |= as_on_chip(stages, learns=method == "online")
    return FloatConfig.of_stages(SENSOR, tuple(stages), CLASSES, **{**fields, **changes})


def as_on_chip(stages: list[str], *, learns: bool) -> dict[str, Any]:
    """The preset's rates for the floating-point model.

    The chip does not divide a latent's signal by the pixels it is spread over, and leaves the 2/C of the
    error to its rates.
    """
    network = Network.of_stages(
        (SENSOR.channels, SENSOR.height, SENSOR.width), tuple(stages), CLASSES, **PRESET.network
    )
    layers = FloatConfig.of_stages(SENSOR, tuple(stages), CLASSES).layers
    spread = [layer.passed_on.positions / layer.side**2 for layer in layers]
    return {
        "eta": tuple(network.eta * CLASSES / 2 * pixels for pixels in spread),
        "eta_out": network.eta_out * CLASSES / 2,
        "temperature": tuple(1 / (layer.latents * network.logit_scale) for layer in layers),
        "temperature_out": 1 / network.readout_scale,
        "init_scale": network.init_scale if learns else DRAWN,
    }


def train_chip(
    method: str,
    stages: list[str],
    seed: int,
    limits: tuple[int | None, int | None],
    epochs: int,
    tell: Callable[[str], None],
) -> Outcome:
    """The integer model; told when it is done."""
    preset = replace(PRESET, hidden=tuple(stages))
    train, test = (preset.samples(train=one, limit=limits[not one]) for one in (True, False))
    started = time.process_time()
    found = chip(Task(preset, train, test, epochs), CHIP[method], seed)
    outcome = Outcome(found.accuracy, found.firing_rates, time.process_time() - started)
    tell(f"{method:7} seed {seed}: {100 * outcome.accuracy[-1]:5.1f} %  {outcome.seconds:.0f} s")
    return outcome


def fit_of(method: str) -> Callable[..., Weights]:
    """How a method trains."""
    if method in ADAM:
        fit = fit_tess_batched if method == "tess" else fit_bptt
        return partial(fit, batch=BATCH, optimizer=Adam(ADAM[method]))
    return fit_online


def train(
    method: str,
    cfg: FloatConfig,
    samples: tuple[Samples, Samples],
    epochs: int,
    tell: Callable[[str], None],
) -> Outcome:
    """One training, judged after every epoch by the second of ``samples``."""
    learn, judge = samples
    outcome, started = Outcome([], []), time.process_time()

    def after(weights: Weights) -> None:
        result = evaluate(cfg, weights, judge.frames)
        outcome.accuracy.append(float(np.mean(result.logits.argmax(axis=1) == judge.labels)))
        outcome.firing_rates = list(result.firing_rates)
        outcome.seconds = time.process_time() - started
        rates = ", ".join(f"{100 * rate:.1f} %" for rate in result.firing_rates)
        tell(
            f"{method:7} seed {cfg.seed}  epoch {len(outcome.accuracy)} of {epochs}: "
            f"{100 * outcome.accuracy[-1]:5.1f} %  firing {rates}  {outcome.seconds:.0f} s"
        )

    fit_of(method)(cfg, learn.frames, learn.labels, epochs=epochs, after=after)
    return outcome


def table(stages: list[str], outcomes: dict[str, list[Outcome]]) -> Table:
    """For the terminal."""
    out = Table(title=f"{SENSOR} {' '.join(stages)} {CLASSES}: test accuracy")
    for column in ("method", "mean", "least", "most", "firing", "processor time"):
        out.add_column(column, no_wrap=True)
    for method, runs in outcomes.items():
        values = [run.accuracy[-1] for run in runs]
        figures = (float(np.mean(values)), min(values), max(values))
        rates = np.mean([run.firing_rates for run in runs], axis=0)
        firing = ", ".join(f"{100 * rate:.1f} %" for rate in rates)
        seconds = f"{np.mean([run.seconds for run in runs]):.0f} s"
        out.add_row(method, *(f"{100 * value:.1f} %" for value in figures), firing, seconds)
    return out


def keep(path: Path, options: argparse.Namespace, outcomes: dict[str, list[Outcome]]) -> None:
    """All figures as JSON."""
    content = {
        **{"input": str(SENSOR), "stages": options.stages, "classes": CLASSES, "steps": STEPS},
        "seeds": options.seeds,
        "methods": {method: [vars(run) for run in runs] for method, runs in outcomes.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stages", nargs="+", default=["16c3p", "32c3p"], help="hidden layers (%(default)s)"
    )
    methods = [*CHIP, *SETTINGS]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    parser.add_argument("--epochs", type=int, default=PRESET.epochs)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--train", type=int, metavar="N", help="training samples (default: all)")
    parser.add_argument("--test", type=int, metavar="N", help="test samples (default: all)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the figures as JSON")
    parser.add_argument("--quick", action="store_true", help="60 samples, 1 epoch: it works")
    return parser.parse_args()


def main() -> None:
    """Train all, print the table."""
    options, console = parse(), Console(highlight=False)
    limits, epochs = (options.train, options.test), options.epochs
    if options.quick:
        limits, epochs = (QUICK_SAMPLES, QUICK_SAMPLES), QUICK_EPOCHS
    samples = tuple(Samples.of(train=train, limit=limits[not train]) for train in (True, False))
    outcomes: dict[str, list[Outcome]] = {}
    try:
        for method in options.methods:
            for seed in options.seeds:
                if method in CHIP:
                    tell = console.print
                    run = train_chip(method, options.stages, seed, limits, epochs, tell)
                else:
                    cfg = make_config(method, options.stages, seed)
                    run = train(method, cfg, (samples[0], samples[1]), epochs, console.print)
                outcomes.setdefault(method, []).append(run)
    except KeyboardInterrupt:
        console.print("stopped: what was finished")
    console.print(table(options.stages, outcomes))
    if options.out:
        keep(options.out, options, outcomes)


if __name__ == "__main__":
    main()
