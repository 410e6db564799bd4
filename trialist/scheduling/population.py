"""Population-based training: a handful of runs, of which the worst take over the best ones' weights and change dials.

So dials change while a run trains, and what comes out is a schedule rather than a configuration.

Source: Jaderberg et al. 2017, "Population Based Training of Neural Networks".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trialist.errors import PlanError, shown
from trialist.model.curves import Curves
from trialist.numerics.keys import Key
from trialist.scheduling.standing import Standing, beaten, crossed, may_be_halted, standing
from trialist.space.categorical import Categorical
from trialist.space.space import Space
from trialist.trials.amounts import positive, whole
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.trial import GO_ON, Action, Decision, Promotion, Proposal, State, TrialRecord

_MOVE = 0.1  # of a dial's axis, to either side: on a log axis from 1e-4 to 1, a factor of 2.5
_ATTEMPTS = 20  # at a change that the space allows
_LEAST = 4  # runs at a look, before any is replaced


@dataclass
class Population:
    """Trains `size` runs side by side, and at each `interval` replaces the worst by changed copies of the best.

    Use it where runs are long, leave checkpoints, and have dials that may change on the way (rates, regularization),
    best with fewer workers than runs.  A run is paused at each interval, a share of its length.  One in the worst
    `exploit` part is stopped there, and a new trial begins with the checkpoint of one of the best such part and with
    some of `dials` changed (None: all of them; name those that may change in mid-run): by a tenth of its axis, or with
    probability `resample` to anything.  When all have come to their end, the strategy begins the next population.
    """

    size: int = 10
    interval: float = 0.1
    exploit: float = 0.25
    resample: float = 0.25
    dials: Sequence[str] | None = None
    name = "population"
    _curves: Curves = field(default_factory=Curves, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        whole("size", self.size, at_least=2)
        for name in ("interval", "exploit"):
            if not 0 < positive(name, getattr(self, name)) < 1:
                raise PlanError(name, f"{shown(getattr(self, name))} is no share", "Give a number between 0 and 1.")

    @property
    def _looks(self) -> tuple[float, ...]:
        """Shares of a run at which the population is looked at."""
        return tuple(k * self.interval for k in range(1, math.ceil(1 / self.interval - 1e-9)))

    def decide(self, history: History, report: Reported) -> Decision:
        record = history[report.number]
        if not may_be_halted(record):
            return GO_ON
        curves = self._curves.look(history)
        share = crossed(curves, record, report, self._looks)
        paused_at = max((t.step for t in record.course if t.action is Action.PAUSE), default=-math.inf)
        if share is None or report.step <= paused_at:
            return GO_ON
        found = standing(curves, record, report, share, best=False)
        told = found.told(history.plan.objective.direction.sign)
        if found.of + 1 >= max(_LEAST, self._size(history) // 2) and self._is_worst(found):
            return Decision(Action.STOP, f"{told}: a copy of a better one takes its place")
        return Decision(Action.PAUSE, f"{told}: goes on with the population")

    def resume(self, history: History, key: Key) -> Promotion | Proposal | None:
        members = [r for r in history.explored if may_be_halted(r)]
        founders = [r for r in members if r.inherits is None]
        if not founders or len(founders) % self._size(history):
            return None  # the population is not complete
        newest = {r.number for r in founders[-self._size(history) :]}
        members = [r for r in members if _root(history, r) in newest]
        curves = self._curves.look(history)
        waiting = self._by_place(curves, [r for r in members if r.state is State.PAUSED])
        alive = sum(r.state not in (State.STOPPED, State.FAILED) for r in members)
        trials = history.plan.budget.trials
        if alive < self._size(history) and waiting and (trials is None or len(history) < trials):
            return self._copy(history, waiting, key)
        if not waiting:
            return None
        # The last ones go on first, so that all are looked at together; of these the best, so that the worst are
        # looked at last, beside all others.
        look, rank, record = min(waiting, key=lambda w: (w[0], w[1], w[2].number))
        return Promotion(record.number, f"beaten by {rank} others at {100 * look:.0f} % of the run: goes on")

    def start(self, history: History, key: Key) -> None:
        return None

    def _size(self, history: History) -> int:
        """At most half of the trials that the budget allows, since copies are trials too."""
        trials = history.plan.budget.trials
        return self.size if trials is None else max(2, min(self.size, trials // 2))

    def _is_worst(self, found: Standing) -> bool:
        return found.beaten >= math.ceil((1 - self.exploit) * (found.of + 1))

    def _by_place(self, curves: Curves, paused: Sequence[TrialRecord]) -> list[tuple[float, int, TrialRecord]]:
        """Each paused run with the look at which it stands, and by how many it was beaten there."""
        columns = {look: curves.at(look) for look in self._looks}
        found = []
        for record in paused:
            row = curves.row(record.number)
            reached = [look for look in self._looks if not np.isnan(columns[look][row]).any()]
            if reached:
                others = columns[reached[-1]][curves.counts]
                others = others[~np.isnan(others).any(axis=1)]
                found.append((reached[-1], beaten(columns[reached[-1]][row], others), record))
        return found

    def _copy(self, history: History, waiting: Sequence[tuple[float, int, TrialRecord]], key: Key) -> Proposal:
        """A new trial that begins with the checkpoint of one of the best that are paused, and with other dials."""
        furthest = max(look for look, _, _ in waiting)
        ranked = sorted((rank, r.number) for look, rank, r in waiting if look == furthest)
        best = ranked[: max(1, math.floor(self.exploit * self._size(history)))]
        parent = history[best[key.integer("parent", len(best))][1]]
        params = self._changed(history.space, parent.params, key)
        return Proposal(params, _told(parent, params), self.name, inherits=parent.number)

    def _changed(self, space: Space, params: Mapping[str, Any], key: Key) -> dict[str, Any]:
        """The parameters with every dial that may change moved along its own axis, or drawn anew."""
        for attempt in range(_ATTEMPTS):
            point = []
            for name, u in zip(space.names, space.encode(params), strict=True):
                dial, draw = space[name], key.uniform(f"\x00{name}", attempt)
                anew = dial.encode(dial.from_prior(draw))
                if name not in params:
                    point.append(anew)  # should another dial make it active
                elif self.dials is not None and name not in self.dials:
                    point.append(u)
                elif key.uniform(f"\x01{name}", attempt) < self.resample:
                    point.append(anew)
                elif isinstance(dial, Categorical):
                    point.append(u)
                else:
                    count = dial.axis.count  # of a finite axis: then at least to the next value
                    move = max(_MOVE, 1 / count if count else 0.0)
                    point.append(min(max(u + (move if draw < 0.5 else -move), 0.0), 1.0))
            found = {**space.decode(point)}
            kept = {name: params[name] for name in found if name in params and not self._may_change(name)}
            found.update(kept)  # exactly, not as the axis rounds it
            if space.allows(found) and found != dict(params):
                return found
        return dict(params)

    def _may_change(self, name: str) -> bool:
        return self.dials is None or name in self.dials


def _root(history: History, record: TrialRecord) -> int:
    """The founder that a run descends from."""
    while record.inherits is not None:
        record = history[record.inherits]
    return record.number


def _told(parent: TrialRecord, params: Mapping[str, Any]) -> str:
    changes = [f"{n} {shown(v)}" for n, v in params.items() if n not in parent.params or parent.params[n] != v]
    changed = ", ".join(changes[:3]) + (", ..." if len(changes) > 3 else "")
    return f"goes on from trial {parent.number}'s checkpoint with {changed or 'the same dials'}"
