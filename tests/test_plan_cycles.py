"""The planner's model of cycles and of what an SDRAM moves, against what was counted."""

from dataclasses import replace

import numpy as np
import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.fpga import Sdram, find_target
from golden.spec.memory_map import block_rams_by_kind
from sw.planning import MEASURED, Activity, make_plan, parse
from sw.planning.cycles import layer_cycles
from sw.planning.parts import plan_parts
from sw.planning.sdram import plan_sdram
from tests.test_plan import run

BIG = CORES["ulx3s-85f"]
TOLERANCE = 0.05
"""Of the model against cycles that the core counted."""
CLUMPED = 0.08
"""Of images: what is on lies together, so more patches are empty than by chance."""


def cycles(text, activity, steps=10, learn=True, core=BIG):
    """Of a sample on a core, that of the 85F."""
    shape = parse(text)
    return sum(each.cycles for each in layer_cycles(shape, core, activity, steps, learn=learn))


@pytest.mark.parametrize(
    ("preset", "training", "inference"),
    [("nmnist-fast", 12_400, 4_158), ("nmnist-best", 14_499, 5_509)],
)
def test_the_model_is_near_what_was_counted(preset, training, inference):
    """Figures of the README and docs/performance.md (bench.roofline)."""
    activity = MEASURED[preset]
    assert cycles(preset, activity) == pytest.approx(training, rel=TOLERANCE)
    assert cycles(preset, activity, learn=False) == pytest.approx(inference, rel=TOLERANCE)


def test_the_model_of_a_convolution_is_near_what_was_counted():
    """Of docs/convolution.md; what a pass takes beside its rows was fitted to it."""
    core = CORES["ulx3s-85f-maps"]
    for learn, counted in ((True, 214_873), (False, 166_626)):
        found = cycles("nmnist-conv", MEASURED["nmnist-conv"], learn=learn, core=core)
        assert found == pytest.approx(counted, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("preset", "input_bits", "training", "inference"),
    [("cifar10-learned", 1, 174_863, 160_849), ("cifar10-graded", 4, 335_901, 295_984)],
)
def test_the_model_of_learning_in_the_last_step(preset, input_bits, training, inference):
    """Counted by bench.roofline; classifiers learn, inputs carry values or spikes.

    Without votes, which take 2 % more (docs/convolution.md) and are not in the model.
    """
    shape = replace(parse("3x32x32:16c3p-32c3p-10"), learned=True, learn_last=1)
    shape = replace(shape, input_bits=input_bits)
    core = replace(CORES["ulx3s-85f-classifiers"], input_bits=input_bits)
    for learn, counted in ((True, training), (False, inference)):
        layers = layer_cycles(shape, core, MEASURED[preset], 6, learn=learn)
        assert sum(each.cycles for each in layers) == pytest.approx(counted, rel=CLUMPED)


def test_the_model_of_a_network_in_parts():
    """100 samples of N-MNIST on the simulated board (docs/parts.md), all parts together."""
    activity = replace(MEASURED["nmnist-fast"], rate=0.07)
    plan = plan_parts(parse("2312-1024-512-10"), find_target("ulx3s"), activity, 10)
    assert plan.cycles == pytest.approx(118_883, rel=TOLERANCE)
    assert (plan.preset, plan.count) == ("ulx3s-85f", 11)
    words = 8 * 2 * 2312 + 2 * 4 * 1024 + 513
    assert plan.weight_bytes == words * 64 * 2
    assert plan.spike_bytes == 10 * (1024 + 512) / 8
    assert plan.moved_bytes == plan.spike_bytes + 10 * (2 * 1024 + 512) / 8
    assert plan.block_bytes(7) == 2 * plan.weight_bytes + 7 * plan.moved_bytes


def test_a_core_that_no_chip_holds_is_told_for_parts():
    """Twice the channels of the paper's VGG-9: the core is the smallest, and it is too large."""
    wide = "2x32x32:128c3-256c3p-512c3-512c3p-1024c3-1024c3p-11"
    made = make_plan(parse(wide), find_target("ulx3s"), steps=20)
    parts = made.parts
    assert parts.preset == "" and parts.block_rams > made.target.fpga.block_rams
    assert sum(block_rams_by_kind(parts.config).values()) == parts.block_rams
    assert "of layer 1 alone needs" in parts.lacks
    assert f"({parts.block_rams - 208} too many)" in run(wide, "--steps", "20")
    assert make_plan(parse("nmnist-fast"), find_target("ulx3s")).parts is None
    small = make_plan(parse("2x16x16:64c3p-64c3p-300-10"), find_target("ulx3s")).parts
    assert small.block_rams <= 208


def test_vgg9_runs_in_parts_on_a_core_whose_lists_are_short():
    """It fits the chip; what its lists hold is told beside what they would have to hold."""
    made = make_plan(parse("2x32x32:vgg9-11"), find_target("ulx3s"), steps=20)
    parts, core = made.parts, CORES["ulx3s-85f-vgg9"]
    assert (parts.preset, parts.config, parts.count) == ("ulx3s-85f-vgg9", core, 163)
    assert parts.block_rams <= made.target.fpga.block_rams
    active = 65_536 * (1 - 0.92**3.8)
    assert max(layer.active for layer in parts.layers) == pytest.approx(active)
    text = (
        f"its lists hold {core.list_rows:,} active inputs; at these rates 128c3p has {active:,.0f}"
    )
    assert f"{text}\n" in run("2x32x32:vgg9-11", "--steps", "20")
    assert "some would be left out (LIST_FULL)" in run("2x32x32:vgg9-11", "--rate", "0.3")


