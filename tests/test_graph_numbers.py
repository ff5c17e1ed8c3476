"""Graphs of others: numbers that are none, shapes, sizes, links and metadata are refused by name."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from sw import driver
from sw.interchange import package
from sw.interchange.interpreter import run_graph
from sw.interchange.package import OURS, Unsupported, hints, read_graph
from sw.interchange.recognise import recognise
from sw.run import FileError

pytestmark = pytest.mark.skipif(find_spec("nir") is None, reason="nir is not installed")
PLACES = {
    ("fc", "weight"), ("lif", "tau"), ("lif", "r"), ("lif", "v_leak"), ("lif", "v_threshold"),
    ("lif", "v_reset"), ("out", "weight"), ("out", "bias"),
}  # fmt: skip


def graph(axes=(), **changes):
    import nir

    one = np.ones((*axes, 3), "f4")
    values = {
        "fc.weight": np.full((3, 6), 0.4, "f4"), "lif.tau": 2e-4 * one, "lif.r": one,
        "lif.v_leak": 0 * one, "lif.v_threshold": one, "lif.v_reset": 0 * one,
        "out.weight": np.full((2, 3), 0.2, "f4"), "out.bias": np.ones((*axes, 2), "f4"),
    }  # fmt: skip
    values |= {name.replace("__", "."): value for name, value in changes.items()}
    lif = {name[4:]: value for name, value in values.items() if name.startswith("lif.")}
    nodes = {
        "input": nir.Input({"input": np.array([6])}),
        "fc": nir.Linear(values["fc.weight"]),
        "lif": nir.LIF(**lif),
        "out": nir.Affine(values["out.weight"], values["out.bias"]),
        "output": nir.Output({"output": np.array([2])}),
    }
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "out"), ("out", "output")]
    return nir.NIRGraph(nodes, edges, type_check=False)


def write(path, given):
    import nir

    nir.write(path, given)
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize(("node", "field"), sorted(PLACES))
def test_numbers_that_are_none_name_their_node(node, field, value, tmp_path, recwarn):
    whole = getattr(graph().nodes[node], field).astype(np.float64)
    whole.flat[-1] = value
    path = write(tmp_path / "a.nir", graph(**{f"{node}__{field}": whole}))
    wanted = "is above 1e" if value == 1e300 else r"is not a number \(NaN or infinite\) in 1 of"
    with pytest.raises(Unsupported, match=f"node {node}: its {field} {wanted}"):
        read_graph(path)
    assert not recwarn.list


def test_the_command_says_it_in_one_line(tmp_path, capsys, recwarn):
    path = write(tmp_path / "a.nir", graph(lif__tau=np.full(3, np.nan)))
    words = ["import", str(path), "--out", str(tmp_path / "i"), "--core", "tiny"]
    assert driver.main(words) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not recwarn.list and not (tmp_path / "i").exists()


def test_numbers_that_become_none_are_refused(recwarn):
    with pytest.raises(Unsupported, match="node lif: tau of 0 s"):
        recognise(graph(lif__tau=np.zeros(3)), dt=1e-4)
    with pytest.raises(Unsupported, match="node lif: a threshold of 0 or less"):
        recognise(graph(lif__v_threshold=np.full(3, 1e-300)), dt=1e-4)
    with pytest.raises(Unsupported, match="node fc: a weight of shape"):
        recognise(graph(fc__weight=np.zeros((0, 6))), dt=1e-4)
    assert not recwarn.list


def test_axes_of_one_are_no_difference():
    frames = np.ones((4, 6), np.bool_)
    plain, odd = graph(), graph(axes=(1, 1))
    layers = recognise(odd, dt=1e-4)
    assert layers.sizes == (6, 3, 2) and layers.bias.tolist() == [1, 1]
    for name, values in run_graph(plain, frames, dt=1e-4).items():
        assert np.array_equal(run_graph(odd, frames, dt=1e-4)[name], values)
    odd.nodes["lif"].tau = np.ones(4)  # nir makes no such node, but reads one
    with pytest.raises(Unsupported, match="node lif: a parameter of 4 values for 3 neurons"):
        recognise(odd, dt=1e-4)
    with pytest.raises(Unsupported, match="the graph does not run"):
        run_graph(odd, frames, dt=1e-4)


def test_edges_to_nowhere_and_graphs_without_end(tmp_path):
    import nir

    given = graph()
    given.edges.append(("out", "no\x1bwhere"))
    with pytest.raises((Unsupported, FileError), match=r"there is no node|not a NIR graph"):
        read_graph(write(tmp_path / "a.nir", given))
    many = graph()
    many.nodes |= {f"n{i}": nir.Scale(np.ones(1)) for i in range(600)}
    with pytest.raises(Unsupported, match="605 nodes: 500 are read at most"):
        read_graph(write(tmp_path / "b.nir", many))


def test_files_that_hdf5_does_not_come_through(tmp_path, monkeypatch):
    """An object of its heap is so large that the next one is itself: HDF5 goes round for ever."""
    path = write(tmp_path / "a.nir", graph())
    raw = path.read_bytes()
    at = raw.index(b"GCOL") + 24
    path.write_bytes(raw[:at] + (2**64 - 16).to_bytes(8, "little") + raw[at + 8 :])
    monkeypatch.setattr(package, "SECONDS", 1)
    with pytest.raises(FileError, match=r"a\.nir: not a NIR graph .* HDF5 was not done after 1 s"):
        read_graph(path)
    monkeypatch.undo()
    path.write_bytes(raw)
    assert len(read_graph(path).nodes) == 5  # by a new process
    package.CHILD.process.kill()
    package.CHILD.process.wait()
    assert len(read_graph(path).nodes) == 5


def test_a_path_is_that_of_the_folder_one_is_in(tmp_path, monkeypatch):
    """The process that tries a graph may have started in another one."""
    read_graph(write(tmp_path / "a.nir", graph()))
    monkeypatch.chdir(tmp_path)
    assert len(read_graph(Path("a.nir")).nodes) == 5


def test_files_that_promise_terabytes_or_lead_elsewhere(tmp_path):
    import h5py

    path = write(tmp_path / "a.nir", graph())
    raw = path.read_bytes()
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc/weight"]
        file["node/nodes/fc"].create_dataset("weight", (1 << 20, 1 << 20), "f8", chunks=(64, 64))
    with pytest.raises(
        FileError, match=r"a\.nir: not a NIR graph .* it promises 8796093022\d+ bytes"
    ):
        read_graph(path)
    for link in (h5py.ExternalLink("/etc/passwd", "/x"), h5py.SoftLink("/node/nodes/out/weight")):
        path.write_bytes(raw)
        with h5py.File(path, "a") as file:
            del file["node/nodes/fc/weight"]
            file["node/nodes/fc"]["weight"] = link
        with pytest.raises(FileError, match="weight is a link to elsewhere"):
            read_graph(path)
    path.write_bytes(raw)
    with h5py.File(path, "a") as file:
        del file["node/nodes/fc/weight"]
        outside = [(str(tmp_path / "passwd"), 0, h5py.h5f.UNLIMITED)]
        file["node/nodes/fc"].create_dataset("weight", (3, 6), "f4", external=outside)
    with pytest.raises(FileError, match="weight lies in another file"):
        read_graph(path)


@pytest.mark.parametrize(
    "known",
    [
        {"core": {"lanes": "x"}}, {"core": 5}, {"network": {"weight_fraction": "x"}},
        {"network": {"weight_fraction": 10**9}}, {"network": [1]}, {"data": 7}, {"data": {"name": 5}},
        {"data": {"name": "nmnist", "root": None, "steps": "a", "pool": 1, "seed": 0}},
        {"data": {"name": "nmnist"}}, {"dt": "x"}, {"dt": -1}, {"dt": None}, {"dt": True},
        {"data": {"name": "a", "root": None, "steps": 1, "pool": 1, "seed": 0, "window_us": [1, "x"]}},
    ],
)  # fmt: skip
def test_metadata_of_others_are_not_believed(known, tmp_path, capsys):
    given = graph()
    given.metadata = {OURS: json.dumps(known)}
    path = write(tmp_path / "a.nir", given)
    assert driver.main(["import", str(path), "--out", str(tmp_path / "i"), "--core", "tiny"]) in (
        1,
        2,
    )
    text = capsys.readouterr().err
    assert "metadata" in text and text.count("\n") == 1


def test_deep_json_is_no_hint():
    given = graph()
    given.metadata = {OURS: "[" * 100_000}
    assert hints(given) == {}
