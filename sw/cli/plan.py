"""The command `plan`: memory, cycles and chips for a network, before anything is built."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, replace
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.declare import declarations, option
from golden.spec.fpga import TARGETS, find_target
from golden.spec.logic import lut_estimate, multipliers
from golden.spec.memory_map import bits_by_kind, block_rams_by_kind
from golden.spec.network import Network
from sw.cli.plan_parts import parts_notes, parts_table
from sw.cli.program import PROGRAM
from sw.link import DEFAULT_BAUD
from sw.planning import MEASURED, Activity, Plan, make_plan, parse
from sw.planning.fitting import Fit
from sw.planning.plan import SDRAM_MHZ
from sw.planning.sdram import Order, SdramPlan
from sw.presets import PRESETS

BITS_PER_BYTE = 10  # on the wire
STEPS = 10
ASSUMED = {
    "input_rate": "share of the inputs that spike in a step",
    "rate": "share of a hidden layer's neurons (behind its pooling) that fire in a step",
    "trace_steps": "steps for which a spike leaves a trace that is updated",
    "overlap": "share of the rows with a spike that have a trace, too",
}
ASKED = ("learn_last", "input_bits")
"""Fields of a network that are options here."""


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "plan",
        help="memory, cycles and chips for a network, before anything is built",
        usage=f"{PROGRAM} plan NETWORK [options]",
        description="""What a network takes: memory by kind, cycles of a sample by layer, which chips hold it
with which core, and, for a network that the chip does not hold, what an SDRAM would have to move.
Memories are those of the design; cycles are a model, with the assumptions below.""",
        epilog=f"""networks:
  578-384-10                 578 inputs, 384 neurons, 10 classes
  2x34x34:16c3p-32c3p-10     2 channels of 34 x 34 pixels; 3 x 3 convolutions to 16 and to 32 channels,
                             each with 2 x 2 max pooling (p); 10 classes
  2x32x32:vgg9-11            the VGG-9 of the TESS paper
  {", ".join(PRESETS)}: presets

