"""What a model-based strategy has seen: the explored trials as arrays, of which only changed records are read anew.

n trials in the order of their numbers, d dials, m objectives; smaller is better.  All of it is a cache: a fresh one
that looks at the same history holds the same.  Records are frozen, so the same object is the same trial.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from enum import IntEnum
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.space.cube import Cube
from trialist.space.space import Space
from trialist.trials.history import History, Records
from trialist.trials.plan import Objective
from trialist.trials.trial import State, TrialRecord

_BLOCK = 256


class Kind(IntEnum):
    """What a trial says of its configuration; of those without a score, the lower is the better news."""

    SCORED = 0
    STOPPED = 1  # ended early by a scheduler: worse than its peers were
    FAILED = 2
    PENDING = 3
    PAUSED = 4  # came as far as its reports go, and may go on
    SILENT = 5  # nothing: a finalist scored again, or a failure that the configuration is not to blame for


class Observed:
    """The arrays: U (n, d) canonical rows, K (n, d) which dials have a value, kind (n,), losses (n, m).

    violations (n, c): by how much each constraint is broken; 0 where it holds or was not measured, inf where it is NaN.
    taken: identities of all explored configurations.
    """

    def __init__(self) -> None:
        self._space: Space | None = None
        self._objectives: tuple[Objective, ...] = ()
        self._records: Records = ()

    def look(self, history: History) -> None:
        """Catch up with a history, whichever was looked at before."""
        objectives = history.plan.objectives
        if (self._space is not history.space and self._space != history.space) or self._objectives != objectives:
            self._start(history.space, objectives)
        records, seen = history.records, self._records
        changed = [*_changed(records, seen), *range(len(seen), len(records))]
        around = {j for i in changed for j in (i, i + 1) if 0 < j < len(records)}
        in_order = all(records[j - 1].number < records[j].number for j in around)
        if not in_order:
            records = tuple(sorted(records, key=attrgetter("number")))
        known = [i for i in changed if i < len(seen)]
        if not in_order or len(records) < len(seen) or any(_is_another(records[i], seen[i]) for i in known):
            self._start(history.space, objectives)
            changed = list(range(len(records)))
        self._records = records
        self._make_room(len(records))
        if changed:
            self._read(np.array(changed), [records[i] for i in changed])

    def _start(self, space: Space, objectives: tuple[Objective, ...]) -> None:
        self._space, self._objectives, self._records = space, objectives, ()
        self.cube = Cube(space)
        self.taken: set[Hashable] = set()
        self._constraints: dict[str, int] = {}
        self._rows = {
            "U": np.empty((0, len(space))),
            "K": np.empty((0, len(space)), dtype=bool),
            "kind": np.empty(0, dtype=np.int64),
            "losses": np.empty((0, len(objectives))),
            "violations": np.empty((0, 0)),
        }

    def _make_room(self, n: int) -> None:
        """Arrays grow by doubling; the rows beyond the last record are not looked at."""
        if n > len(self._rows["kind"]):
            for name, rows in self._rows.items():
                more = np.zeros((2 * n - len(rows), *rows.shape[1:]), dtype=rows.dtype)
                self._rows[name] = np.concatenate([rows, more])

    def _read(self, at: NDArray[np.int64], records: list[TrialRecord]) -> None:
        space, rows = self.cube.space, self._rows
        params = [record.params for record in records]
        rows["U"][at] = self.cube.encode(params)
        rows["K"][at] = [[name in each for name in space.names] for each in params]
        rows["kind"][at] = [_kind(record) for record in records]
        rows["losses"][at] = [self._losses(record) for record in records]
        self.taken.update(space.identity(r.params) for r in records if r.stage.is_explored)
        rows["violations"][at] = 0.0
        for i, record in zip(at, records, strict=True):
            for name, value in record.constraints.items():
                j = self._column(name)
                rows["violations"][i, j] = np.inf if value != value else max(value, 0.0)

    def _column(self, name: str) -> int:
        j = self._constraints.setdefault(name, len(self._constraints))
        known = self._rows["violations"]
        if j == known.shape[1]:
            self._rows["violations"] = np.hstack([known, np.zeros((len(known), 1))])
        return j

    def _losses(self, record: TrialRecord) -> list[float]:
        if not record.is_scored:
            return [np.inf] * len(self._objectives)
        if len(self._objectives) == 1:
            return [record.loss if record.loss is not None else np.inf]
        metrics = record.metrics
        return [o.loss(metrics[o.name].mean) if o.name in metrics else np.inf for o in self._objectives]

    @property
    def U(self) -> NDArray[np.float64]:
        return self._seen("U")

    @property
    def K(self) -> NDArray[np.bool_]:
        return self._seen("K")

    @property
    def kind(self) -> NDArray[np.int64]:
        return self._seen("kind")

    @property
    def losses(self) -> NDArray[np.float64]:
        return self._seen("losses")

    @property
    def violations(self) -> NDArray[np.float64]:
        return self._seen("violations")

    def number(self, row: int) -> int:
        """The trial of that row."""
        return self._records[row].number

    def record(self, row: int) -> TrialRecord:
        """All that is known of the trial of that row."""
        return self._records[row]

    def _seen(self, name: str) -> NDArray[Any]:
        return self._rows[name][: len(self._records)]


def _changed(records: Records, seen: Records) -> Iterator[int]:
    """Where the two differ, as far as both go."""
    for start in range(0, min(len(records), len(seen)), _BLOCK):
        # Two tuples of the same objects are compared in no time: a loop of our own would cost a millisecond at 10,000.
        ours, theirs = records[start : start + _BLOCK], seen[start : start + _BLOCK]
        if ours != theirs[: len(ours)]:
            yield from (start + i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a is not b)


def _is_another(record: TrialRecord, seen: TrialRecord) -> bool:
    """Whether it is a trial of another study, or has new dials, rather than being the same trial further on."""
    return record.params != seen.params or record.stage.is_explored != seen.stage.is_explored


def _kind(record: TrialRecord) -> Kind:
    if not record.stage.is_explored:
        return Kind.SILENT
    if record.state is State.PAUSED:
        return Kind.PAUSED
    if not record.state.is_closed:
        return Kind.PENDING
    if record.is_scored:
        return Kind.SCORED
    if record.state is State.STOPPED:
        return Kind.STOPPED
    if record.failure is not None and record.failure.cause.is_blameless:
        return Kind.SILENT
    return Kind.FAILED
