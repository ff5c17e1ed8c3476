"""Networks that come: what a graph becomes on the chip, and what is refused."""

import json

import nir
import numpy as np
import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.config import CoreConfig
from sw import Device, Model, driver
from sw.data import Sample
from sw.interchange.arrival import Activity
from sw.interchange.export import to_nir
from sw.interchange.interpreter import run_graph
from sw.interchange.package import Unsupported, read_graph, write_graph
from sw.interchange.quantise import quantise
from sw.interchange.recognise import recognise
from sw.interchange.spikes import chip_answer
from sw.run import RunFolder

DT = 1e-4
TINY = CORES["tiny"]


def said(capsys, *arguments):
    """Exit status and output of a command."""
    status = driver.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def lif(neurons, tau=2 * DT, r=1.0, leak=0.0, high=0.4, low=0.0):
    """A node."""
    full = np.ones(neurons)
    return nir.LIF(
        tau=full * tau, r=full * r, v_leak=full * leak, v_threshold=full * high, v_reset=full * low
    )


def li(neurons):
    """A node."""
    full = np.ones(neurons)
    return nir.LI(tau=full * 2 * DT, r=full, v_leak=0 * full)


def weight(outputs, inputs, seed=1, size=0.9):
    """Random weights."""
    rng = np.random.default_rng(seed)
    return nir.Linear(weight=rng.uniform(-size, size, (outputs, inputs)))


def chain(*nodes):
    """One after the other; may hold what does not fit together."""
    return nir.NIRGraph.from_list(*nodes, type_check=False)


def soft(neurons=5, feedback=None, threshold=0.4, back=None):
    """Reset by subtraction; `feedback` in place of what does it."""
    full = np.ones(neurons)
    matrix = np.diag(full * -threshold) if feedback is None else feedback
    return nir.NIRGraph(
        nodes={
            "input": nir.Input(input_type={"input": np.array([6])}),
            "w": weight(neurons, 6),
            "v": li(neurons),
            "s": nir.Threshold(threshold=full * threshold),
            "back": nir.Linear(weight=matrix),
            "out": weight(3, neurons, 2),
            "output": nir.Output(output_type={"output": np.array([3])}),
        },
        edges=[("input", "w"), ("w", "v"), ("v", "s"), ("s", "out"), ("out", "output")]
        + ([("s", "back"), ("back", "v")] if back is None else back),
        type_check=False,
    )


def agreement(graph, nodes, seed=3, dt=DT, **options):
    """Part of the spikes that are the same on the chip, of those of the graph."""
    made = quantise(recognise(graph, dt=dt), TINY, **options)
    frames = np.random.default_rng(seed).random((200, made.network.inputs)) < 0.3
    given = run_graph(graph, frames, dt=dt)
    with Device.open("golden", config=TINY) as device:
        device.load(made.network, made.weights)
        answer = chip_answer(device, Sample(frames, 0, ""))
    shares = []
    for node, spikes in zip(nodes, answer.spikes, strict=True):
        assert 0.02 < given[node].mean() < 0.98
        shares.append(np.mean((given[node] > 0) == spikes))
    return shares, made


@pytest.mark.parametrize(
    ("nodes", "changes"),
    [
        ((weight(5, 6), lif(5), weight(3, 5, 2)), {}),
        ((weight(5, 6, size=0.9e-3), lif(5, high=0.4e-3), weight(3, 5, 2)), {}),
        ((weight(5, 6, size=900.0), lif(5, high=400.0), weight(3, 5, 2)), {}),
        ((weight(5, 6), lif(5, tau=4 * DT, r=2.0), weight(3, 5, 2)), {}),
        ((weight(5, 6), lif(5, high=np.linspace(0.2, 0.8, 5)), weight(3, 5, 2)), {}),
        ((nir.Scale(scale=np.full(6, 2.0)), weight(5, 6, size=0.45), lif(5), weight(3, 5, 2)), {}),
        ((weight(5, 6), nir.Scale(scale=np.linspace(0.5, 2, 5)), lif(5), weight(3, 5, 2)), {}),
        ((weight(5, 6, size=1.8), lif(5, tau=2e-3), weight(3, 5, 2)), {"dt": 1e-3}),
    ],
    ids=["plain", "small", "large", "r", "thresholds", "scale in", "scale out", "dt"],
)
def test_spikes_survive_quantisation(nodes, changes):
    graph = chain(*nodes)
    (share,), made = agreement(graph, ["lif"], **changes)
    assert share > 0.97
    assert made.network.reset == "hard"
    assert max(np.abs(made.weights[0]).max(), 0) > 100  # the bits are used


