"""A run as one HTML file: pictures of what was learned, the numbers beside them, and how to repeat it.

    Path("report.html").write_text(page(Source.of(RunFolder(folder), test_samples)))

In come a run folder, which is only read, and test samples. Out comes the text of a page that needs no
other file. What the folder lacks is measured on the integer model (`measured`). Each section is a module
that takes a `Source`; `plots` and `pictures` draw, `html` makes elements.
"""

from sw.report.compare import comparison
from sw.report.measured import Measured, measure
from sw.report.page import page
from sw.report.source import Source

__all__ = ["Measured", "Source", "comparison", "measure", "page"]
