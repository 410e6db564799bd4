"""How the study ran: learning curves, the timeline, the front of several objectives."""

from __future__ import annotations

from trialist.web.data import ReportData
from trialist.web.figure import figure
from trialist.web.html import Html, el
from trialist.web.layout import section


def curves_section(data: ReportData) -> Html | None:
    """Learning curves, and why each ended."""
    found = figure("curves", data)
    return None if found is None else section("curves", "Learning curves", found)


def audit_section(data: ReportData) -> Html | None:
    """Whether trials were ended rightly: which early looks say nothing of the end, how often halting was wrong."""
    if not data.screening:
        return None
    told = data.screening[:1].upper() + data.screening[1:]
    return section("audit", "Were trials ended rightly?", el("p", f"{told}."))


def front_section(data: ReportData) -> Html | None:
    """Objectives against each other."""
    found = figure("front", data)
    return None if found is None else section("front", "Trade-offs", found)


def timeline_section(data: ReportData) -> Html | None:
    """Who ran what when."""
    found = figure("timeline", data)
    return None if found is None else section("timeline", "Timeline", found)


def stopping_section(data: ReportData) -> Html | None:
    """The stopping rules with their statistics, and what more of the search would probably gain."""
    found = figure("stopping", data)
    if found is None:
        return None
    return section("stopping", "Stopping rules", el("p", data.stopping) if data.stopping else None, found)
