"""What the scores are worth: from the search over fresh seeds to the sealed data, the noise in them, and by budget."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trialist.scoring.expected_best import ExpectedBest, Kind
from trialist.trials.trial import Score, TrialRecord
from trialist.web.curve import best_chart
from trialist.web.data import ReportData
from trialist.web.figure import figure, figures
from trialist.web.html import Html, el, name
from trialist.web.layout import section, table
from trialist.web.numbers import count, gain, measured
from trialist.web.stages import Row, stages_chart

_MOST_ROWS = 12  # of the table of budgets
_FRESH = "on fresh seeds"


def scoring_section(data: ReportData) -> Html | None:
    """The scores of default and selected configuration at each stage, and how much too good the first ones were."""
    default, selected = data.baseline, data.best
    if default is None or selected is None:
        return None
    rows = _rows(data, default, selected)
    word = "selected" if data.selection is not None else "best so far"
    head: tuple[str, ...] = (data.objective.name, "default (trial 0)", f"{word} (trial {selected.number})", "better by")
    if selected.number == default.number:
        head = (data.objective.name, f"the default, which is {word}")
    return section(
        "scoring",
        "What the scores are worth",
        *(el("p", words, class_="warning") for words in data.leaks),
        _stages(rows, data, word) if len(rows) > 1 else None,
        table(
            head,
            [_row(row, data, head[1:]) for row in rows],
            f"{data.objective.name} from stage to stage ({data.objective.direction})",
            numeric=head[1:],
        ),
        el("p", f"{words[:1].upper()}{words[1:]}.") if (words := _luck(data)) else None,
        el("p", _note(rows), class_="note"),
    )


def curve_section(data: ReportData) -> Html | None:
    """The best score by number of trials, as a chart and as a table of a few budgets."""
    curve = data.curve
    if curve is None:
        return None
    words = curve.words[:1].upper() + curve.words[1:] + "."
    baseline = None if data.baseline is None else data.baseline.value
    title = "Expected best by budget" if curve.kind is not Kind.PATH else "Best by budget"
    return section(
        "by-budget",
        title,
        el(
            "figure",
            el("figcaption", name(curve.metric), _legend(curve)),
            best_chart(curve, data.objective, baseline),
            tabindex=0,
        ),
        el("p", words, class_="note"),
        el("details", el("summary", "The same in numbers"), _budgets(curve)),
    )


def noise_section(data: ReportData) -> Html | None:
    """Where the variance of a score comes from, and how many scores tell the two best apart."""
    found = data.noise
    if found is None:
        return None
    head = ("source", "standard deviation", "share", "", "90 % interval", "of it not common to all")
    rows = [
        el(
            "tr",
            el("th", part.name, scope="row"),
            el("td", measured(part.sd), class_="number"),
            el("td", f"{part.share:.0%}", class_="number"),
            el("td", el("span", el("i", style=f"width:{100 * part.share:.0f}%"), class_="bar", aria_hidden="true")),
            el("td", f"{part.interval[0]:.0%} to {part.interval[1]:.0%}", class_="number"),
            el("td", measured(part.own_sd), class_="number"),
        )
        for part in found.parts
    ]
    return section(
        "noise",
        "Noise",
        figure("noise", data) or el("p", found.words),
        table(head, rows, f"Noise of one {found.unit}, by its source", numeric=head[1:]) if found.sd else None,
        el(
            "p",
            f"From the {found.configurations} best configurations with several scores.",
            class_="note",
        ),
    )


def calibration_section(data: ReportData) -> Html | None:
    """How good the model's predictions were before each trial, and are of each trial by all the others."""
    found = [*figures("foretold", data), *figures("calibration", data)]
    return section("calibration", "How good the model predicts", *found) if found else None


def statement_section(data: ReportData) -> Html | None:
    """The paragraph for a paper."""
    if not data.statement:
        return None
    return section(
        "statement",
        "For a paper",
        el("blockquote", el("p", data.statement)),
        el("p", "The same, and the curve by budget, as JSON: trialist statement --json.", class_="note"),
    )


