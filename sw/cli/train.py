"""The command `train`."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from golden.spec.config import CoreConfig
from golden.spec.registers import fingerprint
from sw.cli import options
from sw.cli.progress import TerminalWatcher
from sw.data import Dataset
from sw.device.device import Device, Weights
from sw.device.identity import DeviceError
from sw.link import LinkError
from sw.model import Model, checkpoint_file
from sw.run.checkpoint import Checkpoint
from sw.run.metrics import Plan
from sw.run.recorder import Recorder
from sw.run.store import Run
from sw.run.training import Trainer, differences
from sw.shadow import USUAL_EVERY, Shadowed
from sw.stopping import Every, StopRequest
from sw.versions import versions

STOPPED = 130  # exit status of a program that Ctrl-C ended
# What a resumed run may be told; everything else it has from its checkpoint.
WITH_RESUME = {
    *("resume", "target", "baud", "epochs", "until", "checkpoint_every", "verify_golden"),
    *("out", "shadow", "shadow_every", "command", "defaults", "words", "cache"),
}


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
  train --data folder:recordings --pool 8   your own, in recordings/CLASS/ or recordings/train/CLASS/
  train --data dvsgesture:datasets          DVS Gesture as 2 x 32 x 32, 20 steps
  train --verify-golden                     compare the result with the integer model
  train --resume runs/nmnist-1              go on after Ctrl-C, a crash or a power cut
  train --resume runs/a --target golden     go on elsewhere: the same bits
  train --shadow golden                     compare with the model after every sample

A run can be stopped at any time, even by kill -9: its folder has a checkpoint, and --resume ends with the
same bits as a run that was never stopped.""",
        **style,
    )
    options.add_target(parser, "sim")
    run = parser.add_argument_group("run")
    run.add_argument("--out", type=Path, help="folder to write (default: runs/DATA-SEED)")
    run.add_argument("--epochs", type=int, metavar="N", help="passes over the training samples")
    run.add_argument("--until", type=int, metavar="N", help="stop after epoch N, to resume later")
    run.add_argument("--constant-rate", action="store_true", help="do not decay the rates")
    run.add_argument(
        "--from", dest="start", type=Path, metavar="RUN", help="start with its weights"
    )
    run.add_argument(
        "--resume", type=Path, metavar="RUN", help="go on with a run; its settings are kept"
    )
    run.add_argument(
        "--checkpoint-every",
        default="5m",
        metavar="N",
        help="samples (500) or time (90s, 5m) between checkpoints, or never: "
        "at the end of an epoch alone (default: %(default)s)",
    )
    run.add_argument(
        "--verify-golden",
        action="store_true",
        help="replay on the integer model; exit status 1 unless all weights are equal",
    )
    run.add_argument(
        "--shadow",
        metavar="TARGET",
        help="run every sample on this target too (golden), and stop at the first difference",
    )
    run.add_argument(
        "--shadow-every",
        type=int,
        default=USUAL_EVERY,
        metavar="N",
        help="samples between two comparisons of all weights (default: %(default)s)",
    )
    options.add_network(parser)
    options.add_data(parser)
    options.add_cache(parser)
    options.add_core(parser)
    parser.set_defaults(command=train)
    parser.set_defaults(defaults=vars(parser.parse_args([])))


@dataclass
class Job:
    """What to train, before there is a device."""

    train_set: Dataset
    test_set: Dataset
    config: dict[str, Any]
    """config.json, without what only the device knows."""
    plan: Plan
    run: Run
    resumed: Checkpoint | None = None


def train(args: argparse.Namespace, console: Console) -> int:
    """Train; returns the exit status."""
    every = Every.parse(args.checkpoint_every)
    job, model, start = (_resume if args.resume else _begin)(args)
    with model.device as device:
        config = {
            **job.config,
            "core": device.config.as_dict(),
            "training": asdict(job.plan),
            "target": args.target,
            "fingerprint": f"{fingerprint(device.config):016x}",
            "versions": versions(),
            "commands": [*job.config.get("commands", []), _command(args)],
        }
        recorder = Recorder(job.run, device, config)
        recorder.begin(job.resumed)
        _announce(console, job, model, args.target)
        with StopRequest() as stop, TerminalWatcher(console) as watcher:
            try:
                model.resume(
                    job.train_set,
                    job.test_set,
                    until=args.until,
                    run=recorder,
                    checkpoint_every=every,
                    callbacks=[watcher],
                    stop=stop,
                )
            except (LinkError, DeviceError) as error:
                raise type(error)(f"{error}; {recorder.kept}{_go_on(recorder)}") from error
            status = _conclude(console, model, recorder, stopped=stop.asked)
            if args.verify_golden:
                stop.asked = False
                trainer = Trainer(device, job.train_set, None, job.plan, watcher, stop)
                status = _verify(console, recorder, start, trainer) or status
        return status


