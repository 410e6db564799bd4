"""Style sheets and scripts as they are shipped: in what order a page needs them, and the text of each."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

STYLES = ("page.css",)
# In this order: the library, what draws a chart from its data, the charts by subject, and what works on tables.
SCRIPTS = (
    "echarts/echarts.min.js",
    "charts.js",
    "charts-course.js",
    "charts-running.js",
    "charts-dials.js",
    "charts-slices.js",
    "charts-parallel.js",
    "charts-budget.js",
    "charts-worth.js",
    "tables.js",
)
# Of the release on npm, unaltered: https://registry.npmjs.org/echarts/-/echarts-6.1.0.tgz, dist/echarts.min.js
ECHARTS_VERSION = "6.1.0"
ECHARTS_SHA256 = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0"


@cache
def text_of(file_name: str) -> str:
    """A style sheet or script, by its name in the folder `static`."""
    return files("trialist.web").joinpath("static", *file_name.split("/")).read_text(encoding="utf-8")


def bytes_of(file_name: str) -> bytes:
    """The same as it lies in the package."""
    return files("trialist.web").joinpath("static", *file_name.split("/")).read_bytes()
