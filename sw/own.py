"""Files that only this user can have written: what may be run as native code."""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS = stat.S_IWGRP | stat.S_IWOTH


def user() -> int:
    """The number of this user; where users have none (Windows), the one that files have there: 0."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def own(path: Path) -> bool:
    """Whether `path` is no symbolic link, of this user or of root, and nobody else can write to it."""
    try:
        info = path.lstat()
    except OSError:
        return False
    return (
        not stat.S_ISLNK(info.st_mode) and info.st_uid in (0, user()) and not info.st_mode & OTHERS
    )


def shared(folder: Path) -> str:
    """Why a folder may hold files that somebody else put there; empty: it does not.

    A folder that is not there yet holds none. What a link points to counts.
    """
    try:
        info = folder.stat()
    except OSError:
        return ""
    if info.st_uid not in (0, user()):
        return "belongs to another user"
    return "is writable for everybody" if info.st_mode & stat.S_IWOTH else ""
