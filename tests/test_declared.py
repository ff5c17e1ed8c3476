"""Each thing is declared once: flags, fields of an entry, kinds of layers, parameters."""

import pickle
import re
from copy import deepcopy
from dataclasses import fields
from pathlib import Path

import pytest

from golden.schedule.passes import ORDERS
from golden.spec.config import CoreConfig
from golden.spec.declare import check_bounds, declarations
from golden.spec.flags import ALL_FLAGS, FLAG_NAMES, Flag
from golden.spec.kinds import AVERAGE, CONVOLUTION, FLAT, KINDS, kind_of
from golden.spec.layers import FIELD_NAMES, FIELD_OF, FIELDS, Layer
from golden.spec.network import Network
from golden.spec.shape import parse_stage
from hw.core.base.layouts import layer_entry
from sw.native.declared import header

ROOT = Path(__file__).parent.parent
GIVEN = {"rows": 3, "groups": 1, "outputs": 2}


def test_fields_are_those_of_a_layer_in_every_form():
    assert tuple(field.name for field in fields(Layer)) == FIELD_NAMES
    assert tuple(layer_entry().members) == FIELD_NAMES
    assert f"struct Entry {{ int {', '.join(FIELD_NAMES)}; }};" in header()
    assert all(field.bits <= 16 and field.doc for field in FIELDS)


def test_flags_have_one_name_in_every_form():
    assert tuple(layer_entry()["flags"].shape.members)[: len(Flag)] == FLAG_NAMES
    assert [flag.value for flag in Flag] == [1 << bit for bit in range(len(Flag))]
    assert all(f"{flag.name} = {flag.value}" in header() for flag in Flag)
    kinds = {kind.flag for kind in KINDS}
    for flag in set(Flag) - kinds:
        assert getattr(Layer(**GIVEN, flags=flag), flag.name.lower())
        assert not getattr(Layer(**GIVEN, flags=ALL_FLAGS - flag), flag.name.lower())


@pytest.mark.parametrize("name", [field.name for field in FIELDS])
def test_a_value_beyond_its_field_is_refused(name):
    most = FIELD_OF[name].high
    assert getattr(Layer(**GIVEN | {name: most}), name) == most
    with pytest.raises(ValueError, match=f"layer field {name} is {most + 1}"):
        Layer(**GIVEN | {name: most + 1})


def test_every_kind_has_a_flag_of_its_own_and_an_order_of_passes():
    assert set(ORDERS) == set(KINDS)
    for kind in KINDS:
        assert kind_of(kind.flag) is kind
        assert pickle.loads(pickle.dumps(kind)) is kind and deepcopy(kind) is kind
        assert Layer(**GIVEN, flags=kind.flag | Flag.PLASTIC | Flag.POOL).kind is kind
    written = {"128": FLAT, "16c3": CONVOLUTION, "16c3p": CONVOLUTION, "16c3g": CONVOLUTION}
    assert {text: parse_stage(text).kind for text in written} == written
    assert all(str(parse_stage(text)) == text for text in written)
    assert FLAT.behind(9) is AVERAGE and FLAT.behind(1) is FLAT


@pytest.mark.parametrize("text", ["", "c3", "0", "0c3", "16c5", "16p", "128g", "16c3x", "1.5"])
def test_what_is_no_stage_is_refused(text):
    with pytest.raises(ValueError, match="128 is a layer of 128 neurons"):
        parse_stage(text)


BESIDE = {
    "input_bits": {"alpha_post": 0, "input_fraction": 0},
    "input_fraction": {"alpha_post": 0, "input_bits": 8},
}
"""What must be so beside a field of a network, for it to have any value within its bounds."""


@pytest.mark.parametrize(
    ("cls", "given"),
    [
        (CoreConfig, {"map_pixels": 64}),
        (Network, {"sizes": (4, 3, 2), "alpha_post": 0.5}),
    ],
)
def test_bounds_are_taken_and_what_lies_beyond_is_not(cls, given):
    for name, declared in declarations(cls).items():
        if declared.low is None or name in ("frame_bytes", "store_bytes", "lanes"):
            continue
        known = given | (BESIDE.get(name, {}) if cls is Network else {})
        for bound in (declared.low, declared.high):
            assert getattr(cls(**known | {name: bound}), name) == bound
        for beyond in (declared.low - 1, declared.high + 1):
            with pytest.raises(ValueError, match=f"{name} is"):
                cls(**known | {name: beyond})


def test_a_parameter_of_every_layer_is_checked_one_by_one():
    network = Network(sizes=(4, 3, 3, 2), eta=(0.01, 0.02))
    check_bounds(network)
    with pytest.raises(ValueError, match=r"eta is 7: it must lie in 0 to 0\.1"):
        Network(sizes=(4, 3, 3, 2), eta=(0.01, 7))
    with pytest.raises(ValueError, match="reset 'odd': soft or hard"):
        Network(sizes=(4, 2), reset="odd")


@pytest.mark.parametrize("folder", ["golden", "hw", "sw"])
def test_flags_of_kinds_are_looked_at_where_kinds_are_described_alone(folder):
    """The list of files in CONTRIBUTING that a new kind touches stays true."""
    words = re.compile(r"\b(flags\.(convolution|average)|CONVOLUTION|AVERAGE)\b")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if words.search(path.read_text())
    }
    known = {
        "golden": {
            "golden/spec/flags.py",
            "golden/spec/kinds.py",
            "golden/schedule/passes.py",
        },
        "hw": {"hw/core/kinds.py"},
        "sw": set(),
    }
    assert found == known[folder]
    page = (ROOT / "CONTRIBUTING.md").read_text()
    assert all(f"`{name}`" in page for name in found)


def test_a_new_kind_touches_fewer_than_six_files():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    part = page.split("## Add a layer kind")[1].split("\n## ")[0]
    named = re.findall(r"^\d\. `([^`]+)`", part, re.M)
    assert 3 <= len(named) < 6 and all((ROOT / name).exists() for name in named)