def test_soft_reset_is_recognised():
    (share,), made = agreement(soft(), ["s"])
    assert share > 0.97
    assert (made.network.reset, made.network.gamma) == ("soft", 0.5)


def test_two_layers_with_thresholds_of_their_own():
    graph = chain(weight(8, 6), lif(8, high=0.2), weight(7, 8, 2), lif(7, high=0.8), weight(3, 7))
    shares, made = agreement(graph, ["lif", "lif_1"])
    assert min(shares) > 0.95
    assert made.network.sizes == (6, 8, 7, 3)


def test_a_graph_that_ends_in_spikes_gets_a_readout_that_counts_them():
    graph = chain(weight(4, 6), lif(4))
    (share,), made = agreement(graph, ["lif"])
    assert share > 0.97
    assert made.network.sizes == (6, 4, 4)
    assert np.array_equal(np.sign(made.weights[-1]), np.vstack([np.eye(4), np.zeros(4)]))
    assert any("counts them" in note for note in made.notes)


def test_lif_may_stand_for_subtraction():
    made = quantise(recognise(chain(weight(5, 6), lif(5), weight(3, 5)), dt=DT), TINY, None, "soft")
    assert made.network.reset == "soft"


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (chain(weight(5, 6), lif(5, leak=0.1), weight(3, 5)), "node lif: v_leak is not 0"),
        (chain(weight(5, 6), lif(5, low=0.1), weight(3, 5)), "node lif: v_reset is not 0"),
        (
            chain(weight(5, 6), lif(5, high=-1.0), weight(3, 5)),
            "node lif: a threshold of 0 or less",
        ),
        (chain(weight(5, 6), lif(5, tau=DT / 2), weight(3, 5)), "node lif: tau of 5e-05 s"),
        (chain(weight(5, 6), lif(5, tau=1.0), weight(3, 5)), "node lif: gamma rounds to 1"),
        (chain(weight(5, 6), li(5)), "node li .LI.: a leaky value that is not a neuron's"),
        (chain(weight(5, 6), weight(3, 5)), "node linear_1: a weight right after linear"),
        (chain(weight(5, 6), lif(5), weight(3, 4)), "node linear_1: 4 inputs after 5 neurons"),
        (chain(lif(5), weight(3, 5)), "node lif: no weight before it"),
        (
            chain(nir.Affine(weight=np.ones((5, 6)), bias=np.full(5, 0.1)), lif(5), weight(3, 5)),
            "node affine: a bias of up to 0.1",
        ),
        (
            chain(weight(5, 6), lif(5), weight(4, 5), lif(4, tau=4 * DT), weight(3, 4)),
            "0.5 at node lif, 0.75 at node lif_1: all neurons",
        ),
        (
            chain(weight(5, 6), nir.IF(r=np.ones(5), v_threshold=np.ones(5)), weight(3, 5)),
            "node if .IF.: it never leaks",
        ),
        (chain(nir.Delay(delay=np.ones(6)), weight(3, 6)), "node delay .Delay.: .* no delays"),
        (
            chain(
                nir.Conv2d((4, 4), np.ones((2, 1, 3, 3)), 1, 0, 1, 1, np.zeros(2)),
                weight(3, 8),
            ),
            "node conv2d .Conv2d.: .* fully connected",
        ),
        (soft(back=[]), "node s: nothing resets v"),
        (soft(feedback=np.ones((5, 5))), "node back: a feedback that is not a reset"),
        (soft(feedback=np.eye(5) * -0.2), "node s: a spike takes 50% more or less"),
        (soft(back=[("s", "back"), ("back", "v"), ("s", "output")]), "node s feeds out, output"),
    ],
)
def test_what_the_chip_cannot_do_is_refused_by_name(graph, message):
    with pytest.raises(Unsupported, match=message):
        quantise(recognise(graph, dt=DT), TINY)


def test_both_kinds_of_reset_in_one_network():
    graph = soft()
    graph.nodes |= {"lif": lif(3), "end": weight(2, 3)}
    graph.nodes["output"] = nir.Output(output_type={"output": np.array([2])})
    graph.edges = [edge for edge in graph.edges if edge != ("out", "output")]
    graph.edges += [("out", "lif"), ("lif", "end"), ("end", "output")]
    with pytest.raises(Unsupported, match="node lif resets to zero, s by subtraction"):
        quantise(recognise(graph, dt=DT), TINY)


def test_outliers_that_eat_the_bits_are_told():
    wide = weight(5, 6, size=0.001)
    wide.weight[0, 0] = 10.0
    made = quantise(recognise(chain(wide, lif(5), weight(3, 5)), dt=DT), TINY)
    assert any("became zero" in note for note in made.notes)


