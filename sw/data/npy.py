"""NumPy files (.npy, .npz) of anybody: nothing is unpickled, and no more memory is taken than they hold.

NumPy believes a header. One that promises terabytes makes it ask for them, and a damaged one ends in
whatever error Python's parser has. So the header is read first, and its promise compared with the file.
"""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from sw.data.events import DamagedFile
from sw.printable import reason

LARGEST = 1 << 31
"""Bytes that the arrays of a compressed file may take in memory, all together."""
MOST_ARRAYS = 100_000
PART = 1 << 20  # bytes to read at once
AGAIN = "copy or make it again"

Arrays = dict[str, Any]


def load_arrays(path: Path, names: Iterable[str] | None = None) -> Arrays:
    """The arrays of a .npz by name; the one of a .npy under the name "".

    Args:
        path: the file; what it is says its content, not its ending.
        names: the arrays to read, those of them that are there; None: all.

    Raises:
        DamagedFile: it is none, damaged, or promises more than it holds.
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            if file.read(4).startswith(b"PK"):
                return _members(file, None if names is None else set(names))
            file.seek(0)
            return {"": _array(file, os.fstat(file.fileno()).st_size)}
        except Exception as error:  # NumPy, zipfile and Python's parser raise a dozen kinds
            raise DamagedFile(
                f"{path}: not a readable NumPy file ({reason(error)}); {AGAIN}"
            ) from error


def _members(file: IO[bytes], names: set[str] | None) -> Arrays:
    """The arrays of an archive."""
    found: Arrays = {}
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS:
            raise ValueError(f"{len(members)} arrays")
        wanted = [
            (member, name)
            for member, name in ((each, each.filename.removesuffix(".npy")) for each in members)
            if names is None or name in names
        ]
        if (size := sum(member.file_size for member, _ in wanted)) > LARGEST:
            raise ValueError(f"its arrays take {size} bytes, more than {LARGEST}; make it smaller")
        for member, name in wanted:
            with archive.open(member) as content:
                found[name] = _array(content, member.file_size)
    return found


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, whether columns lie together, and dtype of the array that a file is about to hold.

    Raises:
        ValueError: there is no header, it is damaged, or it announces Python objects.
    """
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's parser, for what is no Python
            shape, by_column, dtype = read(file)
    except Exception as error:  # NumPy's and Python's parsers raise a dozen kinds
        raise ValueError(f"its header cannot be read: {reason(error)}") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    if any(not isinstance(length, int) or length < 0 for length in shape):
        raise ValueError(f"its shape {shape} is none")
    return shape, by_column, dtype


def _array(file: IO[bytes], size: int) -> Any:
    """An array from a file of so many bytes. Raises ValueError, or what a decompressor raises."""
    shape, by_column, dtype = read_header(file)
    left, count = size - file.tell(), math.prod(shape)
    promised = count * dtype.itemsize
    if promised > left or (not dtype.itemsize and count):
        raise ValueError(f"its header promises {promised} bytes, it holds {left}")
    content = np.empty(promised, np.uint8)  # of which the machine has what is written to alone
    at = 0
    while at < promised:
        part = file.read(min(promised - at, PART))
        if not part:
            raise ValueError(f"{at} of {promised} bytes are there")
        content[at : at + len(part)] = np.frombuffer(part, np.uint8)
        at += len(part)
    array = content.view(dtype) if count else np.empty(0, dtype)
    return array.reshape(shape, order="F" if by_column else "C")
