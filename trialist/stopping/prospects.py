"""The prospects of a study at several lengths, each found once: a function of the history, kept as a cache."""

from __future__ import annotations

from collections.abc import Hashable

from trialist.model.evidence import Witness
from trialist.model.surrogate import Surrogate
from trialist.numerics.keys import Key
from trialist.numerics.threads import one_thread
from trialist.stopping.prospect import Prospect, prospect
from trialist.trials.history import History

LEAST = 10  # full runs: with fewer a process knows too little
_KEPT = 64  # prospects that are remembered


class Prospects:
    """Asks the process; what it said is remembered by what it was told."""

    def __init__(self) -> None:
        self._witness, self._surrogate = Witness(), Surrogate()
        self._known: dict[Hashable, Prospect | None] = {}

    def at(self, history: History, full_runs: int) -> Prospect | None:
        """The prospect after so many of the full runs, by number; None where there is none to be told."""
        if full_runs < LEAST or len(history.plan.objectives) > 1 or not len(history.space):
            return None
        last = history.scored[full_runs - 1].number
        records = tuple(r for r in history.records if r.number <= last)
        told = tuple((r.number, r.state, r.loss, len(r.reports)) for r in records if r.state.is_closed)
        key = (history.plan.seed, repr(history.space), hash(told))
        if key in self._known:
            self._known[key] = self._known.pop(key)  # asked for again: the last to be forgotten
        else:
            if len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            part = History(history.plan, history.space, records, history.earlier)
            with one_thread():
                evidence = self._witness.evidence(part)
                self._known[key] = prospect(evidence, self._surrogate, Key(history.plan.seed, full_runs))
        return self._known[key]
