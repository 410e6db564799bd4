"""A study as a notebook shows it: a small table with a sparkline, in the notebook's own colours, everything escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from trialist.study.prose import counted, measured, named, setting
from trialist.study.views.best import BestSoFar, best_so_far
from trialist.study.views.burndown import burndown, summary
from trialist.study.views.scale import Scale
from trialist.trials.history import History
from trialist.trials.plan import Direction
from trialist.trials.trial import TrialRecord

if TYPE_CHECKING:
    from trialist.study.known import Known

_WIDTH, _HEIGHT, _EDGE = 240, 44, 4  # of the sparkline, in pixels
_MOST_DIALS = 12
# The text's colour serves for lines too, so that light and dark are both read; nothing is told by colour alone.
_STYLE = "color:inherit;border-collapse:collapse;font-size:13px;line-height:1.4"
_CELL = "text-align:left;padding:2px 10px 2px 0;vertical-align:top;background:none"


def card(study: Known) -> str:
    """HTML: name, best against default, sparkline, budget, verdict."""
    history = study.history
    view = best_so_far(history)
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="{_CELL};opacity:.75;font-weight:normal">{label}</th>'
        f'<td style="{_CELL}">{shown}</td></tr>'
        for label, shown in _rows(study, history, view)
    )
    caption = (
        f'<caption style="text-align:left;caption-side:top;padding-bottom:4px"><b>{_text(study.name)}</b></caption>'
    )
    return f'<table style="{_STYLE}">{caption}<tbody>{rows}</tbody></table>'


def _rows(study: Known, history: History, view: BestSoFar) -> Iterator[tuple[str, str]]:
    """Labels, and what stands beside them, both as HTML."""
    states = Counter(record.state.value for record in history)
    told = ", ".join(f"{count:,} {state}" for state, count in states.items())
    yield "trials", escape(counted(len(history), "trial") + (f": {told}" if told else ""))
    best, default = study.best, history.baseline
    if not view.enough:
        yield "next", escape(view.words)
    if default is not None:
        yield "default", _score(default, view.metric)
    if best is not None:
        label = "chosen" if study.selection is not None else "best so far"
        yield label, _score(best, view.metric)
        if best.params:
            yield "dials", _dials(best)
    if (drawn := sparkline(view)) is not None:
        yield "history", drawn
    if history.plan.budget.is_unlimited is False:
        outlays = study.forecast().outlays
        yield "budget", escape(summary(burndown(history, study.spent, outlays, datetime.now().timestamp())))
    if (verdict := study.verdict) is not None:
        yield "verdict", escape(str(verdict))
        if words := study.doubt:
            yield "doubt", escape(words)


def sparkline(view: BestSoFar) -> str | None:
    """The best so far as an inline SVG, better values higher, with the default as a dashed line; None without two."""
    path = view.path() if view.steps else ()
    if len(path) < 2:
        return None

    seen = path if view.default is None else (*path, view.default)
    scale = Scale.over(seen, Direction(view.direction))

    def y(value: float) -> float:
        share = scale.at(value)
        up = share if view.direction == "maximize" else 1.0 - share
        return round(_HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * up, 1)

    first, span = view.steps[0].number, view.last + 1 - view.steps[0].number

    def x(number: float) -> float:
        return round(_EDGE + (_WIDTH - 2 * _EDGE) * (number - first) / span, 1)

    points = f"M{x(first)} {y(view.steps[0].value)}" + "".join(
        f"H{x(step.number)}V{y(step.value)}" for step in view.steps[1:]
    )
    last = view.steps[-1]
    default = ""
    if view.default is not None:
        at = y(view.default)
        default = (
            f'<line x1="{_EDGE}" x2="{_WIDTH - _EDGE}" y1="{at}" y2="{at}" stroke="currentColor" stroke-opacity=".5" '
            'stroke-dasharray="4 3"/>'
        )
    told = f"Best {named(view.metric)} so far by trial: {view.steps[0].value:.4g} to {last.value:.4g}"
    told += "" if view.default is None else f"; dashed, the default: {view.default:.4g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{escape(told)}"><title>{escape(told)}</title>{default}'
        f'<path d="{points}H{_WIDTH - _EDGE}" fill="none" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{x(last.number)}" cy="{y(last.value)}" r="3.5" fill="currentColor"/></svg>'
    )


def _score(record: TrialRecord, metric: str) -> str:
    score = record.metrics.get(metric)
    value = "no score" if score is None else measured({"mean": score.mean, "stderr": score.stderr})
    return f"{_text(metric)} {escape(value)} (trial {record.number})"


def _dials(record: TrialRecord) -> str:
    shown = [f"{_text(name)}&nbsp;=&nbsp;{escape(setting(value))}" for name, value in record.params.items()]
    more = [f"and {len(shown) - _MOST_DIALS} more"] if len(shown) > _MOST_DIALS else []
    return ", ".join([*shown[:_MOST_DIALS], *more])


def _text(name: str) -> str:
    return escape(named(name))
