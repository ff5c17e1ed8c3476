"""The command `export`: a trained network in a file of its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from sw.cli import options
from sw.cli.program import PROGRAM
from sw.cli.verify import show
from sw.data import Sample
from sw.interchange.arrival import noise
from sw.interchange.export import spiking_node, to_nir
from sw.interchange.files import NIR, Trained, check_suffix
from sw.interchange.package import write_graph
from sw.interchange.spikes import GoldenSpikes, golden_path, record
from sw.interchange.verify import rounding


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "export",
        help="write a trained network as NIR, safetensors or npz",
        usage=f"{PROGRAM} export RUN --to FILE [options]",
        description="Write a trained network to a file of its own, in the format of its ending.",
        epilog="""examples:
  export runs/nmnist-fast-1 --to net.nir        NIR graph, and net.golden.npz: spikes to check it by
  export runs/nmnist-fast-1 --to net.nir --reset hard   LIF neurons that reset to zero, which every tool
                                                loads (another network if it was trained with soft)
  export runs/nmnist-fast-1 --to net.safetensors     integers, exactly as the chip holds them
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
    samples = test_samples(trained, args.samples, console)
    nodes = [spiking_node(trained.network, index) for index in range(len(trained.network.hidden))]
    answers = record(trained.network, trained.weights, trained.core, samples)
    golden = GoldenSpikes(
        [s.frames.astype(np.bool_) for s in samples], [s.key for s in samples], nodes, *answers
    )
    write_graph(args.to, graph)
    golden.save(golden_path(args.to), args.to)
    console.print(f"written: {args.to}, and {golden_path(args.to)} with {len(samples)} samples")
    show(console, rounding(golden))
    return 0


def test_samples(trained: Trained, count: int, console: Console) -> Sequence[Sample]:
    """Test samples of its data set, or noise."""
    if trained.data is None:
        console.print("note: the run has no data set; random samples are used")
        return noise(trained.network, trained.network.seed)[:count]
    return list(options.load_data({**trained.data, "test": count}, train=False))
