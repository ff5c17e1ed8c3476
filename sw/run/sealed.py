"""Weights in a safetensors file with a checksum over all of it.

The tensors have the names of `sw.run.tensors`. The metadata has whatever the caller gives, and
`sha256`: the SHA-256 of the whole file with the 64 digits of that field as zeros. So it covers every
tensor, every field of the header, and the header's own bytes. Other tools read the file as any other; a
file that one of them wrote anew is refused.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from sw.device import Weights
from sw.run.files import FileError, write_atomically
from sw.run.tensors import from_tensors, to_tensors

UNCHECKED = "spiking network, integer weights, one unit = 2^-weight_fraction"
"""`format` of the files of earlier versions, which have no checksum."""
FORMAT = f"{UNCHECKED}, with a checksum"
"""`format` of a checkpoint. It differs from UNCHECKED, so that no flipped bit makes a file an old one."""
SUM = "sha256"
BLANK = "0" * hashlib.sha256().digest_size * 2
LENGTH = 8
"""Bytes in front of the header: its length, u64."""


class Unchecked(FileError):
    """The weights are in a file of an earlier version, which has no checksum."""


def save_weights(path: Path, weights: Weights, metadata: dict[str, str]) -> None:
    """Write weights, int [rows, outputs] of each layer, and metadata. Raises FileError."""
    data = save(to_tensors(weights), {**metadata, SUM: BLANK})
    write_atomically(path, data.replace(_field(BLANK), _field(_sum(data)), 1))


def load_weights(path: Path) -> tuple[Weights, dict[str, str]]:
    """Weights, int32 [rows, outputs] of each layer, and metadata.

    Raises FileError when a bit of the file is not as it was written, Unchecked when nobody can say.
    """
    data, metadata = _read(path)
    if SUM not in metadata:
        if metadata.get("format") == UNCHECKED:
            raise Unchecked(
                f"{path}: written by an earlier version, without a checksum, so damage would go "
                f"unnoticed; if you trust it, give it one: runs --seal {path}"
            )
        raise FileError(
            f"{path}: no checksum in it, so it is damaged, or another program wrote it; weights come "
            "from a run or from `export`, those of other tools as .nir"
        )
    given = metadata.pop(SUM)
    if data.count(_field(given), 0, _end(data)) != 1 or given != _sum(_blanked(data, given)):
        raise FileError(
            f"{path}: damaged or changed since it was written (its checksum is wrong); restore a "
            "copy, or train again"
        )
    return _weights(path, data), metadata


def seal(path: Path) -> bool:
    """Give a file of an earlier version a checksum; False: it has one. Raises FileError."""
    try:
        load_weights(path)
        return False
    except Unchecked:
        data, metadata = _read(path)
        save_weights(path, _weights(path, data), {**metadata, "format": FORMAT})
        return True


def _read(path: Path) -> tuple[bytes, dict[str, str]]:
    """The file and its metadata. Raises FileError."""
    try:
        data = path.read_bytes()
        header = json.loads(data[LENGTH : _end(data)])
        metadata = header.get("__metadata__", {})
        if not isinstance(metadata, dict):
            raise ValueError("its metadata are no table")
        return data, metadata
    except FileNotFoundError as error:
        raise FileError(f"{path}: no such file; train until the end of an epoch first") from error
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise FileError(f"{path}: not the weights of a run ({error}); train again") from error


def _weights(path: Path, data: bytes) -> Weights:
    try:
        return from_tensors(load(data))
    except (SafetensorError, KeyError, ValueError) as error:
        raise FileError(f"{path}: not the weights of a run ({error}); train again") from error


def _end(data: bytes) -> int:
    """Where the header ends and the tensors begin."""
    return LENGTH + int.from_bytes(data[:LENGTH], "little")


def _field(digits: str) -> bytes:
    """The field as the header has it. Inside a string of JSON its quotes would be escaped."""
    return json.dumps({SUM: digits}, separators=(",", ":"))[1:-1].encode()


def _blanked(data: bytes, digits: str) -> bytes:
    return data.replace(_field(digits), _field(BLANK), 1)


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
