"""A sample learned part by part on the simulated board: bits, cycles, and where the time goes.

`bench.parts.vgg --target sim` runs it. The same sample goes through the compiled integer model, where what
goes into every part is counted. Every weight, noise state, counter and result of the board must be the same.
The planner's model of cycles, given what was counted, is compared with what the core counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from golden.parts import Given, Ran, joined, noise_seeds, run_block
from golden.rows.trace import ActiveList
from golden.spec.config import CoreConfig
from golden.spec.cutting import cut
from golden.spec.layers import Layer
from golden.spec.network import Network
from golden.spec.parts import Part
from golden.spec.registers import CYCLE_CAUSES
from golden.spec.samples import Result, full_layers
from golden.spec.weights import Weights
from sw.data import Sample
from sw.device import Device, chip_frames
from sw.native.part import NativePart
from sw.parts import Parted
from sw.planning import Activity, Shape
from sw.planning.activity import Rows
from sw.planning.cycles import cycles_of
from sw.planning.parts import plan_on

TIMED = {"cycles", *(cause for cause in CYCLE_CAUSES if not cause.startswith("rows"))}
"""Counters that the integer model, which has no clock, does not have."""


@dataclass(frozen=True)
class Left:
    """What a sample leaves."""

    weights: Weights
    noise_states: tuple[int, ...]
    counted: dict[str, int]
    result: Result

    def differs(self, other: Left) -> list[str]:
        """The names of what is not the same in both, cycles apart."""
        pairs = zip(self.weights.named(), other.weights.named(), strict=True)
        found = [name for (name, one), (_, two) in pairs if not np.array_equal(one, two)]
        names = [name for name in self.counted if name not in TIMED]
        found += [name for name in names if self.counted[name] != other.counted[name]]
        if self.noise_states != other.noise_states:
            found.append("noise states")
        results = [replace(each.result, cycles=0) for each in (self, other)]
        return found + ["result"] * (results[0] != results[1])


@dataclass(frozen=True)
class Seen:
    """What went into a part, in the mean of a step."""

    spikes: float
    traces: float
    """Rows with a trace, in the steps behind the first and behind the last."""
    both: float
    """Of these, rows that spike, too."""
    fullest: int
    """Rows in the list and the row list, in the fullest step."""
    within: tuple[float, ...]
    """Spikes that each of its layers but the last one hands on; that may be a blank readout."""


def modelled(network: Network, sample: Sample, core: CoreConfig) -> tuple[Left, list[Seen]]:
    """One sample, learned by the compiled integer model; what went into each part."""
    parts = cut(network, core)
    runs = [NativePart(network, part, core) for part in parts]
    weights = network.initial_weights()
    for part, run, state in zip(parts, runs, noise_seeds(network, len(parts)), strict=True):
        run.write(part.share(weights))
        run.noise_state = state
    found: list[Seen] = []

    def ran(number: int, given: Sequence[Given]) -> list[Ran]:
        out = runs[number].run(given, learn=True)
        found.append(seen(given[0], out[0], runs[number].layers, core))
        return out

    given = Given(chip_frames(sample, network), sample.label)
    (result,) = run_block(parts, ran, [given], core.classes)
    each = [run.counters() for run in runs]
    counted = {name: sum(one[name] for one in each) for name in each[0]}
    states = tuple(run.noise_state for run in runs)
    return Left(
        joined(network, parts, [run.read() for run in runs]), states, counted, result
    ), found


def seen(given: Given, ran: Ran, table: Sequence[Layer], core: CoreConfig) -> Seen:
    """What a sample brought to a part."""
    steps, listed, layer = len(given.frames), ActiveList(), table[0]
    spikes = traces = both = fullest = 0
    for frame in given.frames:
        rows = np.flatnonzero(frame)
        bias = [layer.inputs] * layer.bias
        room = core.list_depth - len(listed.rows)
        rows = np.append(rows, bias).astype(int)
        visit = listed.merge(rows, layer, layer.plastic, room=room)
        spikes += int(visit.spikes.sum())
        traces += int(visit.learns.sum())
        both += int((visit.learns & visit.spikes).sum())
        fullest = max(fullest, len(visit.rows))
    traces += len(listed.rows)
    within = tuple(count / steps for count in ran.result.spikes[: len(table) - 1])
    return Seen(spikes / steps, traces / steps, both / max(steps - 1, 1), fullest, within)


def fullest(parts: Sequence[Part], seen: list[Seen]) -> str:
    """Rows in the lists of each layer in the fullest step, for people."""
    rows = dict.fromkeys((part.first for part in parts), 0)
    for part, one in zip(parts, seen, strict=True):
        rows[part.first] = max(rows[part.first], one.fullest)
    return " ".join(f"{each:,}" for each in rows.values())


def planned(
    network: Network, parts: Sequence[Part], seen: list[Seen], core: CoreConfig, steps: int
) -> tuple[float, float]:
    """Cycles of a sample by the planner's model, on rows and besides, from what was counted."""
    on_rows, total, learning = 0.0, 0.0, steps - network.learn_from(steps)
    for part, one in zip(parts, seen, strict=True):
        activity = Activity(overlap=min(one.both / max(one.spikes, 1e-9), 1))
        rows = [Rows(one.spikes / part.inputs, one.spikes, one.traces)]
        for spikes, placement in zip(one.within, part.placements[1:], strict=True):
            size, bias = placement.input_neurons, int(placement.readout)
            rate = spikes / size
            traces = size * activity.density(rate, steps, learning)  # not counted there
            rows.append(Rows(rate, spikes + bias, traces))
        counted = cycles_of(
            list(part.placements), rows, core, activity, (steps, learning),
            learned=network.classifiers == "learned", blank=part.blank,
        )  # fmt: skip
        on_rows += sum(each.integrate + each.update - each.both for each in counted)
        total += sum(each.cycles for each in counted)
    return on_rows, total - on_rows


