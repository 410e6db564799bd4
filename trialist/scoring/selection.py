"""Selection: the choice among a few finalists by fresh scores, because the best search score is partly luck.

Smaller is better. Finalists are the best distinct configurations of the search and the default; all are scored again
with the same fresh seeds or splits, so that their differences are paired.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from trialist.errors import ResultError, shown
from trialist.scoring.digits import digits_for, rounded
from trialist.trials.plan import Direction

_TIE_LEVEL = 0.90


@dataclass(frozen=True, slots=True)
class Finalist:
    """One row of the selection's table; all numbers are losses, smaller is better."""

    number: int
    search: float | None  # what the search saw: too good, the more so the more trials there were
    fresh: float | None  # mean of the fresh scores; None where one of them failed
    stderr: float | None  # of that mean; None with a single fresh score
    behind: float | None  # how much worse than the selected one, paired over seeds
    interval: tuple[float, float] | None  # of `behind`, at 90 %
    is_tied: bool  # with the selected one: the interval holds 0
    violates: str = ""  # the measured constraints that it violates, in words: then it was not to be chosen


@dataclass(frozen=True, slots=True)
class Selection:
    """The finalist that was chosen, why, and how all of them scored.

    table: the best fresh score first, after it those that violate a constraint, last those without a fresh score.
    """

    number: int
    reason: str
    table: tuple[Finalist, ...]

    @property
    def ties(self) -> tuple[int, ...]:
        """The finalists that the fresh scores cannot tell from the selected one."""
        return tuple(row.number for row in self.table if row.is_tied and row.number != self.number)


def choose_finalists(
    losses: Sequence[float | None], identities: Sequence[Hashable], baseline_index: int | None, k: int
) -> list[int]:
    """Indices of the k best distinct configurations, best first, and of the default, which is always among them.

    losses: one per trial; None or not finite where a trial failed.  identities: equal for equal configurations; trials
    of one configuration count as one, by the mean of their losses, and stand under the earliest.

    >>> choose_finalists([0.5, 0.3, 0.4, 0.1, 0.2], ["default", "a", "b", "c", "c"], 0, k=2)
    [3, 1, 0]
    """
    trials_of: dict[Hashable, list[int]] = {}
    for index, (loss, identity) in enumerate(zip(losses, identities, strict=True)):
        if loss is not None and math.isfinite(loss):
            trials_of.setdefault(identity, []).append(index)

    def mean(indices: list[int]) -> float:
        return math.fsum(loss for index in indices if (loss := losses[index]) is not None) / len(indices)

    ranked = sorted(trials_of.values(), key=lambda indices: (mean(indices), indices[0]))
    best = [indices[0] for indices in ranked[:k]]
    if baseline_index is None:
        return best
    default = identities[baseline_index]
    others = [index for index in best if identities[index] != default]
    if len(others) < len(best):
        return [baseline_index if identities[index] == default else index for index in best]
    return [*best, baseline_index]


