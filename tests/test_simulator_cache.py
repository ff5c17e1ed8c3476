"""The cache of compiled simulators loads nothing that another may have put there."""

import os
import shutil
from pathlib import Path

import pytest

from golden.spec.config import PRESETS
from hw.building.toolchain import BuildError
from hw.simulate import compiling
from sw.link import LinkError, simulated
from sw.own import own

CONFIG = PRESETS["tiny"]
KEY = "0123456789abcdef"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A build folder of its own with a compiled board and its entry; `make` is noted, not done."""
    build = tmp_path / "build"
    monkeypatch.setattr(simulated, "BUILD", build)
    monkeypatch.setattr(simulated, "INDEX", build / "sim-index")
    library = build / f"sim-{KEY}" / "board.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"code")
    entry = simulated.INDEX / simulated.source_hash(CONFIG, False)
    entry.parent.mkdir()
    entry.write_text(str(library))
    monkeypatch.setattr(simulated, "make", lambda config, entry, **more: Path("made anew"))
    return library, entry


def taken(library):
    """Whether the cached library is taken."""
    found = simulated.find_library(CONFIG)
    assert found in (library, Path("made anew"))
    return found == library


def test_what_this_user_made_is_taken(cache):
    assert taken(cache[0])


def elsewhere(library, entry, tmp_path):
    """An entry names a library outside, as one of a checkout that was copied."""
    other = shutil.copytree(library.parent, tmp_path / library.parent.name)
    entry.write_text(str(other / "board.so"))


def dots(library, entry, tmp_path):
    shutil.copytree(library.parent, tmp_path / library.parent.name)
    entry.write_text(f"{library.parents[1]}/../{library.parent.name}/board.so")


def another_folder(library, entry, tmp_path):
    shutil.copytree(library.parent, library.parents[1] / "sim-other")
    entry.write_text(str(library.parents[1] / "sim-other" / "board.so"))


def another_file(library, entry, tmp_path):
    (library.parent / "evil.so").write_bytes(b"code")
    entry.write_text(str(library.parent / "evil.so"))


def rubbish(library, entry, tmp_path):
    entry.write_bytes(b"\xff\0\n")


def nothing(library, entry, tmp_path):
    entry.write_text("")


def linked_entry(library, entry, tmp_path):
    entry.rename(tmp_path / "entry")
    entry.symlink_to(tmp_path / "entry")


def linked_index(library, entry, tmp_path):
    entry.parent.rename(tmp_path / "index")
    entry.parent.symlink_to(tmp_path / "index")


def linked_library(library, entry, tmp_path):
    library.rename(tmp_path / "board.so")
    library.symlink_to(tmp_path / "board.so")


def linked_folder(library, entry, tmp_path):
    library.parent.rename(tmp_path / "folder")
    library.parent.symlink_to(tmp_path / "folder")


def writable_library(library, entry, tmp_path):
    library.chmod(0o666)


def writable_folder(library, entry, tmp_path):
    library.parent.chmod(0o777)


def writable_for_a_group(library, entry, tmp_path):
    library.parent.chmod(0o775)


def writable_entry(library, entry, tmp_path):
    entry.chmod(0o646)


def writable_index(library, entry, tmp_path):
    entry.parent.chmod(0o1777)


FAULTS = [elsewhere, dots, another_folder, another_file, rubbish, nothing]
FAULTS += [linked_entry, linked_index, linked_library, linked_folder]
FAULTS += [writable_library, writable_folder, writable_for_a_group, writable_entry, writable_index]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_another_may_have_put_there_is_not(fault, cache, tmp_path):
    fault(*cache, tmp_path)
    assert not taken(cache[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("number", range(4))
def test_what_belongs_to_another_user_is_not(number, cache):
    library, entry = cache
    os.chown([library, library.parent, entry, entry.parent][number], 1234, -1)
    assert not taken(library)


def test_files_of_other_users_are_told_apart(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.touch(0o644)
    assert own(file)
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    assert own(file) == (file.stat().st_uid == 0)  # root may do anything anyway
    assert not own(tmp_path / "missing")


def test_a_build_folder_that_others_write_to_is_refused(cache, monkeypatch):
    build = cache[0].parents[1]
    build.chmod(0o777)
    with pytest.raises(LinkError, match=f"{build} is writable for everybody.*remove it"):
        simulated.find_library(CONFIG)
    monkeypatch.setattr(compiling, "BUILD", build)
    with pytest.raises(BuildError, match="writable for everybody; remove it"):
        compiling.compile_board("", trace=False, notify=print)
    if os.geteuid() == 0:
        build.chmod(0o755)
        os.chown(build, 1234, -1)
        with pytest.raises(LinkError, match="belongs to another user"):
            simulated.find_library(CONFIG)


def test_a_link_in_the_place_of_an_entry_is_replaced(cache, tmp_path):
    _, entry = cache
    victim = tmp_path / "victim"
    victim.write_text("mine")
    entry.unlink()
    entry.symlink_to(victim)
    simulated.write_entry(entry, "text")
    assert (entry.read_text(), victim.read_text(), entry.is_symlink()) == ("text", "mine", False)
    assert own(entry)


def test_the_compiler_takes_no_foreign_product(cache, tmp_path, monkeypatch):
    """Neither a library that is there already, nor a lock that is a link."""
    monkeypatch.setattr(compiling, "BUILD", tmp_path / "build")
    lock, victim = tmp_path / "build" / "a.lock", tmp_path / "victim"
    victim.write_text("mine")
    lock.symlink_to(victim)
    with pytest.raises(BuildError, match=r"a\.lock: cannot be locked"):
        with compiling.locked(lock, tmp_path / "product", print):
            pass
    assert victim.read_text() == "mine"
    library = cache[0]
    compiling.check_own(library.parent, library)
    library.chmod(0o666)
    with pytest.raises(BuildError, match=r"board\.so: .*remove it and build anew"):
        compiling.check_own(library.parent, library)
