"""What the dials do: all configurations at once, which dials matter, which act together, each alone."""

from __future__ import annotations

from trialist.web.data import ReportData
from trialist.web.figure import figure
from trialist.web.html import Html, el
from trialist.web.layout import section


def parallel_section(data: ReportData) -> Html | None:
    """Every configuration as a line, with ranges to choose by."""
    return _shown("parallel", "All configurations", data)


def _shown(panel: str, title: str, data: ReportData, note: str = "") -> Html | None:
    found = figure(panel, data)
    return None if found is None else section(panel, title, found, el("p", note, class_="note") if note else None)
