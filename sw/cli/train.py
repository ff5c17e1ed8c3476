"""The command `train`."""

from __future__ import annotations

import argparse
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console

from golden.spec.registers import VERSION, fingerprint
from sw.cli import options
from sw.cli.progress import TerminalWatcher
from sw.device import Device, Weights
from sw.identity import DeviceError
from sw.link import LinkError
from sw.metrics import Epoch, Plan
from sw.store import Run
from sw.training import StopRequest, Trainer, differences

STOPPED = 130  # exit status of a program that Ctrl-C ended


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train",
        help="train a network on the chip",
        usage="python -m sw.driver train [options]",
        description="Train a network on the chip, and write what it learned to a folder.",
        epilog="""examples:
  train                                     N-MNIST subset, 128 neurons, on the simulated board
  train --target golden                     the same bits without its cycles
  train --target serial:/dev/ttyUSB0        the same on a board
  train --preset nmnist-best --out runs/a   larger network
  train --preset smoke                      seconds
  train --eta 0.002 --epochs 10 --seed 3    other settings
  train --data nmnist:/data/N-MNIST --train 10000
  train --verify-golden                     compare the result with the integer model""",
        **style,
    )
    options.add_target(parser, "sim")
    run = parser.add_argument_group("run")
    run.add_argument("--out", type=Path, help="folder to write (default: runs/DATA-SEED)")
    run.add_argument("--epochs", type=int, metavar="N", help="passes over the training samples")
    run.add_argument("--constant-rate", action="store_true", help="do not decay the rates")
    run.add_argument(
        "--from", dest="start", type=Path, metavar="RUN", help="start with its weights"
    )
    run.add_argument(
        "--verify-golden",
        action="store_true",
        help="replay on the integer model; exit status 1 unless all weights are equal",
    )
    options.add_network(parser)
    options.add_data(parser)
    options.add_core(parser)
    parser.set_defaults(command=train)


def train(args: argparse.Namespace, console: Console) -> int:
    """Train; returns the exit status."""
    preset = options.preset_of(args)
    seed = 1 if args.seed is None else args.seed
    epochs = preset.epochs if args.epochs is None else args.epochs
    plan = Plan(epochs=epochs, seed=seed, constant_rate=args.constant_rate)
    config = options.core_of(args, preset, args.target)
    data = options.data_of(args, preset)
    train_set = options.load_data(data, train=True)
    test_set = options.load_data(data, train=False)
    network = options.network_of(args, preset, train_set)
    if config is not None:
        network.layers(config)  # says what does not fit before a simulation is built
    start = Run(args.start).weights() if args.start else network.initial_weights()
    run = Run(args.out or Path("runs") / f"{data['name']}-{seed}")
    with options.open_device(args.target, config, args.baud) as device:
        device.load(network, start)
        run.start(
            {
                "network": network.as_dict(),
                "core": device.config.as_dict(),
                "data": data,
                "training": {"epochs": epochs, "seed": seed, "constant_rate": args.constant_rate},
                "start": str(args.start) if args.start else None,
                "target": args.target,
                "fingerprint": f"{fingerprint(device.config):016x}",
                "versions": _versions(),
            }
        )
        layers = "-".join(map(str, network.sizes))
        console.print(f"{train_set.name}: {layers} on {args.target}, {len(train_set)} samples")
        session = _Session(device, run, console, start)
        with StopRequest() as stop, TerminalWatcher(console) as watcher:
            session.trainer = Trainer(device, train_set, test_set, plan, watcher, stop)
            status = session.train()
            if args.verify_golden:
                status = session.verify() or status
        return status


class _Session:
    """A training run: what it has come to so far, for its files and its messages."""

    trainer: Trainer

    def __init__(self, device: Device, run: Run, console: Console, start: Weights) -> None:
        self.device, self.run, self.console, self.start = device, run, console, start
        self.epochs: list[Epoch] = []
        self.weights = start
        self.noise_state = 0
        self.started = time.time()

    def train(self) -> int:
        """Train to the end, a Ctrl-C, or a failure; the files have what was learned by then."""
        try:
            complete = self.trainer.run(self.keep)
        except (LinkError, DeviceError) as error:
            raise type(error)(f"{error}; {self.kept()}") from error
        if complete:
            test = self.epochs[-1].test_accuracy
            reached = "" if test is None else f"test accuracy {test:.1%}; "
            self.console.print(f"done: {reached}{self.kept()}", highlight=False)
            return 0
        self.console.print(f"stopped: {self.kept()}", highlight=False)
        return STOPPED

    def keep(self, epoch: Epoch, weights: Weights, noise_state: int) -> None:
        """Write the files after an epoch."""
        network = self.device.network
        assert network is not None
        self.epochs.append(epoch)
        self.weights, self.noise_state = weights, noise_state
        self.run.save_weights(weights, network, fingerprint(self.device.config), noise_state)
        self.run.add_epoch(epoch.as_dict())
        tests = [e.test_accuracy for e in self.epochs if e.test_accuracy is not None]
        self.run.finish(
            {
                "test_accuracy": tests[-1] if tests else None,
                "best_test_accuracy": max(tests, default=None),
                "samples_learned": sum(e.samples for e in self.epochs),
                "seconds": time.time() - self.started,
                "link": vars(self.device.channel.statistics),
                "epochs": [e.as_dict() for e in self.epochs],
            }
        )

    def kept(self) -> str:
        """What a message says about the files."""
        if not self.epochs:
            return "nothing was learned yet"
        samples = sum(epoch.samples for epoch in self.epochs)
        return f"weights after {samples} samples are in {self.run.path}"

    def verify(self) -> int:
        """Replay on the integer model; 1 when something differs."""
        trainer, network = self.trainer, self.device.network
        assert network is not None
        trainer.stop.asked = False
        found = differences(
            self.device.config, network, self.start, trainer, self.weights, self.noise_state
        )
        count = sum(values.size for values in self.weights)
        if found:
            self.console.print(f"verify: DIFFERENT from the integer model: {'; '.join(found)}")
            return 1
        self.console.print(
            f"verify: all {count} weights equal those of the integer model, bit for bit"
        )
        return 0


def _versions() -> dict[str, str | int]:
    """Software the run was made with."""
    versions: dict[str, str | int] = {"python": platform.python_version(), "address_map": VERSION}
    for package in ("numpy", "safetensors", "pyserial"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions
