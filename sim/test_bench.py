"""The measuring scripts run and their figures make sense, on the smallest core."""

import json
import sys

import pytest

import bench.roofline
import bench.simulator_speed
from golden.spec.frames import HEADER
from golden.spec.samples import SAMPLE_HEADER


def figures(module, capsys, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict:
    """What a script prints with --json."""
    monkeypatch.setattr(sys, "argv", [module.__name__, *arguments, "--json"])
    module.main()
    return json.loads(capsys.readouterr().out)


def test_cycles_add_up_and_the_link_is_counted(capsys, monkeypatch) -> None:
    found = figures(
        bench.roofline,
        capsys,
        monkeypatch,
        *["--preset", "smoke", "--samples", "10", "--warm-up", "10", "--mhz", "60"],
    )
    assert found["cycles"] == pytest.approx(
        sum(found[cause] for cause in bench.roofline.CYCLE_CAUSES)
    )
    assert 0 < found["row_cycles"] < 1
    assert found["operations_per_cycle"] < 2 * found["lanes"]
    assert found["useful_lane_cycles"] <= found["row_cycles"]
    assert found["inference_cycles"] < found["cycles"]
    assert found["inference_cycles_over_bound"] >= 1  # without updates, nothing is done in passing
    assert found["core_samples_per_s"] == pytest.approx(60e6 / found["cycles"])
    assert found["bytes"] > HEADER.size + SAMPLE_HEADER.size
    assert found["link_samples_per_s"] == pytest.approx(3e6 / 10 / found["bytes"])


def test_simulators_give_the_same_bytes(capsys, monkeypatch) -> None:
    options = "--core tiny --no-cxxrtl --samples 1 --cycles 300 --runs 1"
    speeds = figures(bench.simulator_speed, capsys, monkeypatch, *options.split())
    speeds = speeds["cycles_per_second"]
    assert speeds["Verilator"] > speeds["Amaranth"] > 0
