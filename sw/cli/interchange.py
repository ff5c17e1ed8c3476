"""The commands `export`, `import` and `verify`: networks that come and go."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.registers import fingerprint
from sw.checkpoint import Checkpoint
from sw.cli import options
from sw.data import DataError, Sample
from sw.interchange.arrival import Activity, activity, noise
from sw.interchange.export import spiking_node, to_nir
from sw.interchange.files import NIR, Trained, check_suffix
from sw.interchange.others import SIMULATORS, other_simulator
from sw.interchange.package import DT, hints, read_graph, write_graph
from sw.interchange.quantise import quantise
from sw.interchange.recognise import Layers, recognise
from sw.interchange.spikes import GoldenSpikes, golden_path, record, sha256
from sw.interchange.verify import Comparison, compare, in_numpy, rounding
from sw.metrics import Plan
from sw.presets import Preset
from sw.store import Run, StoreError

IMPORTED = "imported"
"""Folder, in a run's, with the weights it began with."""


def add_parsers(commands: Any, **style: Any) -> None:
    """Declare the commands."""
    _add_export(commands, style)
    _add_import(commands, style)
    _add_verify(commands, style)


def _add_export(commands: Any, style: dict[str, Any]) -> None:
    parser = commands.add_parser(
        "export",
        help="write a trained network as NIR, safetensors or npz",
        usage="python -m sw.driver export RUN --to FILE [options]",
        description="Write a trained network to a file of its own, in the format of its ending.",
        epilog="""examples:
  export runs/nmnist-1 --to net.nir             NIR graph, and net.golden.npz: spikes to check it by
  export runs/nmnist-1 --to net.nir --reset hard    LIF neurons that reset to zero, which every tool
                                                loads (another network if it was trained with soft)
  export runs/nmnist-1 --to net.safetensors     integers, exactly as the chip holds them
  verify net.nir                                does the graph give the chip's spikes?""",
        **style,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder that train wrote")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="FILE", help=".nir, .safetensors, .npz"
    )
    parser.add_argument(
        "--samples", type=int, default=8, metavar="N",
        help="test samples whose spikes are kept beside a .nir (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--reset",
        choices=("soft", "hard"),
        help="write it with another reset than it was trained with",
    )
    parser.set_defaults(command=export)


