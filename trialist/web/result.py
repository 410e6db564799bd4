"""The result: the verdict's seal, the selected configuration beside the default, the finalists."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from trialist.scoring.digits import in_digits
from trialist.study.onwards import to_verify
from trialist.study.summary import constraint_note
from trialist.study.views.parallel import place_of
from trialist.trials.trial import Score, TrialRecord
from trialist.web.charts import interval_chart, position_chart
from trialist.web.data import ReportData
from trialist.web.html import Html, el, name
from trialist.web.layout import facts, section, table
from trialist.web.numbers import measured, moment, setting

if TYPE_CHECKING:
    from trialist.scoring.verdict import Verdict

# Outcome: class of the seal and its sign; colour is never the only difference.
_SEALS = {"improved": ("improved", "▲"), "no difference shown": ("open", "≈"), "worse": ("worse", "▼")}


def verdict_section(data: ReportData) -> Html:
    """The seal: what verification showed, or that there was none."""
    kind, sign, body = _unverified(data) if data.verdict is None else _verified(data.verdict, data.doubt)
    seal = el("div", el("div", el("span", sign), class_="sign", aria_hidden="true"), body, class_=f"seal {kind}")
    return el("section", seal, id="verdict", aria_labelledby="verdict-title")


def comparison_section(data: ReportData) -> Html:
    """Default and selected configuration dial by dial, with their scores."""
    default, selected = data.baseline, data.best
    if default is None:
        return section("configuration", "Configuration", el("p", "No trial was run yet."))
    if selected is None:
        nothing = el("p", "No trial has a score yet, so there is nothing to set beside the default.", class_="note")
        return section("configuration", "Configuration", nothing, _dials(data, default, None))
    word = "selected" if data.selection is not None else "best so far"
    return section(
        "configuration",
        f"The default and the {word}",
        el("p", el("bdi", note)) if (note := constraint_note(default, selected)) else None,
        _dials(data, default, selected),
    )


def finalists_section(data: ReportData) -> Html | None:
    """The finalists with the score that brought them there and the fresh one that decided."""
    if not data.finalists:
        return None
    chosen = data.selection.number if data.selection is not None else None
    metric = data.objective.name
    head = ("trial", f"{metric} in the search", f"{metric} on fresh seeds", "fresh scores", "behind the selected")
    rows = [
        el(
            "tr",
            el("th", f"{record.number}" + (" (default)" if record.number == 0 else ""), scope="row"),
            el("td", _score(record.score), class_="number", data_title="in the search"),
            el("td", _score(data.fresh(record.number)), class_="number", data_title="on fresh seeds"),
            el(
                "td",
                str(len(fresh.replicates)) if (fresh := data.fresh(record.number)) else "0",
                class_="number",
                data_title=head[3],
            ),
            el(
                "td",
                "selected" if record.number == chosen else _behind(data, record.number),
                data_title=None if record.number == chosen else "behind",
            ),
            class_="chosen" if record.number == chosen else None,
        )
        for record in sorted(data.finalists, key=lambda r: _fresh_loss(data, r))
    ]
    return section(
        "finalists",
        "Finalists",
        el("p", data.selection.reason) if data.selection is not None else el("p", "The selection is not over yet."),
        table(head, rows, "Finalists, scored again on fresh seeds", numeric=head[1:4]),
        el(
            "p",
            "The best of many noisy scores is lucky; the fresh scores are not.",
            class_="note",
        ),
    )


def _verified(verdict: Verdict, doubt: str) -> tuple[str, str, Html]:
    """Class, sign and text of the seal."""
    kind, sign = ("worse", "✕") if doubt else _SEALS[verdict.outcome.value]
    body = el(
        "div",
        el("h2", f"Verdict{', in doubt' if doubt else ''}: {verdict.outcome}", id="verdict-title"),
        el("p", el("strong", el("bdi", doubt[0].upper() + doubt[1:])), role="alert") if doubt else None,
        el("p", verdict.sentence.removeprefix(f"{verdict.outcome}: "), class_="lead"),
        None if verdict.same_configuration else interval_chart(verdict.difference, verdict.interval),
        _facts(verdict),
    )
    return kind, sign, body


def _unverified(data: ReportData) -> tuple[str, str, Html]:
    if data.best is None:
        why = "No trial has a score yet, so there is nothing to verify."
        advice = "The failures are listed below." if data.failed else "The process verifies as its last stage."
    else:
        why = (
            "Scores of a search are lucky by construction. Whether the selected configuration beats the default "
            "was not tested on data that the search never saw."
        )
        declare = "No test was declared. Declare one, with test= in Python or --test on the command line."
        sealed = f"The test data are still sealed; the last stage opens them: {to_verify(data.plan)}."
        advice = declare if data.plan.test is None else sealed
    title = el("h2", "Not verified", id="verdict-title")
    return "unverified", "–", el("div", title, el("p", why), el("p", advice, class_="note"))


def _facts(verdict: Verdict) -> Html:
    looks = "first look at these data" if verdict.looks == 1 else f"look {verdict.looks} at these data"
    sizes = f"{verdict.seeds} training{'s' if verdict.seeds > 1 else ''} of each"
    sizes += f", {verdict.examples:,} test examples" if verdict.examples else ""
    return facts(
        (
            (
                "interval",
                f"{100 * verdict.level:.4g} %, of the difference; above 0 is better"
                if verdict.interval and not verdict.same_configuration
                else "",
            ),
            ("practical size", _practical(verdict)),
            ("likely shown", f"a true difference of {in_digits(verdict.shown)}" if verdict.shown else ""),
            ("sizes", sizes),
            ("method", verdict.method),
            ("opened", f"{_when(verdict.opened_at)}{looks}"),
            ("fingerprint of the data", verdict.fingerprint or ""),
        )
    )


def _practical(verdict: Verdict) -> str:
    if verdict.size is None or verdict.matters is None or verdict.same_configuration:
        return ""
    return f"{verdict.size} (from {in_digits(verdict.matters)} on)"


def _when(opened_at: str | None) -> str:
    return f"{moment(datetime.fromisoformat(opened_at).timestamp())}, " if opened_at else ""


def _dials(data: ReportData, default: TrialRecord, selected: TrialRecord | None) -> Html:
    names = dict.fromkeys([*data.space.names, *default.params, *(selected.params if selected is not None else ())])
    rows = [_dial_row(data, dial, default, selected) for dial in names]
    head: tuple[str, ...] = ("dial", "default")
    if selected is not None:
        word = "selected" if data.selection is not None else "best so far"
        head += (word, "", f"○ default ● {word}")
    if not rows:
        return el("p", "No dial was declared yet.", class_="note")
    return table(head, rows, "Dial by dial")


def _dial_row(data: ReportData, dial: str, default: TrialRecord, selected: TrialRecord | None) -> Html:
    first = el("th", name(dial), scope="row"), el("td", _setting(default, dial))
    if selected is None:
        return el("tr", *first)
    differs = _setting(default, dial) != _setting(selected, dial)
    places = place_of(data.space, dial, default.params), place_of(data.space, dial, selected.params)
    return el(
        "tr",
        *first,
        el("td", _setting(selected, dial)),
        el("td", "changed" if differs else "same", class_="said"),
        el("td", position_chart(*places)),
        class_="changed" if differs else None,
    )


def _behind(data: ReportData, number: int) -> Html | str:
    """How far a finalist is behind the selected one, over the same fresh seeds."""
    row = next((row for row in data.selection.table if row.number == number), None) if data.selection else None
    if row is None or row.behind is None:
        return "–"
    if row.violates:
        return el("bdi", f"not to be chosen: {row.violates}")
    if row.interval is None:
        return f"{row.behind:.3g}"
    low, high = row.interval
    return f"{measured(row.behind, (high - low) / 2)}" + (", a tie" if row.is_tied else "")


def _setting(record: TrialRecord, dial: str) -> Html:
    if dial not in record.params:
        return el("span", "not active", class_="inactive")
    return el("bdi", setting(record.params[dial]))


def _score(score: Score | None) -> str:
    return "–" if score is None else measured(score.mean, score.stderr)


def _fresh_loss(data: ReportData, record: TrialRecord) -> float:
    fresh = data.fresh(record.number)
    return math.inf if fresh is None else data.objective.loss(fresh.mean)