@pytest.mark.parametrize(
    ("numbers", "warning"),
    [
        ((0.2, 0.0, 0.0, 1.0), "falls silent"),
        ((0.4, 0.95, 0.0, 0.0), "saturates"),
        ((0.2, 0.1, 0.1, 0.6), "many neurons that fired"),
        ((0.0, 0.0, 1.0, 1.0), "in the graph neither"),
        ((0.2, 0.21, 0.1, 0.1), ""),
    ],
)
def test_layers_that_quantisation_ruins_are_told(numbers, warning):
    assert warning in Activity("x", *numbers).warning


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("known", [True, False])
def test_what_was_exported_comes_back(reset, known, tmp_path):
    """With what is in the metadata all of it, without them the same spikes."""
    from golden.spec.network import Network

    network = Network(sizes=(24, 10, 3), reset=reset, gamma=0.9, eta=0.01, seed=4, learn_last=2)
    weights = network.initial_weights()
    write_graph(tmp_path / "n.nir", to_nir(network, weights, TINY))
    graph = read_graph(tmp_path / "n.nir")
    hint = json.loads(graph.metadata["tess_fpga"])["network"] if known else None
    made = quantise(recognise(graph, dt=DT), TINY, hint)
    assert np.array_equal(made.weights[0], weights[0])
    if known:
        assert made.network == network
        assert np.array_equal(made.weights[1], weights[1])
    one, two = network.layers(TINY)[0], made.network.layers(TINY)[0]
    assert (one.theta, one.leak, one.hard_reset) == (two.theta, two.leak, two.hard_reset)


def test_an_imported_network_is_a_run(tmp_path, capsys):
    """It evaluates, predicts, learns on from its own weights, and verifies against them."""
    graph = chain(weight(12, 64, size=0.4), lif(12), weight(4, 12, 2))
    path, out = tmp_path / "net.nir", tmp_path / "run"
    nir.write(path, graph)
    options = ["--data", "synthetic", "--train", "12", "--test", "6", "--core", "tiny"]
    status, text = said(capsys, "import", path, "--out", out, *options, "--epochs", "1")
    assert status == 0
    assert "node lif: firing rate" in text
    start = RunFolder(out).weights()
    assert said(capsys, "evaluate", "--run", out)[0] == 0
    assert "class" in said(capsys, "predict", "--run", out, "0")[1]
    golden = ["--target", "golden"]
    status, text = said(capsys, "train", "--resume", out, *golden, "--verify-golden")
    assert (status, "bit for bit" in text) == (0, True)
    assert not np.array_equal(RunFolder(out).weights()[0], start[0])
    assert np.array_equal(RunFolder(out / "imported").weights()[0], start[0])
    with Device.open("golden", config=TINY) as device:
        assert Model.load(out, device).progress.samples == 12


def test_import_says_what_is_wrong(tmp_path, capsys):
    path, out = tmp_path / "net.nir", tmp_path / "run"
    nir.write(path, chain(weight(12, 64), lif(12), weight(4, 12, 2)))
    options = ["import", path, "--out", out]
    status, text = said(capsys, *options, "--data", "nmnist")
    assert (status, "2312 inputs, the network 64" in text) == (2, True)
    status, text = said(capsys, *options, "--core", "tiny", "--weight-words", "16")
    assert (status, "weight words" in text) == (2, True)
    status, text = said(capsys, *options, "--dt", "0")
    assert (status, "--dt 0" in text) == (2, True)
    assert not out.exists()
    status, text = said(capsys, *options, "--core", "tiny")
    assert (status, "import it again with --data" in text) == (0, True)
    status, text = said(capsys, "evaluate", "--run", out)
    assert (status, "no data set in it" in text) == (1, True)
    nir.write(path, chain(weight(12, 64), lif(12), weight(4, 5)))
    status, text = said(capsys, *options, "--force")
    assert (status, "node linear_1: 5 inputs after 12 neurons" in text) == (2, True)


def test_files_must_fit_the_core(tmp_path, capsys):
    from golden.spec.network import Network
    from sw.interchange.files import Trained

    made = Network(sizes=(24, 10, 3))
    weights = [np.full(values.shape, 200, np.int32) for values in made.initial_weights()]
    Trained(made, CoreConfig(), weights).save(tmp_path / "n.npz")
    options = ["import", tmp_path / "n.npz", "--out", tmp_path / "a"]
    status, text = said(capsys, *options, "--weight-bits", "8")
    assert (status, "8 bits hold -128 to 127" in text) == (1, True)
    assert not (tmp_path / "a").exists()
    assert said(capsys, *options)[0] == 0
