"""The command `verify`: does a graph give the golden spikes?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from sw.cli.program import PROGRAM
from sw.interchange.others import SIMULATORS, other_simulator
from sw.interchange.package import read_graph
from sw.interchange.spikes import GoldenSpikes, golden_path, sha256
from sw.interchange.verify import Comparison, compare, in_numpy, rounding


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "verify",
        help="run an exported graph, and count spikes that differ from the golden ones",
        usage=f"{PROGRAM} verify FILE... [options]",
        description="Run a NIR graph against the golden spikes beside it, and count mismatches.",
        epilog="""examples:
  verify net.nir                     in NumPy, node by node
  verify net.nir --with snntorch     in snnTorch (norse, sinabs: the same)

exit status: 0 no mismatch, 1 some, with their number for every layer""",
        **style,
    )
    parser.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="a .nir that export wrote"
    )
    parser.add_argument(
        "--with",
        dest="simulator",
        choices=SIMULATORS,
        help="another simulator; it must be installed",
    )
    parser.set_defaults(command=verify)


def verify(args: argparse.Namespace, console: Console) -> int:
    """Count mismatches; 1 when there is one."""
    wrong = 0
    for path in args.files:
        if len(args.files) > 1:
            console.print(f"{path}:")
        wrong += _verify(path, args.simulator, console)
    return int(wrong > 0)


def _verify(path: Path, simulator: str | None, console: Console) -> int:
    """Mismatches of one graph."""
    graph = read_graph(path)
    golden = GoldenSpikes.load(golden_path(path))
    if golden.graph != sha256(path):
        console.print(f"note: {path} was changed after its golden spikes were written")
    if simulator is None:
        found = in_numpy(graph, golden)
    else:
        answers = other_simulator(simulator, graph, golden.nodes)(golden.frames)
        found = [compare(f"{simulator} / exact spikes", golden.nodes, golden.exact, answers)]
    for comparison in found:
        show(console, comparison)
    wrong = sum(comparison.wrong for comparison in found)
    console.print(f"DIFFERENT: {wrong} mismatches" if wrong else "no mismatch")
    if not wrong:
        console.print("for comparison, what the chip's rounding of membranes comes to:")
        show(console, rounding(golden))
    return wrong


def show(console: Console, comparison: Comparison) -> None:
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
