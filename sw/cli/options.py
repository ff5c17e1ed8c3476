"""The options of the commands, and how they become a network, a core, and data sets."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.declare import declarations, option
from golden.spec.kinds import FLAT
from golden.spec.network import Network
from golden.spec.sdram import SdramConfig, beside
from golden.spec.shape import parse_stages
from sw import presets
from sw.cli.terminal import Terminal
from sw.data import DATASETS, DEFAULT_WINDOW_US, Dataset, load
from sw.data.datasets import entry
from sw.device import Device
from sw.link import DEFAULT_BAUD, TARGETS
from sw.presets import PRESETS, Preset

BY_LAYER = ("eta",)  # one value, or one for each hidden layer
SHARED = declarations(Network).keys() & declarations(CoreConfig).keys()
"""Fields of both, with one option: the core is built for what the network needs."""


def add_target(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """--target and --baud."""
    group = parser.add_argument_group("device")
    shown = default or "that of the run"
    group.add_argument("--target", default=default, help=f"{TARGETS} (default: {shown})")
    group.add_argument("--baud", type=int, default=DEFAULT_BAUD, help="of a port (%(default)s)")


def add_core(parser: argparse.ArgumentParser, *, memory: bool = False) -> None:
    """--core and a flag for each of its fields; --sdram for a core that may have a `memory`."""
    group = parser.add_argument_group(
        "core",
        "what a simulated or golden core is built with; a board must agree",
    )
    group.add_argument(
        "--core",
        choices=CORES,
        metavar="NAME",
        help=f"named configuration: {', '.join(CORES)} (default: {Preset.core})",
    )
    for name, declared in declarations(CoreConfig).items():
        group.add_argument(option(name), type=int, help=declared.option_help, metavar="N")
    if memory:
        group.add_argument(
            "--sdram", action="store_true",
            help="a simulated or golden core gets a memory, for samples or parts; a board has its own",
        )  # fmt: skip


def add_network(parser: argparse.ArgumentParser) -> None:
    """--preset, --hidden and a flag for each field of a network."""
    group = parser.add_argument_group("network and learning", "default: what the preset says")
    names = "; ".join(f"{name}: {preset.text}" for name, preset in PRESETS.items())
    group.add_argument("--preset", choices=PRESETS, metavar="NAME", help=f"starting point. {names}")
    group.add_argument(
        "--hidden",
        type=_layers,
        metavar="N[,N...]",
        help="neurons of each hidden layer; 16c3 is a 3 x 3 convolution to 16 channels, 16c3p one with "
        "2 x 2 max pooling, 16c3g one whose average the next layer sees; or none",
    )
    for name, declared in declarations(Network).items():
        if name in SHARED:  # an option of the core
            continue
        flag, text, kind = option(name), declared.option_help, type(getattr(Network, name))
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        elif name in BY_LAYER:
            group.add_argument(flag, type=_rates, help=text, metavar="X[,X...]")
        else:
            group.add_argument(flag, type=kind, help=text, metavar="X")


def given(args: argparse.Namespace, cls: type) -> dict[str, Any]:
    """What was said of the declared fields of CoreConfig or Network."""
    said = {name: getattr(args, name) for name in declarations(cls)}
    return {name: value for name, value in said.items() if value is not None}


def add_data(parser: argparse.ArgumentParser) -> None:
    """Which samples, and how they are binned."""
    group = parser.add_argument_group("data")
    names = "; ".join(f"{name}: {entry.text}" for name, entry in DATASETS.items())
    group.add_argument(
        "--data", metavar="NAME[:DIR]", help=f"data set. {names}; tonic.NAME: a set of tonic's"
    )
    group.add_argument("--data-dir", metavar="DIR", help="folder of the data set, if not in --data")
    group.add_argument("--steps", type=int, metavar="N", help="time steps a recording is cut into")
    group.add_argument("--pool", type=int, metavar="N", help="OR-pool N x N pixels into one input")
    group.add_argument(
        "--size", type=_size, metavar="WxH", help="instead, scale the pixels down to 48x48, or so"
    )
    group.add_argument(
        "--window",
        type=duration,
        metavar="TIME",
        help="part of a recording that is a sample, from its start: 300ms, 1.5s, 20000us "
        f"(default: {DEFAULT_WINDOW_US[1] // 1000}ms, or what is usual for the set)",
    )
    group.add_argument("--train", type=int, metavar="N", help="training samples (default: all)")
    group.add_argument("--test", type=int, metavar="N", help="test samples (default: all)")
    group.add_argument(
        "--code",
        metavar="CODE",
        help="how images become spikes: mnist rate, latency; cifar level, rate",
    )
    group.add_argument(
        "--levels",
        type=int,
        metavar="N",
        help="inputs for each colour of a pixel (cifar), or band (fsdd)",
    )
    own = parser.add_argument_group(
        "recordings in a folder: folder:DIR, dvsgesture:DIR, cifar10dvs:DIR"
    )
    own.add_argument(
        "--sensor", type=_sensor, metavar="WxH", help="its pixels, if the files do not say them"
    )
    own.add_argument(
        "--every-window",
        action="store_true",
        default=None,
        help="make a sample of every window of a recording, not of the first alone",
    )
    own.add_argument(
        "--split-seed",
        type=int,
        metavar="N",
        help="of the split into train and test, if the set is not divided",
    )
    own.add_argument(
        "--split-time",
        type=duration,
        metavar="TIME",
        help="split every recording at this time instead: windows before it to train, after it to test",
    )
    own.add_argument(
        "--salvage",
        action="store_true",
        default=None,
        help="use what is before the damage of damaged files",
    )


OWN = ("sensor", "every_window", "split_seed", "split_time", "salvage", "code", "levels")
"""Options of single data sets."""


def preset_of(args: argparse.Namespace) -> Preset:
    """The preset asked for, or the first one for the data set that reads it as usual."""
    name = preset_name(args)
    return PRESETS[name] if name else PRESETS[presets.DEFAULT].on(_data_name(args))


def run_name(args: argparse.Namespace) -> str:
    """What a run is called without its number: the preset, or the data set when it is no preset's."""
    name, data = preset_name(args), _data_name(args)
    return name if name and data in ("", PRESETS[name].data) else data


