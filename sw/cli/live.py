"""The command `live`: a network in use, on a page of this computer."""

from __future__ import annotations

import argparse
import signal
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from golden.spec.network import Network
from sw.cli import options
from sw.cli.predict import binning_of
from sw.cli.program import PROGRAM
from sw.data import Recording, read_recording
from sw.device import DeviceError
from sw.link import LinkError
from sw.live import DatasetFeed, Feed, RecordingFeed, Session, Wishes
from sw.model import Model
from sw.places import install
from sw.run import RunFolder, newest_run
from sw.samples import Binning

PORT = 8737


def add_parser(commands: Any, **style: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "live",
        help="watch a network classify and learn, on a web page of this computer",
        usage=f"{PROGRAM} live [options] [RECORDING...]",
        description="Serve one page, for this computer alone: input events, spikes, scores, accuracy over "
        "time. On it, learning is switched on and off, a sample is taught, classes come and go, and the "
        "sensor is moved. What the network learns is kept when the command ends.",
        epilog="""examples:
  live                                      the newest run, its test samples
  live --run runs/nmnist-fast-1 --split train --pace 20 --learning
  live --run runs/folder-1 hand.aedat4      a recording, in real time
  live --run runs/nmnist-fast-1 --target serial:/dev/ttyUSB0     a board

On the page, the keys 0 to 9 teach a class, l switches learning, p pauses.""",
        **style,
    )
    parser.add_argument(
        "recordings", nargs="*", metavar="RECORDING", help="event files, in place of samples"
    )
    parser.add_argument(
        "--run",
        type=Path,
        metavar="DIR",
        help="folder that train wrote (default: the newest in runs/)",
    )
    options.add_target(parser, "golden")
    parser.add_argument(
        "--data", metavar="NAME[:DIR]", help="another data set with the same inputs"
    )
    parser.add_argument(
        "--split", choices=("test", "train"), default="test", help="samples (default: %(default)s)"
    )
    parser.add_argument(
        "--window", type=options.duration, metavar="TIME",
        help="of a recording, length of a time window (default: as trained)",
    )  # fmt: skip
    parser.add_argument("--learning", action="store_true", help="learn from the start")
    parser.add_argument(
        "--pace", type=float, metavar="X",
        help="samples a second (default: 4); of a recording, times as fast as it was (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the order (%(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=PORT, metavar="N", help="0 for any (default: %(default)s)"
    )
    parser.add_argument("--browser", action="store_true", help="open the page in the browser")
    options.add_cache(parser)
    parser.set_defaults(command=live)


def live(args: argparse.Namespace, console: Console) -> int:
    """Serve until Ctrl-C."""
    try:
        from sw.live.app import Server
    except ModuleNotFoundError as error:
        raise ValueError(
            f"live: {error.name} is missing; {install('live', 'starlette', 'uvicorn')}"
        ) from error
    run = RunFolder(args.run or newest_run())
    data = run.data()
    network, core = run.network_and_core()
    feed = _feed(args, data, network)
    names = list(data.get("class_names") or map(str, range(network.classes)))
    names += [str(number) for number in range(len(names), network.classes)]
    config = None if args.target.startswith("serial:") else core
    with options.open_device(args.target, config, args.baud) as opened:
        binning = Binning.of_run(run.config())
        model = Model(network, opened, weights=run.weights(), binning=binning)
        device = model.device
        device.check(feed.first)
        with Session(device, feed, wishes=_wishes(args, feed, model)) as session:
            server = Server(session, title=run.path.name, class_names=names, port=args.port)
            console.print(f"{server.address} (Ctrl-C ends it)")
            if args.browser:
                webbrowser.open(server.address)
            server.serve_until_stopped()
        if session.learned:
            _keep(model, run, session, console)
    if session.error:
        raise DeviceError(session.error)
    if server.signal not in (None, signal.SIGINT):
        signal.raise_signal(server.signal)  # ends the program as its sender wants it
    return 0


def _feed(args: argparse.Namespace, data: dict[str, Any], network: Network) -> Feed:
    """The recordings named, or the samples. Raises DataError, ValueError."""
    if not args.recordings:
        if args.data:
            name, _, root = args.data.partition(":")
            place = str(Path(root).expanduser().absolute()) if root else None
            data = data | {"name": name, "root": place, "train": None, "test": None}
        samples = options.load_data(data, train=args.split == "train", cache=args.cache)
        return DatasetFeed(samples, seed=args.seed)
    if args.data:
        raise ValueError("--data: recordings are given; leave one of the two out")
    binning = replace(binning_of(data), input_bits=network.input_bits)
    recordings = [read_recording(path, sensor=binning.sensor) for path in args.recordings]

    def frames(recording: Recording, window: tuple[int, int]) -> Any:
        return binning.frames(recording.events, recording.source, window)

    length = args.window or binning.length_us
    return RecordingFeed(recordings, frames, window_us=length, map=binning.input_map)


def _wishes(args: argparse.Namespace, feed: Feed, model: Model) -> Wishes:
    if args.learning and not feed.labelled:
        raise ValueError("--learning: recordings have no labels; teach on the page")
    wishes = Wishes(learning=args.learning, pace=1.0 if feed.seconds else 4.0)
    if args.pace is not None:
        wishes.set("pace", args.pace, model.network)
    return wishes


def _keep(model: Model, run: RunFolder, session: Session, console: Console) -> None:
    """What was learned, in a file beside the run's weights."""
    number = 1
    while (path := run.path / f"live-{number}.safetensors").exists():
        number += 1
    try:
        model.save(path)
    except (DeviceError, LinkError):
        if not session.error:
            raise
        return  # the device is gone, and its error will be told
    console.print(
        f"learned from {session.learned} samples; the weights are in {path} (Model.load takes it)",
        highlight=False,
    )
