"""Several boards that learn one model: accuracy, speed of this computer, and a model of many boards.

    python -m bench.boards --preset nmnist-fast --seeds 1 2 3
    python -m bench.boards --preset mnist --data-dir DIR --train 5000 --test 2000
    python -m bench.boards --preset nmnist-conv
    python -m bench.boards --preset nmnist-fast --speed     # samples/s of processes on this computer
    python -m bench.boards --pages                          # table and picture of docs/boards.md

Accuracy is measured on the integer core, which has the chip's bits, whatever the number of boards. Samples
a second of boards are not: they follow from cycles and bytes of the link that are counted on the simulated
board (`bench.boards.scaling`). What there is goes to bench/results/boards/PRESET.json.
"""

import argparse
import json
import os
import time
from typing import Any

import numpy as np
from rich.console import Console

from bench.accuracy.jobs import task_of
from bench.boards.accuracy import Point, measured
from bench.boards.pages import KEPT, write
from bench.boards.scaling import as_dict, counted
from sw import Boards
from sw.model import Model
from sw.presets import PRESETS
from sw.study import run as run_tasks
from sw.study.options import add_workers

BOARDS, EVERY = (1, 2, 4, 8), (10, 100, 1000)


def accuracies(options: argparse.Namespace, tell: Any) -> list[dict[str, Any]]:
    """Every number of boards with every K, all seeds. One board learns the same whatever K is."""
    given = (options.preset, options.data_dir, options.train, options.test)
    pairs = [(b, k) for b in BOARDS for k in EVERY if b > 1 or k == EVERY[0]]
    points = [Point(*given, b, k, seed) for b, k in pairs for seed in options.seeds]
    found: dict[Point, float] = {}
    for point, result in run_tasks(
        measured, points, workers=options.workers, cluster=options.cluster
    ):
        if isinstance(result, Exception):
            raise result
        tell(f"boards {point.boards} every {point.every} seed {point.seed}: {100 * result:.1f} %")
        found[point] = result
    rows = []
    for boards, every in pairs:
        values = [found[Point(*given, boards, every, seed)] for seed in options.seeds]
        rows.append({"boards": boards, "every": every, "accuracy": values})
    return rows


def speeds(options: argparse.Namespace, tell: Any) -> list[dict[str, Any]]:
    """Samples a second of 4 integer cores in processes of this computer, links and Dask included."""
    task, rows = task_of(options.preset, options.data_dir, options.train, options.test), []
    for workers in (1, 2):
        for every in EVERY:
            count = min(len(task.train), max(400, 4 * every))
            many = [task.train[i] for i in range(count)]
            with Boards(
                ["golden"], boards=4, every=every, config=task.preset.config, workers=workers
            ) as boards:
                model = Model(task.network(1), boards)
                model.fit(many[:8], epochs=1)
                begun = time.perf_counter()
                model.fit(many, epochs=1)
                speed = count / (time.perf_counter() - begun)
            tell(f"{workers} processes, every {every}: {speed:.0f} samples/s")
            rows.append({"workers": workers, "every": every, "samples_per_second": round(speed, 1)})
    return rows


def main() -> None:
    """Measure, tell, keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="nmnist-fast", choices=PRESETS)
    parser.add_argument("--data-dir", metavar="DIR", help="of a data set that is not included")
    parser.add_argument("--train", type=int, metavar="N", help="training samples (default: all)")
    parser.add_argument("--test", type=int, metavar="N", help="test samples (default: all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], metavar="N")
    parser.add_argument("--speed", action="store_true", help="of this computer, alone")
    parser.add_argument("--counted", action="store_true", help="cycles, bytes and the model, alone")
    parser.add_argument("--pages", action="store_true", help="write table and picture, alone")
    add_workers(parser)
    options = parser.parse_args()
    console = Console(highlight=False)
    if options.pages:
        write()
        return
    path = KEPT / f"{options.preset}.json"
    content = json.loads(path.read_text()) if path.exists() else {"preset": options.preset}
    if options.speed:
        content["speed"] = {"processors": os.cpu_count(), "rows": speeds(options, console.print)}
    if not options.speed and not options.counted:
        task = task_of(options.preset, options.data_dir, options.train, options.test)
        content["samples"] = [len(task.train), len(task.test)]
        content |= {"epochs": task.epochs, "seeds": options.seeds}
        content["points"] = accuracies(options, console.print)
        for point in content["points"]:
            point["accuracy"] = np.round(point["accuracy"], 4).tolist()
    if not options.speed:
        model = as_dict(counted(options.preset, options.data_dir, options.train), EVERY)
        content["model"] = model
        console.print_json(data=model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
