"""Small whole files of every format that a reader takes, made here: what a campaign begins with."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tempfile
import wave
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from golden.spec.config import PRESETS
from golden.spec.network import Network
from sw.data.events import Events, encode_nmnist, make_events
from sw.interchange.files import Trained

SIZE = 16
AEDAT31 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
DAVIS = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"


def events(count: int = 40) -> Events:
    """Events of a small sensor in 20 ms."""
    rng = np.random.default_rng(count)
    t = np.sort(rng.integers(0, 20_000, count))
    x, y = rng.integers(0, SIZE, (2, count))
    return make_events(x, y, t, t % 2)


@cache
def samples() -> dict[str, list[bytes]]:
    """Files by what reads them: an ending of `READERS`, or the name of another reader."""
    e = {name: events()[name].astype(np.int64) for name in "xytp"}
    found = {
        ".bin": [encode_nmnist(events())],
        ".raw": [_evt2(), _evt3()],
        ".dat": [
            b"% Version 2\n% Width 16\n% Height 16\n\x0c\x08"
            + np.stack([e["t"], e["x"] | e["y"] << 14 | e["p"] << 28], axis=1)
            .astype("<u4")
            .tobytes()
        ],
        ".aedat": [_aedat2(e), _davis(e), AEDAT31 + _packet(1, e) + _packet(2, e)],
        ".csv": _tables(e),
        ".npy": [_npy(events()), _npy(_named(e))],
        ".npz": [_npz(compressed=False, **e), _npz(compressed=True, events=events())],
        "gesture": [_npy(np.stack([e["x"], e["y"], e["p"], e["t"] / 1000], axis=1))],
        "labels": [
            b"file,class\na.npy,left\nb.npy,right\n",
            b"\xef\xbb\xbfFile;Class\r\na.npy;1\r\n",
        ],
        "idx": [struct.pack(">HBBIII", 0, 8, 3, 2, 4, 4) + bytes(range(32))],
        "wav": [_wav()],
        "cifar": [pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]}, 2)],
        "network": [_network(".npz"), _network(".safetensors")],
        "log": [_log()],
    }
    if find_spec("faery") is not None:
        found[".aedat4"] = [_aedat4()]
    else:
        del found[".raw"], found[".dat"]
    if find_spec("nir") is not None:
        found["graph"] = [_graph()]
    return found


def _evt2() -> bytes:
    words = []
    for x, y, t, p in events().tolist():
        words += [8 << 28 | t >> 6, int(p) << 28 | (t & 63) << 22 | x << 11 | y]
    return b"% evt 2.0\n% geometry 16x16\n% end\n" + np.array(words, "<u4").tobytes()


def _evt3() -> bytes:
    words = []
    for x, y, t, p in events().tolist():
        words += [8 << 12 | t >> 12, 6 << 12 | t & 0xFFF, y, 2 << 12 | int(p) << 11 | x]
    words += [0x3002, 0x4005, 0x5003]
    return (
        b"% evt 3.0\n% format EVT3;height=16;width=16\n% end\n" + np.array(words, "<u2").tobytes()
    )


def _aedat2(e: dict[str, Any]) -> bytes:
    address = 127 - e["x"] << 1 | 127 - e["y"] << 8 | 1 - e["p"]
    return (
        b"#!AER-DAT2.0\r\n# a comment\r\n" + np.stack([address, e["t"]], 1).astype(">u4").tobytes()
    )


def _davis(e: dict[str, Any]) -> bytes:
    address = 239 - e["x"] << 12 | 179 - e["y"] << 22 | e["p"] << 11
    return DAVIS + np.stack([address, e["t"]], 1).astype(">u4").tobytes()


def _packet(source: int, e: dict[str, Any]) -> bytes:
    count = len(e["t"])
    data = 1 | e["p"] << 1 | e["y"] << 2 | e["x"] << 17
    head = struct.pack("<hhiiiiii", 1, source, 8, 4, 0, count, count, count)
    return head + np.stack([data, e["t"]], 1).astype("<u4").tobytes()


def _tables(e: dict[str, Any]) -> list[bytes]:
    rows = [[f"{e[n][i]}" for n in "txyp"] for i in range(len(e["t"]))]
    lines = [",".join(row) for row in rows]
    seconds = [f"{int(t) / 1e6:.6f} {x} {y} {p}" for t, x, y, p in rows]
    return [
        "\n".join(["t,x@16,y@16,p", *lines, ""]).encode(),
        "\r\n".join(['"t";"x";"y";"p"', *(";".join(row) for row in rows)]).encode("utf-8-sig"),
        "\n".join(["# t[s] x y p", *seconds]).encode(),
        "\n".join(lines).encode("utf-16"),
    ]


def _npy(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _named(e: dict[str, Any]) -> Any:
    """Fields of other types, in another order."""
    found = np.zeros(len(e["t"]), [(name, "<i4") for name in ("t", "x", "y", "p")])
    for name, values in e.items():
        found[name] = values
    return found


def _npz(*, compressed: bool, **arrays: Any) -> bytes:
    out = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(out, **arrays)
    return out.getvalue()


def _wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(64))
    return out.getvalue()


def _log() -> bytes:
    lines: list[dict[str, Any]] = [
        {"what": "start", "time": 1764000000.0, "pid": 4711},
        {
            "what": "at", "time": 1764000001.0, "task": "epoch 1/8", "total": 100, "samples": 12,
            "accuracy": 0.87, "rates": [0.143], "speed": 18.2, "cycles": 22656.0,
        },
        {"what": "end", "time": 1764000002.0, "error": ""},
    ]  # fmt: skip
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _network(suffix: str) -> bytes:
    core, network = PRESETS["tiny"], Network(sizes=(20, 9, 3))
    weights = network.initial_weights()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        Trained(network, core, weights, {"name": "synthetic"}).save(path)
        return path.read_bytes()


def _aedat4() -> bytes:
    import faery

    given = events()
    found = np.zeros(len(given), faery.EVENTS_DTYPE)
    for ours, theirs in (("x", "x"), ("y", "y"), ("t", "t"), ("p", "on")):
        found[theirs] = given[ours]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.aedat4"
        faery.events_stream_from_array(found, (SIZE, SIZE)).to_file(path)
        return path.read_bytes()


def _graph() -> bytes:
    import nir

    one = np.ones(3, "f4")
    lif = nir.LIF(tau=2e-4 * one, r=one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)
    nodes = {
        "input": nir.Input({"input": np.array([6])}),
        "fc": nir.Linear(np.full((3, 6), 0.4, "f4")),
        "lif": lif,
        "out": nir.Affine(np.full((2, 3), 0.2, "f4"), np.ones(2, "f4")),
        "output": nir.Output({"output": np.array([2])}),
    }
    names = list(nodes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nir"
        nir.write(path, nir.NIRGraph(nodes, list(pairwise(names))))
        return path.read_bytes()
