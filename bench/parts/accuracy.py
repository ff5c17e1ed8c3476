"""What a guess for each tile does to accuracy, beside one for the layer.

    python -m bench.parts.accuracy [--preset nmnist-fast] [--hidden 1024,512] [--seeds 1 2 3] [--epochs N]

Trains the integer model (compiled) twice on the same samples in the same order: in parts on the core of the
preset, and whole on an imaginary core that has room for the network and is else the same. Accuracy on
the test samples with learning off, after the last epoch, and firing rates. `--set eta=0.001` changes a
field of the network in both, `--whole-set` in the second alone; `--core-set trace_entries=70000` one of
the core, where a network needs more than that of its preset has. With `--held-out` the last fifth of the
training samples judges: networks are compared, and the test samples are not touched.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console

from bench.accuracy.choose import divided, last_fifth
from golden.spec.config import CoreConfig
from golden.spec.network import Network
from golden.spec.room import with_room
from sw.data import Dataset
from sw.device import Device
from sw.model import Model
from sw.parts import Parted
from sw.presets import PRESETS, Preset

WAYS = ("parts", "whole")


def preset_of(options: argparse.Namespace) -> Preset:
    """The preset with the hidden layers that were asked for."""
    preset = PRESETS[options.preset]
    if options.hidden:
        hidden = tuple(int(n) if n.isdecimal() else n for n in options.hidden.split(","))
        preset = replace(preset, hidden=hidden)
    return preset


def samples_of(preset: Preset, options: argparse.Namespace, seed: int) -> tuple[Dataset, Dataset]:
    """What to learn, and what to be judged by."""
    training = preset.samples(options.root, limit=options.train, seed=seed)
    if not options.held_out:
        return training, preset.samples(options.root, train=False, limit=options.test, seed=seed)
    return divided(training, last_fifth(len(training)))


def train(way: str, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One training: accuracy after every epoch, firing rates, parts, seconds of the processor."""
    preset = preset_of(options)
    samples = samples_of(preset, options, seed)
    settings = fields(options.set) | (fields(options.whole_set) if way == "whole" else {})
    network = preset.make_network(samples[0], seed=seed, **settings)
    core = replace(preset.config, **fields(options.core_set, CoreConfig))
    if way == "whole":
        core = with_room(network, core)
    begun = time.process_time()
    with Device.open("golden", config=core) as opened:
        model = Model(network, opened)
        parts = len(model.device.parts) if isinstance(model.device, Parted) else 1
        progress = model.fit(*samples, epochs=options.epochs or preset.epochs, seed=seed)
    last = progress.epochs[-1]
    return {
        "name": network.name,
        "parts": parts,
        "accuracy": [100 * (epoch.test_accuracy or 0.0) for epoch in progress.epochs],
        "rates": [100 * rate for rate in last.firing_rates],
        "seconds": time.process_time() - begun,
    }


def fields(given: list[str], of: type = Network) -> dict[str, Any]:
    """Fields of a network, or of a core, from NAME=VALUE."""
    found: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        kind = type(getattr(of, name))
        several = tuple(map(float, value.split(","))) if "," in value else None
        found[name] = several or kind(value)
    return found


def main() -> None:
    """Train, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--hidden", help="hidden layers in place of the preset's: 1024,512")
    parser.add_argument("--root", help="folder of the samples, if they are not included")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, help="default: the preset's")
    parser.add_argument("--train", type=int, help="training samples (default: all)")
    parser.add_argument("--test", type=int, help="test samples (default: all)")
    parser.add_argument("--held-out", action="store_true", help="judge by a fifth of the training")
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--core-set", nargs="+", default=[], metavar="NAME=VALUE")
    parser.add_argument("--whole-set", nargs="+", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    console = Console(highlight=False, width=200)
    for way in options.ways:
        ends = []
        for seed in options.seeds:
            found = train(way, options, seed)
            ends.append(found["accuracy"][-1])
            rates = ", ".join(f"{rate:.1f}" for rate in found["rates"])
            each = " ".join(f"{accuracy:.1f}" for accuracy in found["accuracy"])
            console.print(
                f"{found['name']} {way} ({found['parts']} parts), seed {seed}: {ends[-1]:.1f} %, "
                f"firing {rates} %, {found['seconds']:.0f} s; epochs {each}"
            )
        console.print(f"{way}: {np.mean(ends):.1f} % ({min(ends):.1f} to {max(ends):.1f})")


if __name__ == "__main__":
    main()
