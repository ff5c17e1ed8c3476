"""`python -m hw.document > docs/units.md`."""

from hw.document.page import document

print(document(), end="")
