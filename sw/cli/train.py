"""The command `train`."""

from __future__ import annotations

import argparse
import shlex
from contextlib import redirect_stderr
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from golden.spec.registers import fingerprint
from sw.cli import options, run_file
from sw.cli.boards import add_boards
from sw.cli.job import Job, begin, resume
from sw.cli.parser import Parser
from sw.cli.program import PROGRAM
from sw.cli.progress import TerminalWatcher
from sw.device import DeviceError, Weights
from sw.link import LinkError
from sw.model import Model
from sw.parts import Parted
from sw.run import Every, Recorder, StopRequest, Trainer
from sw.run.folder import BEST
from sw.run.tensorboard import TensorBoard
from sw.run.training import differences
from sw.run.versions import versions
from sw.shadow import USUAL_EVERY

HINTS = {"sim": "; the same weights in seconds: --target golden"}
STOPPED = 130  # exit status of a program that Ctrl-C ended


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train",
        help="train a network on the chip",
        usage=f"{PROGRAM} train [options]",
        description="Train a network on the chip, and write what it learned to a folder.",
        epilog="""examples:
  train                                     N-MNIST subset, 128 neurons, on the simulated board
  train --target golden                     the same bits in seconds, without cycles
  train --target serial:/dev/ttyUSB0        the same on a board
  train --preset nmnist-best --out runs/a   larger network
  train --preset smoke                      seconds
  train --eta 0.002 --epochs 10 --seed 3    other settings
  train --data nmnist:/data/N-MNIST --train 10000
  train --data folder:recordings --pool 8   your own, in recordings/CLASS/ or recordings/train/CLASS/
  train --data dvsgesture:datasets          DVS Gesture as 2 x 32 x 32, 20 steps
  train --dry-run > run.toml                every value, to be changed
  train --config run.toml --seed 2          and used
  train --verify-golden                     compare the result with the integer model
  train --resume runs/nmnist-fast-1         go on after Ctrl-C, a crash or a power cut
  train --resume runs/a --target golden     go on elsewhere: the same bits
  train --shadow golden                     compare with the model after every sample
  train --target serial:/dev/ttyUSB0,serial:/dev/ttyUSB1    two boards learn one model
  train --boards 4 --target golden --average-every 50       four, on this computer's processors
  train --boards 8 --cluster tcp://lab:8786                 on a Dask cluster

A run can be stopped at any time, even by kill -9: its folder has a checkpoint, and --resume ends with the
same bits as a run that was never stopped.""",
        **style,
    )
    options.add_target(parser, "sim")
    add_boards(parser)
    run = parser.add_argument_group("run")
    run.add_argument(
        "--out",
        type=Path,
        help="folder to write, new or empty (default: runs/NAME-1, -2, ..., by preset)",
    )
    options.add_force(run)
    run.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="options from a TOML file; those given here count more",
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="print every value that would be used, as such a file, and train nothing",
    )
    run.add_argument("--epochs", type=int, metavar="N", help="passes over the training samples")
    run.add_argument("--until", type=int, metavar="N", help="stop after epoch N, to resume later")
    run.add_argument("--constant-rate", action="store_true", help="do not decay the rates")
    run.add_argument(
        "--mirror",
        action="store_true",
        help="mirror half of the training samples left to right, other ones in every epoch",
    )
    run.add_argument(
        "--crop",
        type=int,
        default=0,
        metavar="PIXELS",
        help="shift each training sample by up to so many pixels, anew in every epoch",
    )
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
        "--tensorboard",
        type=Path,
        metavar="DIR",
        help="write the metrics of every epoch there, as scalars for TensorBoard",
    )
    run.add_argument(
        "--verify-golden",
        action="store_true",
        help="train again on the integer model; exit status 1 unless all weights are equal",
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
    options.add_core(parser, memory=True)
    parser.set_defaults(command=train, parser=parser)
    parser.set_defaults(defaults=vars(parser.parse_args([])))


def train_parser() -> argparse.ArgumentParser:
    """A command line that has this command alone."""
    top = Parser(prog=PROGRAM, allow_abbrev=False)
    add_parser(top.add_subparsers(required=True, parser_class=Parser), allow_abbrev=False)
    return top


def quietly(words: list[str]) -> None:
    """Train with these options, and say nothing. Raises what goes wrong, and KeyboardInterrupt if stopped."""
    args = train_parser().parse_args(["train", *words])
    args.words = ["train", *words]
    args.workers = args.workers or 1  # the study has them
    said = StringIO()
    with redirect_stderr(said):  # warnings
        status = train(args, Console(file=said))
    if status == STOPPED:
        raise KeyboardInterrupt
    if status:
        raise ValueError(said.getvalue().strip().splitlines()[-1])


def train(args: argparse.Namespace, console: Console) -> int:
    """Train; returns the exit status."""
    if args.config is not None:
        given = args.words[args.words.index("train") + 1 :]
        words = args.words
        args = args.parser.parse_args([*run_file.words_of(args.config, args.parser), *given])
        args.words = words
    if args.dry_run:
        console.print(run_file.dry_run(args), highlight=False)
        return 0
    every = Every.parse(args.checkpoint_every)
    more = [_tensorboard(args.tensorboard)] if args.tensorboard else []
    job, model, start = (resume if args.resume else begin)(args)
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
        recorder.begin(job.resumed, overwrite=job.overwrite)
        _announce(console, job, model, args.target)
        watch = TerminalWatcher(console, runs=_runs(job, model), hint=HINTS.get(args.target, ""))
        with StopRequest() as stop, watch as watcher:
            try:
                model.resume(
                    job.train_set,
                    job.test_set,
                    until=args.until,
                    run=recorder,
                    checkpoint_every=every,
                    callbacks=[watcher, *more],
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


def _tensorboard(folder: Path) -> TensorBoard:
    """Raises ValueError when the package for it is missing."""
    try:
        return TensorBoard(folder)
    except ModuleNotFoundError as error:
        raise ValueError(f"--tensorboard: {error}") from error


def _runs(job: Job, model: Model) -> int:
    """Samples that run until the end of training, tests included."""
    left = job.plan.epochs - len(model.progress.epochs)
    return left * (len(job.train_set) + 2 * len(job.test_set))


def _announce(console: Console, job: Job, model: Model, target: str) -> None:
    for note in dict.fromkeys([*job.train_set.notes, *job.test_set.notes]):
        console.print(note)
    console.print(
        f"{job.train_set.name}: {model.network.name} on {target}, {len(job.train_set)} samples"
    )
    if averaging := model.device.averaging:
        console.print(str(averaging), highlight=False)
    if isinstance(model.device, Parted):
        elsewhere = model.network.elsewhere(model.device.config)
        console.print(f"{model.device}{elsewhere}", highlight=False)
    if about := model.device.channel.transport.about:
        console.print(about, highlight=False)
    if job.resumed is not None:
        console.print(f"resumed after {model.progress.samples} samples", highlight=False)


def _conclude(console: Console, model: Model, recorder: Recorder, *, stopped: bool) -> int:
    test = model.progress.test_accuracy
    reached = "" if test is None or stopped else f"test accuracy {test:.1%}{_best(model, test)}; "
    word = "done" if model.complete else "stopped"
    console.print(f"{word}: {reached}{recorder.kept}{_go_on(recorder)}", highlight=False)
    return STOPPED if stopped and not model.complete else 0


def _best(model: Model, last: float) -> str:
    """Which epoch was better than the last one."""
    best = max(model.progress.epochs, key=lambda epoch: epoch.test_accuracy or 0.0)
    if not best.test_accuracy or best.test_accuracy <= last:
        return ""
    return f" (epoch {best.epoch}: {best.test_accuracy:.1%}, kept as {BEST})"


def _go_on(recorder: Recorder) -> str:
    last = recorder.last
    if last is None or len(last.progress.epochs) >= last.plan.epochs:
        return ""
    return f"; go on with: train --resume {shlex.quote(str(recorder.run.path))}"


def _verify(console: Console, recorder: Recorder, start: Weights, trainer: Trainer) -> int:
    """Train again on the integer model; 1 when something differs."""
    end = recorder.last
    assert end is not None
    found = differences(end, start, trainer)
    if found:
        console.print(f"verify: DIFFERENT from the integer model: {'; '.join(found)}")
        return 1
    count = sum(values.size for _, values in end.weights.named())
    console.print(f"verify: all {count} weights equal those of the integer model, bit for bit")
    return 0


def _command(args: argparse.Namespace) -> str:
    """The command line, for config.json."""
    return shlex.join(["python", "-m", "sw.driver", *args.words])
