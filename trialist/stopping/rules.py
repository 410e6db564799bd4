"""The rules of a plan, asked of a history: which of them fires, and what is then probably left."""

from __future__ import annotations

from dataclasses import replace

from trialist.stopping.ending import Ending, Left
from trialist.stopping.modelled import Reader, emmr, regret, rest_of, worth
from trialist.stopping.plain import plateau, target
from trialist.stopping.prospects import Prospects
from trialist.trials.history import History
from trialist.trials.stopping import Emmr, Plateau, Regret, Rule, Target, Worth

MODELLED_LEAST, EACH_DIAL = 30, 3  # full runs, in all and for each dial: before, a model ends nothing
IN_A_ROW = 3  # readings below the threshold
TOLD_FROM = 20  # full runs: before, nothing is said of what is left
AHEAD = 20  # trials that are told of where the budget does not count them
ADVISERS: tuple[Rule, ...] = (Regret(), Emmr())


class Rules:
    """Functions of the history; what is kept is a cache.

    workers: trials at the same time, by which an hour is worth more of them.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers, self._prospects = workers, Prospects()

    def ending(self, history: History, since: int = 0) -> Ending | None:
        """The first of the plan's own rules that fires, or None.

        since: full runs after which the study was extended: rules start to count there.
        """
        return self._first(history.plan.stopping.rules, history, since)

    def advice(self, history: History, since: int = 0) -> Ending | None:
        """What models say that would end the search if it were the plan's, or None."""
        return self._first(ADVISERS, history, since)

    def left(self, history: History, trials: int | None = None) -> Left | None:
        """What so many trials would probably gain, by default the rest of the budget; None where no model can tell."""
        seen = self._prospects.at(history, len(history.scored)) if len(history.scored) >= TOLD_FROM else None
        return None if seen is None else seen.left(trials or rest_of(history) or AHEAD)

    def _first(self, rules: tuple[Rule, ...], history: History, since: int) -> Ending | None:
        for rule in rules:
            found = self._asked(rule, history, since)
            if found is not None:
                return replace(found, left=self.left(history))
        return None

    def _asked(self, rule: Rule, history: History, since: int) -> Ending | None:
        read: Reader
        match rule:
            case Target():
                return target(rule, history, since)
            case Plateau():
                return plateau(rule, history, since)
            case Regret():
                read = regret
            case Emmr():
                read = emmr
            case Worth():
                read = worth(rule, self._workers)
        return self._modelled(rule, read, history, since)

    def _modelled(self, rule: Rule, read: Reader, history: History, since: int) -> Ending | None:
        """Fires when the last few readings, each of a run less, are below the threshold."""
        n = len(history.scored)
        if n - since < max(MODELLED_LEAST, EACH_DIAL * len(history.space)):
            return None
        last = None
        for earlier in range(IN_A_ROW):
            reading = read(history, self._prospects, n - earlier)
            if reading is None or not reading.is_below:
                return None
            last = last or reading
        return None if last is None else Ending(rule.name, last.statistic, last.threshold, last.reason, n)
