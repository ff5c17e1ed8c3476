"""Frames kept for the next time, for sets whose files are slow to read.

An entry is one file, one bit per input and step. Its name is a hash of all that its frames depend on:

- every file that was read: path, size, and times of the last change of content and of anything (the kernel
  sets the latter, so that even a copy that keeps its times is noticed). Their content is not read: that
  would take nearly as long as decoding it, and looking over 70,000 files takes a second;
- the settings: steps, pooling, time window, split and whatever else the loader was told;
- the code: the text of this folder's modules, and the versions of the packages that read files.

So an entry is never out of date; it is only no longer asked for, and the least recently used are removed
when all together are over `LIMIT_BYTES`. An entry is written under another name and renamed when it is
whole. It starts with a checksum; one that is damaged all the same is made again, and a note says so.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from golden.spec.shape import Map
from sw.data.bits import Packed
from sw.data.dataset import Dataset, Request
from sw.data.events import Sensor
from sw.places import platform_cache

VARIABLE = "TESS_FPGA_CACHE"
"""Environment variable: the folder to use, or `off`."""
LIMIT_BYTES = 4 << 30
MAGIC = b"tess-fpga frames 1\n"
SUFFIX = ".tess-frames"
PART = ".tess-part"
ABANDONED_S = 24 * 3600.0  # a part this old is of a process that died
DIGEST = 32


def folder() -> Path | None:
    """Where entries are kept: `TESS_FPGA_CACHE`, or the platform's place. None: nowhere."""
    given = os.environ.get(VARIABLE)
    if given is not None and given.strip().lower() in ("", "0", "off", "no", "none"):
        return None
    try:
        return platform_cache() if given is None else Path(given).expanduser()
    except RuntimeError:  # nobody's home
        return None


def cached(
    request: Request,
    name: str,
    files: Iterable[Path],
    settings: dict[str, Any],
    make: Callable[[], Dataset],
) -> Dataset:
    """What `make()` returns, from the cache if it is there.

    Args:
        request: of the loader. Its seed does not count: nothing that is kept is drawn.
        name: of the data set.
        files: all that `make` reads.
        settings: all that the samples depend on and `request` does not hold.
        make: reads the files.

    Raises:
        DataError: from `make`; then nothing is kept.
    """
    place = folder() if request.cache else None
    if place is None:
        return make()
    try:
        asked = asdict(request) | {"seed": None, "cache": None, "own": settings}
        path = place / f"{name}-{_hash(name, asked, files)}{SUFFIX}"
    except OSError:  # a file that is gone: its reader says it better
        return make()
    found, damage = _read(path)
    if found is not None:
        return found
    made = make()
    notes = (damage, _write(path, made))
    made.notes = (*made.notes, *filter(None, notes))
    return made


def _hash(name: str, asked: dict[str, Any], files: Iterable[Path]) -> str:
    """All that the frames depend on, as 32 digits. Raises OSError for a file that is not there."""
    seen = []
    for path in files:
        stat = path.stat()
        seen.append((str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    text = json.dumps([name, asked, seen, _code()], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]


@cache
def _code() -> tuple[str, ...]:
    """What reads the files: a hash of our modules, and versions of others'."""
    ours = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        ours.update(path.read_bytes())
    others = []
    for package in ("numpy", "faery", "tonic"):
        try:
            others.append(version(package))
        except PackageNotFoundError:
            others.append("")
    return (ours.hexdigest(), *others)


def encode(dataset: Dataset) -> bytes:
    """An entry: mark, checksum, and an `.npz` of bits, labels, keys and facts."""
    facts = json.dumps({"name": dataset.name, **dataset.facts}, default=asdict)
    body = io.BytesIO()
    np.savez(
        body,
        bits=np.stack(dataset.packed.bits),
        labels=dataset.labels,
        keys=np.array(dataset.keys),
        facts=np.frombuffer(facts.encode(), np.uint8),
    )
    content = body.getvalue()
    return MAGIC + hashlib.blake2b(content, digest_size=DIGEST).digest() + content


def decode(raw: bytes) -> Dataset:
    """The data set of an entry. Raises ValueError: it is damaged."""
    start = len(MAGIC) + DIGEST
    content = raw[start:]
    sum_ = hashlib.blake2b(content, digest_size=DIGEST).digest()
    if raw[:start] != MAGIC + sum_:
        raise ValueError("its checksum is wrong")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("bits", "labels", "keys", "facts")}
    facts = json.loads(arrays["facts"].tobytes())
    sensor, shape = facts.pop("sensor"), facts.pop("input_map")
    return Dataset(
        facts.pop("name"),
        Packed(arrays["bits"], arrays["labels"], arrays["keys"].tolist()),
        sensor=None if sensor is None else Sensor(*sensor),
        input_map=None if shape is None else Map(**shape),
        **facts,
    )


def _read(path: Path) -> tuple[Dataset | None, str]:
    """An entry, or none and why, where there is something to say about it."""
    try:
        found = decode(path.read_bytes())
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"cache: {path} cannot be read ({error.strerror})"
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        return None, f"cache: {path} was damaged ({error}) and is made again"
    with suppress(OSError):
        os.utime(path)  # used now
    return found, ""


def _write(path: Path, dataset: Dataset) -> str:
    """Keep an entry. Returns what there is to say: why it could not be."""
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=PART, delete=False) as file:
            part = Path(file.name)
            file.write(encode(dataset))
        os.replace(part, path)
        part = None
    except OSError as error:
        return (
            f"cache: {path.parent} cannot be written ({error.strerror}), so files are read anew each "
            f"time; set {VARIABLE} to a folder that can be, or to off"
        )
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    with suppress(OSError):  # another process may tidy, too
        _tidy(path)
    return ""


def _tidy(kept: Path) -> None:
    """Remove abandoned parts, and the least recently used entries above the limit."""
    now = time.time()
    for part in kept.parent.glob(f"*{PART}"):
        if now - part.stat().st_mtime > ABANDONED_S:
            part.unlink(missing_ok=True)
    entries = [(path.stat(), path) for path in kept.parent.glob(f"*{SUFFIX}") if path != kept]
    room = LIMIT_BYTES - kept.stat().st_size
    for stat, path in sorted(entries, key=lambda entry: -entry[0].st_mtime):
        room -= stat.st_size
        if room < 0:
            path.unlink(missing_ok=True)
