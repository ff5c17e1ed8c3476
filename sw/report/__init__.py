"""A run as one HTML file: pictures of what was learned, the numbers beside them, and how to repeat it.

`write` makes it. What a run's files lack is measured on the integer model (`sw.report.measured`); each
section is a module; `sw.report.plots` and `sw.report.pictures` draw.
"""

from sw.report.measured import measure
from sw.report.page import Source, page

__all__ = ["Source", "measure", "page"]
