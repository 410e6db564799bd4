"""How each stopping rule came to where it stands: its statistic beside its threshold, replayed over the full runs."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from trialist.stopping.prospects import Prospects
from trialist.stopping.standing import Standing, standings
from trialist.trials.history import History

MOST = 60  # moments that are replayed; each asks a model anew
LONG, FEWEST = 24_000, 15  # of n full runs no more moments than LONG / n, but at least so many
_KEPT = 512


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


class Replay:
    """Asks the rules moment by moment; what they said of a moment that stays as it was is remembered, a cache."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Standing, ...]] = {}

    def courses(self, history: History, workers: int = 1, most: int = MOST) -> tuple[Course, ...]:
        """Of each rule that is declared or advises, at moments evenly spread over the full runs, the last among them.

        Each moment knows the trials that were opened until then, as they ended.
        """
        found: dict[tuple[str, bool], tuple[str, bool, list[Moment]]] = {}
        prospects = Prospects()
        for full_runs in moments(len(history.scored), most):
            for each in self._standings(history, full_runs, workers, prospects):
                *_, told = found.setdefault((each.rule, each.ends), (each.of, each.fires_below, []))
                told.append(Moment(full_runs, each.statistic, each.threshold, each.is_past))
        return tuple(Course(rule, ends, of, below, tuple(told)) for (rule, ends), (of, below, told) in found.items())

    def _standings(self, history: History, full_runs: int, workers: int, prospects: Prospects) -> tuple[Standing, ...]:
        last = history.scored[full_runs - 1].number
        until = tuple(record for record in history.records if record.number <= last)
        key = (str(history.plan), repr(history.space), workers, hash(tuple((r.state, r.loss) for r in until)))
        if key in self._known:
            self._known[key] = self._known.pop(key)  # the last to be forgotten
        else:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            part = History(history.plan, history.space, until, history.earlier)
            self._known[key] = standings(part, workers, prospects)
        return self._known[key]


def moments(n: int, most: int) -> list[int]:
    """Up to about `most` of the numbers from 1 to n: round ones, which stay the same as n grows, and n itself.

    Of a long study fewer: there each moment takes a second.

    >>> moments(4, 60), moments(23, 5), moments(0, 5)
    ([1, 2, 3, 4], [5, 10, 15, 20, 23], [])
    """
    most = max(min(most, LONG // max(n, 1)), min(most, FEWEST))
    steps = (digit * 10**power for power in range(18) for digit in (1, 2, 5))
    step = next(step for step in steps if n <= step * most)
    return sorted({*range(step, n + 1, step), n}) if n else []
