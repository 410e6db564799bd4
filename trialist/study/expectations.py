"""What runs of a study are expected to take: time, money and full runs, by what those took that are over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trialist.budget.pace import Pace, pace_of
from trialist.trials.history import History, Records
from trialist.trials.trial import State, TrialRecord

if TYPE_CHECKING:
    from trialist.budget.costs import Amount, Costs

EACH = 40  # trials up to which each refits what is expected; then each twentieth of their number


class Expectations:
    """What runs of a study are expected to take, of each limit; refitted as trials end.

    history: the study at the moment.
    """

    def __init__(self, history: Callable[[], History]) -> None:
        self._history = history
        self._count = -1
        self._seen: Records = ()
        self._fitted: dict[str, Costs] = {}
        self._pace: Pace | None = None

    def of(self, name: str, params: Mapping[str, Any] | None, share: float = 1.0) -> Amount:
        """A run through `share` of a full one, of that configuration or of one like those that were run."""
        if name == "full_runs":
            from trialist.budget.costs import Amount

            return Amount(share, share, share, share)
        costs = self.costs(name)
        return costs.typical().through(share, costs.start) if params is None else costs.of(params, share)

    def typical(self, name: str) -> float | None:
        """What a full run likely takes; None where no trial told."""
        return self.costs(name).typical().likely if self.costs(name) else None

    @property
    def pace(self) -> Pace:
        """Money that a run spends in a second, where seconds tell of it."""
        history = self._refitted()
        if self._pace is None:
            self._pace = pace_of(history)
        return self._pace

    @property
    def untold(self) -> float:
        """Money that runs took which failed, or died, and could not tell: as much as others, as far as they came."""
        cost, seconds = self.costs("cost"), self.costs("seconds")
        if not cost or not seconds:
            return 0.0
        whole = seconds.typical().mean
        return cost.typical().mean * math.fsum(min((r.seconds or 0.0) / whole, 1.0) for r in self.silent)

    @property
    def silent(self) -> list[TrialRecord]:
        """Runs that failed, or died, and took time but could not tell their money."""
        return [r for r in self._history() if r.state is State.FAILED and r.cost is None and r.seconds]

    def costs(self, name: str) -> Costs:
        """Of the limit of that name."""
        from trialist.budget import costs

        history = self._refitted()
        which = "cost" if name == "cost" else "seconds"
        if which not in self._fitted:
            self._fitted[which] = costs.Costs(history, costs.money if which == "cost" else costs.seconds)
        return self._fitted[which]

    def _refitted(self) -> History:
        """The history; what was learnt from it is forgotten where enough more trials are over."""
        history = self._history()
        if history.records is not self._seen:  # asked many times before each trial: the same moment is counted once
            self._seen = history.records
            count = sum(1 for record in history if record.state not in (State.WAITING, State.RUNNING))
            if not self._count <= count < self._count + max(1, self._count // 20 if self._count > EACH else 1):
                self._count, self._fitted, self._pace = count, {}, None
        return history
