"""Expected best by budget: what n trials of a search find, so that others can compare at the budget that they have.

Trials that were drawn without looking at scores (random, Sobol points) are exchangeable: any n of them could have come
first, and the mean best of n over all subsets is what a search of n trials can expect (Dodge et al. 2019, "Show your
work"; without its bias, and with a band, as `numerics.best_of_subsets` tells).  Trials that have no score that counts
(failed, stopped, constraints violated) are draws that never are the best.

Where a model proposes, trials are not exchangeable, and one search is one path: it has no expectation.  Several runs of
the same search with different seeds have one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Any

from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.trial import Score, Stage, State, TrialRecord

CONFIDENCE = 0.95
LEAST = 3  # scored trials that a curve is made from
MOST = 200  # budgets; of a longer search these lie evenly on a log scale
BLIND = ("random", "sobol")  # strategies that do not look at scores


class Kind(StrEnum):
    """What the curve is made from."""

    DRAWS = "draws"  # exchangeable trials of one search
    PATH = "path"  # one search, in the order in which its trials came
    RUNS = "runs"  # several searches with different seeds


@dataclass(frozen=True, slots=True)
class ExpectedBest:
    """The best score by budget, in the metric's own sign; all curves have an entry for each of `budgets`.

    budgets: numbers of trials, rising; all of them up to 200.
    expected: the mean best of n trials; of a path, the best that it had reached, None before its first score.
    typical: the best that half of all searches of n trials reach; of draws alone, else equal to `expected`.
    worst, luckiest: the band's two ends at each budget, None where it is open.  What the band holds, `words` says.
    trials: how many the curve was made from, `scored` of them with a score that counts.  runs: searches.
    """

    kind: Kind
    metric: str
    budgets: tuple[int, ...]
    expected: tuple[float | None, ...]
    typical: tuple[float | None, ...]
    worst: tuple[float | None, ...]
    luckiest: tuple[float | None, ...]
    trials: int
    scored: int
    runs: int
    words: str
    confidence: float = CONFIDENCE

    def to_json(self) -> dict[str, Any]:
        """Plain values, a list for each curve."""
        curves = ("budgets", "expected", "typical", "worst", "luckiest")
        plain = ("metric", "trials", "scored", "runs", "words", "confidence")
        return {
            "kind": self.kind.value,
            **{name: list(getattr(self, name)) for name in curves},
            **{name: getattr(self, name) for name in plain},
        }

    def __str__(self) -> str:
        return self.words


def expected_best(history: History, others: Sequence[History] = ()) -> ExpectedBest | None:
    """The curve of one search, or of several runs of it; None where fewer than three trials of it have a score.

    others: the same search with other seeds.  Finalists that were scored again are no part of a search.
    """
    if others:
        return _of_runs((history, *others))
    drawn = tuple(r for r in history.explored if r.stage is Stage.SEARCH and r.state.is_closed)
    if drawn and all(r.strategy in BLIND and r.repeats is None for r in drawn):
        return _of_draws(history, drawn)
    return _of_path(history)


def _budgets(N: int) -> tuple[int, ...]:
    """1 ... N, thinned where there are many."""
    if N <= MOST:
        return tuple(range(1, N + 1))
    return tuple(sorted({round(N ** (j / (MOST - 1))) for j in range(MOST)}))


def _of_draws(history: History, drawn: Sequence[TrialRecord]) -> ExpectedBest | None:
    objective = history.plan.objective
    from trialist.numerics.best_of_subsets import best_of_subsets, median_band, median_best

    losses = [r.loss for r in drawn if _counts(r) and r.loss is not None]
    if len(losses) < LEAST:
        return None
    without = len(drawn) - len(losses)
    budgets = _budgets(len(drawn))
    low, high = median_band(losses, without, budgets, CONFIDENCE)
    closed = max((n for n, loss in zip(budgets, low, strict=True) if loss is not None), default=0)
    open_from = "" if closed == len(drawn) else f"; beyond {closed} trials its good side is open: these cannot tell"
    words = (
        f"the mean best {objective.name} of any n of {len(drawn)} trials that were drawn without looking at scores"
        f"{_without(without)}; the band ({CONFIDENCE:.0%}, exact) holds the score that half of all such searches "
        f"reach{open_from}"
    )
    return ExpectedBest(
        Kind.DRAWS,
        objective.name,
        budgets,
        tuple(_value(objective, loss) for loss in best_of_subsets(losses, without, budgets)),
        tuple(_value(objective, loss) for loss in median_best(losses, without, budgets)),
        tuple(_value(objective, loss) for loss in high),
        tuple(_value(objective, loss) for loss in low),
        len(drawn),
        len(losses),
        1,
        words,
    )


def _of_path(history: History) -> ExpectedBest | None:
    """One search as it went, the default being its first trial; the band is the noise of the best score alone."""
    objective = history.plan.objective
    explored = [r for r in history.explored if r.state.is_closed or r.state is State.PAUSED]
    scored = sum(_counts(r) for r in explored)
    if scored < LEAST:
        return None
    reached = list(accumulate((r if _counts(r) else None for r in explored), _better))
    budgets = _budgets(len(explored))
    best = [reached[n - 1] for n in budgets]
    means = tuple(None if r is None else r.value for r in best)
    halves = [None if r is None else _half_width(r.score) for r in best]
    has_band = any(half is not None for half in halves)
    worst, luckiest = (
        tuple(
            None if mean is None or half is None else mean + side * objective.direction.sign * half
            for mean, half in zip(means, halves, strict=True)
        )
        for side in (1, -1)
    )
    partly = "" if not history.paused else ", not all of which ran in full"
    band = f"the band ({CONFIDENCE:.0%}) is the noise of that one score; " if has_band else ""
    words = (
        f"the best {objective.name} that this one search had reached after n trials{partly}; {band}"
        "how far another run of the search would come is not in it: run it with several seeds to know"
    )
    return ExpectedBest(
        Kind.PATH, objective.name, budgets, means, means, worst, luckiest, len(explored), scored, 1, words
    )  # fmt: skip


def _of_runs(histories: Sequence[History]) -> ExpectedBest | None:
    """The mean over searches of the best that each had reached, as far as the shortest goes."""
    from trialist.numerics.gaussian import student_quantile

    paths = [path for history in histories if (path := _of_path(history)) is not None]
    objective, runs = histories[0].plan.objective, len(paths)
    if runs < 2:
        return None
    expected: list[float | None] = []
    halves: list[float | None] = []
    budgets = _budgets(min(path.trials for path in paths))
    for n in budgets:
        reached = [value for path in paths if (value := _at(path, n)) is not None]
        score = Score(tuple(reached)) if len(reached) == runs else None
        expected.append(None if score is None else score.mean)
        error = None if score is None else score.stderr
        halves.append(None if error is None else student_quantile((1 + CONFIDENCE) / 2, runs - 1) * error)
    worst, luckiest = (
        tuple(
            None if mean is None or half is None else mean + side * objective.direction.sign * half
            for mean, half in zip(expected, halves, strict=True)
        )
        for side in (1, -1)
    )
    words = (
        f"the mean over {runs} searches of the best {objective.name} that each had reached after n trials; the band "
        f"({CONFIDENCE:.0%}, Student's t over searches) is of that mean"
    )
    curve = tuple(expected)
    trials, scored = sum(path.trials for path in paths), sum(path.scored for path in paths)
    return ExpectedBest(Kind.RUNS, objective.name, budgets, curve, curve, worst, luckiest, trials, scored, runs, words)


def _counts(record: TrialRecord) -> bool:
    """Whether it could be the best: scored in full, and feasible."""
    return record.is_scored and record.is_feasible


def _better(best: TrialRecord | None, record: TrialRecord | None) -> TrialRecord | None:
    if best is None or record is None or best.loss is None or record.loss is None:
        return best or record
    return record if record.loss < best.loss else best


def _at(path: ExpectedBest, n: int) -> float | None:
    """What a path had reached after n trials: of a long one, at the last budget before."""
    return path.expected[bisect_right(path.budgets, n) - 1]


def _half_width(score: Score | None) -> float | None:
    """Half of the interval of a mean of replicates, by Student's t; None where its noise is unknown."""
    from trialist.numerics.gaussian import student_quantile

    if score is None or score.stderr is None:
        return None
    return student_quantile((1 + CONFIDENCE) / 2, len(score.replicates) - 1) * score.stderr


def _value(objective: Objective, loss: float | None) -> float | None:
    return None if loss is None else objective.direction.sign * loss


def _without(count: int) -> str:
    if not count:
        return ""
    return f", {count} of which {'has' if count == 1 else 'have'} no score that counts"