def from_rates(network: Network, sample: Sample, result: Result, core: CoreConfig) -> float:
    """Cycles of a sample as `plan` says them for two rates: of the inputs, and of all layers together."""
    steps = len(sample.frames)
    rate = sum(result.spikes) / steps / sum(network.seen)
    activity = Activity(input_rate=float((sample.frames != 0).mean()), rate=rate)
    return plan_on(Shape.of(network), "", core, activity, steps).cycles


def on_board(
    network: Network, sample: Sample, core: CoreConfig, console: Console
) -> tuple[Left, int, float]:
    """The same on the simulated board: what is left, clock cycles in all, and seconds."""
    with Parted.over(Device.open("sim", config=core)) as device:
        clock, begun = device.channel.transport, time.monotonic()

        def tell(number: int, parts: int) -> None:
            if number % 10 == 0:
                passed, cycles = time.monotonic() - begun, clock.cycles / 1e6
                console.print(
                    f"  part {number} of {parts}: {passed:,.0f} s, {cycles:,.0f} M cycles"
                )

        device.on_part = tell
        device.load(network)
        (result,) = device.run([sample], learn=True)
        left = Left(device.read_weights(), device.noise_states, device.counters(), result)
        return left, clock.cycles, time.monotonic() - begun


def tell_board(
    network: Network, sample: Sample, core: CoreConfig, mhz: float, console: Console
) -> None:
    """Learn on model and board, compare, and print. Raises SystemExit when something differs."""
    parts, steps = cut(network, core), len(sample.frames)
    model, found = modelled(network, sample, core)
    rates = [n / steps / size for n, size in zip(model.result.spikes, network.seen, strict=False)]
    full = ", ".join(map(str, full_layers(model.result.status))) or "none"
    console.print(f"{network.name}, T = {steps}, {len(parts)} parts")
    console.print(f"  firing {' '.join(f'{rate:.3f}' for rate in rates)}")
    console.print(
        f"  fullest lists, of {core.list_depth:,} rows: {fullest(parts, found)}; were full: {full}"
    )
    on_rows, rest = planned(network, parts, found, core, steps)
    plan = on_rows + rest
    board, clock, seconds = on_board(network, sample, core, console)
    if wrong := model.differs(board):
        raise SystemExit(f"bench.parts.vgg: board and model differ in {', '.join(wrong)}")
    cycles = board.result.cycles
    rows = sum(count for name, count in board.counted.items() if name.startswith("rows"))
    console.print("  every weight, noise state, counter and result is the integer model's")
    console.print(
        f"  the core: {cycles / 1e6:,.2f} M cycles, {rows / cycles:.0%} of them on rows; "
        f"{mhz * 1e6 / cycles:.2f} samples/s at {mhz:g} MHz"
    )
    console.print(
        f"  planned from what went into each part: {plan / 1e6:,.2f} M ({plan / cycles - 1:+.1%}); with rows "
        f"as counted, {(rows + rest) / 1e6:,.2f} M ({(rows + rest) / cycles - 1:+.1%}); from two rates, of "
        f"inputs and of all layers, {from_rates(network, sample, model.result, core) / 1e6:,.2f} M"
    )
    console.print(
        f"  the board: {clock / 1e6:,.1f} M cycles, {1 - cycles / clock:.0%} of them on the link; "
        f"{seconds:,.0f} s here, {clock / seconds / 1e6:.2f} M cycles a second"
    )
