"""The short form of bench.campaign.readers, and that it would notice."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.campaign import readers
from bench.campaign.mutations import mutate
from bench.campaign.samples import samples
from sw.data import DataError

FILES = samples()
SEED = 7


@pytest.mark.parametrize("name", FILES)
def test_readers_take_what_is_whole(name, tmp_path, monkeypatch):
    for raw in FILES[name]:
        found = set()
        for way in list(readers.WAYS):
            with monkeypatch.context() as patch:
                patch.setattr(readers, "WAYS", [way])
                found.add(readers.attack(name, raw, tmp_path))
        assert ("", True) in found and found <= {("", True), ("", False)}


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=40, deadline=None, print_blob=True)
@given(data=st.data())
def test_only_their_own_errors_leave_readers(name, data, tmp_path_factory):
    """Hypothesis prints the file that breaks the promise, made small."""
    raw = data.draw(st.sampled_from(FILES[name]))
    raw = mutate(raw, data.draw(st.randoms(use_true_random=False)))
    wrong, _ = readers.attack(name, raw, tmp_path_factory.mktemp("file"))
    assert not wrong


def test_inputs_come_from_the_seed_and_are_counted():
    figures = readers.Figures()
    for name in (".csv", "labels"):
        readers.campaign(name, SEED, figures, count=60)
    assert figures.wrong == []
    assert str(figures).startswith("120 inputs of 2 readers, ")
    assert readers.content(".csv", 1, 5) == readers.content(".csv", 1, 5)
    assert len({readers.content(".csv", 1, number) for number in range(30)}) > 20


def test_another_error_and_a_crash_are_noticed(tmp_path, monkeypatch):
    def fails(path):
        raise KeyError("x")

    def hints(path):
        error = DataError("two lines")
        error.args = ("two\nlines",)
        raise error

    monkeypatch.setitem(readers.OTHERS, "idx", fails)
    assert "KeyError" in readers.attack("idx", b"", tmp_path)[0]
    monkeypatch.setitem(readers.OTHERS, "idx", hints)
    assert "not one plain line" in readers.attack("idx", b"", tmp_path)[0]
    monkeypatch.setitem(readers.OTHERS, "idx", lambda path: readers.os.kill(readers.os.getpid(), 9))
    figures = readers.Figures()
    readers.campaign("idx", SEED, figures, count=5)
    assert figures.wrong == [f"idx {SEED}.0: its process ended with -9"]


def test_changes_reach_every_part_of_a_file():
    raw = bytes(range(200))
    changed = {mutate(raw, Random(number)) for number in range(300)}
    assert len(changed) > 250
    assert {len(each) < len(raw) for each in changed} == {True, False}


pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # pytest has threads
