"""Rules that ask a model of the scores: one objective, and a statistic in its unit that falls below a threshold.

Each reads a prefix of the full runs, so that a statistic which dips once does not end a study: see `rules`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median

from trialist.model.noise import noise_of
from trialist.stopping.ending import Left
from trialist.stopping.prospect import BATCH, Prospect
from trialist.stopping.prospects import Prospects
from trialist.trials.history import History
from trialist.trials.stopping import Worth

EARLY = range(11, 31)  # full runs whose median change is what a late change is compared with
RATIO = 0.05  # of it
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}


@dataclass(frozen=True, slots=True)
class Reading:
    """A statistic against the threshold below which it is to fall, and what that means."""

    statistic: float
    threshold: float
    reason: str

    @property
    def is_below(self) -> bool:
        return self.statistic < self.threshold


Reader = Callable[[History, Prospects, int], Reading | None]  # of the first full runs, so many


def regret(history: History, prospects: Prospects, full_runs: int) -> Reading | None:
    """The bound on the simple regret against the noise of a score (Makarova et al. 2022, "Automatic termination")."""
    seen = prospects.at(history, full_runs)
    if seen is None:
        return None
    noise, name = noise_of(history, seen.noise), history.plan.objective.name
    reason = (
        f"the best {name} is at most {seen.regret_bound:.2g} from the optimum, as far as the model sees, "
        f"which is below the noise of a score: {noise.sd:.2g}, {noise.source}"
    )
    return Reading(seen.regret_bound, noise.sd, reason)


def emmr(history: History, prospects: Prospects, full_runs: int) -> Reading | None:
    """The change of the expected minimum simple regret against what it was early on (Ishibashi et al. 2023)."""
    if full_runs < EARLY.stop:
        return None
    early = [seen.change for n in EARLY if (seen := prospects.at(history, n)) is not None]
    seen = prospects.at(history, full_runs)
    if seen is None or len(early) < len(EARLY) // 2:
        return None
    threshold = RATIO * median(early)
    reason = (
        f"the last trials changed the expected regret by at most {seen.change:.2g}, less than {100 * RATIO:.0f} % "
        f"of what early ones did ({threshold:.2g})"
    )
    return Reading(seen.change, threshold, reason)


def worth(rule: Worth, workers: int) -> Reader:
    """What one more unit is expected to gain against what makes it worth while."""

    def read(history: History, prospects: Prospects, full_runs: int) -> Reading | None:
        seen, trials = prospects.at(history, full_runs), _trials_per(rule.per, history, workers)
        if seen is None or trials is None:
            return None
        rest = rest_of(history)
        most = trials if rest is None else min(trials, max(rest, 1))  # where less is left than a unit, all of it counts
        left = _gain(seen, most)
        of = "" if rule.per == "trial" else f" ({_count(trials)})"
        unit = "unit of cost" if rule.per == "cost" else rule.per
        scale = trials / most
        reason = (
            f"one more {unit}{of} is expected to gain {left.gain * scale:.2g} (90 %: 0 to {left.most * scale:.2g}); "
            f"you said that {rule.amount:g} per {unit} is worth it"
        )
        return Reading(left.gain * scale, rule.amount, reason)

    return read


def rest_of(history: History) -> int | None:
    """Trials that the budget has left; None where it does not count them."""
    trials = history.plan.budget.trials
    return None if trials is None else max(trials - len(history), 0)


def _gain(seen: Prospect, trials: float) -> Left:
    """Of a part of a trial, that part of its gain; between two numbers of trials, in proportion."""
    whole = max(math.floor(trials), 1)
    left = seen.left(min(whole, 10 * BATCH))
    part = trials / whole
    return Left(whole, part * left.gain, part * left.most)


def _trials_per(unit: str, history: History, workers: int) -> float | None:
    """Full runs that fit into a unit, as those so far did; None where nothing is known of it."""
    if unit == "trial":
        return 1.0
    measured = [record.cost if unit == "cost" else record.seconds for record in history.scored]
    known = [value for value in measured if value is not None]
    if not known or fmean(known) <= 0:
        return None
    return 1.0 / fmean(known) if unit == "cost" else _SECONDS[unit] * workers / fmean(known)


def _count(trials: float) -> str:
    if trials < 1:
        return f"{trials:.2g} of a trial"
    return "1 trial" if round(trials) == 1 else f"{trials:,.0f} trials"