def _add_import(commands: Any, style: dict[str, Any]) -> None:
    parser = commands.add_parser(
        "import",
        help="make a run of a NIR graph, or of an exported file",
        usage="python -m sw.driver import FILE --out DIR [options]",
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


def _add_verify(commands: Any, style: dict[str, Any]) -> None:
    parser = commands.add_parser(
        "verify",
        help="run an exported graph, and count spikes that differ from the golden ones",
        usage="python -m sw.driver verify FILE [options]",
        description="Run a NIR graph against the golden spikes beside it, and count mismatches.",
        epilog="""examples:
  verify net.nir                     in NumPy, node by node
  verify net.nir --with snntorch     in snnTorch (norse, sinabs: the same)

exit status: 0 no mismatch, 1 some, with their number for every layer""",
        **style,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a .nir that export wrote")
    parser.add_argument(
        "--with",
        dest="simulator",
        choices=SIMULATORS,
        help="another simulator; it must be installed",
    )
    parser.set_defaults(command=verify)


def export(args: argparse.Namespace, console: Console) -> int:
    """Write a run's network."""
    check_suffix(args.to)
    if args.samples < 1:
        raise ValueError(f"--samples {args.samples}: 1 or more are needed")
    trained = Trained.of_run(args.run)
    if args.reset and args.reset != trained.network.reset:
        console.print(
            f"note: trained with {trained.network.reset} reset; with {args.reset} it is another "
            "network, and its golden spikes are that one's"
        )
        trained = replace(trained, network=replace(trained.network, reset=args.reset))
    if args.to.suffix != NIR:
        trained.save(args.to)
        console.print(f"written: {args.to}")
        return 0
    graph = to_nir(trained.network, trained.weights, trained.core, trained.data)
    samples = _samples(trained, args.samples, console)
    nodes = [spiking_node(trained.network, index) for index in range(len(trained.network.hidden))]
    answers = record(trained.network, trained.weights, trained.core, samples)
    golden = GoldenSpikes([s.frames for s in samples], [s.key for s in samples], nodes, *answers)
    write_graph(args.to, graph)
    golden.save(golden_path(args.to), args.to)
    console.print(f"written: {args.to}, and {golden_path(args.to)} with {len(samples)} samples")
    _show(console, rounding(golden))
    return 0


def verify(args: argparse.Namespace, console: Console) -> int:
    """Count mismatches; 1 when there is one."""
    graph = read_graph(args.file)
    golden = GoldenSpikes.load(golden_path(args.file))
    if golden.graph != sha256(args.file):
        console.print(f"note: {args.file} was changed after its golden spikes were written")
    if args.simulator is None:
        found = in_numpy(graph, golden)
    else:
        answers = other_simulator(args.simulator, graph, golden.nodes)(golden.frames)
        found = [compare(f"{args.simulator} / exact spikes", golden.nodes, golden.exact, answers)]
    for comparison in found:
        _show(console, comparison)
    wrong = sum(comparison.wrong for comparison in found)
    console.print("DIFFERENT" if wrong else "no mismatch")
    if not wrong:
        _show(console, rounding(golden))
    return int(wrong > 0)


def import_(args: argparse.Namespace, console: Console) -> int:
    """Make a run of a file."""
    check_suffix(args.file)
    if args.file.suffix != NIR:
        trained, graph, layers = Trained.load(args.file), None, None
    else:
        trained, graph, layers = _quantised(args, console)
    core = _core(args, trained.core)
    trained.network.check_fit(core)
    trained = replace(trained, core=core, data=_data(args, trained.data))
    if args.seed is not None:
        trained = replace(trained, network=replace(trained.network, seed=args.seed))
    if graph is not None and layers is not None:
        _compare_activity(console, trained, graph, layers, args)
    _write_run(args, trained)
    sizes = "-".join(map(str, trained.network.sizes))
    console.print(
        f"{args.out}: {sizes}, {trained.network.reset} reset, gamma {trained.network.gamma:.4g}"
    )
    console.print(_next(args.out, trained))
    return 0


def _quantised(args: argparse.Namespace, console: Console) -> tuple[Trained, Any, Layers]:
    """The integers of a graph; says what was done to it."""
    graph = read_graph(args.file)
    known = hints(graph)
    layers = recognise(graph, dt=_dt(args, known))
    try:
        core = CoreConfig(**known["core"]) if known.get("core") else Preset(text="").config
    except (TypeError, ValueError) as error:
        raise StoreError(f"{args.file}: its metadata are damaged ({error})") from error
    made = quantise(layers, _core(args, core), known.get("network"), args.reset)
    for note in made.notes:
        console.print(note)
    return Trained(made.network, core, made.weights, known.get("data")), graph, layers


def _dt(args: argparse.Namespace, known: dict[str, Any]) -> float:
    dt = float(args.dt if args.dt is not None else known.get("dt", DT))
    if not 0 < dt < 1000:
        raise ValueError(f"--dt {dt:g}: seconds of a step, above 0")
    return dt


def _core(args: argparse.Namespace, known: CoreConfig) -> CoreConfig:
    """The core asked for, or the one the network was trained on."""
    changes = {
        name: value for name in options.CORE_HELP if (value := getattr(args, name)) is not None
    }
    return replace(CORES[args.core] if args.core else known, **changes)


def _data(args: argparse.Namespace, known: dict[str, Any] | None) -> dict[str, Any] | None:
    """The data set asked for, or the one the network was trained on."""
    if args.data is None and known is None:
        return None
    asked = options.data_of(args, Preset(text="", data=(known or {}).get("name", "")))
    if args.data is not None or known is None:
        return asked
    given = {name: getattr(args, name) for name in ("steps", "pool", "train", "test", "seed")}
    changes = {name: value for name, value in given.items() if value is not None}
    return known | changes | ({"root": asked["root"]} if asked["root"] else {})


def _samples(trained: Trained, count: int, console: Console) -> Sequence[Sample]:
    """Test samples of its data set, or noise."""
    if trained.data is None:
        console.print("note: the run has no data set; random samples are used")
        return noise(trained.network, trained.network.seed)[:count]
    return list(options.load_data({**trained.data, "test": count}, train=False))


def _compare_activity(
    console: Console, trained: Trained, graph: Any, layers: Layers, args: argparse.Namespace
) -> None:
    """Say what every layer did before and does now, and warn."""
    samples = _samples(trained, 16, console)
    if samples[0].frames.shape[1] != trained.network.inputs:
        raise DataError(
            f"the data set has {samples[0].frames.shape[1]} inputs, the network "
            f"{trained.network.inputs}; choose --data, --pool"
        )
    found, same = activity(
        graph, layers, trained.network, trained.weights, trained.core, samples,
        dt=_dt(args, hints(graph)),
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
    run = Run(args.out)
    run.start(config)
    checkpoint.save(Run(start).checkpoint)
    checkpoint.save(run.checkpoint)


def _next(out: Path, trained: Trained) -> str:
    if trained.data is None:
        return "no data set: predict, evaluate and train need one; import it again with --data"
    return f"use it: evaluate --run {out}; train --resume {out}"


def _show(console: Console, comparison: Comparison) -> None:
    """A comparison, a line for every layer."""
    console.print(comparison.what)
    for layer in comparison.layers:
        share = layer.wrong / max(layer.values, 1)
        console.print(
            f"  {layer.name}: {layer.wrong} of {layer.values} differ ({share:.3%}), "
            f"{layer.spikes} golden spikes"
        )
    console.print(
        f"  classes: {comparison.predictions} differ; readout: off by {comparison.logits:.3g} at most"
    )
