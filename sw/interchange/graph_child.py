"""A child process that reads a graph on trial, for `sw.interchange.package`.

HDF5 is native code. Some damaged files crash it, and in some it goes round for ever, where no signal ends it.
Here it can do both without harm. A request is one line of JSON on standard input:

- `path`: the file
- `largest`: bytes of numbers that it may promise

Empty braces say that the process has started. The answer to a request is one line on standard output: `kind`
and `error`, the name and the text of the exception that it ends in; `kind` is empty if it can be read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import h5py
import nir


def check_content(path: Path, largest: int) -> None:
    """Look a file over before it is read: HDF5 believes any size, and follows links out of the file.

    Raises ValueError, or what h5py raises.
    """
    sizes: list[int] = []

    def look(name: str, item: Any) -> str | None:  # an answer that is not None ends the visit
        if not isinstance(item, h5py.Dataset):
            return None
        if item.external or item.is_virtual:
            return f"{name} lies in another file"
        sizes.append(item.size * item.dtype.itemsize if item.size else 0)
        return None

    def look_at_link(name: str, link: Any) -> str | None:
        return None if isinstance(link, h5py.HardLink) else f"{name} is a link to elsewhere"

    with h5py.File(path, "r") as file:
        wrong = file.visititems_links(look_at_link) or file.visititems(look)
    if wrong:
        raise ValueError(wrong)
    if sum(sizes) > largest:
        raise ValueError(f"it promises {sum(sizes)} bytes of numbers, {largest} are read at most")


def read(request: dict[str, Any]) -> dict[str, str]:
    """Read a file, and throw away what was read."""
    try:
        check_content(Path(request["path"]), request["largest"])
        nir.read(request["path"], type_check=False)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # h5py and nir raise whatever they like for a damaged file
        return {"kind": type(error).__name__, "error": str(error)[:10_000]}
    return {"kind": "", "error": ""}


if __name__ == "__main__":
    print("{}", flush=True)
    for line in sys.stdin:
        print(json.dumps(read(json.loads(line))), flush=True)
