"""The command line, on the integer model: what it writes, what it says, and its exit status."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from rich.console import Console

import hw.build
from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from golden.spec.declare import declarations, option
from golden.spec.network import Network
from sw import driver
from sw.cli.look import raster
from sw.cli.progress import TerminalWatcher
from sw.data import DATASETS, load
from sw.data.events import Sensor, encode_nmnist, make_events
from sw.device import Device
from sw.link import GoldenTransport
from sw.presets import PRESETS
from sw.run import FileError, Plan, RunFolder, Tally, Trainer
from sw.run.metrics import rate_scale
from sw.run.training import differences

QUICK = [
    "--target",
    "golden",
    "--preset",
    "smoke",
    "--train",
    "24",
    "--test",
    "12",
    "--epochs",
    "2",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a trained run."""
    path = tmp_path_factory.mktemp("run") / "a"
    assert driver.main(["train", *QUICK, "--out", str(path)]) == 0
    return path


def said(capsys, *arguments):
    """Exit status and output of a command."""
    try:
        status = driver.main(list(arguments))
    except SystemExit as stop:
        status = stop.code
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_train_writes_the_run(run):
    network, core = RunFolder(run).network_and_core()
    assert network.sizes == (64, 12, 4)
    assert core == CORES["tiny"]
    weights = RunFolder(run).weights()
    assert [w.shape for w in weights] == [(64, 12), (13, 4)]
    assert not np.array_equal(weights[0], network.initial_weights()[0])
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["epochs"] == lines
    assert [line["samples"] for line in lines] == [24, 24]
    assert metrics["test_accuracy"] == lines[-1]["test_accuracy"]
    assert not list(run.glob(".*"))


def test_the_same_seed_gives_the_same_weights(run, tmp_path, capsys):
    assert said(capsys, "train", *QUICK, "--out", str(tmp_path))[0] == 0
    one, two = RunFolder(run).weights(), RunFolder(tmp_path).weights()
    assert all(np.array_equal(*pair) for pair in zip(one, two, strict=True))
    assert said(capsys, "train", *QUICK, "--force", "--seed", "2", "--out", str(tmp_path))[0] == 0
    assert not np.array_equal(RunFolder(tmp_path).weights()[0], one[0])


def test_evaluate_agrees_with_the_metrics(run, capsys):
    status, text = said(capsys, "evaluate", "--run", str(run))
    accuracy = json.loads((run / "metrics.json").read_text())["test_accuracy"]
    assert status == 0
    assert f"test accuracy {accuracy:.1%} " in text
    assert "of 5)" in said(capsys, "evaluate", "--run", str(run), "--test", "5")[1]


def test_predict_probe_and_weights(run, capsys, tmp_path):
    status, text = said(capsys, "predict", "--run", str(run), "0", "3")
    assert status == 0
    assert re.search(r"test/00003 \(3\): class [0-3]   scores +-?\d", text)
    status, text = said(capsys, "probe", "--run", str(run), "0")
    assert status == 0
    assert "step 4:" in text
    assert "readout: logits" in text
    assert "spikes of layer 0" in text
    target = tmp_path / "w.npz"
    status, text = said(capsys, "weights", "--run", str(run), "--export", str(target))
    assert status == 0
    assert "layer 1: 13 x 4" in text
    assert np.array_equal(np.load(target)["layer0"], RunFolder(run).weights()[0])


def test_event_files_can_be_predicted(tmp_path, capsys):
    out, file = tmp_path / "run", tmp_path / "a.bin"
    data = ["--train", "2", "--test", "2", "--epochs", "1", "--hidden", "4", "--steps", "2"]
    assert said(capsys, "train", *data, "--out", str(out))[0] == 0
    columns = [np.arange(30), np.arange(30), np.arange(30) * 9000, np.arange(30) % 2]
    file.write_bytes(encode_nmnist(make_events(*columns)))
    status, text = said(capsys, "predict", "--run", str(out), str(file))
    assert (status, text.count("class")) == (0, 1)
    status, text = said(capsys, "predict", "--run", str(out), str(tmp_path / "none.bin"))
    assert status == 2
    assert "error:" in text


def test_verify_golden(tmp_path, capsys, monkeypatch):
    arguments = ("train", *QUICK, "--force", "--out", str(tmp_path), "--verify-golden")
    status, text = said(capsys, *arguments)
    assert (status, "all 820 weights equal" in text) == (0, True)
    monkeypatch.setattr("sw.cli.train.differences", lambda *_: ["layer 0: 1 of 9 weights differ"])
    status, text = said(capsys, *arguments)
    assert (status, "DIFFERENT" in text) == (1, True)


