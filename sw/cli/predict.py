"""The command `predict`: classes of test samples by number, and of recordings time window by time window."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sw.cli import options
from sw.data import DataError, Dataset, Recording, Sample, read_recording
from sw.device import Device
from sw.run import RunFolder
from sw.samples import Binning
from sw.windows import WindowResult, classify, most

HEADING = "window     from       to    events  class"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `predict` takes beside what all that look at a run do."""
    parser.add_argument("samples", nargs="+", help="numbers of test samples, or event files")
    parser.add_argument(
        "--window",
        type=options.duration,
        metavar="TIME",
        help="length of a time window, as 300ms, 1.5s or 20000us (default: as trained)",
    )
    parser.add_argument(
        "--salvage", action="store_true", help="of a damaged file, use what is before the damage"
    )
    parser.add_argument(
        "--json", action="store_true", help="a line of JSON for each sample or file"
    )
    options.add_cache(parser)


def predict(args: argparse.Namespace, console: Console, device: Device) -> None:
    """Classes and scores."""
    data = RunFolder(args.run).data()
    names = data.get("class_names")
    for given in inputs(args, data):
        if isinstance(given, Sample):
            _sample(args, console, device, given, names)
            continue
        binning = binning_of(data)
        length = args.window or binning.length_us
        if not args.json and len(given.windows(length)) > 1:
            _table(console, given, length, classify(device, given, binning, length), names)
            _note(console, given)
            continue
        results = _classify(console, device, given, binning, args.window)
        if args.json:
            windows = [{**r._asdict(), "name": _name(r.prediction, names)} for r in results]
            console.print(json.dumps({"recording": given.source, "windows": windows}))
        else:
            _line(console, given.source, results[0], names)
            _note(console, given)


def _note(console: Console, recording: Recording) -> None:
    if recording.note:
        console.print(f"  {recording.note}")


def inputs(args: argparse.Namespace, data: dict[str, Any]) -> Iterator[Sample | Recording]:
    """The samples named, numbers in the test set or event files. Raises ValueError or DataError."""
    tests: Dataset | None = None
    for name in args.samples:
        if not name.isdecimal():
            sensor = binning_of(data).sensor
            yield read_recording(name, sensor=sensor, salvage=getattr(args, "salvage", False))
            continue
        tests = tests or options.load_data(data, train=False, cache=getattr(args, "cache", True))
        if int(name) >= len(tests):
            raise ValueError(f"sample {name}: test samples are 0 to {len(tests) - 1}")
        yield tests[int(name)]


def binning_of(data: dict[str, Any]) -> Binning:
    """How a run made frames of events. Raises DataError when its samples were no events."""
    binning = Binning.of_run({"data": data})
    if binning is None:
        raise DataError(f"{data['name']}: this run was not trained on events; give sample numbers")
    return binning


def one_sample(args: argparse.Namespace, data: dict[str, Any]) -> Sample:
    """The one sample named; of a recording its first time window."""
    (given,) = inputs(args, data)
    if isinstance(given, Sample):
        return given
    binning = binning_of(data)
    window = given.windows(binning.length_us)[0]
    frames = binning.frames(given.events, given.source, window)
    return Sample(frames, 0, given.source)


def _sample(
    args: argparse.Namespace, console: Console, device: Device, sample: Sample, names: Any
) -> None:
    """A test sample."""
    network = device.network
    assert network is not None
    (result,) = device.run([sample], learn=False)
    one = network.logit_one * len(sample.frames)
    scores = [score / one for score in result.scores[: network.classes]]
    found = WindowResult(0, 0, 0, result.prediction, scores)
    if args.json:
        told = {"sample": sample.key, "label": sample.label, "prediction": found.prediction}
        name = _name(found.prediction, names)
        console.print(json.dumps({**told, "name": name, "scores": found.scores}))
    else:
        _line(console, f"{sample.key} ({_name(sample.label, names)})", found, names)


def _classify(
    console: Console,
    device: Device,
    recording: Recording,
    binning: Binning,
    length_us: int | None,
) -> list[WindowResult]:
    """Classify, with a bar while it lasts."""
    total = len(recording.windows(length_us or binning.length_us))
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn())
    hidden = not console.is_terminal
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden
    ) as progress:
        windows = classify(device, recording, binning, length_us)
        return list(progress.track(windows, total=total, description="windows"))


def _line(console: Console, what: str, result: WindowResult, names: Any) -> None:
    text = " ".join(f"{score:6.2f}" for score in result.scores)
    console.print(f"{what}: class {_name(result.prediction, names)}   scores {text}")


def _table(
    console: Console,
    recording: Recording,
    length_us: int,
    results: Iterator[WindowResult],
    names: Any,
) -> None:
    """A row for every window, as soon as it is known; then the class of most."""
    wide = max((len(_name(label, names)) for label in range(len(names or ()))), default=1)
    seen: list[WindowResult] = []
    count = len(recording.windows(length_us))
    for number, result in enumerate(results):
        if not seen:
            length = length_us / 1000
            console.print(
                f"{recording.source}: {len(recording.events)} events in "
                f"{recording.duration_us / 1e6:.3f} s, {count} windows of {length:g} ms"
            )
            console.print(f"{HEADING:<{HEADING.index('class') + max(wide, 5)}}   scores")
        seen.append(result)
        text = " ".join(f"{score:6.2f}" for score in result.scores)
        console.print(
            f"{number:6d}  {result.start_us / 1e6:6.3f}s  {result.end_us / 1e6:6.3f}s  "
            f"{result.events:8d}  {_name(result.prediction, names):<{max(wide, 5)}}   {text}"
        )
    prediction, count, of = most(seen)
    console.print(
        f"{recording.source}: class {_name(prediction, names)} in {count} of {of} windows"
    )


def _name(label: int, names: Any) -> str:
    """A class by its number, and its name if it has one that is not the number."""
    if not names or names[label] == str(label):
        return str(label)
    return f"{label} {names[label]}"