def _rows(data: ReportData, default: TrialRecord, selected: TrialRecord) -> list[Row]:
    is_same = default.number == selected.number  # then one score tells all
    rows = [Row("in the search", default.score, None if is_same else selected.score)]
    fresh = data.fresh(default.number), None if is_same else data.fresh(selected.number)
    if any(fresh):
        rows.append(Row(_FRESH, *fresh))
    if (verdict := data.verdict) is not None and data.verified in (None, selected.number):
        sealed = Score((verdict.baseline_score,)), None if is_same else Score((verdict.selected_score,))
        rows.append(Row("on the sealed test data", *sealed, (verdict.difference, verdict.interval)))
    return rows


def _stages(rows: list[Row], data: ReportData, word: str) -> Html | None:
    chart = stages_chart(rows, data.objective, word)
    if chart is None:
        return None
    entries = [("ring", "default"), ("line error", "standard error")]
    if any(row.selected is not None for row in rows):
        entries.insert(1, ("dot search", word))
    items = [el("li", el("span", class_=f"key {kind}", aria_hidden="true"), label) for kind, label in entries]
    return el(
        "figure", el("figcaption", name(data.objective.name), el("ul", *items, class_="legend")), chart, tabindex=0
    )


def _row(row: Row, data: ReportData, titles: Sequence[str]) -> Html:
    """titles: of the columns, all of them or the first alone."""
    cells = (_score(row.default), _score(row.selected), _gain(row, data))
    told = (el("td", cell, class_="number", data_title=title) for cell, title in zip(cells, titles, strict=False))
    return el("tr", el("th", row.title, scope="row"), *told)


def _gain(row: Row, data: ReportData) -> str:
    if row.verified is not None:
        difference, interval = row.verified
        if interval is None:
            return gain(difference)
        low, high = interval
        half = (high - low) / 2
        return f"{gain(difference, half)} ({gain(low, half)} to {gain(high, half)})"
    if row.default is None or row.selected is None:
        return "–"
    noise = math.hypot(row.default.stderr or 0.0, row.selected.stderr or 0.0)
    return gain(data.objective.loss(row.default.mean) - data.objective.loss(row.selected.mean), noise or None)


def _luck(data: ReportData) -> str:
    return "" if data.optimism is None else data.optimism.sentence


def _note(rows: list[Row]) -> str:
    told = ["Scores of a search are too good by selection: the best of many noisy scores is a lucky one."]
    if any(row.title == _FRESH for row in rows):
        told.append("The fresh scores had no part in the search.")
    if (sealed := next((row for row in rows if row.verified is not None), None)) is not None:
        told.append("The sealed data had no part in any choice.")
        if sealed.selected is not None:
            told.append("In brackets, the interval of the verdict.")
    return " ".join(told)


def _legend(curve: ExpectedBest) -> Html:
    line = {
        Kind.DRAWS: "mean best of n trials",
        Kind.PATH: "best after n trials",
        Kind.RUNS: "mean best of the searches",
    }
    entries = [("line best", line[curve.kind])]
    if any(value is not None for value in curve.worst):
        entries.append(("area", f"{curve.confidence:.0%} band"))
    if curve.kind is Kind.DRAWS and curve.luckiest[-1] is None:
        entries.append(("area open", "open: luck beyond what was drawn"))
    entries.append(("line baseline", "default"))
    items = [el("li", el("span", class_=f"key {kind}", aria_hidden="true"), label) for kind, label in entries]
    return el("ul", *items, class_="legend")


def _budgets(curve: ExpectedBest) -> Html:
    """A dozen budgets, evenly on a log scale."""
    last = len(curve.budgets) - 1
    shown = sorted({round(last ** (k / (_MOST_ROWS - 1))) if last else 0 for k in range(_MOST_ROWS)} | {0})
    head = ("trials", "best", "worse end", "better end")
    rows = [
        el(
            "tr",
            el("th", f"{curve.budgets[i]:,}", scope="row"),
            *(
                el("td", "open" if value is None else measured(value), class_="number")
                for value in (curve.expected[i], curve.worst[i], curve.luckiest[i])
            ),
        )
        for i in shown
    ]
    return table(head, rows, f"{curve.metric} by budget, of {count(curve.trials, 'trial')}", numeric=head[1:])


def _score(score: Score | None) -> str:
    return "–" if score is None else measured(score.mean, score.stderr)
