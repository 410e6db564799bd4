"""Selection: the choice among a few finalists by fresh scores, because the best search score is partly luck.

Smaller is better.  All finalists are scored again with the same fresh seeds or splits, so that their differences are
paired: what a seed adds to all of them drops out.  What a model of the search expected of them counts as well, with as
much doubt as it had, and more: so luck does not enter twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialist.errors import ResultError, shown
from trialist.scoring.digits import digits_for, rounded
from trialist.scoring.optimism import Optimism
from trialist.scoring.outlays import Outlays
from trialist.trials.plan import Direction

if TYPE_CHECKING:
    from trialist.model.belief import Belief
    from trialist.scoring.expectation import Seen

TIE_LEVEL = 0.90


@dataclass(frozen=True, slots=True)
class Finalist:
    """One row of the selection's table; all numbers are losses, smaller is better."""

    number: int
    search: float | None  # what the search saw: too good, the more so the more trials there were
    # Mean of the fresh scores; None where one of them failed. Of one that had fewer seeds than the selected one, as far
    # from its mean as on the seeds that both had: some are harder than others for all.
    fresh: float | None
    stderr: float | None  # of that mean; None with a single fresh score
    behind: float | None  # how much worse than the selected one, paired over seeds
    interval: tuple[float, float] | None  # of `behind`, at 90 %
    is_tied: bool  # with the selected one: the interval holds 0
    violates: str = ""  # the measured constraints that it violates, in words: then it was not to be chosen
    runs: int = 0  # on fresh seeds; fewer for one that fell behind
    outlay: float | None = None  # what a run takes: cost, else seconds


@dataclass(frozen=True, slots=True)
class Selection:
    """The finalist that was chosen, why, and how all of them scored.

    table: the best fresh score first, after it those that violate a constraint, last those without a fresh score.
    optimism: of the best search score, expected and seen.
    """

    number: int
    reason: str
    table: tuple[Finalist, ...]
    optimism: Optimism | None = None

    @property
    def ties(self) -> tuple[int, ...]:
        """The finalists that the fresh scores cannot tell from the selected one."""
        return tuple(row.number for row in self.table if row.is_tied and row.number != self.number)