def select(
    fresh: Mapping[int, Sequence[float]],
    search: Mapping[int, float | None],
    *,
    baseline: int | None,
    direction: Direction = Direction.MINIMIZE,
    violates: Mapping[int, str] | None = None,
) -> Selection:
    """The finalist with the lowest mean fresh loss, unless the default is within one standard error of it.

    fresh: fresh losses by trial number, under the same seeds or splits in the same order for all; a finalist with a
    loss that is not finite is set aside.  search: what the search saw, for the table.  baseline: the default's number.
    direction: how the reason shows the numbers; the losses are smaller-is-better in any case.
    violates: finalists that are not to be chosen, the default perhaps among them, each with the measured constraints
    that it violates in words.

    The leader of several is ahead partly by luck, by about one standard error for a handful of equals. So the default
    keeps its place unless the paired difference to the leader exceeds its standard error; with a single fresh score
    each, no error is known and the lowest wins. Equal means go to the default, then to the earlier trial. Finalists
    whose paired 90 % interval to the selected one (Student's t over the fresh scores) holds 0 are called ties.

    Raises ResultError where there is nothing to choose from, or where the finalists were not scored alike.
    """
    if len({len(losses) for losses in fresh.values()}) > 1 or not all(fresh.values()):
        counts = {number: len(losses) for number, losses in fresh.items()}
        raise ResultError(
            "fresh", f"{shown(counts)} fresh scores by trial do not pair", "Give every finalist the same seeds."
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
    leader = min(candidates, key=lambda n: (_mean(sound[n]), n != baseline, n))
    chosen = leader
    if baseline is not None and baseline in candidates:
        lead, error = _paired(sound[baseline], sound[leader])
        if error is not None and lead <= error:
            chosen = baseline
    rows = [_row(n, sound.get(n), search.get(n), sound[chosen], n == chosen, violates.get(n, "")) for n in fresh]
    rows.sort(
        key=lambda row: (row.fresh is None, row.violates != "", row.fresh or 0.0, row.number != chosen, row.number)
    )
    return Selection(chosen, _reason(rows, chosen, leader, baseline, sound, direction), tuple(rows))


def _mean(losses: Sequence[float]) -> float:
    return math.fsum(losses) / len(losses)


def _paired(worse: Sequence[float], better: Sequence[float]) -> tuple[float, float | None]:
    """Mean paired difference, and its standard error; None from a single pair."""
    differences = [u - v for u, v in zip(worse, better, strict=True)]
    mean, n = _mean(differences), len(differences)
    if n == 1:
        return mean, None
    return mean, math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (n * (n - 1)))


def _row(
    n: int,
    losses: Sequence[float] | None,
    search: float | None,
    chosen: Sequence[float],
    is_chosen: bool,
    violates: str,
) -> Finalist:
    from trialist.numerics.gaussian import student_quantile

    if losses is None:
        return Finalist(n, search, None, None, None, None, is_tied=False, violates=violates)
    behind, error = _paired(losses, chosen)
    stderr = _paired(losses, [0.0] * len(losses))[1]
    if error is None:
        tied = is_chosen or (behind == 0 and not violates)
        return Finalist(n, search, _mean(losses), stderr, behind, None, tied, violates)
    half = student_quantile((1 + _TIE_LEVEL) / 2, len(losses) - 1) * error
    tied = is_chosen or (behind - half <= 0 <= behind + half and not violates)
    return Finalist(n, search, _mean(losses), stderr, behind, (behind - half, behind + half), tied, violates)


def _reason(
    rows: Sequence[Finalist],
    chosen: int,
    leader: int,
    baseline: int | None,
    sound: Mapping[int, Sequence[float]],
    direction: Direction,
) -> str:
    count = len(sound[chosen])
    scores = f"{count} fresh score{'s' if count > 1 else ''} each"
    noise = max((row.stderr for row in rows if row.stderr is not None), default=0.0)
    decimals = digits_for(noise, *(row.fresh for row in rows if row.fresh is not None))

    def told(n: int) -> str:
        return rounded(direction.sign * _mean(sound[n]), decimals)

    def named(n: int) -> str:
        return "the default" if n == baseline else f"trial {n}"

    parts = []
    if chosen == baseline != leader:
        lead, error = _paired(sound[baseline], sound[leader])
        within = f"ahead by {rounded(lead, decimals)}, within one standard error ({rounded(error or 0.0, decimals)})"
        parts.append(f"the default stays: trial {leader} is {within} over {scores}")
    elif chosen == baseline:
        parts.append(f"the default has the best mean of {scores}, {told(chosen)}")
    else:
        against = f", against {told(baseline)} of the default" if baseline is not None and baseline in sound else ""
        parts.append(f"trial {chosen} has the best mean of {scores}, {told(chosen)}{against}")
    ties = [row.number for row in rows if row.is_tied and row.number != chosen]
    if ties:
        parts.append(f"a tie with {', '.join(map(named, ties))} (90 % interval of the difference holds 0)")
    failed = [row.number for row in rows if row.fresh is None]
    if failed:
        parts.append(f"set aside, because fresh scores failed: {', '.join(map(named, failed))}")
    barred = [f"{named(row.number)} ({row.violates})" for row in rows if row.violates and row.fresh is not None]
    if barred:
        parts.append(f"not to be chosen: {', '.join(barred)}")
    return "; ".join(parts)
