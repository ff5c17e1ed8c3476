"""The paper's VGG-9 learns a sample, part by part: bits, work counted, cycles predicted.

    python -m bench.parts.vgg --gesture DIR --cifar10 DIR [--bits]
    python -m bench.parts.vgg --gesture DIR --cifar10 DIR --target sim [--width 8]

2x32x32:vgg9-11 with 20 steps on a time window of DVS Gesture, 3x32x32:vgg9-10 with 6 steps on an image of
CIFAR-10, on the compiled integer model of a core that no board has (16 lanes, 70,000 traces; `plan` says
what that takes). Prints firing rates, weights that changed, visits of rows, the cycles that `plan` predicts
from the rates that were counted, and what is kept between two parts. With `--bits` the same sample goes
through the NumPy model, too (minutes), and every weight, noise state and counter is compared.

With `--target sim` it learns on the simulated board (`bench.parts.board`), on the core `ulx3s-85f-vgg9` with
the settings BOARD: weights of 9 bits, and a start and a cost of spikes at which its lists are not full. That
takes some minutes. `--width 8` has an eighth of the channels, for a quick look.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console

from bench.parts.board import fullest, modelled, tell_board
from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.fpga import SLOWER, find_target
from golden.spec.memory_map import block_rams_by_kind
from golden.spec.network import Network
from golden.spec.shape import VGG9
from sw.data import Dataset
from sw.device import Device
from sw.parts import Parted
from sw.planning import Activity, Shape
from sw.planning.parts import plan_on
from sw.presets import PRESETS

CORE = CoreConfig(
    lanes=16, weight_bits=16, weight_words=4640, neuron_groups=1040, trace_entries=70_000, layers=8,
    store_bytes=0, map_pixels=1024, post_traces=0,
)  # fmt: skip
SETTINGS = {
    **{"init_scale": 2.2, "weight_fraction": 12, "eta": 0.0001, "eta_out": 0.001},
    **{"logit_scale": 0.4, "readout_fraction": 10},
}
MHZ = 60
BOARD_CORE = "ulx3s-85f-vgg9"
BOARD = {**SETTINGS, "init_scale": 1.7, "weight_fraction": 7, "rate_cost": 0.1}
WIDE = replace(CORE, lanes=64, weight_words=CORE.weight_words + 48, trace_entries=1 << 17)
"""The same with four times the lanes."""


@dataclass(frozen=True)
class Case:
    """A data set, a network for it, and a sample."""

    name: str
    samples: Dataset
    network: Network


def narrow(width: int) -> tuple[str, ...]:
    """VGG-9 with so many times fewer channels."""
    stages = (stage.partition("c") for stage in VGG9)
    return tuple(f"{int(channels) // width}c{kind}" for channels, _, kind in stages)


def cases(options: argparse.Namespace, settings: dict[str, Any] = SETTINGS) -> list[Case]:
    """Those whose data is there."""
    found = []
    for name, root, steps in (
        ("gesture-conv", options.gesture, 20),
        ("cifar10-conv", options.cifar10, 6),
    ):
        if not root:
            continue
        preset = replace(PRESETS[name], steps=steps)
        samples = preset.samples(root, train=True, limit=4, seed=1)
        shape = (samples.n_inputs // 1024, 32, 32)
        classes = 11 if name.startswith("gesture") else 10
        network = Network.of_stages(shape, narrow(options.width), classes, seed=1, **settings)
        found.append(Case(name.partition("-")[0], samples, network))
    return found


def learn(case: Case, target: str) -> tuple[Parted, dict[str, float], tuple[int, ...]]:
    """One sample, learned: the device, what it counted with `seconds`, and spikes by layer."""
    device = Parted.over(Device.open(target, config=CORE))
    device.load(case.network)
    begun = time.process_time()
    (result,) = device.run([case.samples[0]], learn=True)
    seconds = time.process_time() - begun
    return device, device.counters() | {"seconds": seconds}, result.spikes


def tell(case: Case, console: Console, *, bits: bool) -> None:
    """Learn, and print."""
    network, steps = case.network, case.samples.steps
    device, counted, spikes = learn(case, "golden")
    changed = [
        int((now != then).sum())
        for now, then in zip(device.read_weights(), network.initial_weights(), strict=True)
    ]
    rates = [n / steps / size for n, size in zip(spikes, network.seen, strict=False)]
    shape, frames = Shape.of(network), case.samples[0].frames
    placed = [size * rate for size, rate in zip(network.seen, rates, strict=True)]
    rate = sum(placed) / sum(network.seen)
    activity = Activity(input_rate=float((frames != 0).mean()), rate=rate)
    plan = plan_on(shape, "", CORE, activity, steps)
    wide = plan_on(shape, "", WIDE, activity, steps)
    rows = sum(
        counted[name] for name in ("rows_both", "rows_integrate", "rows_update", "rows_trace")
    )
    weights = sum(values.size for values in network.initial_weights())
    counts = f"{counted['synops']:,.0f} synops, {counted['updates']:,.0f} updates"
    speed = f"{MHZ * 1e6 / plan.cycles:.2f} samples/s at {MHZ} MHz"
    moved = [f"{plan.block_bytes(n) / n / 1e6:.1f} MB with blocks of {n}" for n in (1, 16)]
    lists = fullest(device.parts, modelled(network, case.samples[0], CORE)[1])
    lines = (
        f"{case.name}: {network.name}, T = {steps}, {weights:,} weights, {len(device.parts)} parts",
        f"  input rate {activity.input_rate:.3f}; firing {' '.join(f'{r:.3f}' for r in rates)}",
        f"  fullest lists by layer: {lists}",
        f"  weights changed by layer: {' '.join(f'{n:,}' for n in changed)}",
        f"  counted: {counts}, {rows:,.0f} cycles on rows; {counted['seconds']:.1f} s of a processor",
        f"  predicted: {plan.cycles / 1e6:,.1f} M cycles, {speed}; "
        f"inference {plan.inference_cycles / 1e6:,.1f} M; {WIDE.lanes} lanes: "
        f"{wide.cycles / 1e6:,.1f} M, {MHZ * 1e6 / wide.cycles:.2f} samples/s",
        f"  kept: weights {plan.weight_bytes / 1e6:.1f} MB, spikes {plan.spike_bytes / 1e3:,.0f} kB a "
        f"sample; moved: {', '.join(moved)}",
    )
    for line in lines:
        console.print(line)
    if bits:
        compare(case, device, counted, console)


def compare(case: Case, device: Parted, counted: dict[str, float], console: Console) -> None:
    """The NumPy model, bit for bit. Raises SystemExit when something differs."""
    other, theirs, _ = learn(case, "golden-numpy")
    pairs = zip(device.read_weights(), other.read_weights(), strict=True)
    same = all(np.array_equal(one, two) for one, two in pairs)
    same &= device.noise_states == other.noise_states
    same &= all(counted[name] == theirs[name] for name in counted if name != "seconds")
    if not same:
        raise SystemExit("bench.parts.vgg: the compiled parts and NumPy's differ")
    console.print("  every weight, noise state and counter is that of the NumPy model")


def main() -> None:
    """Learn, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gesture", help="folder of DVS Gesture")
    parser.add_argument("--cifar10", help="folder of CIFAR-10")
    parser.add_argument("--bits", action="store_true", help="compare with the NumPy model")
    parser.add_argument("--target", choices=["golden", "sim"], default="golden", help="who learns")
    parser.add_argument("--width", type=int, default=1, help="so many times fewer channels")
    options = parser.parse_args()
    console = Console(highlight=False, width=200)
    if options.target == "sim":
        core, mhz = CORES[BOARD_CORE], SLOWER[BOARD_CORE]
        for case in cases(options, BOARD):
            tell_board(case.network, case.samples[0], core, mhz, console)
        return
    there = find_target("ulx3s").fpga.block_rams
    taken = block_rams_by_kind(CORE)
    lists = taken["pre traces"] + taken["row list"]
    console.print(
        f"core: {sum(taken.values())} block RAMs, {there} on the 85F; {lists} of them for lists of inputs"
    )
    for case in cases(options):
        tell(case, console, bits=options.bits)


if __name__ == "__main__":
    main()
