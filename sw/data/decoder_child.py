"""A child process that decodes event files with faery, for `sw.data.decoder`.

faery 0.7.1 ends the whole process when some damaged AEDAT4 files are read, and prints the stack of
every failure. Here it can do both without harm. A request is one line of JSON on standard input:

- `kind`: `aedat4`, `evt` or `dat`; `version`: of the last two, as faery names it
- `path`: the file
- `out`: a file to append the events to, packet by packet, so that those before a crash are there
- `record`: fields and types of an event in it, as `numpy.dtype.descr`: x, y, t, p
- `largest`: width and height to take where the file does not say them

Empty braces say that the process has started. The answer to a request is one line on standard output: `width`
and `height` (if the file could be opened), `packets` read, and `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from faery import aedat, dat, evt


def packets(request: dict[str, Any], answer: dict[str, Any]) -> Iterator[Any]:
    """The packets of a file, as structured arrays; fills in the size of the sensor."""
    path, version, largest = request["path"], request["version"], tuple(request["largest"])
    if request["kind"] == "aedat4":
        with aedat.Decoder(path) as decoder:
            tracks = [track for track in decoder.tracks() if track.data_type == "events"]
            if not tracks:
                raise RuntimeError("it has no stream of events")
            answer["width"], answer["height"] = tracks[0].dimensions
            for track, packet in decoder:
                yield packet if track.id == tracks[0].id else None
    elif request["kind"] == "evt":
        with evt.Decoder(path, largest, version) as decoder:
            answer["width"], answer["height"] = decoder.dimensions
            for both in decoder:
                yield both.get("events")
    else:
        with dat.Decoder(path, largest, version) as decoder:
            if decoder.event_type not in ("cd", "2d"):
                raise RuntimeError(f"it holds {decoder.event_type} and no events of pixels")
            answer["width"], answer["height"] = decoder.dimensions
            yield from decoder


def decode(request: dict[str, Any]) -> dict[str, Any]:
    """Decode a file as far as it goes."""
    answer: dict[str, Any] = {"packets": 0, "error": None}
    record = np.dtype([tuple(field) for field in request["record"]])
    with open(request["out"], "wb", buffering=0) as out:
        try:
            for packet in packets(request, answer):
                answer["packets"] += 1
                if packet is not None:
                    out.write(records(packet, record).tobytes())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of faery's is no Exception
            answer["error"] = " ".join(str(error).split()) or type(error).__name__
    return answer


def records(packet: Any, record: Any) -> Any:
    """A packet, whose dtype is faery's, in the dtype asked for."""
    found = np.empty(len(packet), record)
    polarity = "payload" if "payload" in packet.dtype.names else "on"
    found["x"], found["y"], found["t"] = packet["x"], packet["y"], packet["t"]
    found["p"] = packet[polarity] != 0
    return found


if __name__ == "__main__":
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(decode(json.loads(line))), flush=True)
