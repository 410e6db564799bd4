"""Charts as inline SVG: the history of a study, an interval beside its zero line. Colours and fonts are the page's.

Coordinates: x to the right and y down, in units of the viewBox; a chart scales with its page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from trialist.trials.plan import Direction, Objective
from trialist.trials.trial import Stage, State, TrialRecord
from trialist.web.html import Html, el
from trialist.web.numbers import count, gain, measured
from trialist.web.scale import Scale, round_step

_WIDTH, _HEIGHT = 960, 350
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 16, 40, 46
_REPLICATES = 20  # named one by one
_MARKS = 2_000  # more trials are thinned: the file stays small, and the picture the same
_BANDS = {
    Stage.BASELINE: "search",
    Stage.SEARCH: "search",
    Stage.REFINE: "refine",
    Stage.SELECT: "select",
    Stage.SWEEP: "select",
}

Point = tuple[TrialRecord, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where trial numbers and values stand in the picture."""

    scale: Scale
    last: int  # the highest trial number

    def x(self, number: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * (number + 0.5) / (self.last + 1), 1)

    def y(self, value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * self.scale.at(value), 1)


def history_chart(records: Sequence[TrialRecord], objective: Objective) -> Html | None:
    """Every trial of one objective by number, the best so far, the baseline, failures, and bands of stages.

    None where no trial has a value yet.
    """
    points = [(record, value) for record in records if (value := _value(record, objective.name)) is not None]
    if not points:
        return None
    frame = Frame(Scale.over([value for _, value in points], objective.direction), max(r.number for r in records))
    failed = [record for record in records if record.state is State.FAILED]
    best = _improvements(points, objective)
    return el(
        "svg",
        el("title", f"{objective.name} of every trial"),
        el("desc", _described(points, failed, best, objective)),
        *_bands(records, frame),
        *_value_axis(frame),
        *_number_axis(frame),
        *_baseline_line(points, frame),
        _best_line(best, frame),
        *(_mark(record, value, objective.name, frame) for record, value in _thinned(points, best)),
        *(_cross(record, frame, objective.direction) for record in failed[-_MARKS:]),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        class_="chart",
    )


def interval_chart(difference: float, interval: tuple[float, float] | None) -> Html:
    """A difference (better is positive) and its interval beside the zero line."""
    ends = [end for end in interval or () if math.isfinite(end)]
    reach = max(map(abs, [difference, *ends])) * 1.15 or 1.0

    def x(value: float) -> float:
        return round(320 + 290 * min(max(value / reach, -1.03), 1.03), 1)

    bar = None
    label = f"difference {gain(difference)}"
    if interval is not None:
        low, high = interval
        label += f", interval {gain(low)} to {gain(high)}, zero marked"
        bar = el("path", d=f"M{x(low)} 34H{x(high)}M{x(low)} 24V44M{x(high)} 24V44", class_="bar")
    return el(
        "svg",
        el("title", label),
        el("line", x1=20, x2=620, y1=34, y2=34, class_="axis"),
        el("line", x1=320, x2=320, y1=8, y2=60, class_="zero"),
        el("text", "0 = no difference", x=320, y=77, text_anchor="middle"),
        el("text", "◀ worse", x=20, y=77),
        el("text", "better ▶", x=620, y=77, text_anchor="end"),
        bar,
        el("circle", cx=x(difference), cy=34, r=7, class_="estimate"),
        viewBox="0 0 640 84",
        role="img",
        class_="interval",
    )


def position_chart(default: float | None, selected: float | None) -> Html:
    """Where on its scale, 0 to 1, a dial stands: hollow the default, filled the selected."""
    return el(
        "svg",
        el("line", x1=8, x2=112, y1=9, y2=9, class_="axis"),
        el("circle", cx=8 + 104 * default, cy=9, r=5.5, class_="default") if default is not None else None,
        el("circle", cx=8 + 104 * selected, cy=9, r=3.5, class_="selected") if selected is not None else None,
        viewBox="0 0 120 18",
        class_="position",
        aria_hidden="true",
    )


def _value(record: TrialRecord, metric: str) -> float | None:
    score = record.metrics.get(metric)
    return score.mean if score is not None and math.isfinite(score.mean) else None


def _improvements(points: Iterable[Point], objective: Objective) -> list[Point]:
    """Explored trials that were the best when they came, among those that satisfy their constraints."""
    found: list[Point] = []
    for record, value in points:
        counts = record.is_scored and record.is_feasible and record.stage.is_explored
        if counts and (not found or objective.loss(value) < objective.loss(found[-1][1])):
            found.append((record, value))
    return found


