"""The list of studies: what each is, how far it has come, best against default, whether that was verified."""

from __future__ import annotations

from dataclasses import dataclass

from trialist.protocols import Store, StudyRecord
from trialist.scoring.verdict import Verdict
from trialist.trials.amounts import duration
from trialist.trials.instruction import pause_of
from trialist.trials.trial import TrialRecord
from trialist.web.html import Html, el, name
from trialist.web.layout import section, table
from trialist.web.numbers import measured, moment
from trialist.web.serve.places import study_at

MOST = 200  # studies on the page, the newest first

# Outcome, its sign: colour is never the only difference.
_SIGNS = {"improved": "▲ improved", "no difference shown": "≈ no difference shown", "worse": "▼ worse"}


@dataclass(frozen=True, slots=True)
class Row:
    """One study in brief, read without its trials."""

    study: StudyRecord
    state: str
    spent: str
    share: float | None  # of the budget's first limit
    default: TrialRecord | None
    best: TrialRecord | None
    verdict: Verdict | None


def rows_of(store: Store) -> tuple[list[Row], int]:
    """The newest studies, and how many more there are."""
    names = store.studies()
    shown = names[::-1][:MOST]
    return [_row(store, each) for each in shown], len(names) - len(shown)


def studies_section(rows: list[Row], more: int) -> Html:
    if not rows:
        advice = "No study is here yet. Start one, and it appears: trialist run, or trialist.tune in Python."
        return section("studies", "Studies", el("p", advice, class_="note"))
    head = ("study", "state", "progress", "", "default", "best so far", "verdict", "since")
    left = el("p", f"{more:,} older ones are left out here; trialist status --study NAME tells of each.", class_="note")
    return section(
        "studies",
        "The newest first",
        table(
            head,
            [_told(row) for row in rows],
            "Each study, how far it is and what it found",
            numeric=("default", "best so far"),
        ),
        left if more else None,
    )


def _row(store: Store, study: str) -> Row:
    record, spent = store.load_study(study), store.spent(study)
    budget, best = record.plan.budget, store.best(study)
    selected = (record.stages.get("select") or {}).get("number")
    chosen = store.trial(study, selected) if isinstance(selected, int) and selected < record.trials else best
    told, share = f"{record.trials:,} trials", None
    if budget.trials is not None:
        told, share = f"{spent['trials']:.0f} of {budget.trials:,} trials", spent["trials"] / budget.trials
    elif budget.seconds is not None:
        told, share = f"{duration(spent['seconds'])} of {duration(budget.seconds)}", spent["seconds"] / budget.seconds
    kept = record.stages.get("verdict")
    return Row(
        record,
        _state(store, study, record),
        told,
        share,
        store.trial(study, 0) if record.trials else None,
        chosen,
        None if kept is None else Verdict.from_json(dict(kept)),
    )


def _state(store: Store, study: str, record: StudyRecord) -> str:
    if pause_of(store.instructions(study)) is not None:
        return "paused"
    if store.coordinators(study):
        return "running"
    if "verdict" in record.stages or "select" in record.stages:
        return "done"
    return "not begun" if not record.trials else "at rest"


def _told(row: Row) -> Html:
    plan = row.study.plan
    bar = None
    if row.share is not None:
        filled = el("i", style=f"width:{min(100.0, 100.0 * row.share):.1f}%")
        bar = el("span", filled, class_="bar small", aria_hidden="true")
    verdict = "not verified" if row.verdict is None else _SIGNS[row.verdict.outcome.value]
    return el(
        "tr",
        el("th", el("a", name(plan.name), href=study_at(plan.name)), scope="row"),
        el("td", row.state),
        el("td", row.spent),
        el("td", bar),
        el("td", _score(row.default, plan.objective.name), class_="number"),
        el("td", _score(row.best, plan.objective.name), class_="number"),
        el("td", verdict),
        el("td", moment(row.study.created_at)),
    )


def _score(record: TrialRecord | None, metric: str) -> str:
    score = None if record is None else record.metrics.get(metric)
    return "–" if score is None else measured(score.mean, score.stderr)
