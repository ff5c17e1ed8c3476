"""Notebooks: the one in docs runs, a training shows its progress, things show themselves."""

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from sw import Device, Model, Network, load
from sw.html import el
from sw.notebook import in_notebook
from sw.report import Source, page
from sw.run import Progress, RunFolder, Tally

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"
NETWORK = Network(sizes=(64, 12, 4), eta=0.01, eta_out=0.01)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Every cell's outputs, the notebook run in an empty folder."""
    notebook = nbformat.read(NOTEBOOK, 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed without outputs"
    folder = str(tmp_path_factory.mktemp("notebook"))
    root = str(NOTEBOOK.parent.parent)
    NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": folder}}, kernel_name="python3"
    ).execute(env={"PYTHONPATH": root} | os.environ)
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def html_of(outputs):
    return [o["data"]["text/html"] for o in outputs if "text/html" in o.get("data", {})]


def test_the_notebook_of_the_docs_runs(run):
    assert "300 samples, 10 classes" in json.dumps(run[0])
    assert not any(output.output_type == "error" for outputs in run for output in outputs)
    assert not any("stderr" in str(output.get("name")) for outputs in run for output in outputs)


def test_fit_shows_its_progress_and_then_the_epochs(run):
    shown, value = html_of(run[1])  # one output that changed, and the value of the cell
    for text in (shown, value):
        assert "900 samples learned" in text and "after epoch 3" in text and "<svg" in text
    assert "<progress" not in shown


def test_a_model_a_tally_and_a_report_show_themselves(run):
    (model,) = html_of(run[2])
    assert "578-384-10" in model and "readout" in model and "900 samples learned" in model
    (tally,) = html_of(run[3])
    assert "of 60 right" in tally and tally.count("<tr>") == 11
    (report,) = html_of(run[5])
    assert report.startswith("<iframe srcdoc=") and "578–384–10" in report


def test_outside_a_notebook_nothing_is_shown(capsys):
    assert not in_notebook()
    with Device.open("golden", config="tiny") as device:
        Model(NETWORK, device).fit(load("synthetic", limit=8), epochs=1)
    assert capsys.readouterr() == ("", "")


def test_what_is_shown_of_little(tmp_path):
    assert "not trained yet" in Progress()._repr_html_()
    assert "0 of 0 right" in Tally(1)._repr_html_()
    samples = load("synthetic", limit=8)
    with Device.open("golden", config="tiny") as device:
        model = Model(NETWORK, device)
        assert "not trained yet" in model._repr_html_()
        model.fit(samples, epochs=1, run=tmp_path / "a")
        assert "<svg" not in model._repr_html_() and "8 samples learned" in model._repr_html_()
    whole = page(Source.of(RunFolder(tmp_path / "a"), samples))
    assert el("i", srcdoc=whole)[3:-5] in whole._repr_html_()
