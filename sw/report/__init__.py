"""A run as one HTML file: pictures of what was learned, the numbers beside them, and how to repeat it.

    Path("report.html").write_text(page(Source.of(Run(folder), test_samples)))

What a run's files lack is measured on the integer model (`sw.report.measured`). Each section is a
module that takes a `Source`; `sw.report.plots` and `sw.report.pictures` draw.
"""

from sw.report.measured import Measured, measure
from sw.report.page import page
from sw.report.source import Source

__all__ = ["Measured", "Source", "measure", "page"]