def test_differences_finds_a_single_weight():
    network, plan = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01), Plan(epochs=1)
    samples, config = load("synthetic", limit=20), CORES["tiny"]
    with Device.open("golden", config=config) as device:
        device.load(network)
        trainer = Trainer(device, samples, None, plan)
        ends = []
        trainer.keep = ends.append
        trainer.run()
    start, end = network.initial_weights(), ends[-1]
    assert differences(end, start, trainer) == []
    end.weights[1][3, 2] += 1
    found = differences(replace(end, noise_state=end.noise_state ^ 1), start, trainer)
    assert found[0] == "layer 1: 1 of 52 weights differ"
    assert "noise state" in found[1]


def test_ctrl_c_keeps_what_was_learned(tmp_path, capsys, monkeypatch):
    asked = []

    def interrupt(self, tally):
        if tally.samples == 7 and not asked:
            asked.append(True)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(TerminalWatcher, "sample", interrupt)
    sent = [*QUICK, "--store-bytes", "0"]  # samples on the board are played in one go
    status, text = said(capsys, "train", *sent, "--out", str(tmp_path))
    assert status == 130
    learned = json.loads((tmp_path / "metrics.json").read_text())["samples_learned"]
    assert 7 <= learned < 24
    assert f"stopped: weights after {learned} samples are in" in text
    network, _ = RunFolder(tmp_path).network_and_core()
    assert not np.array_equal(RunFolder(tmp_path).weights()[0], network.initial_weights()[0])
    assert signal.getsignal(signal.SIGINT) is before
    asked.clear()
    again = ("train", *sent, "--force", "--out", str(tmp_path), "--verify-golden")
    status, text = said(capsys, *again)
    assert (status, "bit for bit" in text) == (130, True)


def test_a_link_that_dies_leaves_the_last_epoch(tmp_path, capsys, monkeypatch):
    read, begin, tasks = GoldenTransport.read, TerminalWatcher.begin, []

    def dying(self, timeout):
        return b"" if "epoch 2/2" in tasks else read(self, timeout)

    def noting(self, task, total, network):
        tasks.append(task)
        begin(self, task, total, network)

    monkeypatch.setattr(GoldenTransport, "read", dying)
    monkeypatch.setattr(TerminalWatcher, "begin", noting)
    status, text = said(capsys, "train", *QUICK, "--out", str(tmp_path))
    assert status == 1
    assert "error: integer model does not answer; check" in text
    assert "weights after 24 samples are in" in text
    assert [w.shape for w in RunFolder(tmp_path).weights()] == [(64, 12), (13, 4)]


def test_training_goes_on_from_a_run(run, tmp_path, capsys):
    arguments = ("train", *QUICK, "--from", str(run), "--out", str(tmp_path), "--verify-golden")
    assert said(capsys, *arguments)[0] == 0
    assert json.loads((tmp_path / "config.json").read_text())["start"] == str(run)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ("train --eta nan", 2, "eta is nan: it must lie in"),
        ("train --gamma 1.5", 2, "gamma is 1.5"),
        ("train --eta-out 3", 2, "eta_out is too large for the chip"),
        ("train --hidden 10,x", 2, "write 128, 256,128, 16c3p,32c3p or none"),
        ("train --hidden -4", 2, "error:"),
        ("train --hidden 9000", 2, "build with a larger trace_entries"),
        ("train --epochs 0", 2, "epochs is 0"),
        ("train --steps 0", 2, "steps: 0"),
        ("train --train -3", 2, "limit: -3"),
        ("train --seed -1", 2, "seed"),
        ("train --lanes 1000", 2, "lanes is 1000"),
        ("train --reset medium", 2, "soft or hard"),
        ("train --data cifar", 2, "not a data set, did you mean cifar10?; use one of nmnist"),
        ("train --data nmnist:/does/not/exist", 2, "no such file or folder"),
        ("train --preset other", 2, "invalid choice"),
        ("train --eta much", 2, "one for each hidden layer: 0.001,0.002"),
        ("train --target fpga", 1, "use sim, golden or serial:PORT"),
        ("train --target serial:/dev/none", 1, "no such port; plug the board in"),
        ("train --baud 1", 2, "--baud 1"),
        ("train --out /proc/none", 1, "choose another --out"),
        ("train --from /does/not/exist", 1, "no such file"),
        ("evaluate --run /does/not/exist", 1, "name the folder that train wrote"),
        ("predict --run RUN 9999", 2, "test samples are 0 to"),
        ("weights --run RUN --export w.txt", 1, ".npz"),
        ("weights --run RUN --keep", 2, "only a board keeps weights"),
        ("dance", 2, "invalid choice"),
        ("", 2, "COMMAND"),
    ],
)
def test_errors_are_one_line(arguments, status, message, run, capsys):
    words = shlex.split(arguments.replace("RUN", str(run)))
    if words[:1] == ["train"] and "--preset" not in words:
        words += ["--preset", "smoke"] if "--data" not in words else []
    got, text = said(capsys, *words)
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    assert (got, len(errors)) == (status, 1)
    assert message in errors[0]
    assert "Traceback" not in text


