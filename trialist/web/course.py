"""The course: the history plot, the plan, how the space was narrowed, what was spent, who looked at the test data."""

from __future__ import annotations

from collections.abc import Sequence

from trialist.trials.amounts import duration
from trialist.trials.budget import Budget
from trialist.trials.trial import Stage, State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.figure import figure
from trialist.web.html import Html, el, name
from trialist.web.layout import facts, section, table
from trialist.web.numbers import count, moment

_STAGES = ((Stage.BASELINE, "baseline"), (Stage.SEARCH, "search"), (Stage.REFINE, "refine"), (Stage.SELECT, "select"))
_ENDS = (State.PAUSED, State.STOPPED, State.FAILED)  # beside complete: told where there are any


def history_section(data: ReportData) -> Html:
    """Every trial, one picture for each objective."""
    return section("history", "Every trial", figure("history", data))


def plan_section(data: ReportData) -> Html:
    """What was declared before the first trial, and what each stage gets."""
    plan = data.plan
    objectives = ", ".join(f"{objective.direction} {objective.name}" for objective in plan.objectives)
    declared = (
        ("objective" if len(plan.objectives) == 1 else "objectives", objectives),
        ("tuned", plan.source),
        ("test", plan.test or "none declared"),
        ("budget", str(plan.budget)),
        ("seed", str(plan.seed)),
    )
    lines = el("ul", *(el("li", line) for line in data.plan_lines)) if data.plan_lines else None
    return section("plan", "Plan", facts(declared), lines, _declared_space(data))


def _declared_space(data: ReportData) -> Html | None:
    if not data.space.names:
        return None
    rows = [el("tr", el("th", name(dial), scope="row"), el("td", repr(data.space[dial]))) for dial in data.space.names]
    summary = el("summary", f"The space: {count(len(rows), 'dial')}")
    return el("details", summary, table(("dial", "declared as"), rows, "The space"))


def refinement_section(data: ReportData) -> Html | None:
    """Old and new bounds, and the dials whose best stands at an edge of its range."""
    refinement = data.refinement
    if refinement is None:
        return None
    return section(
        "refinement",
        "Refinement",
        el("p", refinement.reason),
        el("ul", *(el("li", words) for words in refinement.words)) if refinement.words else None,
        *(el("p", edge, class_="warning") for edge in refinement.edges),
    )


def budget_section(data: ReportData) -> Html:
    """What was spent of each limit, and what each stage took."""
    limits = _limits(data)
    ends = [State.COMPLETE, *(s for s in _ENDS if any(r.state is s for r in data.records))]
    head = ("stage", "trials", *(state.value for state in ends), "run time")
    rows = [
        _stage_row(title, [r for r in data.records if r.stage is stage], ends)
        for stage, title in _STAGES
        if any(r.stage is stage for r in data.records)
    ]
    return section(
        "budget",
        "Budget",
        el("dl", *limits, class_="budget") if limits else None,
        figure("budget", data) if data.records else None,
        table(head, rows, "What each stage took", numeric=head[1:])
        if rows
        else el("p", "Nothing was spent yet.", class_="note"),
    )


def ledger_section(data: ReportData) -> Html | None:
    """Every look at the sealed test data, oldest first."""
    if not data.ledger:
        return None
    rows = [
        el(
            "tr",
            el("th", str(look.number), scope="row"),
            el("td", moment(look.at)),
            el("td", name(look.study)),
            el("td", look.who),
            el("td", look.what),
            el("td", el("code", look.fingerprint[:16])),
        )
        for look in data.ledger
    ]
    return section(
        "ledger",
        "Ledger of looks at the test data",
        table(("look", "when", "study", "who", "what", "fingerprint"), rows, "Looks at the sealed test data"),
        el("p", "Each further look at the same data weakens what a verdict can say.", class_="note"),
    )


def _limits(data: ReportData) -> list[Html]:
    budget: Budget = data.plan.budget
    spent = data.spent
    rows = []
    for title, used, limit, shown in (
        ("trials that ended", spent.get("trials", float(len(data.records))), budget.trials, lambda v: f"{v:,.0f}"),
        ("time", spent.get("seconds", 0.0), budget.seconds, duration),
        ("compute", spent.get("compute_seconds", 0.0), budget.compute_seconds, duration),
        ("cost", spent.get("cost", 0.0), budget.cost, lambda v: f"{v:.4g}"),
        ("full runs", spent.get("full_runs", 0.0), budget.full_runs, lambda v: f"{v:.3g}" if v < 1000 else f"{v:,.0f}"),
    ):
        if limit is None and not used:
            continue
        words = shown(used) if limit is None else f"{shown(used)} of {shown(limit)}"
        share = None if limit is None else min(100.0, 100.0 * used / limit)
        bar = (
            None
            if share is None
            else el("span", el("i", style=f"width:{share:.1f}%"), class_="bar", aria_hidden="true")
        )
        rows.append(el("div", el("dt", title), el("dd", words, bar)))
    return rows


def _stage_row(title: str, records: Sequence[TrialRecord], ends: Sequence[State]) -> Html:
    states = [sum(r.state is state for r in records) for state in ends]
    seconds = sum(r.seconds or 0.0 for r in records)
    cells = [str(len(records)), *map(str, states), duration(seconds)]
    return el("tr", el("th", title, scope="row"), *(el("td", cell, class_="number") for cell in cells))
