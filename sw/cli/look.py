"""The commands that look at a trained network: `evaluate`, `predict`, `weights`, `probe`."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from golden.spec.formats import CLASSIFIER_FRACTION
from golden.spec.network import Network
from sw.cli import options
from sw.cli import predict as predicting
from sw.cli.program import PROGRAM
from sw.cli.progress import TerminalWatcher
from sw.cli.terminal import Terminal
from sw.device import Device, Weights
from sw.parts import holding, model_core
from sw.run import FileError, Plan, RunFolder, Tally, Trainer, write_atomically
from sw.run.tensors import plain_names

RASTER_ROWS, BINS = 24, " .:-=+*#%@"


def add_parsers(commands: Any, **style: Any) -> None:
    """Declare the commands."""
    parser = _parser(
        commands, "evaluate", evaluate, "classify the test samples with what was learned",
        "  evaluate --run runs/nmnist-fast-1\n"
        "  evaluate --run runs/nmnist-fast-1 --json    accuracy of every class, confusion\n"
        "  evaluate --run runs/nmnist-fast-1 --best\n"
        "  evaluate --run runs/nmnist-fast-1 --target serial:/dev/ttyUSB0 --test 20", style,
    )  # fmt: skip
    parser.add_argument("--test", type=int, metavar="N", help="test samples (default: as trained)")
    parser.add_argument(
        "--json",
        action="store_true",
        help="with the accuracy of every class and the confusion matrix",
    )
    options.add_cache(parser)
    parser = _parser(
        commands, "predict", predict, "class and scores of samples, or of recordings by time windows",
        "  predict --run runs/nmnist-fast-1 0 1 2    test samples by number\n"
        "  predict --run runs/nmnist-fast-1 00042.bin    a recording, by time windows\n"
        "  predict --run runs/folder-1 hand.aedat4 hand.raw --window 500ms", style,
    )  # fmt: skip
    predicting.add_arguments(parser)
    parser = _parser(
        commands, "weights", weights, "statistics of the weights, or a file of them",
        "  weights --run runs/nmnist-fast-1\n"
        "  weights --run runs/nmnist-fast-1 --export weights.npz\n"
        "  weights --run runs/nmnist-fast-1 --target serial:/dev/ttyUSB0 --keep    off the chip", style,
    )  # fmt: skip
    parser.add_argument("--export", type=Path, metavar="FILE", help="write an .npz (int32 arrays)")
    parser = _parser(
        commands, "probe", probe, "one sample step by step: spikes, membranes, traces",
        "  probe --run runs/nmnist-fast-1 0\n  probe --run runs/nmnist-fast-1 00042.bin", style,
    )  # fmt: skip
    parser.add_argument("samples", nargs=1, help="number of a test sample, or an event file")


def evaluate(args: argparse.Namespace, console: Console) -> int:
    """Accuracy on the test samples."""
    data = RunFolder(args.run).data()
    data["test"] = data["test"] if args.test is None else args.test
    test_set = options.load_data(data, train=False, cache=args.cache)
    for note in () if args.json else test_set.notes:
        console.print(note)
    shown = Terminal(stderr=True) if args.json else console
    with _device(args) as device, TerminalWatcher(shown) as watcher:
        tally = Trainer(device, test_set, None, Plan(), watcher).evaluate(test_set, "test")
        network = _network(device)
        if args.json:
            console.print(json.dumps(_measured(args.run, tally, network, test_set.class_names)))
            return 0
        rates = ", ".join(f"{rate:.3f}" for rate in tally.rates(network)) or "none"
        console.print(
            f"test accuracy {tally.accuracy:.1%} ({tally.correct} of {tally.samples}), "
            f"firing rate {rates}, {tally.speed:.1f} samples/s"
            + (f", {tally.cycles_per_sample:.0f} cycles/sample" if tally.cycles else ""),
            highlight=False,
        )
    return 0


def _measured(
    run: Path, tally: Tally, network: Network, names: Sequence[str] | None
) -> dict[str, Any]:
    """What `evaluate` found, for programs. Rows of the confusion are labels, columns predictions."""
    confusion = np.zeros((network.classes, network.classes), np.int64)
    seen = len(tally.confusion)
    confusion[:seen, :seen] = tally.confusion
    classes = []
    for label, row in enumerate(confusion):
        samples, correct = int(row.sum()), int(row[label])
        name = str(label) if names is None or label >= len(names) else names[label]
        accuracy = correct / samples if samples else None
        found = {"class": label, "name": name, "samples": samples, "correct": correct}
        classes.append({**found, "accuracy": accuracy})
    return {
        "run": str(run),
        "samples": tally.samples,
        "correct": tally.correct,
        "accuracy": tally.accuracy,
        "classes": classes,
        "confusion": confusion.tolist(),
        "firing_rates": tally.rates(network),
        "samples_per_second": tally.speed,
        "cycles_per_sample": tally.cycles_per_sample or None,
    }


def predict(args: argparse.Namespace, console: Console) -> int:
    """Class and scores."""
    with _device(args) as device:
        predicting.predict(args, console, device)
    return 0


def weights(args: argparse.Namespace, console: Console) -> int:
    """Statistics of the weights; with --export a file."""
    run = RunFolder(args.run)
    network, _ = run.network_and_core()
    values = run.weights(best=args.best)
    if args.keep:
        with _device(args) as device:
            values = device.read_weights()
    fractions = [network.fraction(index) for index in range(len(values))]
    fractions += [CLASSIFIER_FRACTION] * len(values.classifiers)
    for (name, layer), fraction in zip(values.named(), fractions, strict=True):
        low, high = layer.min(), layer.max()
        ends = np.mean((layer == low) | (layer == high))
        console.print(
            f"{name}: {layer.shape[0]} x {layer.shape[1]}, mean {layer.mean():.2f}, "
            f"deviation {layer.std():.2f}, {low} to {high} ({ends:.2%} at these ends), "
            f"zero {np.mean(layer == 0):.1%}; one = {2**fraction}",
            highlight=False,
        )
    if args.export:
        _export(args.export, values)
        console.print(f"written: {args.export}", highlight=False)
    return 0


def probe(args: argparse.Namespace, console: Console) -> int:
    """Insides of every layer while a sample runs."""
    sample = predicting.one_sample(args, RunFolder(args.run).data())
    with _device(args, together=True) as device:
        network, count = _network(device), len(device.layers)
        spikes: list[list[NDArray[np.bool_]]] = [[] for _ in range(count)]
        console.print(f"sample {sample.key}, label {sample.label}", highlight=False)
        for step in device.step_through(sample):
            console.print(f"step {step}: {int(np.count_nonzero(sample.frames[step]))} input spikes")
            for layer in range(count):
                spikes[layer].append(device.spikes(layer))
                _show_layer(console, device, layer, spikes[layer][-1])
        for layer in range(len(network.hidden)):
            console.print(f"\nspikes of layer {layer}, neurons down, steps across")
            for line in raster(np.array(spikes[layer])):
                console.print(line, markup=False, highlight=False)
        device.set_rates(1)
        result = next(device.run([sample], learn=False))
        console.print(f"\nclass {result.prediction}", highlight=False)
    return 0


def raster(spikes: NDArray[np.bool_]) -> list[str]:
    """Spikes bool[steps, neurons] as text: a line for some neurons, darker where more fire."""
    neurons = spikes.shape[1]
    edges = np.linspace(0, neurons, min(RASTER_ROWS, neurons) + 1).astype(int)
    lines = []
    for start, stop in pairwise(edges):
        part = spikes[:, start:stop].mean(axis=1)
        text = "".join(BINS[int(np.ceil(value * (len(BINS) - 1)))] for value in part)
        lines.append(f"{start:5d} |{text}|")
    return lines


def _show_layer(console: Console, device: Device, layer: int, spikes: NDArray[np.bool_]) -> None:
    membranes, traces = device.membranes(layer), device.traces(layer)
    text = f"  layer {layer}: {int(spikes.sum())} spikes"
    if device.layers[layer].readout:
        text = f"  readout: logits {' '.join(map(str, membranes))}"
    else:
        text += f", membranes {membranes.min()} to {membranes.max()} (mean {membranes.mean():.0f})"
        text += f", post traces up to {device.post_traces(layer).max()}"
    text += f", {np.count_nonzero(traces)} pre traces up to {traces.max()}"
    console.print(text, highlight=False)


def _parser(
    commands: Any, name: str, command: Any, text: str, examples: str, style: dict[str, Any]
) -> argparse.ArgumentParser:
    rest = " SAMPLE" if name in ("predict", "probe") else ""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.",
        usage=f"{PROGRAM} {name} --run DIR [options]{rest}",
        epilog=f"examples:\n{examples}", **style,
    )  # fmt: skip
    parser.add_argument("--run", type=Path, required=True, help="folder that train wrote")
    options.add_target(parser)
    parser.add_argument(
        "--best",
        action="store_true",
        help="the weights of the epoch with the best test accuracy (chosen by it: it flatters), not the last",
    )
    parser.add_argument(
        "--keep", action="store_true", help="use the weights on the chip, not those of the run"
    )
    parser.set_defaults(command=command)
    return parser


def _device(args: argparse.Namespace, *, together: bool = False) -> Device:
    """The device, loaded with the run's network; `together`: all layers, if it can be had here."""
    run = RunFolder(args.run)
    network, core = run.network_and_core()
    target = args.target or str(run.config().get("target", "golden"))
    config = None if target.startswith("serial:") else core
    if args.keep and config is not None:
        raise ValueError(f"--keep: {target} starts empty, only a board keeps weights; leave it out")
    if args.keep and args.best:
        raise ValueError("--keep, --best: give one of the two")
    values = None if args.keep else run.weights(best=args.best)
    if together and target in ("golden", "golden-numpy"):
        config = model_core(network, core)
    device = holding(options.open_device(target, config, args.baud), network)
    try:
        if values is None:
            device.attach(network)
        else:
            device.load(network, values)
    except BaseException:
        device.close()
        raise
    return device


def _network(device: Device) -> Network:
    assert device.network is not None
    return device.network


def _export(path: Path, values: Weights) -> None:
    if path.suffix != ".npz":
        raise FileError(f"{path}: --export writes .npz files; give it that ending")
    buffer = io.BytesIO()
    arrays: dict[str, Any] = plain_names(values)
    np.savez_compressed(buffer, **arrays)
    write_atomically(path, buffer.getvalue())
