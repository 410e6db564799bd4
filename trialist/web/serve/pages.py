"""The pages of a study: which of the report's sections stands where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trialist.web.course import budget_section, history_section, ledger_section, plan_section, refinement_section
from trialist.web.data import ReportData
from trialist.web.dials import (
    importance_section,
    interactions_section,
    parallel_section,
    slices_section,
    sweeps_section,
)
from trialist.web.honest import calibration_section, curve_section, noise_section, scoring_section, statement_section
from trialist.web.html import Html, el
from trialist.web.layout import section
from trialist.web.llm import alone_section, asked_section, disagreements_section, items_section, race_section
from trialist.web.result import comparison_section, finalists_section, verdict_section
from trialist.web.running import audit_section, curves_section, front_section, stopping_section, timeline_section
from trialist.web.trialtable import failures_section

Section = Callable[[ReportData], Html | None]

# By the page's place in its address, "" being the overview.
SECTIONS: Mapping[str, Sequence[Section]] = {
    "": (
        verdict_section,
        budget_section,
        stopping_section,
        comparison_section,
        history_section,
        front_section,
        curves_section,
        timeline_section,
        curve_section,
        finalists_section,
        plan_section,
    ),
    "dials": (
        importance_section,
        interactions_section,
        slices_section,
        sweeps_section,
        parallel_section,
        refinement_section,
    ),
    "validity": (scoring_section, noise_section, calibration_section, audit_section, ledger_section, statement_section),
    "failures": (failures_section,),
    "llm": (asked_section, disagreements_section, items_section, race_section, alone_section),
}
_NOTHING = {
    "dials": "No dial was declared or tried yet.",
    "validity": "Nothing is known of this yet: it takes trials with scores.",
    "failures": "No trial failed.",
}


def sections(place: str, data: ReportData) -> list[Html]:
    """The sections of a page, as far as the study has them."""
    found = [made for each in SECTIONS[place] if (made := each(data)) is not None]
    return found or [
        section(place, "Nothing yet", el("p", _NOTHING.get(place, "There is nothing to show."), class_="note"))
    ]


def pages_of(data: ReportData) -> tuple[str, ...]:
    """The pages that this study has."""
    of_model = ("llm",) if data.asked is not None else ()
    return ("", "trials", "dials", "validity", "failures", *of_model, "asked")
