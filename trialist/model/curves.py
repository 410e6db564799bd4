"""The learning curves of a study as arrays, of which only changed records are read anew.

n trials, at most T reports each, m objectives; smaller is better, and a diverged value (NaN) is the worst there is.
Curves are compared at equal shares of their own length: a cosine schedule of 10 epochs is at its half after 5, one of
100 after 50, and only then do their losses mean the same.  All of it is a cache: a fresh one that looks at the same
history holds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from trialist.trials.history import History, Records
from trialist.trials.messages import Reported
from trialist.trials.plan import Objective
from trialist.trials.trial import Report, State, TrialRecord

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
T = TypeVar("T")

_BLOCK = 256
_LATE = 2.0  # times a share: what is reported first beyond that says nothing of how a run stood there
_NEARLY = 1 - 1e-9  # a third of 9 steps is step 3, whatever the rounding


class Curves:
    """What the trials of a history reported, row by row in the order of its records.

    A curve stands at a share of its length where its first report at or after that share stands: that is when a
    scheduler looks at it, whatever the interval of its reports.
    """

    def __init__(self) -> None:
        self._records: Records = ()
        self._objectives: tuple[Objective, ...] = ()
        self._high: float | None = None
        self._start()

    def look(self, history: History) -> Curves:
        """This, as it stands with that history."""
        plan, records, seen = history.plan, history.records, self._records
        high = None if plan.fidelity is None else float(plan.fidelity.high)
        changed = list(_changed(records, seen))
        is_another = (plan.objectives, high) != (self._objectives, self._high) or len(records) < len(seen)
        if is_another or any(records[row].number != seen[row].number for row in changed):
            self._objectives, self._high = plan.objectives, high
            self._start()
            changed, seen = [], ()
        for row in (*changed, *range(len(seen), len(records))):
            self._read(row, records[row], seen[row].reports if row < len(seen) else ())
        self._records = records
        return self

    @property
    def numbers(self) -> NDArray[np.int64]:
        """(n,) of the trials."""
        return self._seen("number")

    @property
    def counts(self) -> Mask:
        """(n,) whom others are compared with: explored, not failed, and feasible, for cheats are no measure."""
        return self._seen("counts")

    @property
    def is_full(self) -> Mask:
        """(n,) explored full runs, scored and feasible."""
        return self._seen("full")

    @property
    def has_ended(self) -> Mask:
        """(n,) those of them that do not run: full runs, and what was paused or stopped."""
        return self._seen("ended")

    @property
    def has_curve(self) -> Mask:
        """(n,) whom enough was reported of to draw a curve to the end: four reports, and nine tenths of the way."""
        has: Mask = (self._seen("count") >= 4) & (self._seen("last") >= 0.9 * self.lengths)
        return has

    @property
    def full_rows(self) -> NDArray[np.intp]:
        """(r,) rows of the full runs with a curve, in the order of their numbers."""
        rows = np.flatnonzero(self.is_full & self.has_curve)
        return rows[np.argsort(self.numbers[rows])]

    @property
    def final(self) -> Floats:
        """(n, m) losses of the full runs; infinite elsewhere."""
        return self._seen("final")

    @property
    def spent(self) -> Floats:
        """(n,) shares of a full run that they came to, as far as it is known."""
        shares = np.minimum(self._seen("last") / self.lengths, 1.0)
        return np.where(self.is_full, 1.0, np.where(np.isnan(shares), 0.0, shares))

    @property
    def lengths(self) -> Floats:
        """(n,) steps of a full run of each: as it told, else those of the longest full run, else NaN."""
        own, last = self._seen("length"), self._seen("last")
        longest = float(np.max(last, where=self.is_full & np.isnan(own), initial=0.0))
        return np.where(np.isnan(own), longest or np.nan, own)

    @property
    def scores_best(self) -> bool:
        """Whether full runs are scored by their best report rather than by their last one, as far as the two differ."""
        told = self._seen("scored_by")[self.is_full]
        return bool(told.sum() > 0)

    def share(self, report: Reported, record: TrialRecord) -> float:
        """The share of its own length that a trial has reached with this report; NaN where no length is known."""
        if self._high is not None:
            return report.step / self._high
        length = report.of or record.length or self.lengths[self.row(record.number)]
        return float(report.step / length)

    def row(self, number: int) -> int:
        return self._row_of[number]

    def record(self, row: int | np.integer[Any]) -> TrialRecord:
        return self._records[row]

    def at(self, share: float, best: bool = False, rows: NDArray[np.intp] | None = None) -> Floats:
        """(n, m) losses at a share of the length, NaN where a curve does not reach it, or was not looked at near it.

        best: the lowest up to there instead of the last one, in each objective.  rows (r,): of these alone, (r, m).
        """
        return self.along(np.array([share]), best, rows)[:, 0]

    def along(self, shares: Floats, best: bool = False, rows: NDArray[np.intp] | None = None) -> Floats:
        """(n, S, m) the same at several shares (S,)."""
        rows = np.arange(len(self._records)) if rows is None else rows
        steps, count, each = self._rows["step"], self._rows["count"][rows][:, None], rows[:, None]
        width = steps.shape[1]
        target = shares * self.lengths[each] * _NEARLY  # (r, S)
        low, high = np.zeros(target.shape, dtype=np.int64), np.broadcast_to(count, target.shape)
        for _ in range(int(width).bit_length()):  # all curves are bisected at once
            middle = (low + high) // 2
            before = (low < high) & (steps[each, np.minimum(middle, width - 1)] < target)
            low = np.where(before, middle + 1, low)
            high = np.where(before, high, middle)
        stands_at = steps[each, np.minimum(low, width - 1)]
        reached = (low < count) & (stands_at * _NEARLY <= _LATE * target)
        # A run that inherits its checkpoint was nowhere before: it stands from its first report on.
        reached &= ~self._rows["inherits"][each] | (steps[each, 0] * _NEARLY <= target)
        found: Floats = np.full((*target.shape, len(self._objectives)), np.nan)
        found[reached] = self._rows["best" if best else "loss"][
            np.broadcast_to(each, target.shape)[reached], low[reached]
        ]
        return found

    def first(self, rows: NDArray[np.intp]) -> Floats:
        """(r, m) losses of the first reports of these rows, each of which has some."""
        found: Floats = self._rows["loss"][rows, 0]
        return found

    def stands_at(self, rungs: Sequence[float], k: int) -> Mask:
        """(n,) whose highest rung, of these shares of a full run, is the one of index k."""
        spent, above = self.spent / _NEARLY, (*rungs, 1.0)[k + 1]
        stands: Mask = (spent >= rungs[k]) & (spent < above)
        return stands

    def best_before(self, row: int, step: float) -> Floats:
        """(m,) the lowest losses that a trial reported before a step; infinite where there is none."""
        k = int(np.searchsorted(self._rows["step"][row, : self._rows["count"][row]], step))
        best: Floats = self._rows["best"][row, k - 1] if k else np.full(len(self._objectives), np.inf)
        return best

    def curve(self, row: int | np.integer[Any]) -> tuple[Floats, Floats]:
        """(T,) shares of the length and (T,) losses of the first objective of one trial."""
        count = self._rows["count"][row]
        return self._rows["step"][row, :count] / self.lengths[row], self._rows["loss"][row, :count, 0]

    def once(self, name: str, rows: NDArray[np.intp], make: Callable[[], T]) -> T:
        """What `make` tells of the records of these rows, made anew only where these are others than last time."""
        of = rows.tobytes(), tuple(map(self.record, rows.tolist()))
        known = self._made.get(name)
        if known is None or known[0] != of:
            known = self._made[name] = of, make()
        found: T = known[1]
        return found

    def losses(self, report: Report | Reported) -> list[float]:
        """The loss of each objective in a report; NaN for one that it does not tell."""
        found = []
        for i, objective in enumerate(self._objectives):
            value = report.value if i == 0 else report.metrics.get(objective.name)
            found.append(np.nan if value is None else np.inf if value != value else objective.loss(value))
        return found

    def _start(self) -> None:
        m = len(self._objectives)
        self._records = ()
        self._row_of: dict[int, int] = {}
        self._made: dict[str, tuple[Hashable, Any]] = {}
        self._rows: dict[str, NDArray[Any]] = {
            "number": np.empty(0, dtype=np.int64),
            "counts": np.empty(0, dtype=bool),
            "full": np.empty(0, dtype=bool),
            "ended": np.empty(0, dtype=bool),
            "inherits": np.empty(0, dtype=bool),
            "final": np.empty((0, m)),
            "length": np.empty(0),
            "last": np.empty(0),  # the last step
            "scored_by": np.empty(0, dtype=np.int64),  # +1: its best report, -1: its last one, 0: they are the same
            "count": np.empty(0, dtype=np.int64),
            "step": np.empty((0, 1)),
            "loss": np.empty((0, 1, m)),
            "best": np.empty((0, 1, m)),
        }

    def _seen(self, name: str) -> NDArray[Any]:
        view = self._rows[name][: len(self._records)]
        view.flags.writeable = False  # who looks may not change what the next one sees
        return view

    def _read(self, row: int, record: TrialRecord, before: tuple[Report, ...]) -> None:
        """Read one record; `before` are the reports that its row was made of."""
        rows, reports = self._rows, record.reports
        known = len(before)  # reports that stand in the row already
        if known and (known != rows["count"][row] or reports[:known] != before):
            known = 0
        if any(b.step <= a.step for a, b in pairwise(reports[max(known - 1, 0) :])):  # a run that began anew
            known, reports = 0, tuple({r.step: r for r in sorted(reports, key=lambda r: r.step)}.values())
        self._make_room(row + 1, len(reports))
        rows = self._rows
        explored = record.stage.is_explored and record.is_feasible
        rows["number"][row] = record.number
        self._row_of[record.number] = row
        rows["counts"][row] = explored and record.state is not State.FAILED
        rows["full"][row] = explored and record.is_scored
        rows["ended"][row] = explored and (record.is_scored or record.state in (State.STOPPED, State.PAUSED))
        rows["final"][row] = self._final(record)
        rows["inherits"][row] = record.inherits is not None
        length = self._high if self._high is not None else record.length
        rows["length"][row] = np.nan if length is None else length
        rows["last"][row] = reports[-1].step if reports else 0.0
        rows["count"][row] = len(reports)
        new = reports[known:]
        if new:
            losses = np.array([self.losses(r) for r in new])
            rows["step"][row, known : len(reports)] = [r.step for r in new]
            rows["loss"][row, known : len(reports)] = losses
            lowest = np.minimum.accumulate(losses)
            if known:
                lowest = np.minimum(lowest, rows["best"][row, known - 1])
            rows["best"][row, known : len(reports)] = lowest
        self._fill(row, record)
        rows["scored_by"][row] = self._scored_by(row, record)

    def _fill(self, row: int, record: TrialRecord) -> None:
        """What a run told of an objective only at its end, such as a model's size, counts for all of its steps."""
        count = self._rows["count"][row]
        for j, objective in enumerate(self._objectives[1:], start=1):
            is_told_late = not any(objective.name in report.metrics for report in record.reports)
            if is_told_late and objective.name in record.metrics:
                for name in ("loss", "best"):
                    self._rows[name][row, :count, j] = objective.loss(record.metrics[objective.name].mean)

    def _final(self, record: TrialRecord) -> list[float]:
        if not record.is_scored:
            return [np.inf] * len(self._objectives)
        metrics = record.metrics
        others = [o.loss(metrics[o.name].mean) if o.name in metrics else np.inf for o in self._objectives[1:]]
        return [np.inf if record.loss is None else record.loss, *others]

    def _scored_by(self, row: int, record: TrialRecord) -> int:
        count = self._rows["count"][row]
        if not count or record.loss is None:
            return 0
        best, last = self._rows["best"][row, count - 1, 0], self._rows["loss"][row, count - 1, 0]
        return int(np.sign(abs(last - record.loss) - abs(best - record.loss))) if np.isfinite(last) else 0

    def _make_room(self, n: int, reports: int) -> None:
        """Arrays grow by doubling, in both directions."""
        have, width = self._rows["step"].shape
        if n <= have and reports <= width:
            return
        more = 2 * n - have if n > have else 0
        wider = 2 * reports - width if reports > width else 0
        for name, kept in self._rows.items():
            growth = [(0, more)] + [(0, 0)] * (kept.ndim - 1)
            if name in ("step", "loss", "best"):
                growth[1] = (0, wider)
            self._rows[name] = np.pad(kept, growth)


def _changed(records: Records, seen: Records) -> Iterator[int]:
    """Where the two differ, as far as both go."""
    for start in range(0, min(len(records), len(seen)), _BLOCK):
        # Two tuples of the same objects are compared in no time: a loop of our own would cost as much as the decision.
        ours, theirs = records[start : start + _BLOCK], seen[start : start + _BLOCK]
        if ours != theirs[: len(ours)]:
            yield from (start + i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a is not b)
