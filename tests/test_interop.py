"""Other simulators give the golden spikes, every one; their networks run on the chip; torch gives our BPTT.

They live in an environment of their own: see tests/interop.py.
"""

import os
import re
import subprocess

import numpy as np
import pytest

from golden.spec.config import PRESETS as CORES
from golden.spec.network import Network
from sw.data import Sample
from sw.device import Device
from sw.interchange.export import spiking_node, to_nir
from sw.interchange.package import read_graph, write_graph
from sw.interchange.quantise import quantise
from sw.interchange.recognise import recognise
from sw.interchange.spikes import GoldenSpikes, chip_answer, golden_path, record
from tests.interop import FOLDER, PYTHON, ROOT, made

pytestmark = pytest.mark.skipif(
    not made(), reason=f"no environment in {FOLDER}; make it: python -m tests.interop"
)
TINY = CORES["tiny"]
GAMMAS = (0.5, 0.73, 0.9)
THEIRS = """
import warnings; warnings.simplefilter("ignore")
import nir, numpy as np, snntorch, sys, torch
from snntorch.export_nir import export_to_nir

def leaky(n):
    return snntorch.Leaky(beta=torch.full((n,), 0.75), threshold=torch.ones(n), init_hidden=True,
                          reset_mechanism="zero", reset_delay=False)

torch.manual_seed(1)
layers = [torch.nn.Linear(24, 16, bias=False), leaky(16), torch.nn.Linear(16, 12, bias=False),
          leaky(12), torch.nn.Linear(12, 3)]
net = torch.nn.Sequential(*layers)
with torch.no_grad():
    for layer in layers[::2]:
        for values in layer.parameters():
            values.copy_(torch.round(values * 4 * 64) / 64)  # the chip's bits hold them exactly
frames = np.random.default_rng(2).random((60, 24)) < 0.3
spikes = [[], []]
for index, layer in enumerate(layers[1::2]):
    layer.register_forward_hook(lambda _, __, out, index=index: spikes[index].append(out[0].numpy()))
with torch.no_grad():
    logits = [net(torch.from_numpy(frame[None].astype(np.float32)))[0].numpy() for frame in frames]
kept = {f"spikes{index}": np.array(values) > 0 for index, values in enumerate(spikes)}
np.savez(sys.argv[2], frames=frames, logits=np.array(logits), **kept)
nir.write(sys.argv[1], export_to_nir(net, torch.zeros(1, 24), ignore_dims=[0]))
"""


def theirs(*arguments):
    """Run Python of the other environment; returns exit status and output."""
    done = subprocess.run(
        [PYTHON, "-W", "ignore", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """Files of graphs with golden spikes, by reset and gamma."""
    folder, made = tmp_path_factory.mktemp("graphs"), {}
    for reset in ("soft", "hard"):
        for gamma in GAMMAS:
            seed = round(gamma * 100)
            rng = np.random.default_rng(seed)
            network = Network(
                sizes=(24, 12, 10, 3), reset=reset, gamma=gamma, theta=0.3, weight_fraction=9
            )
            weights = [
                rng.integers(-128, 150, w.shape, np.int32) for w in network.initial_weights()
            ]
            samples = [Sample(rng.random((30, 24)) < 0.3, 0, f"random {n}") for n in range(4)]
            path = folder / f"{reset}-{gamma}.nir"
            write_graph(path, to_nir(network, weights, TINY))
            nodes = [spiking_node(network, index) for index in range(2)]
            answers = record(network, weights, TINY, samples)
            frames, keys = [s.frames for s in samples], [s.key for s in samples]
            GoldenSpikes(frames, keys, nodes, *answers).save(golden_path(path), path)
            made[reset, gamma] = path
    return made


@pytest.mark.parametrize("reset", ["soft", "hard"])
@pytest.mark.parametrize("simulator", ["snntorch", "norse", "sinabs"])
def test_other_simulators_give_the_golden_spikes(simulator, reset, graphs):
    files = [graphs[reset, gamma] for gamma in GAMMAS]
    status, text = theirs("-m", "sw.driver", "verify", *files, "--with", simulator)
    if (simulator, reset) == ("norse", "soft"):
        assert (status, "knows neither LI nor Threshold" in text) == (2, True), text
        return
    assert status == 0, text
    assert text.count("no mismatch") == len(files)
    counts = re.findall(rf"{simulator} / exact spikes\n((?:  spikes_.*\n)+)", text)
    spikes = [int(n) for lines in counts for n in re.findall(r"(\d+) golden spikes", lines)]
    assert len(spikes) == 2 * len(files)
    assert min(spikes) > 50


def test_a_wrong_graph_is_seen(graphs, tmp_path):
    path = tmp_path / "wrong.nir"
    graph = read_graph(graphs["hard", 0.5])
    graph.nodes["weight_1"].weight *= 1.1
    write_graph(path, graph)
    golden_path(path).write_bytes(golden_path(graphs["hard", 0.5]).read_bytes())
    status, text = theirs("-m", "sw.driver", "verify", path, "--with", "snntorch")
    assert status == 1
    assert re.search(r"spikes_1: [1-9]\d* of 1200 differ", text), text


def test_a_network_of_snntorch_fires_alike_on_the_chip(tmp_path):
    """Its weights fit the chip's bits, so all that differs is the rounding of membranes."""
    status, text = theirs("-c", THEIRS, tmp_path / "net.nir", tmp_path / "net.npz")
    assert status == 0, text
    made = quantise(recognise(read_graph(tmp_path / "net.nir"), dt=1e-4), TINY)
    told = np.load(tmp_path / "net.npz")
    with Device.open("golden", config=TINY) as device:
        device.load(made.network, made.weights)
        answer = chip_answer(device, Sample(told["frames"], 0, ""))
    for index, spikes in enumerate(answer.spikes):
        golden = told[f"spikes{index}"]
        wrong = np.count_nonzero(spikes != golden)
        print(f"layer {index}: {wrong} of {golden.size} differ, {golden.sum()} spikes")
        assert golden.sum() > 30
        assert wrong <= 0.01 * golden.size


def test_bptt_by_torch_is_ours():
    status, text = theirs("-m", "pytest", "-q", "-o", "addopts=", "tests/with_torch.py")
    assert status == 0, text
