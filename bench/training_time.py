"""How long the README's training takes without a board, and where the time goes.

    python -m bench.training_time [--target golden] [--json]

Trains `nmnist-fast` (seed 1, all of data/nmnist, 8 epochs) in a new process, twice: the first time with an
empty folder of compiled things, as on the first day. Prints seconds of the clock and of the processor, and
of a third training, in this process, what each part takes. Weights of all are compared.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sw.device import Device
from sw.places import BUILDS
from sw.presets import PRESETS
from sw.run import Plan, RunFolder, Trainer, Watcher

PRESET = "nmnist-fast"


def train(target: str, out: Path, build: Path) -> dict[str, float]:
    """Seconds of a training by the command line: on the clock, and of the processor."""
    command = [sys.executable, "-m", "sw.driver", "train", "--target", target, "--out", str(out)]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {BUILDS: str(build)})
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": wall, "processor_seconds": used}


def parts(target: str) -> tuple[dict[str, float], list[np.ndarray]]:
    """Seconds of each part of a training in this process, and the weights it ends with."""
    found: dict[str, float] = {}
    started = time.monotonic()
    preset = PRESETS[PRESET]
    train_set, test_set = preset.samples(train=True), preset.samples(train=False)
    found["data"] = time.monotonic() - started
    started = time.monotonic()
    with Device.open(target, config=preset.config) as device:
        device.load(preset.make_network(train_set))
        found["device"] = time.monotonic() - started
        started = time.monotonic()
        trainer = Trainer(device, train_set, test_set, Plan(epochs=preset.epochs), Watcher())
        trainer.run()
        whole = time.monotonic() - started
        found["learning"] = sum(epoch.seconds for epoch in trainer.progress.epochs)
        found["tests and checkpoints"] = whole - found["learning"]
        return found, list(device.read_weights())


def main() -> None:
    """Train three times, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default="golden")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = {
            times: train(options.target, folder / f"run-{times}", folder / "build")
            for times in ("first", "second")
        }
        weights = [list(RunFolder(folder / f"run-{times}").weights()) for times in found]
    took, again = parts(options.target)
    same = all(all(map(np.array_equal, one, again)) for one in weights)
    if options.json:
        print(json.dumps({"trainings": found, "parts": took, "equal": same}))
        return
    for times, seconds in found.items():
        wall, used = seconds["seconds"], seconds["processor_seconds"]
        print(f"{times} training: {wall:.1f} s, {used:.1f} s of the processor")
    print(", ".join(f"{part} {seconds:.2f} s" for part, seconds in took.items()))
    print("all weights are equal" if same else "weights DIFFER")


if __name__ == "__main__":
    main()
