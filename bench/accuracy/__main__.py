"""Accuracy of the chip beside frozen hidden layers, TESS in floating point and BPTT.

    python -m bench.accuracy [--preset nmnist-fast] [--data-dir DIR] [--seeds 1 2 3] [--quick]

Same network, samples and time steps for all. A method with settings to choose (learning rate, epochs,
spread) chooses them on a fifth of the training samples, held out; then it trains on all training samples
with every seed and is judged by the test samples, learning off, after its last epoch. No epoch is picked.
Results go to bench/results/PRESET.json (a method that is run again replaces its own, or adds its seeds by
--more), from where `python -m bench.results` makes the tables and plots of docs/results.md.
"""

import argparse
import ast
import os
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.accuracy.jobs import RESULTS, Job, run
from bench.accuracy.kept import keep
from bench.accuracy.methods import ETAS, METHODS, TIMES
from golden.spec.declare import declarations
from golden.spec.network import Network
from sw.data.augment import Augmentation
from sw.presets import PRESETS
from sw.study import run as run_tasks
from sw.study.options import add_workers

QUICK_SAMPLES, QUICK_EPOCHS = 100, 2


def table(name: str, results: dict[str, dict[str, Any]]) -> Table:
    """For the terminal."""
    out = Table(title=f"{name}: test accuracy")
    for column in ("method", "mean", "least", "most", "firing", "epochs", "setting"):
        out.add_column(column)
    for method, result in results.items():
        values = result["accuracy"]
        figures = (float(np.mean(values)), min(values), max(values))
        cells = [f"{100 * value:.1f} %" for value in figures]
        firing = ", ".join(f"{100 * rate:.1f} %" for rate in result["firing_rates"])
        out.add_row(method, *cells, firing, str(result["epochs"]), str(result["setting"] or ""))
    return out


def _change(text: str) -> tuple[str, Any]:
    """A field of the network and its value: FIELD=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or name not in declarations(Network):
        raise argparse.ArgumentTypeError(f"{text!r}: write FIELD=VALUE, a field of Network")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--data-dir", metavar="DIR", help="of a data set that is not included")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--epochs", type=int, help="default: the preset's")
    parser.add_argument("--train", type=int, metavar="N", help="training samples (default: all)")
    parser.add_argument("--test", type=int, metavar="N", help="test samples (default: all)")
    parser.add_argument(
        "--validate-on", type=int, metavar="N", help="training samples for choosing (default: all)"
    )
    parser.add_argument(
        "--last-judges",
        action="store_true",
        help="choose by the last fifth of the training samples, not by every fifth sample",
    )
    parser.add_argument(
        "--etas", type=float, nargs="+", default=ETAS, help="Adam may choose from (%(default)s)"
    )
    parser.add_argument(
        "--times",
        type=float,
        nargs="+",
        default=TIMES,
        help="the epochs, as often; bptt and tess may choose from (%(default)s)",
    )
    parser.add_argument(
        "--set",
        type=_change,
        nargs="+",
        default=[],
        metavar="FIELD=VALUE",
        help="fields of the network that are not the preset's, as score=output; give --out, too",
    )
    parser.add_argument(
        "--mirror", action="store_true", help="the chip learns mirrored samples too; give --out"
    )
    parser.add_argument(
        "--crop", type=int, default=0, metavar="PIXELS", help="and shifted ones; give --out"
    )
    add_workers(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default: bench/results/PRESET.json"
    )
    parser.add_argument(
        "--more", action="store_true", help="add the seeds to those that the file has"
    )
    parser.add_argument(
        "--quick", action="store_true", help="100 samples, 2 epochs, one seed; keeps nothing"
    )
    return parser.parse_args()


def main() -> None:
    """Train all, print the table, keep the results."""
    options = parse()
    limit, epochs, seeds = options.train, options.epochs, tuple(options.seeds)
    etas, times = tuple(options.etas), tuple(options.times)
    if options.quick:
        limit, epochs, seeds = QUICK_SAMPLES, epochs or QUICK_EPOCHS, seeds[:1]
        etas, times = etas[:1], times[:1]
    test_limit = QUICK_SAMPLES if options.quick else options.test
    common = (
        seeds,
        options.data_dir,
        limit,
        test_limit,
        epochs,
        options.validate_on,
        options.last_judges,
        etas,
        times,
        tuple(options.set),
    )
    augmentation = Augmentation(options.mirror, options.crop)
    if augmentation and set(options.methods) != {"chip"}:
        raise SystemExit("bench.accuracy: --mirror and --crop are the chip's: give --methods chip")
    jobs = [Job(options.preset, method, *common, augmentation) for method in options.methods]
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process for each method is better
    if (options.set or augmentation) and not options.out and not options.quick:
        raise SystemExit(
            "bench.accuracy: --set, --mirror and --crop need --out: these are not the preset's results"
        )
    path = options.out or RESULTS / f"{options.preset}.json"
    results = {}
    for job, result in run_tasks(run, jobs, workers=options.workers, cluster=options.cluster):
        if isinstance(result, Exception):
            raise result
        results[job.method] = result
        if not options.quick or options.out:
            rows = {job.method: result}
            keep(options.preset, dict(options.set), rows, path, more=options.more)
    results = {method: results[method] for method in options.methods}
    Console().print(table(options.preset, results))


if __name__ == "__main__":
    main()
