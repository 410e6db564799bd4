"""What the dials do: which of them matter, which act together, each alone, all configurations at once."""

from __future__ import annotations

from trialist.web.data import ReportData
from trialist.web.figure import figure, figures
from trialist.web.html import Html
from trialist.web.layout import section


def importance_section(data: ReportData) -> Html | None:
    """Shares of the variance by dial."""
    return _effects("importance", "Which dials matter", data)


def interactions_section(data: ReportData) -> Html | None:
    """Which dials act together."""
    return _effects("interactions", "Which dials act together", data)


def slices_section(data: ReportData) -> Html | None:
    """The score along each dial."""
    return _effects("slices", "Along each dial", data)


def sweeps_section(data: ReportData) -> Html | None:
    """Dials that were run at several levels with all else fixed."""
    return _shown("sweeps", "One dial at a time, round the best", data)


def parallel_section(data: ReportData) -> Html | None:
    """Every configuration as a line, with ranges to choose by."""
    return _shown("parallel", "All configurations", data)


def _effects(panel: str, title: str, data: ReportData) -> Html | None:
    found = figures(panel, data)
    return section(panel, title, *found) if found else None


def _shown(panel: str, title: str, data: ReportData) -> Html | None:
    found = figure(panel, data)
    return None if found is None else section(panel, title, found)
