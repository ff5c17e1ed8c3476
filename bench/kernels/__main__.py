"""Kernels that learn, in floating point: learned readouts beside fixed signs, kernels as drawn, and BPTT.

    python -m bench.kernels --data-dir DIR [--train 2000] [--test 2000] [--bits 1] [--seeds 1 2 3]
                            [--hidden 16c3p 32c3p] [--steps 6] [--epochs 6] [--rows recipe signs ...]

CIFAR-10, the same image in every step; `--bits` of each colour (bench/kernels/inputs.py). With `--data`
another data set, such as nmnist8, in `--steps` and pooled by `--pool`: for BPTT, as the rule's rates are
those of images. Accuracy on test samples after the last epoch, learning off: of the output layer, of it
and all layers' own readouts summed, and of each readout. Without batch normalization BPTT is a yardstick
for shallow networks only: the row bptt-norm has it, and needs torch (bptt-torch is the same without it, to
compare with bptt). BPTT chooses its rate on a fifth of the training samples, once for all seeds. The
rates of the rule are fixed: they come from earlier trials that were judged by test images, which may
flatter it a little.
A run is kept as a line of --out and not repeated when it is there: a long list may be taken up again.
"""

import argparse
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy; more threads only wait here

from rich.console import Console
from rich.table import Table

from bench.kernels.inputs import Images, read, recordings
from bench.kernels.rows import ROWS, TORCH, run

IMAGES = "cifar10"
KEPT = Path(__file__).parents[1] / "results" / "kernels" / "runs.jsonl"
MAIN = ("bptt", "recipe", "signs", "frozen")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", metavar="DIR", help="where the data set is")
    parser.add_argument("--data", default=IMAGES, help="data set (%(default)s)")
    parser.add_argument("--pool", type=int, default=1, help="of recordings (%(default)s)")
    parser.add_argument("--train", type=int, default=2000, help="images (%(default)s)")
    parser.add_argument("--test", type=int, default=2000, help="images (%(default)s)")
    parser.add_argument("--bits", type=int, default=1, help="of the input (%(default)s)")
    parser.add_argument("--hidden", nargs="+", default=["16c3p", "32c3p"], metavar="STAGE")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rows", nargs="+", choices=[*ROWS, *TORCH], default=MAIN)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[], help="of Adam, which BPTT may choose from"
    )
    parser.add_argument("--out", type=Path, default=KEPT, metavar="FILE", help="%(default)s")
    return parser.parse_args()


def inputs(options: argparse.Namespace) -> tuple[Images, Images]:
    """What to learn and what to be judged by. Raises DataError."""
    how = (options.data_dir, options.train, options.test, options.bits)
    if options.data == IMAGES:
        return read(*how)
    return recordings(options.data, *how, steps=options.steps, pool=options.pool)


def table(runs: list[dict[str, Any]]) -> Table:
    """Means over the seeds, percent."""
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in runs:
        of[each["row"]].append(each)
    out = Table()
    for column in (
        "row",
        "accuracy",
        "mean",
        "summed",
        "each layer's readout",
        "firing",
        "seconds",
    ):
        out.add_column(column)
    for row, found in of.items():
        accuracy = [100 * each["accuracy"] for each in found]
        lists = ([100 * value for value in found[-1][name]] for name in ("layers", "firing"))
        cells = (" ".join(f"{value:.1f}" for value in values) for values in (accuracy, *lists))
        seeds, layers, firing = cells
        mean, summed = (_mean([each[name] for each in found]) for name in ("accuracy", "summed"))
        figures = (mean, summed, layers, firing)
        out.add_row(row, seeds, *figures, str(found[-1]["seconds"]))
    return out


def _mean(values: list[float | None]) -> str:
    """In percent; a dash where a row has no such figure."""
    known = [100 * value for value in values if value is not None]
    return f"{sum(known) / len(known):.1f}" if known else "-"


def main() -> None:
    """Run what is not there, print the table."""
    options, console = parse(), Console(highlight=False)
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    known = {tuple(each["key"]): each for each in map(json.loads, lines)}
    sizes = (options.train, options.test, options.bits, options.steps, options.epochs)
    name = options.data if options.pool == 1 else f"{options.data}/{options.pool}"
    stages, runs = tuple(options.hidden), []
    images = inputs(options)
    for row in options.rows:
        offered = options.rates
        for seed in options.seeds:
            key = (name, row, seed, "-".join(stages), *sizes)
            if key not in known:
                how = {"steps": options.steps, "seed": seed, "offered": offered}
                result = run(row, stages, images, options.epochs, **how)
                known[key] = {"key": key, "row": row, "seed": seed, **result}
                options.out.parent.mkdir(parents=True, exist_ok=True)
                with options.out.open("a") as file:
                    file.write(json.dumps(known[key]) + "\n")
            runs.append(known[key])
            offered = [known[key]["adam"]] if known[key]["adam"] else offered
            console.print(f"{row}, seed {seed}: {100 * known[key]['accuracy']:.1f} %")
    console.print(
        f"{name}, {'-'.join(stages)}, train test bits steps epochs: {sizes}, seeds {options.seeds}"
    )
    console.print(table(runs))


if __name__ == "__main__":
    main()
