"""What `train` has to do, from its options: a run begun, or one that goes on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golden.averaging import Averaging
from golden.spec.config import CoreConfig
from sw.cli import options
from sw.cli.boards import averaging_of, check_boards, open_boards
from sw.data import Dataset
from sw.device import Device, Weights
from sw.device.inputs import check_sample
from sw.model import Model
from sw.parts import check_room
from sw.run import Checkpoint, Plan, RunFolder, checkpoint_file
from sw.shadow import Shadowed

# What a resumed run may be told; everything else it has from its checkpoint.
WITH_RESUME = {
    *("resume", "target", "baud", "epochs", "until", "checkpoint_every", "verify_golden"),
    *("out", "force", "shadow", "shadow_every", "command", "defaults", "words", "cache"),
    *("config", "dry_run", "parser", "tensorboard", "workers", "cluster"),
}


@dataclass
class Job:
    """What to train, before there is a device."""

    train_set: Dataset
    test_set: Dataset
    config: dict[str, Any]
    """config.json, without what only the device knows."""
    plan: Plan
    run: RunFolder
    resumed: Checkpoint | None = None
    overwrite: bool = False
    """The folder may hold a run: it is the one that goes on, or --force was given."""


def begin(args: argparse.Namespace) -> tuple[Job, Model, Weights]:
    """A new run, the model loaded on its device, and the weights that it starts from.

    Everything is checked before the first byte is written. Raises FileError, DataError, DoesNotFit,
    DeviceError, LinkError; ValueError for an option.
    """
    averaging = averaging_of(args)
    check_boards(args, averaging)
    if args.out:
        RunFolder(args.out).check_free(overwrite=args.force)
    preset = options.preset_of(args)
    seed = 1 if args.seed is None else args.seed
    epochs = preset.epochs if args.epochs is None else args.epochs
    schedule = {name: getattr(args, name) for name in ("constant_rate", "mirror", "crop")}
    plan = Plan(epochs=epochs, seed=seed, **schedule)
    core = options.core_of(args, preset, args.target)
    data = options.data_of(args, preset)
    train_set = options.load_data(data, train=True, cache=args.cache)
    test_set = options.load_data(data, train=False, cache=args.cache)
    network = options.network_of(args, preset, train_set)
    if core is not None:
        parts = averaging is None and args.shadow is None
        check_room(network, core, parts=parts)  # before a simulation is built
    for samples in (train_set, test_set):
        check_sample(samples[0], network)
    plan.augmentation.check(train_set)
    start = RunFolder(args.start).weights() if args.start else network.initial_weights()
    config = {
        "network": network.as_dict(),
        "data": options.learned(data, train_set),
        "start": str(args.start) if args.start else None,
    }
    run = RunFolder(args.out) if args.out else RunFolder.new(options.run_name(args))
    with _undone(run.discard):
        device = _open(args, core, averaging, run)
        with _undone(device.close):
            model = Model(network, device, weights=start)
            for samples in (train_set, test_set):
                model.check(samples)
    model.plan = plan
    return Job(train_set, test_set, config, plan, run, overwrite=args.force), model, start


def resume(args: argparse.Namespace) -> tuple[Job, Model, Weights]:
    """The same for a run that was begun before: its settings come from its checkpoint."""
    wrong = [
        name
        for name, value in vars(args).items()
        if name not in WITH_RESUME and value != args.defaults[name]
    ]
    if wrong:
        flag = "--from" if wrong[0] == "start" else "--" + wrong[0].replace("_", "-")
        raise ValueError(f"{flag}: a resumed run keeps its settings; leave it out")
    checkpoint = Checkpoint.load(checkpoint_file(args.resume))
    check_boards(args, checkpoint.averaging)
    config = checkpoint.config
    if "data" not in config:
        raise ValueError(f"{args.resume}: not begun by this command; resume it from Python")
    train_set = options.load_data(config["data"], train=True, cache=args.cache)
    test_set = options.load_data(config["data"], train=False, cache=args.cache)
    start = RunFolder(Path(config["start"])).weights() if config["start"] else None
    own = RunFolder(checkpoint_file(args.resume).parent)
    run = RunFolder(args.out) if args.out else own
    overwrite = args.force or run.path.absolute() == own.path.absolute()
    run.check_free(overwrite=overwrite)
    device = _open(args, checkpoint.core, checkpoint.averaging, run)
    with _undone(device.close):
        model = Model.from_checkpoint(checkpoint, device)
        if args.epochs is not None:
            model.extend(args.epochs)
    assert model.plan is not None
    job = Job(train_set, test_set, config, model.plan, run, checkpoint, overwrite)
    return job, model, start or checkpoint.network.initial_weights()


def _open(
    args: argparse.Namespace, core: CoreConfig | None, averaging: Averaging | None, run: RunFolder
) -> Device:
    """The device, with a twin beside it if one is asked for; or several as one."""
    if averaging is not None:
        return open_boards(args, core, averaging)
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


@contextmanager
def _undone(undo: Callable[[], None]) -> Iterator[None]:
    """Calls `undo` when what is in the `with` fails."""
    try:
        yield
    except BaseException:
        undo()
        raise
