"""The documentation site: builds without a warning, and every page, picture and link in it is there."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

ROOT = Path(__file__).parent.parent
PAGES = sorted(page.stem for page in (ROOT / "docs").glob("*.md"))


class Page(HTMLParser):
    """Links, pictures and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        """Note what an element refers to, and what it can be referred to by."""
        values = dict(attrs)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        target = values.get("href" if tag in ("a", "link") else "src")
        if target and "://" not in target and not target.startswith(("mailto:", "data:")):
            self.targets.add(target)


def test_the_site_builds_and_all_of_its_links_lead_somewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {name: Page(tmp_path / f"{name}.html") for name in PAGES}
    for name, page in pages.items():
        for target in page.targets:
            where, anchor = urldefrag(target)
            path = tmp_path / unquote(where.split("?")[0]) if where else page.path
            assert path.exists(), f"{name}: {target}"
            if anchor and path.stem in pages:
                assert anchor in pages[path.stem].anchors, f"{name}: {target}"
    shown = {target for page in pages.values() for target in page.targets}
    assert {"_images/report.png", "_images/scaling.svg", "_images/nmnist-fast.svg"} < shown


def test_the_index_has_every_page_the_tutorial_first() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    listed = re.findall(r"^- \[[^]]+\]\((\w[\w-]*)\.md\)", index, re.M)
    assert listed[0] == "tutorial" and sorted([*listed, "index"]) == PAGES
