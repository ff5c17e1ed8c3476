"""The command `import`: a network of another tool, or an exported one, becomes a run."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.registers import fingerprint
from sw.cli import options
from sw.cli.export import test_samples
from sw.cli.program import PROGRAM
from sw.data import DataError
from sw.device import Device
from sw.interchange.arrival import Activity, activity
from sw.interchange.files import NIR, Trained, check_suffix
from sw.interchange.package import DT, Unsupported, hints, read_graph, step_seconds
from sw.interchange.quantise import quantise
from sw.interchange.recognise import Layers, recognise
from sw.interchange.spikes import sha256
from sw.parts import holding
from sw.presets import Preset
from sw.printable import reason
from sw.run import Checkpoint, FileError, Plan, RunFolder

DATA: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "root": (str, type(None)),
    **dict.fromkeys(("steps", "pool", "seed"), (int,)),
    **dict.fromkeys(("train", "test"), (int, type(None))),
    **dict.fromkeys(("size", "sensor", "class_names"), (list, type(None))),
    "window_us": (list,),
    "options": (dict,),
}
"""What a data set in a graph's metadata may be made of."""
IMPORTED = "imported"
"""Folder, in a run's, with the weights it began with."""


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "import",
        help="make a run of a NIR graph, or of an exported file",
        usage=f"{PROGRAM} import FILE --out DIR [options]",
        description="Quantise a network to the chip's bits, and make a run of it, for all commands.",
        epilog="""examples:
  import net.nir --out runs/theirs --data nmnist    a graph of snnTorch, Norse, ... or of export
  evaluate --run runs/theirs                        how good is it on the chip
  train --resume runs/theirs                        go on learning from it
  import net.npz --out runs/copy                    an exported network, exactly

A graph is a row of Linear or Affine and LIF nodes; reset by subtraction is LI, Threshold and a diagonal
Linear back. What the chip cannot do is refused, with the node and the reason.""",
        **style,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=".nir, .safetensors or .npz")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    options.add_force(parser)
    parser.add_argument(
        "--epochs", type=int, default=6, metavar="N", help="to train it for later (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="of rounding and the order of samples"
    )
    parser.add_argument(
        "--dt", type=float, metavar="S", help=f"seconds of a step; NIR has none (default: {DT:g})"
    )
    parser.add_argument(
        "--reset", choices=("soft", "hard"),
        help="soft: its LIF nodes stand for neurons that subtract (NIR has no word for it)",
    )  # fmt: skip
    options.add_data(parser)
    options.add_core(parser)
    parser.set_defaults(command=import_)


def import_(args: argparse.Namespace, console: Console) -> int:
    """Make a run of a file."""
    check_suffix(args.file)
    RunFolder(args.out).check_free(overwrite=args.force)
    if args.file.suffix != NIR:
        trained, graph, layers = Trained.load(args.file), None, None
    else:
        trained, graph, layers = _quantised(args, console)
    core = _core(args, trained.core)
    trained = replace(trained, core=core, data=_data(args, trained.data))
    if args.seed is not None:
        trained = replace(trained, network=replace(trained.network, seed=args.seed))
    with holding(
        Device.open("golden", config=core), trained.network
    ) as device:  # what does not fit
        device.load(trained.network, trained.weights)
    if graph is not None and layers is not None:
        _compare_activity(console, trained, graph, layers, args)
    _write_run(args, trained)
    console.print(
        f"{args.out}: {trained.network.name}, {trained.network.reset} reset, "
        f"gamma {trained.network.gamma:.4g}"
    )
    console.print(_next(args.out, trained))
    return 0


def _quantised(args: argparse.Namespace, console: Console) -> tuple[Trained, Any, Layers]:
    """The integers of a graph; says what was done to it."""
    graph = read_graph(args.file)
    known = hints(graph)
    layers = recognise(graph, dt=_dt(args, graph))
    try:
        core = CoreConfig(**known["core"]) if known.get("core") else Preset(text="").config
        made = quantise(layers, _core(args, core), known.get("network"), args.reset)
        check_data(known.get("data"))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, Unsupported):
            raise
        raise FileError(
            f"{args.file}: its metadata are damaged ({reason(error)}); export it again"
        ) from error
    for note in made.notes:
        console.print(note)
    return Trained(made.network, core, made.weights, known.get("data")), graph, layers


