"""History: one immutable moment of a study, as records and as arrays. Smaller is better here.

Shapes: n scored trials, d dials, m objectives.  X (n, d) in the unit cube, losses (n, m).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from trialist.space.space import Space
from trialist.trials.feasibility import ranked
from trialist.trials.plan import Plan
from trialist.trials.trial import Stage, State, TrialRecord

if TYPE_CHECKING:
    import numpy as np

Records = tuple[TrialRecord, ...]


class History:
    """All that is known of a study at one moment; strategies, schedulers and stages are functions of it.

    The records may be given as a loader, called at most once and only when somebody looks: a design that needs no
    history then costs no reading, however long the study.

    earlier: what the studies of a warm start knew when this one was made, oldest first, each in its own space, with the
    objectives of this one.
    """

    def __init__(
        self,
        plan: Plan,
        space: Space,
        records: Records | Callable[[], Records] = (),
        earlier: tuple[History, ...] = (),
    ) -> None:
        self.plan, self.space, self._source, self.earlier = plan, space, records, earlier

    @cached_property
    def records(self) -> Records:
        """Every trial, by number, re-scored finalists and sweeps included."""
        return self._source() if callable(self._source) else self._source

    def __iter__(self) -> Iterator[TrialRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, number: int) -> TrialRecord:
        record = self._by_number.get(number)
        if record is None:
            raise KeyError(number)
        return record

    def get(self, number: int) -> TrialRecord | None:
        """The trial of that number, or None."""
        return self._by_number.get(number)

    @cached_property
    def explored(self) -> Records:
        """Trials that strategies learn from: all but finalists scored again, whose seeds are kept for the choice, and
        sweeps, which look at what was found.
        """
        return tuple(r for r in self.records if r.stage.is_explored)

    @cached_property
    def scored(self) -> Records:
        """Explored trials with a score."""
        return tuple(r for r in self.explored if r.is_scored)

    @cached_property
    def feasible(self) -> Records:
        """Scored trials that satisfy every constraint that they measured."""
        return tuple(r for r in self.scored if r.is_feasible)

    @cached_property
    def pending(self) -> Records:
        """Explored trials that are waiting or running: their results are still to come."""
        return tuple(r for r in self.explored if r.state in (State.WAITING, State.RUNNING))

    @cached_property
    def paused(self) -> Records:
        """Explored trials that a scheduler halted, or that came to the end of a lower fidelity: they may go on."""
        return tuple(r for r in self.explored if r.state is State.PAUSED)

    @cached_property
    def swept(self) -> Records:
        """Runs of sweeps: they have an allowance of their own, and the study's budget does not count them."""
        return tuple(r for r in self.records if r.stage is Stage.SWEEP)

    @cached_property
    def failed(self) -> Records:
        return tuple(r for r in self.explored if r.state is State.FAILED)

    @cached_property
    def baseline(self) -> TrialRecord | None:
        """The default configuration, once it is scored: trial 0, or a later run of it where that one failed."""
        return next((r for r in self.scored if r.stage is Stage.BASELINE), None)

    @cached_property
    def best(self) -> TrialRecord | None:
        """The lowest loss seen among feasible trials; where none is, the least total violation, as `ranked` tells.

        Earlier wins a tie. Lucky by construction: selection corrects it.
        """
        return next(iter(ranked(self.feasible or self.scored)), None)

    @property
    def full_runs_used(self) -> float:
        """What all trials went through so far, in full runs; what was run anew counts each time.

        Where neither the plan has a fidelity nor the objective tells its length, a closed trial counts as one.
        """
        full = None if self.plan.fidelity is None else self.plan.fidelity.high
        return math.fsum(_full_runs(record, full) for record in self.records if record.stage is not Stage.SWEEP)

    @cached_property
    def losses(self) -> np.ndarray:
        """(n, m), of the scored trials."""
        import numpy as np

        objectives = self.plan.objectives
        return np.array(
            [[o.loss(r.metrics[o.name].mean) for o in objectives] for r in self.scored], dtype=float
        ).reshape(len(self.scored), len(objectives))

    @cached_property
    def X(self) -> np.ndarray:
        """(n, d), of the scored trials; inactive dials stand at 0.5."""
        return self.space.encode_many([r.params for r in self.scored])

    @cached_property
    def _by_number(self) -> dict[int, TrialRecord]:
        return {record.number: record for record in self.records}


def _full_runs(record: TrialRecord, full: float | None) -> float:
    length = full or record.length
    return float(record.state.is_closed) if length is None else record.used / length
