"""A network in use goes on learning, on line, sample by sample: a new class, and a sensor that was moved.

    python -m bench.continual [--preset nmnist-fast] [--seeds 1 2 3] [--rate 0.3] [--json]

Both on the integer model, which the chip equals bit for bit, with the recordings of data/nmnist; every
sample of a stream is learned from once, batch 1, no optimizer state, rates constant at `--rate` of the
network's. Seed: of the network, of the order in training and of the stream.

new class   The network, which has 10 classes, is trained on the digits 0 to 7. Then all recordings of 8 and 9
            come once: alone; with 3 of 80 remembered recordings of 0 to 7 after each; or all ten digits
            as they are.
moved       The network is trained on all digits. Then the sensor is moved, and the 1000 recordings come
            once as it sees them now.

Printed is the accuracy on the test recordings, learning off, before and after: of what is new, and of what
was known. What the latter loses is forgetting. On the way it is measured four times.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from sw.data import Dataset, Sample
from sw.device import Device
from sw.live import shifted
from sw.presets import PRESETS, Preset
from sw.run import Plan, Trainer

OLD, NEW = range(8), (8, 9)
REMEMBERED, AFTER_EACH = 80, 3
QUARTERS = 4


@dataclass(frozen=True)
class Parts:
    """The samples of a preset, and what is made of them."""

    train: Dataset
    test: Dataset

    def of(self, samples: Dataset, classes: Sequence[int]) -> Dataset:
        """Those of some classes."""
        return chosen(samples, [s for s in samples if s.label in classes])


def chosen(like: Dataset, samples: list[Sample]) -> Dataset:
    """A data set of samples."""
    return Dataset(like.name, samples, **like.facts)


def moved(samples: Dataset, shift: tuple[int, int]) -> Dataset:
    """As a sensor sees them that was moved. Raises ValueError for inputs that are no map of pixels."""
    if (shape := samples.input_map) is None:
        raise ValueError(f"{samples.name}: its inputs are no map of pixels")
    return chosen(samples, [s._replace(frames=shifted(s.frames, shape, shift)) for s in samples])


def accuracy(device: Device, samples: Dataset) -> float:
    """With learning off."""
    return Trainer(device, samples, None, Plan()).evaluate(samples, "test").accuracy


def in_use(
    device: Device, stream: list[Sample], rate: float, new: Dataset, old: Dataset
) -> list[tuple[int, float, float]]:
    """Learn a stream on line; samples so far, accuracy on what is new and on what was known."""
    course = [(0, accuracy(device, new), accuracy(device, old))]
    for part in np.array_split(np.arange(len(stream)), QUARTERS):
        device.set_rates(rate)
        for _ in device.run((stream[i] for i in part), learn=True):
            pass
        course.append((int(part[-1]) + 1, accuracy(device, new), accuracy(device, old)))
    return course


def in_order(samples: Dataset, random: np.random.Generator) -> list[Sample]:
    """All samples in random order."""
    return [samples[int(i)] for i in random.permutation(len(samples))]


def with_memory(new: Dataset, old: Dataset, random: np.random.Generator) -> list[Sample]:
    """New samples, each followed by remembered ones of what was known."""
    kept = in_order(old, random)[:REMEMBERED]
    stream = []
    for sample in in_order(new, random):
        stream += [sample, *(kept[int(i)] for i in random.permutation(REMEMBERED)[:AFTER_EACH])]
    return stream


def trained(device: Device, preset: Preset, samples: Dataset, seed: int) -> list[np.ndarray]:
    """Weights after the preset's usual training."""
    device.load(preset.make_network(samples, seed=seed))
    Trainer(device, samples, None, Plan(epochs=preset.epochs, seed=seed)).run()
    return list(device.read_weights())


def scenarios(
    preset: Preset, seed: int, rate: float, shifts: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, list[tuple[int, float, float]]]]:
    """Name and course of each."""
    parts = Parts(preset.samples(train=True), preset.samples(train=False))
    network = preset.make_network(parts.train, seed=seed)
    old, new = parts.of(parts.train, OLD), parts.of(parts.train, NEW)
    tests = parts.of(parts.test, NEW), parts.of(parts.test, OLD)
    with Device.open("golden", config=preset.config) as device:
        start = trained(device, preset, old, seed)
        random = np.random.default_rng(seed)
        streams = {
            "new class, alone": in_order(new, random),
            "new class, with remembered ones": with_memory(new, old, random),
            "new class, among all ten": in_order(parts.train, random),
        }
        for name, stream in streams.items():
            device.load(network, start)
            yield name, in_use(device, stream, rate, *tests)
        start = trained(device, preset, parts.train, seed)
        for shift in shifts:
            device.load(network, start)
            stream = in_order(moved(parts.train, shift), random)
            yield (
                f"moved {shift[0]}, {shift[1]} px",
                in_use(device, stream, rate, moved(parts.test, shift), parts.test),
            )


def main() -> None:
    """Run all for each seed, print the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usable = [name for name, preset in PRESETS.items() if preset.data == "nmnist"]
    parser.add_argument("--preset", default="nmnist-fast", choices=usable)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rate", type=float, default=0.3, help="of the network's rates")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    preset = PRESETS[options.preset]
    shifts = [(n // preset.pool, m // preset.pool) for n, m in ((4, 3), (6, 4))]
    found: dict[str, list[list[tuple[int, float, float]]]] = {}
    for seed in options.seeds:
        for name, course in scenarios(preset, seed, options.rate, shifts):
            found.setdefault(name, []).append(course)
    if options.json:
        print(json.dumps({"preset": options.preset, "seeds": options.seeds, "courses": found}))
        return
    table = Table(title=f"{options.preset}, seeds {options.seeds}, rate {options.rate}")
    for head in ("what comes", "samples", "new: before", "on the way", "after", "known: before",
                 "on the way", "after", "forgotten"):  # fmt: skip
        table.add_column(head)
    for name, courses in found.items():
        mean = np.mean([[row[1:] for row in course] for course in courses], axis=0)
        low, high = (f([course[-1][1] for course in courses]) for f in (min, max))
        table.add_row(
            name, str(courses[0][-1][0]), f"{mean[0, 0]:.1%}", *_course(mean[:, 0], low, high),
            f"{mean[0, 1]:.1%}", *_course(mean[:, 1]), f"{mean[0, 1] - mean[-1, 1]:.1%}",
        )  # fmt: skip
    Console(width=150).print(table)


def _course(values: np.ndarray, *ends: float) -> tuple[str, str]:
    between = " ".join(f"{value:.0%}" for value in values[1:-1])
    tail = f" ({ends[0]:.0%} to {ends[1]:.0%})" if ends else ""
    return between, f"{values[-1]:.1%}{tail}"


if __name__ == "__main__":
    main()