def _begin(args: argparse.Namespace) -> tuple[Job, Model, Weights]:
    """A new run."""
    preset = options.preset_of(args)
    seed = 1 if args.seed is None else args.seed
    epochs = preset.epochs if args.epochs is None else args.epochs
    plan = Plan(epochs=epochs, seed=seed, constant_rate=args.constant_rate)
    core = options.core_of(args, preset, args.target)
    data = options.data_of(args, preset)
    train_set = options.load_data(data, train=True, cache=args.cache)
    test_set = options.load_data(data, train=False, cache=args.cache)
    network = options.network_of(args, preset, train_set)
    if core is not None:
        network.layers(core)  # says what does not fit before a simulation is built
    start = Run(args.start).weights() if args.start else network.initial_weights()
    run = Run(args.out or Path("runs") / f"{data['name']}-{seed}")
    config = {
        "network": network.as_dict(),
        "data": options.learned(data, train_set),
        "start": str(args.start) if args.start else None,
    }
    job = Job(train_set, test_set, config, plan, run)
    device = _open(args, core, run)
    with _closing(device):
        model = Model(network, device, weights=start)
    model.plan = plan
    return job, model, start


def _resume(args: argparse.Namespace) -> tuple[Job, Model, Weights]:
    """A run that was begun before."""
    wrong = [
        name
        for name, value in vars(args).items()
        if name not in WITH_RESUME and value != args.defaults[name]
    ]
    if wrong:
        flag = "--from" if wrong[0] == "start" else "--" + wrong[0].replace("_", "-")
        raise ValueError(f"{flag}: a resumed run keeps its settings; leave it out")
    checkpoint = Checkpoint.load(checkpoint_file(args.resume))
    config = checkpoint.config
    if "data" not in config:
        raise ValueError(f"{args.resume}: not begun by this command; resume it from Python")
    train_set = options.load_data(config["data"], train=True, cache=args.cache)
    test_set = options.load_data(config["data"], train=False, cache=args.cache)
    start = Run(Path(config["start"])).weights() if config["start"] else None
    run = Run(args.out or checkpoint_file(args.resume).parent)
    device = _open(args, checkpoint.core, run)
    with _closing(device):
        model = Model.from_checkpoint(checkpoint, device)
        if args.epochs is not None:
            model.extend(args.epochs)
    assert model.plan is not None
    job = Job(train_set, test_set, config, model.plan, run, checkpoint)
    return job, model, start or checkpoint.network.initial_weights()


def _open(args: argparse.Namespace, core: CoreConfig | None, run: Run) -> Device:
    """The device, with a shadow if one is asked for."""
    if args.shadow is None:
        return options.open_device(args.target, core, args.baud)
    return Shadowed.beside(
        args.target,
        core,
        baud=args.baud,
        twin=args.shadow,
        every=args.shadow_every,
        folder=run.path / "difference",
    )


def _announce(console: Console, job: Job, model: Model, target: str) -> None:
    for note in dict.fromkeys([*job.train_set.notes, *job.test_set.notes]):
        console.print(note)
    console.print(
        f"{job.train_set.name}: {model.network.name} on {target}, {len(job.train_set)} samples"
    )
    if job.resumed is not None:
        console.print(f"resumed after {model.progress.samples} samples", highlight=False)


def _conclude(console: Console, model: Model, recorder: Recorder, *, stopped: bool) -> int:
    test = model.progress.test_accuracy
    reached = "" if test is None or stopped else f"test accuracy {test:.1%}; "
    word = "done" if model.complete else "stopped"
    console.print(f"{word}: {reached}{recorder.kept}{_go_on(recorder)}", highlight=False)
    return STOPPED if stopped and not model.complete else 0


def _go_on(recorder: Recorder) -> str:
    last = recorder.last
    if last is None or len(last.progress.epochs) >= last.plan.epochs:
        return ""
    return f"; go on with: train --resume {shlex.quote(str(recorder.run.path))}"


def _verify(console: Console, recorder: Recorder, start: Weights, trainer: Trainer) -> int:
    """Replay on the integer model; 1 when something differs."""
    end = recorder.last
    assert end is not None
    found = differences(end, start, trainer)
    if found:
        console.print(f"verify: DIFFERENT from the integer model: {'; '.join(found)}")
        return 1
    count = sum(values.size for values in end.weights)
    console.print(f"verify: all {count} weights equal those of the integer model, bit for bit")
    return 0


class _closing:
    """Closes a device when what follows fails."""

    def __init__(self, device: Device) -> None:
        self.device = device

    def __enter__(self) -> None:
        pass

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is not None:
            self.device.close()


def _command(args: argparse.Namespace) -> str:
    """The command, to be given again."""
    return shlex.join(["python", "-m", "sw.driver", *args.words])
