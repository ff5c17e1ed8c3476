"""The planner: what it says fits does, and its page is its output."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import hw.build
from boards import find
from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.fpga import TARGETS, find_target
from golden.spec.logic import lut_estimate, multipliers
from golden.spec.memory_map import block_rams_by_kind
from golden.spec.network import Network
from sw import driver
from sw.cli import plan as command
from sw.planning import MEASURED, Activity, Shape, make_plan, parse
from sw.planning.fitting import LANES, draft, find_fit, shortage

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("578-384-10", "578-384-10"),
        ("2x34x34:16c3p-32c3p-10", "2x34x34:16c3p-32c3p-10"),
        ("2x4x4:12-3", "2x4x4:12-3"),
        ("40-3", "40-3"),
        ("nmnist-best", "578-384-10"),
    ],
)
def test_networks_are_understood(text, written):
    assert str(parse(text)) == written


def test_vgg9_and_sizes_of_networks():
    vgg = parse("2x32x32:vgg9-11")
    assert len(vgg.stages) == 8 and 9.1e6 < vgg.synapses < 9.3e6
    network = Network.of_stages((2, 6, 6), ("5c3p", "7"), 3)
    assert Shape.of(network) == parse("2x6x6:5c3p-7-3")
    assert Shape.of(network).synapses == sum(w.size for w in network.initial_weights())
    assert Shape.of(network).neurons == 5 * 36 + 7 + 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begins with its inputs"),
        ("nmnist", "is a preset"),
        ("2x34:10", "begins with its inputs"),
        ("578", "the number of classes"),
        ("2x32x32:vgg9", "a name needs the number of classes"),
        ("2x34x34:16c3p", "the number of classes"),
        ("2x34x34:16c5-10", "16c3p one with"),
        ("0x4x4:3", "1 or more"),
        ("8-4c3-2", "needs a map"),
        ("1x1x8:4c3p-2", "too small for 2 x 2"),
        ("2x4x4:8-4c3-2", "the layer before it is flat"),
    ],
)
def test_what_is_not_understood_is_explained(text, said, capsys):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(text)


@pytest.mark.parametrize("name", ["input_rate", "rate", "trace_steps", "overlap"])
@pytest.mark.parametrize("value", [-0.1, 1e9, float("nan")])
def test_assumptions_have_bounds(name, value):
    with pytest.raises(ValueError, match=f"^{name} is"):
        Activity(**{name: value})


@pytest.mark.parametrize("seed", range(12))
def test_what_fits_fits_and_what_does_not_has_no_core(seed):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    hidden = rng.integers(4, 400, rng.integers(1, 4)).tolist()
    sizes = (int(rng.integers(10, 2500)), *hidden, int(rng.integers(2, 20)))
    shape, target = parse("-".join(map(str, sizes))), list(TARGETS.values())[seed % len(TARGETS)]
    fit = find_fit(shape, target, Activity(), 10)
    if fit.config is None:
        assert fit.lacks
        drafts = [
            draft(shape, lanes, target.config, store_bytes=0, post_traces=0) for lanes in LANES
        ]
        assert all(shortage(shape, each, target) for each in drafts)
        return
    assert Network(sizes=sizes).layers(fit.config)
    assert sum(block_rams_by_kind(fit.config).values()) <= target.fpga.block_rams
    assert multipliers(fit.config) <= target.fpga.multipliers
    assert (fit.preset == target.preset) == (fit.config == target.config)
    assert fit.samples_per_second == pytest.approx(target.mhz * 1e6 / fit.cycles)


def test_presets_fit_the_board_they_are_for():
    for name in ("nmnist-fast", "nmnist-best"):
        fits = {fit.target.size: fit for fit in make_plan(parse(name), find_target("ulx3s")).fits}
        assert fits["85f"].preset == "ulx3s-85f" and fits["12f"].config is None
        assert re.search(r"\d+ block RAMs too many, of \d+", fits["12f"].lacks)


def test_the_build_command_it_gives_builds_that_core():
    made = make_plan(parse("578-48-4"), find_target("ulx3s", "12f"))
    assert made.chosen.preset
    made = make_plan(parse("2x34x34:16c3p-32c3p-10"), find_target("ulx3s"))
    assert command.verdict(made).endswith("--size 85f --preset ulx3s-85f-maps")
    made = make_plan(parse("200-64-32-20"), find_target("ulx3s", "12f"))
    said = command.verdict(made)
    assert not made.chosen.preset and "python -m hw.build" in said
    options = hw.build.make_parser().parse_args(said.split("hw.build ")[1].split())
    assert hw.build.configuration(find("ulx3s", "12f"), options) == made.config


def test_the_estimate_of_luts_is_near_the_bitstreams():
    """35,006, 20,972 and 32,155 (README), and what synthesis finds that cores have more since then."""
    flat, maps = 16_466 - 15_164, 21_787 - 20_169
    assert lut_estimate(CORES["ulx3s-85f"]) == pytest.approx(35_006 + flat, rel=0.02)
    assert lut_estimate(CORES["ulx3s-12f"]) == pytest.approx(20_972 + flat, rel=0.02)
    assert lut_estimate(CORES["ulx3s-85f-maps"]) == pytest.approx(32_155 + maps, rel=0.02)


def test_the_estimate_of_luts_counts_what_synthesis_counts():
    """Of two cores that differ in one thing (`golden.spec.logic`)."""

    def more(preset: str, lanes: int, **change: int) -> int:
        core = replace(CORES[preset], lanes=lanes)
        return lut_estimate(replace(core, **change)) - lut_estimate(core)

    assert more("ulx3s-85f-maps", 4, classifier_groups=64) == pytest.approx(2_542, rel=0.02)
    assert more("ulx3s-12f", 4, input_bits=4) == pytest.approx(588, rel=0.02)
    assert more("ulx3s-12f", 16, input_bits=4) == pytest.approx(1_792, rel=0.02)
    assert more("ulx3s-85f-maps", 4, input_bits=4) == pytest.approx(412, rel=0.02)
    assert more("ulx3s-85f-maps", 16, weight_bits=16) == pytest.approx(1_100, rel=0.02)


def test_the_estimate_of_luts_is_near_a_bitstream_it_was_not_made_from():
    """Of `cifar10-graded`, with classifiers, weights of 16 bits, inputs of 4: 38,579 (README)."""
    core = replace(CORES["ulx3s-85f-classifiers"], input_bits=4)
    assert lut_estimate(core) == pytest.approx(38_579, rel=0.025)


def run(*words, width=80):
    """What the command prints."""
    out = io.StringIO()
    args = driver.parser().parse_args(["plan", *words])
    console = Console(file=out, width=width, soft_wrap=True, markup=False, highlight=False)
    assert args.command(args, console) == 0
    return out.getvalue()


def test_json_is_the_plan():
    found = json.loads(run("nmnist-fast", "--json"))
    plan = make_plan(
        parse("nmnist-fast"), find_target("ulx3s"), steps=10, activity=MEASURED["nmnist-fast"]
    )
    assert found == json.loads(json.dumps(plan.as_dict()))
    assert found["fits"] and found["sdram"] is None
    assert sum(found["memory_block_rams"].values()) == 199
    assert found["samples_per_s"] == pytest.approx(80e6 / found["cycles"])
    assert CoreConfig(**found["core"]) == CORES["ulx3s-85f"]
    assert sum(layer["cycles"] for layer in found["layers"]) == pytest.approx(found["cycles"])


def test_assumptions_can_be_set():
    quiet = json.loads(run("578-96-10", "--json", "--rate", "0.01", "--input-rate", "0.01"))
    loud = json.loads(run("578-96-10", "--json", "--rate", "0.3", "--input-rate", "0.3"))
    assert quiet["assumed"]["rate"] == 0.01 and loud["cycles"] > 3 * quiet["cycles"]
    slow, fast = (
        json.loads(run("9-5-2", "--json", "--sdram", "--sdram-mhz", mhz)) for mhz in ("50", "100")
    )
    ratio = fast["sdram"]["orders"][0]["memory_rate"] / slow["sdram"]["orders"][0]["memory_rate"]
    assert ratio == pytest.approx(2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["16c3-10"], "begins with its inputs"),
        (["9-5-2", "--size", "99f"], "ulx3s comes as 12f, 25f, 45f, 85f"),
        (["9-5-2", "--board", "arty"], "choose from ulx3s, icepi-zero, tang-primer-20k"),
        (["9-5-2", "--rate", "2"], "rate is 2.0: it must lie in 0 to 1"),
        (["9-5-2", "--steps", "0"], "0 steps"),
        (["9-5-2", "--sdram-mhz", "0"], "SDRAM at 0 MHz"),
    ],
)
def test_bad_input_gets_a_clear_error(words, said, capsys):
    assert driver.main(["plan", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_every_kind_of_network_prints():
    for words in (
        ["2x34x34:16c3p-32c3p-10"],
        ["9-5-2", "--sdram"],
        ["578-96-10", "--board", "icepi-zero"],
        ["5000-999-10", "--size", "12f"],
        ["30-8-4", "--board", "tang-primer-20k"],
    ):
        assert "cycles of a training sample" in run(*words)


def test_the_page_is_what_the_command_prints():
    page = (ROOT / "docs" / "planner.md").read_text()
    shown = re.findall(r"```text\n\$ python -m sw\.driver plan (.*?)\n(.*?)```", page, re.S)
    assert shown
    for words, text in shown:
        printed = "\n".join(line.rstrip() for line in run(*words.split()).splitlines())
        assert text.strip() == printed.strip(), f"docs/planner.md: plan {words}"
