"""The guides: their Python runs, their commands exist, the API page is fresh."""

import re
import shlex
from pathlib import Path
from pkgutil import resolve_name

import pytest

import boards
from hw.build import configuration, make_parser
from sw import driver, reference

ROOT = Path(__file__).parent.parent
GUIDES = (
    "tutorial.md",
    "own-data.md",
    "data-sets.md",
    "live.md",
    "boards.md",
    "interchange.md",
    "planner.md",
    "architecture.md",
)

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FOLDERS = "bench|boards|golden|hw|sim|sw|tests"


def blocks(name, language):
    """Text of a page's fenced blocks, each with its line."""
    text = (ROOT / "docs" / name).read_text()
    for match in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.M | re.S):
        yield text[: match.start(1)].count("\n"), match[1]


@pytest.mark.parametrize("name", GUIDES)
def test_the_python_of_a_guide_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "guide"}
    found = list(blocks(name, "python"))
    assert found
    for line, source in found:  # one after the other, as a reader would
        exec(compile("\n" * line + source, name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_work_as_pasted(page):
    """One way to call Python; sudo only where there is one; what the reader has to fill in is in capitals."""
    text = page.read_text()
    assert not re.findall(r"(?<!\. )\.venv/bin/(?!activate)", text), "for an active environment"
    for line in text.splitlines():
        assert "sudo apt" not in line, line
        assert "apt-get install" not in line or "$(command -v sudo) apt-get" in line, line
        for address in re.findall(r"git clone (\S+)", line):
            assert address == "ADDRESS"


@pytest.mark.parametrize("name", (*GUIDES, "../CONTRIBUTING.md", "../README.md"))
def test_the_commands_of_a_guide_exist(name):
    for _, source in blocks(name, "sh"):
        for line in source.splitlines():
            words = shlex.split(line.partition(" > ")[0], comments=True)
            if "sw.driver" in words:
                assert driver.parser().parse_args(words[words.index("sw.driver") + 1 :])
            if "hw.build" in words:
                options = make_parser().parse_args(words[words.index("hw.build") + 1 :])
                assert configuration(boards.find(options.board, options.size), options)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_and_modules_that_a_page_names_are_there(page):
    for name in re.findall(rf"`((?:{FOLDERS})/[\w/.-]*)`", page.read_text()):
        assert (ROOT / name).exists(), name
    for name in re.findall(rf"`((?:{FOLDERS})(?:\.\w+)+)`", page.read_text()):
        assert resolve_name(name) is not None


def test_the_api_page_is_fresh():
    page = (ROOT / "docs" / "api.md").read_text()
    assert page == reference.document(), "run: python -m sw.reference > docs/api.md"


def test_every_field_of_the_api_page_says_what_it_is():
    lines = [line for _, thing in reference.documented() for line in fields_of(thing)]
    assert len(lines) > 120
    assert [line for line in lines if len(line.split("`: ", 1)[1]) < 8] == []


def fields_of(thing):
    return reference.fields(thing) if isinstance(thing, type) else []


def test_the_api_page_shows_no_type_that_says_nothing():
    page = reference.document()
    for name in ("fit", "resume", "evaluate", "predict", "frames", "write"):
        for signature in re.findall(rf"```text\n{name}\(.*?```", page, re.S):
            assert ": Any" not in signature and "**options" not in signature, signature
    for title in ("CORES", "DATASETS", "PRESETS", "Result", "SampleStatus", "Types"):
        assert f"\n## {title}\n" in page
