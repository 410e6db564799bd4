"""How each stopping rule came to where it stands: its statistic beside its threshold, replayed over the full runs."""

from __future__ import annotations

from dataclasses import dataclass

from trialist.stopping.prospects import Prospects
from trialist.stopping.standing import standings
from trialist.trials.history import History

MOST = 60  # moments that are replayed; each asks a model anew


@dataclass(frozen=True, slots=True)
class Moment:
    """After so many full runs. statistic, threshold: as in a Standing, None where nothing told."""

    full_runs: int
    statistic: float | None
    threshold: float | None
    is_past: bool


@dataclass(frozen=True, slots=True)
class Course:
    """A rule over time; the fields as in its Standings."""

    rule: str
    ends: bool
    of: str
    fires_below: bool
    moments: tuple[Moment, ...]


def courses(history: History, workers: int = 1, most: int = MOST) -> tuple[Course, ...]:
    """Of each rule that is declared or advises, at moments evenly spread over the full runs, the last one among them.

    Each moment knows the trials that were opened until then, as they ended.
    """
    n, prospects = len(history.scored), Prospects()
    found: dict[tuple[str, bool], tuple[str, bool, list[Moment]]] = {}
    for full_runs in _spread(n, most):
        last = history.scored[full_runs - 1].number
        until = tuple(record for record in history.records if record.number <= last)
        part = history if full_runs == n else History(history.plan, history.space, until, history.earlier)
        for each in standings(part, workers, prospects):
            *_, moments = found.setdefault((each.rule, each.ends), (each.of, each.fires_below, []))
            moments.append(Moment(full_runs, each.statistic, each.threshold, each.is_past))
    return tuple(Course(rule, ends, of, below, tuple(told)) for (rule, ends), (of, below, told) in found.items())


def _spread(n: int, most: int) -> list[int]:
    """Up to `most` whole numbers from 1 to n, n itself the last.

    >>> _spread(4, 60), _spread(10, 3), _spread(0, 5)
    ([1, 2, 3, 4], [4, 7, 10], [])
    """
    if n <= most:
        return list(range(1, n + 1))
    return sorted({n - (n - 1) * k // most for k in range(most)})