def preset_name(args: argparse.Namespace) -> str:
    """The preset that is asked for by name or by data set; empty: none is."""
    if args.preset:
        return str(args.preset)
    data = _data_name(args)
    for name, preset in PRESETS.items():
        usual = preset.data == data and not preset.options
        if usual or (not data and name == presets.DEFAULT):
            return name
    return ""


def _data_name(args: argparse.Namespace) -> str:
    return (args.data or "").partition(":")[0]


def core_of(args: argparse.Namespace, preset: Preset, target: str) -> CoreConfig | None:
    """The core asked for. None: a board, and nothing was asked."""
    changes = given(args, CoreConfig)
    if target.startswith("serial:") and not args.core and not changes.keys() - SHARED:
        return None
    known = {"input_bits": preset.input_bits}
    memory = SdramConfig() if getattr(args, "sdram", False) else None
    return beside(replace(CORES[args.core or preset.core], **known | changes), memory)


def data_of(args: argparse.Namespace, preset: Preset) -> dict[str, Any]:
    """The data asked for, as `load_data` takes it and config.json keeps it."""
    name, _, root = (args.data or preset.data).partition(":")
    place = root or args.data_dir
    pool, size = args.pool, args.size
    if pool is None and size is None:
        pool, size = preset.pool, preset.size
    return {
        "name": name,
        "root": str(Path(place).expanduser().absolute()) if place else None,
        "steps": preset.steps if args.steps is None else args.steps,
        "pool": 1 if pool is None else pool,
        "size": size,
        "seed": 0 if args.seed is None else args.seed,
        "train": args.train,
        "test": args.test,
        "window_us": list(preset.window_us) if args.window is None else [0, args.window],
        "input_bits": preset.input_bits if args.input_bits is None else args.input_bits,
        "input_fraction": _fraction(args, preset),
        "options": (preset.options if name == preset.data else {})
        | {name: value for name in OWN if (value := getattr(args, name)) is not None},
    }


