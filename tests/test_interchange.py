"""Networks that go: graphs, golden spikes, files. Every graph gives the chip's spikes, all of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from sw import driver
from sw.data import Sample
from sw.interchange import interpreter
from sw.interchange.export import spiking_node, to_nir
from sw.interchange.files import Trained
from sw.interchange.package import read_graph, write_graph
from sw.interchange.spikes import GoldenSpikes, golden_path, record
from sw.interchange.verify import in_numpy, rounding
from sw.run import FileError
from sw.run.sealed import load_weights, save_weights

TINY = CORES["tiny"]
GAMMAS = (0.0, 0.5, 0.73, 0.9, 255 / 256)


def network(seed, reset="soft", gamma=0.5, hidden=(10, 8)):
    """A network of random weights, as large as its bits allow, and random samples."""
    rng = np.random.default_rng(seed)
    made = Network(
        sizes=(24, *hidden, 3), reset=reset, gamma=gamma, theta=0.3, seed=seed, weight_fraction=9
    )
    weights = [rng.integers(-128, 150, values.shape, np.int32) for values in made.initial_weights()]
    samples = [Sample(rng.random((30, 24)) < 0.3, 0, f"random {n}") for n in range(4)]
    print(f"seed {seed}")
    return Trained(made, TINY, weights), samples


def exported(trained, samples, path):
    """The graph in a file, and its golden spikes beside it."""
    write_graph(path, to_nir(trained.network, trained.weights, trained.core))
    nodes = [spiking_node(trained.network, n) for n in range(len(trained.network.hidden))]
    answers = record(trained.network, trained.weights, trained.core, samples)
    golden = GoldenSpikes([s.frames for s in samples], [s.key for s in samples], nodes, *answers)
    golden.save(golden_path(path), path)
    return read_graph(path), GoldenSpikes.load(golden_path(path))


def said(capsys, *arguments):
    """Exit status and output of a command."""
    status = driver.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a trained run."""
    path = tmp_path_factory.mktemp("run") / "a"
    options = ["--preset", "smoke", "--target", "golden", "--train", "24", "--test", "12"]
    assert driver.main(["train", *options, "--epochs", "1", "--out", str(path)]) == 0
    return path


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_a_graph_gives_the_golden_spikes(reset, gamma, tmp_path):
    """Without rounding the exact ones, with the chip's rounding the chip's: every spike."""
    trained, samples = network(int(gamma * 1000), reset, gamma)
    graph, golden = exported(trained, samples, tmp_path / "net.nir")
    for comparison in in_numpy(graph, golden):
        assert all(layer.spikes > 50 for layer in comparison.layers), comparison
        assert comparison.wrong == 0, comparison
        assert comparison.logits == 0


def test_the_chip_rounds_and_it_is_told_apart():
    """The two golden answers do differ somewhere: comparing with the wrong one would be seen."""
    found = []
    for seed in range(4):
        trained, samples = network(seed, gamma=0.9)
        chip, exact = record(trained.network, trained.weights, TINY, samples)
        golden = GoldenSpikes([], [], ["spikes_0", "spikes_1"], chip, exact)
        found += rounding(golden).layers
    wrong, values = sum(layer.wrong for layer in found), sum(layer.values for layer in found)
    assert 0 < wrong < 0.05 * values


def test_membranes_saturate_in_the_graph_as_on_the_chip(tmp_path):
    trained, samples = network(5, gamma=0.9, hidden=(6,))
    trained.weights[0][:] = -256  # all the way down: 24 rows of it leak to more than 16 bits hold
    slow = replace(trained.network, gamma=255 / 256)
    samples = [replace_frames(samples[0], np.ones((40, 24), np.bool_))]
    graph, golden = exported(replace(trained, network=slow), samples, tmp_path / "net.nir")
    given = interpreter.run_graph(graph, samples[0].frames, dt=1e-4, rounded=True)
    assert given["membrane_0"].min() == -(2**15) / 2**9
    assert all(comparison.wrong == 0 for comparison in in_numpy(graph, golden))


def replace_frames(sample, frames):
    """Another sample of the same name."""
    return Sample(frames, sample.label, sample.key)


def test_a_network_without_hidden_layers(tmp_path):
    trained, samples = network(6, hidden=())
    graph, golden = exported(trained, samples, tmp_path / "net.nir")
    assert all(c.wrong == 0 and c.logits == 0 for c in in_numpy(graph, golden))


def test_what_nir_calls_a_neuron_is_what_the_interpreter_does():
    """LIF and LI against their equations, one Euler step after the other, with every parameter."""
    import nir

    rng = np.random.default_rng(7)
    tau, r, leak, low, high = rng.uniform(0.5, 1.5, (5, 3)) * [[2e-3], [3], [0.1], [0.2], [1.0]]
    neurons = nir.LIF(tau=tau, r=r, v_leak=leak, v_reset=low, v_threshold=high)
    integrators = nir.LI(tau=tau, r=r, v_leak=leak)
    current, dt = rng.integers(0, 2, (50, 3)).astype(bool), 1e-3
    for node, spiking in ((neurons, True), (integrators, False)):
        given = interpreter.run_graph(nir.NIRGraph.from_list(node), current, dt=dt)
        v, name = np.zeros(3), next(n for n in given if n not in ("input", "output"))
        for step in range(50):
            v = v + dt / tau * ((leak - v) + r * current[step])
            fired = v > high
            assert np.allclose(given[name][step], fired if spiking else v, atol=1e-12)
            v = np.where(fired, low, v) if spiking else v
        assert given[name].mean() > 0


