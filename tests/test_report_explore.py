"""The report in a browser: samples to choose from, steps, maps, and its layout."""

import json
import re
import subprocess

import numpy as np
import pytest

from sw import Device, Model
from sw.run import RunFolder
from tests.browser import QUIET, Browser, browser
from tests.report import SECTIONS, explored, read, samples, trained, unpacked


@pytest.mark.parametrize("kind", ["smoke", "events"])
def test_samples_to_choose_from_are_those_of_the_device(kind, request):
    path = request.getfixturevalue(kind)
    given, run, test = explored(read(path)[0]), RunFolder(path), samples(path)
    network, core = run.network_and_core()
    by_key = {sample.key: sample for sample in test}
    assert given["samples"][0]["key"] == test[3].key
    kinds = [(one["label"], one["label"] == one["prediction"]) for one in given["samples"]]
    assert len(set(kinds)) >= len(kinds) - 1 and len(kinds) > 4
    with Device.open("golden", config=core) as device:
        model = Model.load(path, device)
        for one in given["samples"]:
            sample = by_key[one["key"]]
            steps = len(sample.frames)
            assert np.array_equal(unpacked(one["frames"], steps, network.inputs), sample.frames)
            assert one["prediction"] == model.predict([sample.frames])[0]
            wanted = model.scores([sample.frames])[0] * steps
            assert np.allclose(one["scores"][-1], wanted, atol=1e-3)
            fired = np.zeros(len(network.hidden), int)
            for _ in device.step_through(sample):
                fired += [device.spikes(layer).sum() for layer in range(len(fired))]
            drawn = [
                unpacked(bits, steps, size).sum()
                for bits, size in zip(one["spikes"], network.hidden, strict=True)
            ]
            assert drawn == fired.tolist()


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Folder of a run with convolutions."""
    command = (
        "--preset nmnist-conv --pool 2 --hidden 4c3p,6c3 --train 12 --test 8 --epochs 1 --steps 3"
    )
    return trained(tmp_path_factory, command)


def test_feature_maps_show_every_spike(maps):
    text, tree = read(maps)
    words = [a["alt"] for a in tree.all("img", "sample") if a["alt"].startswith("channel")]
    assert len(words) == 4 + 6
    given = explored(text)
    assert given["layers"] == [[4, 8, 8], [6, 8, 8]]
    shown = given["samples"][0]
    for layer, counted in enumerate((words[:4], words[4:])):
        channels = given["layers"][layer][0]
        planes = unpacked(shown["spikes"][layer], 3, 64 * channels).reshape(3, channels, 64)
        found = [int(re.search(r": (\d+) spikes", word)[1]) for word in counted]
        assert found == planes.sum(axis=(0, 2)).tolist()
    assert sum(map(len, words)) and "maps of 8 x 8" in tree.words["h3"]
    assert "sorted by the class" not in tree.words["sample"]


@pytest.mark.parametrize("kind", ["events", "maps"])
def test_in_a_browser_a_sample_is_picked_and_a_step_chosen(kind, request, tmp_path):
    path = request.getfixturevalue(kind)
    given = explored(read(path)[0])
    with Browser(tmp_path) as page:
        page.open((path / "report.html").absolute().as_uri())
        page.until("document.querySelectorAll('#pick option').length > 1")
        assert not page.js("document.getElementById('no-script')")
        sample, step = given["samples"][1], 2
        page.js("const p = document.getElementById('pick'); p.value = 1; p.onchange()")
        page.js("const s = document.getElementById('step'); s.value = 2; s.oninput()")
        assert sample["key"] in page.js("document.getElementById('explore-says').textContent")
        label = "(id) => document.getElementById(id).getAttribute('aria-label')"
        inputs = unpacked(sample["frames"], sample["steps"], given["inputs"])[step - 1].sum()
        assert page.js(f"({label})('explore-input')") == f"{inputs} input spikes"
        for layer, shape in enumerate(given["layers"]):
            fired = unpacked(sample["spikes"][layer], sample["steps"], int(np.prod(shape)))
            wanted = f"layer {layer}: {fired[step - 1].sum()} spikes"
            assert page.js(f"({label})('explore-{layer}')") == wanted
        best = np.argmax(sample["scores"][step - 1])
        assert page.js("[...document.querySelectorAll('#scores div')].findIndex("
                       "(r) => r.className === 'right' || r.className === 'wrong')") == best  # fmt: skip
        page.js("document.getElementById('play').click()")
        page.until("document.getElementById('step').value !== '2'")
        assert page.errors == []


MEASURE = """
<pre id="out"></pre><script>
const page = %s, widths = [360, 500, 768, 1024, 1600], out = [];
for (const width of widths) {
  const frame = document.createElement('iframe');
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.onload = () => {
    const d = frame.contentDocument, bad = [];
    if (d.documentElement.scrollWidth > width) bad.push('wider than the window');
    for (const axis of d.querySelectorAll('.x-axis, .y-axis')) {
      const boxes = [...axis.children].map(c => c.getBoundingClientRect());
      for (const [i, a] of boxes.entries()) {
        if (a.left < 0 || a.right > width) bad.push('label outside: ' + axis.children[i].textContent);
        for (const b of boxes.slice(0, i))
          if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
            bad.push('labels overlap: ' + axis.children[i].textContent);
      }
    }
    for (const box of d.querySelectorAll('.canvas'))
      if (box.clientWidth < 150 || box.clientHeight < 40) bad.push('a plot is too small');
    for (const image of d.images) if (!image.naturalWidth) bad.push('a picture is broken');
    out.push([width, d.querySelectorAll('section').length, bad]);
    if (out.length === widths.length) document.getElementById('out').textContent = JSON.stringify(out);
  };
  frame.srcdoc = page;
  document.body.append(frame);
}
</script>
"""


@pytest.mark.parametrize("kind", ["smoke", "events"])
def test_in_a_browser_nothing_overlaps_at_any_width(kind, request, tmp_path):
    text = read(request.getfixturevalue(kind))[0]
    file = tmp_path / "measure.html"
    file.write_text("<body>" + MEASURE % json.dumps(text).replace("</", "<\\/"))
    done = subprocess.run(
        [browser(), *QUIET, f"--user-data-dir={tmp_path}/profile", "--virtual-time-budget=20000",
         "--dump-dom", file.as_uri()],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = re.search(r'<pre id="out">(.+?)</pre>', done.stdout)
    assert found, done.stdout[-500:] + done.stderr[-500:]
    results = json.loads(found[1])
    assert sorted(width for width, _, _ in results) == [360, 500, 768, 1024, 1600]
    for width, sections, bad in results:
        assert (width, sections, bad) == (width, len(SECTIONS), [])