def check_data(data: Any) -> None:
    """Raise TypeError or ValueError for a data set, as a graph names it, that nobody can load."""
    if data is None:
        return
    if not isinstance(data, dict):
        raise TypeError("its data set is no table")
    for name, kinds in DATA.items():
        if name in data and type(data[name]) not in kinds:
            raise TypeError(f"{name} of its data set is {type(data[name]).__name__}")
    if missing := [name for name in ("name", "root", "steps", "pool", "seed") if name not in data]:
        raise ValueError(f"its data set lacks {', '.join(missing)}")
    for name in ("size", "window_us"):
        pair = data.get(name)
        if pair is not None and [type(number) for number in pair] != [int, int]:
            raise ValueError(f"{name} of its data set is no pair of numbers")


def _dt(args: argparse.Namespace, graph: Any) -> float:
    dt = float(args.dt if args.dt is not None else step_seconds(graph))
    if not 0 < dt < 1000:
        raise ValueError(f"--dt {dt:g}: seconds of a step, above 0")
    return dt


def _core(args: argparse.Namespace, known: CoreConfig) -> CoreConfig:
    """The core asked for, or the one the network was trained on."""
    base = CORES[args.core] if args.core else known
    return replace(base, **options.given(args, CoreConfig))


def _data(args: argparse.Namespace, known: dict[str, Any] | None) -> dict[str, Any] | None:
    """The data set asked for, or the one the network was trained on."""
    if args.data is None and known is None:
        return None
    asked = options.data_of(args, _usual(args.data or (known or {})["name"]))
    if args.data is not None or known is None:
        return asked
    given = {name: getattr(args, name) for name in ("steps", "pool", "size", "train", "test")}
    changes = {name: value for name, value in given.items() if value is not None}
    if "pool" in changes or "size" in changes:
        changes = {"pool": 1, "size": None} | changes
    return known | changes | ({"root": asked["root"]} if asked["root"] else {})


def _usual(data: str) -> Preset:
    """What is usual for a data set, NAME or NAME:DIR. Raises DataError."""
    return Preset(text="").on(data.partition(":")[0])


def _compare_activity(
    console: Console, trained: Trained, graph: Any, layers: Layers, args: argparse.Namespace
) -> None:
    """Say what every layer did before and does now, and warn."""
    samples = test_samples(trained, 16, console)
    if samples[0].frames.shape[1] != trained.network.inputs:
        raise DataError(
            f"the data set has {samples[0].frames.shape[1]} inputs, the network "
            f"{trained.network.inputs}; choose --data, --pool"
        )
    found, same = activity(
        graph, layers, trained.network, trained.weights, trained.core, samples,
        dt=_dt(args, graph),
    )  # fmt: skip
    for layer in found:
        console.print(_line(layer))
    console.print(f"same class before and after, of {len(samples)} samples: {same:.0%}")


def _line(layer: Activity) -> str:
    text = f"node {layer.node}: firing rate {layer.before:.3f} in the graph, {layer.after:.3f} on the chip"
    return f"warning: {text}: {layer.warning}" if layer.warning else text


def _write_run(args: argparse.Namespace, trained: Trained) -> None:
    """A run that has not learned yet."""
    plan = Plan(epochs=args.epochs, seed=1 if args.seed is None else args.seed)
    start = args.out / IMPORTED
    config: dict[str, Any] = {
        "network": trained.network.as_dict(),
        "core": trained.core.as_dict(),
        "training": asdict(plan),
        "target": "golden",
        "fingerprint": f"{fingerprint(trained.core):016x}",
        "start": str(start),
        "imported": {"file": str(args.file), "sha256": sha256(args.file)},
    }
    if trained.data is not None:
        config["data"] = trained.data
    checkpoint = Checkpoint(
        weights=trained.weights,
        noise_state=trained.network.noise_seed,
        network=trained.network,
        core=trained.core,
        plan=plan,
        config=config,
    )
    run = RunFolder(args.out)
    run.start(config)
    checkpoint.save(RunFolder(start).checkpoint)
    checkpoint.save(run.checkpoint)


def _next(out: Path, trained: Trained) -> str:
    if trained.data is None:
        return "no data set: the commands need one, import it again with --data; Python does not"
    return f"use it: evaluate --run {out}; train --resume {out}"