def _fraction(args: argparse.Namespace, preset: Preset) -> int | None:
    """Fraction bits of values: those asked for, or, of values as wide as the preset's, its own."""
    asked = getattr(args, "input_fraction", None)
    same = args.input_bits in (None, preset.input_bits)
    return preset.input_fraction if asked is None and same else asked


def learned(data: dict[str, Any], samples: Dataset) -> dict[str, Any]:
    """The same with what loading it told: its sensor, and the names of its classes."""
    return {**data, "sensor": samples.sensor, "class_names": samples.class_names}


def load_data(data: dict[str, Any], *, train: bool, cache: bool = True) -> Dataset:
    """The training or the test samples, with a bar while files are read. Raises DataError."""
    own = dict(data.get("options", {})) | {"cache": cache}
    columns = (TextColumn("reading {task.description}"), BarColumn(bar_width=24))
    console = Terminal(stderr=True)
    hidden = not console.is_terminal
    with Progress(
        *columns, MofNCompleteColumn(), console=console, transient=True, disable=hidden
    ) as progress:
        task = progress.add_task("train" if train else "test", total=None, visible=False)

        def on_file(number: int, count: int) -> None:
            progress.update(task, completed=number, total=count, visible=True)

        if "on_file" in entry(data["name"]).options:
            own["on_file"] = on_file
        return _load(data, train, own)


def _load(data: dict[str, Any], train: bool, own: dict[str, Any]) -> Dataset:
    since, until = data.get("window_us", DEFAULT_WINDOW_US)
    return load(
        data["name"],
        data["root"],
        train=train,
        limit=data["train" if train else "test"],
        steps=data["steps"],
        pool=data["pool"],
        size=data.get("size"),
        seed=data["seed"],
        window_us=(since, until),
        input_bits=data.get("input_bits", 1),
        input_fraction=data.get("input_fraction"),
        **own,
    )


def network_of(args: argparse.Namespace, preset: Preset, samples: Dataset) -> Network:
    """The network asked for, of the data set's inputs and classes. Raises ValueError."""
    hidden = preset.hidden if args.hidden is None else args.hidden
    return replace(preset, hidden=hidden).make_network(samples, **given(args, Network))


def open_device(
    target: str, config: CoreConfig | None, baud: int, memory: SdramConfig | None = None
) -> Device:
    """The device of a target. Raises ValueError for a baud rate that none has."""
    if not 300 <= baud <= 12_000_000:
        raise ValueError(f"--baud {baud}: 300 to 12000000 are possible")
    return Device.open(target, config=config, baud=baud, memory=memory)


def add_force(parser: Any) -> None:
    """--force."""
    parser.add_argument(
        "--force",
        action="store_true",
        help="write to --out though it holds a run; its weights are kept as previous.safetensors",
    )


def add_cache(parser: Any) -> None:
    """--no-cache."""
    parser.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="read the files anew, and keep no frames for the next time",
    )


def duration(text: str) -> int:
    """Microseconds of `300ms`, `1.5s` or `20000us`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s)", text)
    length = (
        round(float(match[1]) * {"us": 1, "ms": 1000, "s": 1_000_000}[match[2]]) if match else 0
    )
    if length < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 300ms, 1.5s or 20000us")
    return length


def _sensor(text: str) -> tuple[int, int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)(?:x([12]))?", text)
    if not match:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no sensor; write 128x128, or 128x128x1 to merge its polarities"
        )
    return int(match[1]), int(match[2]), int(match[3] or 2)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size in pixels; write 48x48")
    return int(match[1]), int(match[2])


def _rates(text: str) -> float | tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no rate; write 0.002, or one for each hidden layer: 0.001,0.002"
        ) from None
    return values if len(values) > 1 else values[0]


def _layers(text: str) -> tuple[int | str, ...]:
    if text in ("none", "0", ""):
        return ()
    try:
        stages = parse_stages(text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{error}; write 128, 256,128, 16c3p,32c3p or none"
        ) from None
    return tuple(stage.outputs if stage.kind is FLAT else str(stage) for stage in stages)
