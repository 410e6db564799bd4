"""Where each stopping rule stands now: its statistic beside the threshold at which it fires, and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trialist.stopping.modelled import Reader, emmr, regret, worth
from trialist.stopping.plain import LEAST, best_of, gained_since, plateau, target
from trialist.stopping.prospects import Prospects
from trialist.stopping.rules import ADVISERS, EACH_DIAL, IN_A_ROW, MODELLED_LEAST
from trialist.trials.history import History
from trialist.trials.stopping import Emmr, Plateau, Regret, Rule, Target, Worth


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule at one moment.

    rule: as it was declared.  ends: whether it ends the study, or only advises.  statistic, threshold: in the unit
    `of`; None while nothing tells.  fires_below: whether low statistics fire it.  is_past: on the side that fires.
    words: what the two mean, or what is waited for.
    """

    rule: str
    ends: bool
    statistic: float | None
    threshold: float | None
    of: str
    fires_below: bool
    is_past: bool
    words: str


def standings(history: History, workers: int = 1, prospects: Prospects | None = None) -> tuple[Standing, ...]:
    """Of the plan's own rules, and of those that only advise where the plan lets models advise.

    prospects: what models said of the history before; a cache.
    """
    stopping = history.plan.stopping
    prospects = Prospects() if prospects is None else prospects
    own = tuple(_standing(rule, True, history, prospects, workers) for rule in stopping.rules)
    advising = ADVISERS if stopping.advises and len(history.plan.objectives) == 1 else ()
    more = (_standing(rule, False, history, prospects, workers) for rule in advising if rule not in stopping.rules)
    return (*own, *more)


def _standing(rule: Rule, ends: bool, history: History, prospects: Prospects, workers: int) -> Standing:
    match rule:
        case Target():
            return _target(rule, ends, history)
        case Plateau():
            return _plateau(rule, ends, history)
        case Regret():
            return _modelled(rule, regret, ends, history, prospects)
        case Emmr():
            return _modelled(rule, emmr, ends, history, prospects)
        case Worth():
            return _modelled(rule, worth(rule, workers), ends, history, prospects)


def _target(rule: Target, ends: bool, history: History) -> Standing:
    metric, level = rule.levels[0]
    objective = next(o for o in history.plan.objectives if not metric or o.name == metric)
    best = best_of(history, objective)
    below = objective.direction.sign > 0
    asked = ", ".join(f"{name or history.plan.objective.name} {value:.4g}" for name, value in rule.levels)
    words = f"asked for: {asked}"
    if best is None:
        return Standing(str(rule), ends, None, level, objective.name, below, False, f"{words}; no full run has a score")
    is_past = target(rule, history, 0) is not None
    return Standing(str(rule), ends, best, level, objective.name, below, is_past, f"{words}; the best has {best:.4g}")


def _plateau(rule: Plateau, ends: bool, history: History) -> Standing:
    n, of = len(history.scored), f"gain of the last {rule.trials} trials"
    least = max(LEAST, rule.trials + 1)
    if n < least:
        return Standing(
            str(rule), ends, None, rule.delta, of, True, False, f"asks from {least} full runs on; {n} so far"
        )
    gained = gained_since(history, n - rule.trials)
    if gained is None:
        return Standing(
            str(rule), ends, None, rule.delta, of, True, False, "no earlier run has a score to compare with"
        )
    words = f"the last {rule.trials} trials gained {gained:.3g}; it fires at no more than {rule.delta:g}"
    return Standing(str(rule), ends, gained, rule.delta, of, True, plateau(rule, history, 0) is not None, words)


def _modelled(rule: Rule, read: Reader, ends: bool, history: History, prospects: Prospects) -> Standing:
    n, of = len(history.scored), _OF.get(rule.name, history.plan.objective.name)
    least = max(MODELLED_LEAST, EACH_DIAL * len(history.space))
    reading = read(history, prospects, n) if n else None
    if reading is None:
        return Standing(
            str(rule), ends, None, None, of, True, False, f"its model is asked from {least} full runs on; {n} so far"
        )
    told = f"{reading.statistic:.3g}, and it fires below {reading.threshold:.3g}"
    if reading.is_below:
        told += f" {IN_A_ROW} times in a row"
    if n < least:
        told += f", from {least} full runs on; {n} so far"
    return Standing(str(rule), ends, reading.statistic, reading.threshold, of, True, reading.is_below, told)


_OF: dict[str, Any] = {
    Regret.name: "how far the best may be from the optimum",
    Emmr.name: "change of the expected regret",
    Worth.name: "expected gain",
}