examples:
  plan nmnist-fast                                   on the 85F of a ULX3S
  plan 578-96-10 --size 12f --rate 0.2               on a smaller one, with more spikes
  plan 2x32x32:vgg9-11 --steps 20                    what no chip holds
  plan nmnist-best --json                            for programs""",
        **style,
    )
    parser.add_argument("network", metavar="NETWORK", help="see below")
    boards = ", ".join(dict.fromkeys(target.board for target in TARGETS.values()))
    parser.add_argument("--board", default="ulx3s", help=f"{boards} (default: %(default)s)")
    parser.add_argument("--size", help="of its FPGA (ulx3s: 12f, 25f, 45f, 85f; default: 85f)")
    parser.add_argument(
        "--steps", type=int, metavar="T", help=f"time steps of a sample (a preset's, or {STEPS})"
    )
    parser.add_argument(
        "--classifiers",
        choices=declarations(Network)["classifiers"].choices,
        help="signs, or classifiers of maps that learn (default: a preset's, or signs)",
    )
    network = declarations(Network)
    for name in ASKED:
        parser.add_argument(
            option(name),
            type=int,
            metavar="N",
            help=f"{network[name].option_help} (default: a preset's, or {getattr(Network, name)})",
        )
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    group = parser.add_argument_group("assumed (a preset: as measured, where it was)")
    for field in fields(Activity):
        flag = f"--{field.name.replace('_', '-')}"
        text = f"{ASSUMED[field.name]} ({field.default})"
        group.add_argument(flag, type=float, metavar="R", help=text)
    group.add_argument(
        "--sdram-mhz", type=float, default=SDRAM_MHZ, metavar="MHZ",
        help="clock of the SDRAM (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--sdram",
        action="store_true",
        help="plan the SDRAM version even if the chip holds the network",
    )
    parser.set_defaults(command=command)


def command(args: argparse.Namespace, console: Console) -> int:
    """Plan, and print it."""
    base = MEASURED.get(args.network, Activity())
    names = [field.name for field in fields(Activity)]
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    preset = PRESETS.get(args.network)
    shape = parse(args.network)
    if args.classifiers:
        shape = replace(shape, learned=args.classifiers == "learned")
    shape = replace(shape, **_said(args))
    plan = make_plan(
        shape,
        find_target(args.board, args.size),
        steps=args.steps if args.steps is not None else preset.steps if preset else STEPS,
        activity=Activity(**{**{name: getattr(base, name) for name in names}, **given}),
        sdram_mhz=args.sdram_mhz,
        sdram=args.sdram,
    )
    if args.json:
        console.print_json(json.dumps(plan.as_dict()))
    else:
        show(plan, console)
    return 0


def _said(args: argparse.Namespace) -> dict[str, Any]:
    """What was said of the network beside its layers. Raises ValueError."""
    said = {name: getattr(args, name) for name in ASKED if getattr(args, name) is not None}
    for name, value in said.items():
        declarations(Network)[name].check(name, value)
    return said


def show(plan: Plan, console: Console) -> None:
    """The plan as tables."""
    shape, target, activity = plan.shape, plan.target, plan.activity
    console.print(
        f"{shape}: {shape.synapses:,} weights, {shape.neurons:,} neurons; {plan.steps} steps a sample; "
        f"{target.label}, {target.fpga.name}, {target.mhz:g} MHz"
    )
    assumed = ", ".join(
        f"{field.name.replace('_', ' ')} {getattr(activity, field.name):g}"
        for field in fields(activity)
    )
    console.print(f"assumed: {assumed} (--help says what they are)")
    if not shape.stages:
        console.print(
            f"note: it has no hidden layer: {shape.classes} classes right behind its inputs"
        )
    console.print(verdict(plan))
    console.print()
    console.print(memory_table(plan))
    console.print()
    console.print(cycle_table(plan))
    for line in speeds(plan):
        console.print(line)
    console.print()
    if sizes := size_table(plan):
        console.print(sizes)
        console.print(
            "*: the bitstream as it is; other cores may miss the clock; LUTs are an estimate"
        )
    for fit in plan.fits:
        if fit.config is None:
            console.print(f"{fit.target.label} does not hold it: {fit.lacks}")
    console.print()
    if plan.parts:
        name = f"on the core {plan.parts.preset}" if plan.parts.preset else "on a core of its own"
        columns = ("parts", "outputs", "words", "weights, MB", "spikes out", "in", "cycles")
        table = _table(f"in parts, {name}, a training sample", "layer", *columns)
        console.print(parts_table(plan.parts, table, _count))
        for line in parts_notes(plan, plan.parts, _rate):
            console.print(line)
        console.print()
    if plan.sdram:
        console.print(sdram_table(plan.sdram))
        for line in sdram_notes(plan, plan.sdram):
            console.print(line)


def verdict(plan: Plan) -> str:
    """Whether it fits, and what to do."""
    fit, label = plan.chosen, plan.target.label
    if fit.config is None:
        return f"does not fit {label}: {fit.lacks}"
    build = f"python -m hw.build --board {plan.target.board} --size {plan.target.size}"
    if fit.config == plan.target.config:
        return f"fits the bitstream of {label} as it is: nothing to build"
    declared = (CORES[fit.preset] if fit.preset else plan.target.config).as_dict()
    changes = {name: n for name, n in fit.config.as_dict().items() if n != declared[name]}
    options = "".join(f" {option(name)} {value}" for name, value in changes.items())
    if fit.preset:
        built = f"{build} --preset {fit.preset}{options}"
        return f"fits the core {fit.preset}{options and ' with'}{options}: {built}"
    return f"fits {label} with a core of its own: {build}{options}"


def memory_table(plan: Plan) -> Table:
    """Bits and block RAMs by kind."""
    bits, blocks = bits_by_kind(plan.config), block_rams_by_kind(plan.config)
    table = _table(f"memory, {plan.config.lanes} lanes", "", "bits", "block RAMs")
    for kind, count in bits.items():
        table.add_row(kind, f"{count:,}", f"{blocks[kind]:,}" if blocks[kind] else "logic")
    table.add_section()
    there = plan.target.fpga.block_rams
    table.add_row("all", f"{sum(bits.values()):,}", f"{sum(blocks.values()):,} of {there}")
    return table


def cycle_table(plan: Plan) -> Table:
    """Cycles of a sample, by layer and by what they are spent on."""
    table = _table(
        "cycles of a training sample", "layer", "spikes", "traces", "integrate", "update", "both",
        "wait", "rest", "all",
    )  # fmt: skip
    for layer in plan.training:
        rest = layer.fire + layer.turnaround
        parts = (layer.integrate, layer.update, 0 - layer.both, layer.wait, rest, layer.cycles)
        rows = (f"{layer.spikes:,.0f}", f"{layer.traces:,.0f}")
        table.add_row(layer.name, *rows, *map(_count, parts))
    table.add_section()
    table.add_row("all", *[""] * 7, _count(plan.cycles))
    return table


def speeds(plan: Plan) -> list[str]:
    """Samples a second, and energy."""
    clock, sent = plan.target.mhz * 1e6, plan.link_bytes
    link = DEFAULT_BAUD / BITS_PER_BYTE / sent
    energy = plan.joules * 1e6
    return [
        "spikes, traces: inputs that have one in a step; both: saved by visiting a row once for both;",
        "wait: for the learning signal; rest: starts and ends, passes shorter than what they fire",
        f"{plan.cycles / plan.bound:.2f} of the bound, (spikes + traces) x passes x steps = "
        f"{_count(plan.bound)} cycles; {_count(plan.inference_cycles)} cycles with learning off",
        f"core at {plan.target.mhz:g} MHz: {_rate(clock / plan.cycles)} samples/s learning, "
        f"{_rate(clock / plan.inference_cycles)} with learning off",
        f"link at {DEFAULT_BAUD:,} baud: {sent:,} bytes a sample, {_rate(link)} samples/s; "
        "samples kept on the board need none",
        *(
            [f"built with --sdram: about {plan.fit_in_memory:,} samples are kept"]
            if plan.target.sdram
            else []
        ),
        f"energy, an estimate (sw/energy.py): "
        f"{f'{energy / 1000:,.3g} mJ' if energy > 1000 else f'{energy:.3g} uJ'} a training sample",
    ]


def size_table(plan: Plan) -> Table | None:
    """The sizes of the board that hold it, if any."""
    table = _table(
        f"{plan.target.board}: the fastest core that holds it, by this model", "size", "lanes",
        "words", "groups", "traces", "block RAMs", "mults", "LUTs", "MHz", "samples/s",
    )  # fmt: skip
    for fit in plan.fits:
        if fit.config is not None:
            table.add_row(fit.target.size, *_core_cells(fit, fit.config))
    return table if table.row_count else None


def _core_cells(fit: Fit, core: CoreConfig) -> list[str]:
    fpga, used = fit.target.fpga, sum(block_rams_by_kind(core).values())
    return [
        f"{core.lanes}{'*' if core == fit.target.config else ''}",
        f"{core.weight_words:,}",
        f"{core.neuron_groups:,}",
        f"{core.trace_entries:,}",
        f"{used}/{fpga.block_rams}",
        f"{multipliers(core)}/{fpga.multipliers}",
        f"{lut_estimate(core) / fpga.luts:.0%}",
        f"{fit.target.mhz:g}",
        _rate(fit.samples_per_second),
    ]


def sdram_table(plan: SdramPlan) -> Table:
    """Both orders of work."""
    title = f"with the SDRAM, {plan.sdram.bits} bits at {plan.mhz:g} MHz, a training sample"
    table = _table(title, "", *(order.name for order in plan.orders))
    rows: dict[str, Any] = {
        "weights moved, MB": lambda order: f"{order.weight_bytes / 1e6:,.1f}",
        "state moved, MB": lambda order: f"{order.state_bytes / 1e6:,.1f}",
        "spikes moved, MB": lambda order: f"{order.spike_bytes / 1e6:,.1f}",
        "cycles of the lanes": lambda order: _count(order.cycles),
        "samples/s, by the lanes": lambda order: _rate(order.compute_rate),
        "samples/s, by the SDRAM": lambda order: _rate(order.memory_rate),
        "samples/s": _slower,
    }
    for name, cell in rows.items():
        table.add_row(name, *(cell(order) for order in plan.orders))
    return table


def _slower(order: Order) -> str:
    who = "lanes" if order.compute_rate <= order.memory_rate else "SDRAM"
    return f"{_rate(order.rate)} ({who})"


def sdram_notes(plan: Plan, sdram: SdramPlan) -> list[str]:
    """What lies in it, and what the orders assume."""
    size = sdram.sdram.megabytes
    peak = sdram.sdram.bytes_per_second(sdram.mhz) / 1e6
    state = "stay on the chip" if sdram.state_on_chip else "do not fit on the chip beside the lanes"
    tiles = ", ".join(map(str, sdram.tiles))
    return [
        f"in the SDRAM ({size} MB{'' if sdram.fits else ': not enough'}): weights "
        f"{sdram.weight_bytes / 1e6:,.1f} MB; membranes, gains and traces {sdram.state_bytes / 1e6:,.1f} MB "
        f"{state}",
        f"its bandwidth is the peak, {peak:,.0f} MB/s; refresh and changes of row cost some of it",
        f"layer-major: buffer of {sdram.spike_buffer_bits:,} spike bits (a layer's inputs and outputs over "
        f"{plan.steps} steps); tiles by layer, at least: {tiles}; layers in tiles run twice",
    ]


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False
    )
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _count(value: float) -> str:
    """In full, in thousands, in millions: as is short."""
    if abs(value) < 1e5:
        return f"{value:,.0f}"
    return f"{value / 1e3:,.0f} k" if abs(value) < 1e6 else f"{value / 1e6:,.1f} M"


def _rate(value: float) -> str:
    """Three digits that count, or more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
