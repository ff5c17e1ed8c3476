"""The options of `train` as a file: `--dry-run` writes all that a preset stands for, `--config` reads it.

A file is TOML; a key is an option without its dashes: `eta_out = 0.02` is `--eta-out 0.02`.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path
from typing import Any

from golden.spec.config import CoreConfig
from golden.spec.declare import declarations
from golden.spec.names import near
from golden.spec.network import Network
from sw.cli import options
from sw.cli.boards import as_options, averaging_of
from sw.cli.program import PROGRAM
from sw.presets import Preset
from sw.run import FileError

NOT_IN_FILES = ("config", "dry_run", "help", "resume", "version")


def words_of(path: Path, parser: argparse.ArgumentParser) -> list[str]:
    """The command line that a file stands for. Raises FileError, ValueError."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: not TOML ({error}); write lines like epochs = 8") from error
    flags = {
        flag.removeprefix("--").replace("-", "_"): action
        for action in parser._actions
        for flag in action.option_strings
    }
    known = [name for name in flags if name not in NOT_IN_FILES]
    words: list[str] = []
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            raise ValueError(f"{path}: train has no option {key!r} for a file{near(name, known)}")
        words += _words(path, name, value, flags[name])
    return words


def _words(path: Path, name: str, value: Any, action: argparse.Action) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        if action.nargs != 0:
            raise ValueError(f"{path}: {name} is {str(value).lower()}, but it takes a value")
        if isinstance(action, argparse.BooleanOptionalAction) and not value:
            return [f"--no-{flag[2:]}"]
        return [flag] if value else []
    if action.nargs == 0:
        raise ValueError(f"{path}: {name} is {value!r}; write true or false")
    if isinstance(value, list):
        value = ",".join(map(str, value))
    if not isinstance(value, str | int | float):
        raise ValueError(f"{path}: {name} is a {type(value).__name__}; write one value, or a list")
    return [f"{flag}={value}"]


def dry_run(args: argparse.Namespace) -> str:
    """All that a run would be trained with, as such a file. Raises ValueError, DataError."""
    preset = options.preset_of(args)
    core = options.core_of(args, preset, args.target)
    data = options.data_of(args, preset)
    parts = {
        "run": {
            "preset": options.preset_name(args) or None,
            "target": args.target,
            "epochs": preset.epochs if args.epochs is None else args.epochs,
            **{name: getattr(args, name) for name in ("constant_rate", "mirror", "crop")},
            **as_options(averaging_of(args)),
        },
        "data": _data(data),
        "network and learning": _network(args, preset) | _values(data),
    }
    if core is not None:
        core_of = {"core": args.core or preset.core}
        own = [name for name in declarations(CoreConfig) if name not in options.SHARED]
        parts["core"] = core_of | {name: getattr(core, name) for name in own}
    lines = [f"# {PROGRAM} {' '.join(args.words)}"]
    if args.seed is None:
        lines.append(
            "# seed, not given: 1 for weights, rounding and order of samples, 0 for generated data"
        )
    for title, values in parts.items():
        lines += ["", f"# {title}"]
        lines += [f"{name} = {_toml(v)}" for name, v in values.items() if v is not None]
    return "\n".join(lines)


def _network(args: argparse.Namespace, preset: Preset) -> dict[str, Any]:
    """Hidden layers, and every parameter: as given, as of the preset, or the usual one."""
    hidden = preset.hidden if args.hidden is None else args.hidden
    usual = {name: getattr(Network, name) for name in declarations(Network)}
    values = usual | preset.network | options.given(args, Network)
    if args.seed is None:
        del values["seed"]
    return {"hidden": list(map(str, hidden)) or "none"} | values


def _values(data: dict[str, Any]) -> dict[str, Any]:
    """What inputs carry. Of values the usual fraction bits are the data set's, and are not said."""
    usual = 0 if data["input_bits"] == 1 else None
    fraction = data["input_fraction"]
    return {
        "input_bits": data["input_bits"],
        "input_fraction": usual if fraction is None else fraction,
    }


def _data(data: dict[str, Any]) -> dict[str, Any]:
    """Which samples, and their frames."""
    start, end = data["window_us"]
    found = {"data": data["name"], "data_dir": data["root"]}
    found |= {name: data[name] for name in ("steps", "train", "test")}
    found["window"] = None if start else f"{end}us"
    if data["size"]:
        found["size"] = "x".join(map(str, data["size"]))
    else:
        found["pool"] = data["pool"]
    for name, value in data["options"].items():
        if name == "sensor":
            found[name] = "x".join(map(str, value))
        else:
            found[name] = f"{value}us" if name == "split_time" else value
    return found


def _toml(value: Any) -> str:
    """A value as TOML writes it: as JSON does, but for tuples."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)