def _thinned(points: list[Point], best: list[Point]) -> list[Point]:
    """All points while there are few; of many, every nth and each that was the best when it came."""
    every = math.ceil(len(points) / _MARKS)
    kept = {record.number for record, _ in best}
    return [point for i, point in enumerate(points) if i % every == 0 or point[0].number in kept]


def _described(points: list[Point], failed: Sequence[TrialRecord], best: list[Point], objective: Objective) -> str:
    said = (
        f"{count(len(points), 'trial')} with a value of {objective.name} ({objective.direction}), {len(failed)} failed."
    )
    if points[0][0].number == 0:
        said += f" The baseline has {measured(points[0][1])}."
    if best:
        said += f" The best in the search is trial {best[-1][0].number} with {measured(best[-1][1])}."
    return said + " The same numbers are in the table of trials."


def _bands(records: Sequence[TrialRecord], frame: Frame) -> list[Html]:
    parts: list[Html] = []
    for stage, members in groupby(records, key=lambda record: _BANDS[record.stage]):
        numbers = [record.number for record in members]
        left, right = frame.x(numbers[0] - 0.5), frame.x(numbers[-1] + 0.5)
        size = {"width": round(right - left, 1), "height": _HEIGHT - _TOP - _BOTTOM + 24}
        parts.append(el("rect", x=left, y=_TOP - 24, class_=f"band {stage}", **size))
        if right - left > 46:
            parts.append(el("text", stage, x=left + 5, y=_TOP - 9, class_="stage"))
    return parts


def _value_axis(frame: Frame) -> list[Html]:
    parts: list[Html] = []
    for tick in frame.scale.ticks():
        y = frame.y(tick)
        parts.append(el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(el("text", f"{tick:.4g}", x=_LEFT - 8, y=y + 4, text_anchor="end"))
    return parts


def _number_axis(frame: Frame) -> list[Html]:
    step = max(1, int(round_step(frame.last / 10))) if frame.last else 1
    y = _HEIGHT - _BOTTOM
    labels = [el("text", str(n), x=frame.x(n), y=y + 18, text_anchor="middle") for n in range(0, frame.last + 1, step)]
    return [*labels, el("text", "trial", x=(_LEFT + _WIDTH - _RIGHT) // 2, y=_HEIGHT - 8, text_anchor="middle")]


def _baseline_line(points: list[Point], frame: Frame) -> list[Html]:
    record, value = points[0]
    if record.number != 0:
        return []
    y = frame.y(value)
    label_y = y - 5 if y > _TOP + 14 else y + 14
    return [
        el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="baseline"),
        el("text", "default", x=_WIDTH - _RIGHT - 4, y=label_y, text_anchor="end", class_="baseline-label"),
    ]


def _best_line(best: list[Point], frame: Frame) -> Html | None:
    if not best:
        return None
    (first, value), *later = best
    steps = "".join(f"H{frame.x(record.number)}V{frame.y(value)}" for record, value in later)
    return el("path", d=f"M{frame.x(first.number)} {frame.y(value)}{steps}H{frame.x(frame.last + 0.5)}", class_="best")


def _mark(record: TrialRecord, value: float, metric: str, frame: Frame) -> Html:
    """A dot where complete, a ring for a finalist scored again, a triangle where stopped or beyond the scale."""
    x, y = frame.x(record.number), frame.y(value)
    noise = record.metrics[metric].stderr
    title = el("title", f"trial {record.number}, {record.state}: {measured(value, noise)}{_replicates(record, metric)}")
    if not frame.scale.holds(value) or record.state is not State.COMPLETE:
        return el("path", title, d=f"M{x} {y - 5}l5 9h-10z", class_="mark stopped")
    kind = _BANDS[record.stage] if record.stage.is_explored else "again"
    dot = el("circle", title, cx=x, cy=y, r=4, class_=f"mark {kind}")
    if not noise:
        return dot
    bar = el("line", x1=x, x2=x, y1=frame.y(value - noise), y2=frame.y(value + noise), class_="noise")
    return el("g", bar, dot)


def _replicates(record: TrialRecord, metric: str) -> str:
    """The scores that a mean is of: folds, draws or seeds."""
    found = record.metrics[metric].replicates
    if len(found) < 2:
        return ""
    more = f" and {len(found) - _REPLICATES} more" if len(found) > _REPLICATES else ""
    return f", the mean of {', '.join(measured(x) for x in found[:_REPLICATES])}{more}"


def _cross(record: TrialRecord, frame: Frame, direction: Direction) -> Html:
    """Failures stand at the bad end of the scale."""
    x, y = frame.x(record.number), (_TOP + 6 if direction is Direction.MINIMIZE else _HEIGHT - _BOTTOM - 6)
    title = el("title", f"trial {record.number} failed")
    return el("path", title, d=f"M{x - 4} {y - 4}l8 8m0 -8l-8 8", class_="failed")