def select(
    fresh: Mapping[int, Sequence[float]],
    search: Mapping[int, float | None],
    *,
    baseline: int | None,
    direction: Direction = Direction.MINIMIZE,
    violates: Mapping[int, str] | None = None,
    belief: Belief | None = None,
    per_run: int = 1,
    overlap: float = 0.0,
    outlays: Outlays | None = None,
    prefer: str = "better",
) -> Selection:
    """The finalist with the lowest expected loss, unless that is not surely better than the default.

    fresh: fresh losses by trial number, the first ones of each under the same seeds or splits in the same order; a
    finalist with a loss that is not finite is set aside.  search: what the search saw, for the table.
    baseline: the default's number.  direction: how the reason shows the numbers; the losses are smaller-is-better in
    any case.  violates: finalists that are not to be chosen, the default perhaps among them, each with the measured
    constraints that it violates in words.  belief: what a model of the search expects.
    per_run: losses that one run gave, its folds.  overlap: of their training data, as in Score.
    outlays: what runs take; prefer: "cheaper" gives the place to the cheapest one within a standard error.

    What is expected is the mean of the fresh losses, by least squares where some finalists were dropped on the way,
    drawn towards what the model expected by as much as the noise asks for.  The noise is what remains of the fresh
    losses when seeds and finalists have their effects, pooled with the model's unless it is far smaller.
    The leader of several is ahead partly by luck.  So the default keeps its place unless the leader is better with a
    probability of 70 % where it is the only challenger, 75 % of two, 80 % of more; with a single fresh score each and
    no model, no error is known and the lowest wins. Equals go to the default, then to the earlier trial.  Finalists
    whose paired 90 % interval to the selected one (Student's t over the fresh scores alone) holds 0 are called ties.

    Raises ResultError where there is nothing to choose from.
    """
    if not all(fresh.values()):
        counts = {number: len(losses) for number, losses in fresh.items()}
        raise ResultError(
            "fresh", f"{shown(counts)} fresh scores by trial do not pair", "Score every finalist at least once."
        )
    sound = {n: [float(x) for x in losses] for n, losses in fresh.items() if all(math.isfinite(x) for x in losses)}
    violates = violates or {}
    candidates = [n for n in sound if n not in violates]
    if not candidates:
        raise ResultError(
            "fresh",
            f"none of {len(fresh)} finalists has finite fresh scores"
            + (" without violating a constraint" if violates else ""),
            "Look at why they fail with fresh seeds.",
        )
    from trialist.scoring.expectation import Seen

    seen = Seen.of(sound, search, belief, per_run, overlap)
    leader = min(candidates, key=lambda n: (seen.expected(n), n != baseline, n))
    chosen = leader
    if baseline is not None and baseline in candidates and not seen.is_surely_better(leader, baseline):
        chosen = baseline
    outlays = outlays or Outlays({}, "cost", {}, 0.0)
    cheap = _cheapest(chosen, leader, baseline, candidates, seen, outlays)
    dear, chosen = chosen, cheap if prefer == "cheaper" else chosen
    rows = [
        _row(n, sound, search, seen, chosen, violates.get(n, ""), len(fresh[n]) // per_run, outlays.of.get(n))
        for n in fresh
    ]
    rows.sort(
        key=lambda row: (row.fresh is None, row.violates != "", row.behind or 0.0, row.number != chosen, row.number)
    )
    told = _Told(rows, seen, direction, baseline, per_run, outlays)
    return Selection(chosen, "; ".join(told.parts(chosen, leader, dear, cheap)), tuple(rows))


def _cheapest(
    chosen: int, leader: int, baseline: int | None, candidates: Sequence[int], seen: Seen, outlays: Outlays
) -> int:
    """The one that takes least of those within one standard error of the leader, if surely less than the chosen one.

    Who is expected to be worse than the default is not among them: of many that are cheap and tied, some are.
    """

    def is_near(n: int) -> bool:
        is_worse = baseline is not None and baseline in candidates and seen.expected(n) > seen.expected(baseline)
        return seen.freedom is not None and not is_worse and seen.ahead(leader, n) <= seen.error(leader, n)

    cheaper = [n for n in candidates if is_near(n) and (outlays.times(chosen, n) or 0.0) > 1]
    return min(cheaper, key=lambda n: (outlays.of[n], seen.expected(n), n), default=chosen)


def _row(
    n: int,
    sound: Mapping[int, Sequence[float]],
    search: Mapping[int, float | None],
    seen: Seen,
    chosen: int,
    violates: str,
    runs: int,
    outlay: float | None,
) -> Finalist:
    from trialist.scoring.finalists import interval

    if n not in sound:
        return Finalist(n, search.get(n), None, None, None, None, False, violates, runs, outlay)
    i, j = seen.place[n], seen.place[chosen]
    behind, between = seen.found.apart(i, j), interval(seen.found, i, j, TIE_LEVEL)
    holds = behind == 0 if between is None else between[0] <= 0 <= between[1]
    mean, stderr = _mean(sound[n], seen.found.overlap)
    if len(sound[n]) != len(sound[chosen]):
        mean = _mean(sound[chosen], 0.0)[0] + behind
    return Finalist(n, search.get(n), mean, stderr, behind, between, holds and not violates, violates, runs, outlay)


def _mean(losses: Sequence[float], overlap: float) -> tuple[float, float | None]:
    """Mean and its standard error; None for one."""
    n = len(losses)
    mean = math.fsum(x / n for x in losses)
    if n == 1:
        return mean, None
    return mean, math.hypot(*(x - mean for x in losses)) * math.sqrt((1 / n + overlap) / (n - 1))


@dataclass(frozen=True, slots=True)
class _Told:
    """The reason in words."""

    rows: Sequence[Finalist]
    seen: Seen
    direction: Direction
    baseline: int | None
    per_run: int
    outlays: Outlays

    def parts(self, chosen: int, leader: int, dear: int, cheap: int) -> Iterator[str]:
        """chosen: the selected one; dear: who would be without a preference for what is cheaper, and cheap with it."""
        yield self._choice(dear, leader) if chosen == dear else self._cheaper(chosen, dear)
        ties = [row.number for row in self.rows if row.is_tied and row.number not in (chosen, dear)]
        if chosen == dear != leader and leader in ties:
            ties.remove(leader)  # it is told already
        if ties:
            yield f"a tie with {', '.join(map(self._named, ties))} (90 % interval of the difference holds 0)"
        if cheap != chosen:
            takes = self._takes(cheap, chosen)
            yield f'{self._named(cheap)}, within one standard error, {takes}: prefer="cheaper" takes it'
        rounds = max(row.runs for row in self.rows)
        late = [row for row in self.rows if row.fresh is not None and row.runs < rounds and not row.violates]
        if late:
            yield f"fell behind early: {', '.join(f'{self._named(row.number)} after {row.runs}' for row in late)}"
        failed = [row.number for row in self.rows if row.fresh is None]
        if failed:
            yield f"set aside, because fresh scores failed: {', '.join(map(self._named, failed))}"
        barred = [
            f"{self._named(row.number)} ({row.violates})" for row in self.rows if row.violates and row.fresh is not None
        ]
        if barred:
            yield f"not to be chosen: {', '.join(barred)}"

    def _choice(self, chosen: int, leader: int) -> str:
        if chosen != leader:
            ahead = -(self._row(leader).behind or 0.0)
            decimals = max(self._decimals, digits_for(abs(ahead)))
            by = f"ahead by {rounded(ahead, decimals)}" if ahead > 0 else "not ahead"
            return (
                f"the default stays: trial {leader} is {by} over {self._scores(leader)}; by these and the search it "
                f"is {self.seen.chance(leader, chosen):.0%} likely to be the better one, "
                f"and {self.seen.asked:.0%} is asked"
            )
        best = min((row for row in self.rows if row.fresh is not None and not row.violates), key=_behind)
        is_lowest = best.number == chosen or _behind(best) == _behind(self._row(chosen))
        against = ""
        if chosen != self.baseline and self.baseline in self.seen.place:
            against = f", against {self._fresh(self.baseline)} of the default"
        if is_lowest:
            return f"{self._named(chosen)} has the best mean of {self._scores(chosen)}, {self._fresh(chosen)}{against}"
        lowest = f"trial {best.number} had {self._fresh(best.number)}, but less in the search"
        return (
            f"{self._named(chosen)} is the best by {self._scores(chosen)} and the search together, with a fresh mean "
            f"of {self._fresh(chosen)}{against}; {lowest}"
        )

    def _cheaper(self, chosen: int, dear: int) -> str:
        tie = f"a tie with {self._named(dear)}, which {self._takes(dear, chosen)}"
        what = f"{self._named(chosen)} is the cheaper one of {tie}"
        return f"{what}: {self._fresh(chosen)} against {self._fresh(dear)} over {self._scores(chosen)}"

    def _takes(self, one: int, other: int) -> str:
        """How much more, or less, one takes than the other."""
        times = self.outlays.times(one, other) or 1.0
        factor = f"{times:.2g}x" if times < 10 else f"{times:,.0f}x"
        return f"costs {factor}" if self.outlays.what == "cost" else f"takes {factor} the time"

    def _scores(self, n: int) -> str:
        runs = sorted({row.runs for row in self.rows if row.fresh is not None})
        least, most = (runs[0], runs[-1]) if len(runs) > 1 else (self._row(n).runs, self._row(n).runs)
        count = f"{most}" if least == most else f"{least} to {most}"
        if self.per_run > 1:
            return f"{count} fresh validation{'s' if most > 1 else ''} of {self.per_run} scores each"
        return f"{count} fresh score{'s' if most > 1 else ''} each"

    def _named(self, n: int) -> str:
        return "the default" if n == self.baseline else f"trial {n}"

    def _row(self, n: int) -> Finalist:
        return next(row for row in self.rows if row.number == n)

    def _fresh(self, n: int) -> str:
        value = self.direction.sign * (self._row(n).fresh or 0.0)
        text = rounded(value, self._decimals)
        return f"{value:.4g}" if value and float(text) == 0 else text  # far below what the others need

    @property
    def _decimals(self) -> int:
        noise = max((row.stderr for row in self.rows if row.stderr is not None), default=0.0)
        return digits_for(noise, *(row.fresh for row in self.rows if row.fresh is not None))


def _behind(row: Finalist) -> float:
    return row.behind or 0.0
