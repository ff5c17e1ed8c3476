"""Generated pages are fresh, and the fingerprint covers what it should."""

from pathlib import Path

from golden.spec.config import PRESETS
from golden.spec.document import document
from golden.spec.registers import fingerprint

ROOT = Path(__file__).parent.parent


def test_registers_page_is_fresh() -> None:
    page = (ROOT / "docs" / "registers.md").read_text()
    assert page == document(), "run: python -m golden.spec.document > docs/registers.md"


def test_fingerprints_differ() -> None:
    assert len({fingerprint(config) for config in PRESETS.values()}) == len(PRESETS)
