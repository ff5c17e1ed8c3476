"""Reports of small runs, read as a browser does."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np

from sw import driver
from sw.cli import options
from sw.html import VOID
from sw.run import RunFolder

SECTIONS = [
    *("accuracy", "confusion", "sample", "explore", "fields"),
    *("rates", "weights", "cycles", "setup"),
]
SMOKE = "--preset smoke --train 80 --test 24 --epochs 3"
EVENTS = "--data nmnist --hidden 12,6 --train 30 --test 20 --epochs 2 --steps 4"


class Tree(HTMLParser):
    """Elements of a page with their attributes, and the text of every section's parts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        inside = next((a["id"] for t, a in reversed(self.open) if t == "section"), "")
        self.elements.append((tag, dict(attrs), inside))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for tag, attrs in self.open:
            key = attrs.get("id", "") if tag == "section" else tag
            self.words[key] = self.words.get(key, "") + data + " "

    def all(self, tag, inside=None):
        return [a for t, a, s in self.elements if t == tag and inside in (None, s)]


def trained(factory, arguments):
    path = factory.mktemp("run") / "a & <b>"
    command = f"train --target golden {arguments}".split()
    assert driver.main([*command, "--out", str(path)]) == 0
    assert driver.main(["report", str(path), "--sample", "3"]) == 0
    return path


def read(path):
    text = (path / "report.html").read_text()
    return text, Tree(text)


def samples(path, **changes):
    return options.load_data(RunFolder(path).config()["data"] | changes, train=False)


def explored(text):
    """What the page's script is given."""
    return json.loads(re.search(r'id="samples-data">(.*?)</script>', text, re.S)[1])


def unpacked(bits, steps, count):
    packed = np.frombuffer(base64.b64decode(bits), np.uint8).reshape(steps, -1)
    return np.unpackbits(packed, axis=1, count=count).astype(bool)
