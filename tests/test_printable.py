"""Names may hold anything, terminals be of any kind: neither ends a command, nor reaches the other raw."""

import io
import os
import pty
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from golden.spec.network import Network
from sw import driver
from sw.cli import terminal
from sw.cli.chart import chart, sparkline
from sw.cli.progress import TerminalWatcher
from sw.cli.terminal import Terminal
from sw.data import DataError, read_recording
from sw.html import text
from sw.interchange.package import Unsupported
from sw.printable import printable, printable_lines, reason
from sw.run import FileError, Tally

NASTY = "a\x1b[31m\x07\r\nb\u202ec\x9bd\udce9"
PLAIN = "a\\x1b[31m\\x07\\r\\nb\\u202ec\\x9bd\\xe9"


def test_what_a_terminal_could_obey_is_escaped():
    assert printable(NASTY) == PLAIN
    assert printable("Gäste 手 1×2") == "Gäste 手 1×2"
    assert printable_lines("a\nb\x1b") == "a\nb\\x1b"
    assert reason(ValueError("two\n  lines")) == "two lines"
    assert reason(KeyError()) == "KeyError"
    assert len(reason(ValueError("x" * 999))) == 200


@pytest.mark.parametrize("kind", [DataError, FileError, Unsupported])
def test_errors_are_one_printable_line(kind):
    assert str(kind(f"{NASTY}: wrong")) == f"{PLAIN}: wrong"


def test_names_on_the_command_line_and_in_a_page(capsys, tmp_path):
    assert driver.main(["predict", "--run", str(tmp_path / "\x1b[2J"), "0"]) == 1
    with pytest.raises(SystemExit):
        driver.main(["train", "--\x1b[2J"])
    assert "\x1b" not in capsys.readouterr().err
    assert text(f"<{NASTY}").encode() == b"&lt;" + printable_lines(NASTY).encode()


def test_the_console_shows_names_as_they_are(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), "latin-1")
    monkeypatch.setattr(sys, "stdout", stream)
    console = Terminal()
    console.print("class a\x1b[31mb\u202ec\x9bd\udce9 手")
    stream.flush()
    shown = stream.buffer.getvalue().decode("latin-1")
    assert shown == "class a\\x1b[31mb\\u202ec\\x9bd\\xe9 \\u624b\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("width", [1, 5, 20, 200])
def test_a_bar_is_shown_on_any_terminal(encoding, width, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    network = Network(sizes=(4, 3, 2))
    with TerminalWatcher(Terminal()) as watcher:
        watcher.begin("epoch 1/1", 10, network)
        watcher.sample(Tally(layers=1, samples=3, steps=3, spikes=[2]))
        watcher.console.print(sparkline([0, 0.5, 1], 0, 1), *chart([0, 1], 3, 2, 0, 1))
    stream.flush()
    assert stream.buffer.getvalue()


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch):
    class Gone(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

        def write(self, *given):
            raise OSError(5, "Input/output error")

        flush = write

    monkeypatch.setattr(sys, "stdout", Gone())
    console = Terminal()
    console.print("an epoch")
    monkeypatch.setattr(sys, "stdout", None)
    Terminal().print("nobody is there")
    full = io.StringIO()
    monkeypatch.setattr(full, "write", Gone().write, raising=False)
    monkeypatch.setattr(sys, "stdout", full)
    with pytest.raises(OSError, match="Input/output"):
        Terminal().print("to a file that is full")


def test_the_spinner_has_characters_of_the_terminal():
    for encoding, name in (("ascii", "line"), ("utf-8", "dots")):
        console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding))
        assert terminal.spinner(console).spinner.name == name


@pytest.mark.parametrize(("encoding", "kind"), [("latin-1", "xterm"), ("ascii", "dumb")])
def test_a_run_on_a_terminal_that_is_not_utf8(encoding, kind, tmp_path):
    words = ["train", "--preset", "smoke", "--epochs", "1", "--target", "golden", "--train", "8"]
    words += ["--test", "4", "--out", str(tmp_path / "a")]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "TERM": kind, "COLUMNS": "12"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sw.driver", *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the program has ended
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0, shown


def test_a_recording_of_a_name_that_is_not_utf8(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/g\xe9\x1b.npy")
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError) as caught:
        read_recording(path)
    assert "/g\\xe9\\x1b.npy: holds no t" in str(caught.value)
