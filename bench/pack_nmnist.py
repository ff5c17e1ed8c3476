"""Make data/nmnist/train.npz and test.npz from N-MNIST recordings in their original layout.

    python -m bench.pack_nmnist SOURCE [SOURCE ...] [--out DIR] [--train N] [--test N]

A SOURCE is a folder or zip file that holds Train/<label>/<5-digit number>.bin, Test/... or both:
for instance the original Train.zip and Test.zip of N-MNIST. The first N samples of each split by
number are packed (default 1000 and 100, the subset in this repository); every event of them is
kept, times are floored to 10 us. `sw/data/packed.py` describes the format.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sw.data.events import DataError
from sw.data.nmnist import read_folder
from sw.data.packed import write_packed

OUT = Path(__file__).resolve().parents[1] / "data" / "nmnist"
CHECKED = ("test.npz", "train.npz")


def pack(sources: Sequence[Path], out: Path, counts: dict[str, int]) -> None:
    """Pack the first `counts[split]` samples of the splits "Train" and "Test" into `out`.

    Raises:
        DataError: a source lacks a split that no other source has, or holds damaged files.
    """
    out.mkdir(parents=True, exist_ok=True)
    for split, count in counts.items():
        folders = [source / split for source in sources if (source / split).is_dir()]
        if not folders:
            raise DataError(f"{split}: no such folder in the sources; name one that holds it")
        target = out / f"{split.lower()}.npz"
        write_packed(target, read_folder(folders[0], count))
        print(f"{target}: {target.stat().st_size} bytes")
    write_sums(out)


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS, in the format of `sha256sum`, for the files that `folder` holds."""
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in CHECKED
        if (folder / name).is_file()
    ]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def unpacked(source: Path, folder: Path) -> Path:
    """Return a folder with the contents of `source`: itself, or `folder` for a zip file."""
    if source.is_dir():
        return source
    try:
        with zipfile.ZipFile(source) as file:
            file.extractall(folder)
    except (OSError, zipfile.BadZipFile) as err:
        raise DataError(f"{source}: not a folder or zip file ({err}); check the path") from err
    return folder


def main(args: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    parser.add_argument("--train", type=int, default=1000, help="training samples to pack")
    parser.add_argument("--test", type=int, default=100, help="test samples to pack")
    given = parser.parse_args(args)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folders = [
                unpacked(source, Path(scratch, str(i))) for i, source in enumerate(given.sources)
            ]
            pack(folders, given.out, {"Train": given.train, "Test": given.test})
    except DataError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