def test_verify_sees_a_changed_weight_and_a_changed_spike(run, tmp_path, capsys):
    path = tmp_path / "net.nir"
    status, text = said(capsys, "export", run, "--to", path, "--samples", "4")
    assert status == 0
    assert "net.golden.npz with 4 samples" in text
    status, text = said(capsys, "verify", path)
    assert (status, "no mismatch" in text) == (0, True)
    golden = GoldenSpikes.load(golden_path(path))
    golden.chip[0].spikes[0][2, 3] ^= True
    golden.save(golden_path(path), path)
    status, text = said(capsys, "verify", path)
    assert (status, "DIFFERENT: 1 mismatches" in text) == (1, True)
    assert "spikes_0: 1 of 240 differ" in text
    golden.chip[0].spikes[0][2, 3] ^= True
    golden.save(golden_path(path), path)
    graph = read_graph(path)
    graph.nodes["weight_0"].weight *= 1.5
    write_graph(path, graph)
    status, text = said(capsys, "verify", path)
    assert (status, "was changed after" in text, "DIFFERENT" in text) == (1, True, True)


def test_verify_needs_golden_spikes_of_the_graph(run, tmp_path, capsys):
    one, two = tmp_path / "one.nir", tmp_path / "two.nir"
    assert said(capsys, "export", run, "--to", one, "--samples", "1")[0] == 0
    status, text = said(capsys, "verify", one, tmp_path / "none.nir")
    assert (status, "none.nir: no such file" in text) == (1, True)
    two.write_bytes(one.read_bytes())
    status, text = said(capsys, "verify", two)
    assert (status, "two.golden.npz: no such file" in text) == (1, True)
    golden_path(two).write_bytes(golden_path(one).read_bytes()[:100])
    status, text = said(capsys, "verify", two)
    assert (status, "not golden spikes" in text) == (1, True)
    two.write_bytes(b"nothing")
    status, text = said(capsys, "verify", two)
    assert (status, "not a NIR graph" in text) == (1, True)


def test_another_reset_is_another_network_and_says_so(run, tmp_path, capsys):
    status, text = said(capsys, "export", run, "--to", tmp_path / "n.nir", "--reset", "hard")
    assert (status, "another network" in text) == (0, True)
    graph = read_graph(tmp_path / "n.nir")
    assert {type(node).__name__ for node in graph.nodes.values()} == {
        *("Input", "Affine", "LIF", "Output")
    }
    assert said(capsys, "verify", tmp_path / "n.nir")[0] == 0


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_files_come_back_exactly(suffix, run, tmp_path, capsys):
    one = Trained.of_run(run)
    status, _ = said(capsys, "export", run, "--to", tmp_path / f"net{suffix}")
    two = Trained.load(tmp_path / f"net{suffix}")
    assert status == 0
    assert (one.network, one.core, one.data) == (two.network, two.core, two.data)
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))
    assert said(capsys, "import", tmp_path / f"net{suffix}", "--out", tmp_path / "b")[0] == 0
    ends = [
        said(capsys, "evaluate", "--run", at)[1].rsplit(",", 1)[0] for at in (run, tmp_path / "b")
    ]
    assert ends[0] == ends[1]


def test_weights_that_lie_in_columns_are_kept(tmp_path):
    """safetensors writes memory as it lies."""
    weights = [np.arange(12, dtype=np.int32).reshape(3, 4).T, np.ones((5, 2), np.int32)]
    save_weights(tmp_path / "w.safetensors", weights, {})
    assert load_weights(tmp_path / "w.safetensors")[0][0].tolist() == weights[0].tolist()


def test_damaged_files_are_named(run, tmp_path, capsys):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK nothing")
    with pytest.raises(FileError, match="not an exported network"):
        Trained.load(bad)
    np.savez(bad, other=np.zeros(3))
    with pytest.raises(FileError, match="no network in it"):
        Trained.load(bad)
    with pytest.raises(FileError, match="no such file"):
        Trained.load(tmp_path / "none.safetensors")
    save_weights(tmp_path / "bare.safetensors", [np.zeros((2, 2), np.int32)], {"core": "{"})
    with pytest.raises(FileError, match="no network in it"):
        Trained.load(tmp_path / "bare.safetensors")
    status, text = said(capsys, "export", run, "--to", tmp_path / "net.onnx")
    assert (status, "one of the endings .nir" in text) == (2, True)
    status, text = said(capsys, "export", run, "--to", tmp_path / "n.nir", "--samples", "0")
    assert (status, "1 or more" in text) == (2, True)


def test_without_nir_the_cure_is_named(monkeypatch, run, tmp_path, capsys):
    import sys

    monkeypatch.setitem(sys.modules, "nir", None)
    status, text = said(capsys, "export", run, "--to", tmp_path / "n.nir")
    assert (status, "pip install -e '.[nir]'" in text) == (1, True)
    assert not list(tmp_path.iterdir())


def test_metadata_say_what_a_graph_has_no_place_for(run, tmp_path, capsys):
    said(capsys, "export", run, "--to", tmp_path / "n.nir", "--samples", "1")
    kept = json.loads(read_graph(tmp_path / "n.nir").metadata["tess_fpga"])
    assert Network(**kept["network"]) == Trained.of_run(run).network
    assert kept["dt"] == 1e-4