def test_damaged_files_are_named(run, tmp_path, capsys):
    broken = RunFolder(tmp_path)
    with pytest.raises(FileError, match="no such file"):
        broken.weights()
    (tmp_path / "weights.safetensors").write_bytes(b"rubbish")
    with pytest.raises(FileError, match="not the weights of a run"):
        broken.weights()
    for content in ("{", "[]", '{"network": {"sizes": [1]}, "core": {}}'):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(FileError, match=r"config\.json"):
            broken.network_and_core()


def test_every_parameter_has_a_flag():
    shape = {"sizes", "input_map", "stages"}  # said by --hidden and the data set
    assert set(declarations(Network)) == {field.name for field in fields(Network)} - shape
    assert set(declarations(CoreConfig)) == {field.name for field in fields(CoreConfig)}
    flags = driver.parser().parse_args(["train"])
    assert all(hasattr(flags, name) for name in (*declarations(Network), *declarations(CoreConfig)))


def test_both_command_lines_tell_bounds_as_declared(capsys):
    for main, arguments in ((driver.main, ["train", "--help"]), (hw.build.main, ["--help"])):
        with pytest.raises(SystemExit):
            main(arguments)
        said = " ".join(capsys.readouterr().out.split())
        for name, declared in declarations(CoreConfig).items():
            assert f"{option(name)} N {declared.text}" in said


@pytest.mark.parametrize("name", PRESETS)
def test_presets_fit_their_cores(name):
    preset = PRESETS[name]
    entry = DATASETS[preset.data]
    seen = entry.sensor.pooled(preset.pool)
    if preset.size:
        seen = Sensor(*preset.size, entry.sensor.polarities)
    if any(isinstance(layer, str) for layer in preset.hidden):
        shape = (seen.polarities, seen.height, seen.width)
        stages = tuple(map(str, preset.hidden))
        network = Network.of_stages(shape, stages, entry.classes, **preset.network)
    else:
        sizes = (seen.n_inputs, *preset.hidden, entry.classes)
        network = Network(sizes=sizes, **preset.network)
    network.layers(preset.config)


def test_examples_in_the_help_are_commands(capsys):
    names = (
        "train",
        "evaluate",
        "predict",
        "weights",
        "probe",
        "runs",
        "report",
        "watch",
        "doctor",
    )
    for name in names:
        with pytest.raises(SystemExit):
            driver.main([name, "--help"])
        text = capsys.readouterr().out.partition("examples:")[2]
        examples = [
            line.partition(" > ")[0].strip()
            for line in text.splitlines()
            if line.startswith(f"  {name}")
        ]
        assert examples
        for example in examples:
            words = shlex.split(re.split(r" {3,}", example)[0])
            assert driver.parser().parse_args(words)


def test_rates_decay_as_half_a_cosine():
    assert [round(rate_scale(epoch, 4), 3) for epoch in range(4)] == [1, 0.854, 0.5, 0.146]
    assert Plan(epochs=4, constant_rate=True).scale(3) == 1


@pytest.mark.parametrize("width", [80, 120])
def test_the_live_lines_fit_the_terminal(width):
    network = Network(sizes=(64, 12, 9, 8, 7, 4))
    watcher = TerminalWatcher(Console(width=width, force_terminal=True, file=io.StringIO()))
    watcher.begin("epoch 3/8", 1000, network)
    tally = Tally(4, samples=412, correct=300, steps=4120, spikes=[9000, 900, 9, 0], before=20.5)
    tally.cycles = 412 * 22656
    watcher.sample(tally)
    screen = Console(width=width, record=True, file=io.StringIO())
    screen.print(watcher._progress.get_renderable())
    text = " ".join(screen.export_text().split())
    assert "…" not in text
    for part in ("epoch 3/8", "412/1000", "online 72.8%", "firing rate 0.182 0.024 0.000 0.000"):
        assert part in text
    assert "20 samples/s 22656 cycles/sample" in text


def test_raster_is_darker_where_more_fires():
    spikes = np.zeros((3, 48), bool)
    spikes[1, :2] = True
    lines = raster(spikes)
    assert lines[0] == "    0 | @ |"
    assert len(lines) == 24


def test_the_driver_needs_no_hardware_packages():
    code = (
        "import sys; from sw import driver; driver.parser(); "
        "print([m for m in ('amaranth', 'serial', 'tonic', 'hw') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