def test_steps_without_an_error_make_it_say_too_much():
    """nmnist-best on MNIST (README): the model waits for signals that come to nothing."""
    mnist = Activity(input_rate=0.0637, rate=0.0758, trace_steps=1.19, overlap=0.81)
    assert cycles("nmnist-best", mnist) == pytest.approx(4_809, rel=0.15)
    assert cycles("nmnist-best", mnist, learn=False) == pytest.approx(2_805, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("text", "rate", "steps", "counted"),
    [
        *(("600-128-10", rate, 10, n) for rate, n in
          ((0, 1_441), (0.0125, 2_056), (0.025, 2_710), (0.05, 3_994), (0.1, 6_176), (0.2, 9_369),
           (0.4, 12_290))),
        *((f"600-{width}-10", 0.05, 10, n) for width, n in ((64, 2_376), (256, 7_174), (384, 10_354))),
        *(("600-128-10", 0.05, steps, n) for steps, n in ((5, 1_805), (20, 8_446), (80, 34_822))),
        *((f"600-128-{classes}", 0.05, 10, n) for classes, n in ((2, 3_595), (16, 4_214))),
    ],
)  # fmt: skip
def test_it_grows_as_the_core_does(text, rate, steps, counted):
    """Random spikes, as bench.scaling counted them (docs/performance.md); nothing was fitted to them."""
    each = 1 - (1 - rate) ** 5  # traces of independent spikes last 5 steps
    activity = Activity(input_rate=rate, rate=0.15, trace_steps=5, overlap=each)
    assert cycles(text, activity, steps) == pytest.approx(counted, rel=TOLERANCE)


def test_a_convolution_is_a_pass_for_every_window():
    """Rows that meet all windows are counted: inputs all on, each in the 3 x 3 windows around it."""
    shape = parse("2x5x7:6c3-4")
    config = replace(CORES["tiny"], map_pixels=64, neuron_groups=100)
    always = Activity(input_rate=1, rate=0, trace_steps=1, overlap=1)
    layer = layer_cycles(shape, config, always, 1, learn=False)[0]
    ones = np.pad(np.ones((5, 7)), 1)
    windows = sum(ones[1 + y : 6 + y, 1 + x : 8 + x].sum() for y in (-1, 0, 1) for x in (-1, 0, 1))
    assert layer.integrate == pytest.approx(2 * windows * 2)  # 2 channels, 2 groups of 4 lanes
    assert layer.update == 0


def test_sdram_traffic_of_a_layer_by_hand():
    """8 inputs, all spiking, and 64 lanes: every row of weights in and out in every step, or once."""
    always = Activity(input_rate=1, rate=1, trace_steps=1, overlap=1)
    steps, mhz = 4, 100.0
    found = plan_sdram(parse("8-64-2"), find_target("ulx3s"), always, steps, mhz)
    rows = 8 + 64 + 1
    assert found.weight_bytes == rows * 64 * 9 / 8
    time_major, layer_major = found.orders
    assert time_major.weight_bytes == 2 * steps * found.weight_bytes
    assert layer_major.weight_bytes == 2 * found.weight_bytes
    assert found.state_on_chip and time_major.state_bytes == 0
    assert layer_major.spike_bytes == (64 * steps + (8 + 64) * steps) / 8  # out, and in
    assert found.spike_buffer_bits == (8 + 64) * steps and found.tiles == (1, 1)
    assert time_major.memory_rate == pytest.approx(200e6 / time_major.traffic)
    assert plan_sdram(parse("8-64-2"), find_target("tang-primer-20k"), always, 4, 100.0) is None
    assert Sdram(megabytes=32, bits=16).bytes_per_second(133) == 266e6


def test_layers_in_tiles_run_twice():
    """12 Mbit of weights and sums on a chip of 3.8: the weights come in twice, and forward costs double."""
    shape, target = parse("3000-64-2"), find_target("ulx3s")
    one = plan_sdram(shape, target, Activity(), 10, 133)
    assert one.tiles[0] > 1 and one.tiles[1] == 1
    first = 3000 * 64 * 9 / 8
    assert one.orders[1].weight_bytes == pytest.approx(2 * one.weight_bytes + first)
    assert one.orders[1].cycles > one.orders[0].cycles


def test_vgg9_is_bound_by_weights_in_one_order_and_by_lanes_in_the_other():
    made = make_plan(parse("2x32x32:vgg9-11"), find_target("ulx3s"), steps=20)
    assert all(fit.config is None for fit in made.fits)
    time_major, layer_major = made.sdram.orders
    assert time_major.memory_rate < time_major.compute_rate
    assert layer_major.memory_rate > layer_major.compute_rate
    assert made.sdram.fits and not made.sdram.state_on_chip
