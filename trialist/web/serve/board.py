"""One study as the server keeps it, for all visitors: read once, caught up by what changed, slow parts beside.

What only has to be read is as new as the store. What models and resampling say is computed in the background and shown
until there is something newer; how long it took says how often it is worth computing again.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any

from trialist.errors import TrialistError
from trialist.protocols import Changes, Moment, Store
from trialist.study.study import Study
from trialist.trials.trial import State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.figure import served
from trialist.web.serve.background import Background
from trialist.web.serve.places import study_at

WHOLE = 20_000  # reports up to which all are kept; of more each trial's last one, and thinned curves of a few
CURVES = 60  # trials whose curves are drawn then
POINTS = 60  # of a curve
FIRST = 0.5  # seconds that what takes long waits at first: else it would keep a page's own charts waiting
REST = 8.0  # times what a computation took passes before it is done again
FEW = 500  # changed trials that are kept at hand for the next visitor
FORGET = 120.0  # seconds after which a panel that nobody asks for is not computed anew


@dataclass(slots=True)
class _Kept:
    """A result: of which moment, as computed by the clock, in so many seconds; when somebody last asked for it."""

    moment: tuple[Moment, int] | None = None
    value: Any = None
    at: float = float("-inf")
    seconds: float = 0.0
    asked: float = float("-inf")
    work: Future[Any] | None = None

    def is_due(self, moment: tuple[Moment, int], now: float) -> bool:
        return self.work is None and self.moment != moment and now - self.at >= REST * self.seconds


class Board:
    """Thread-safe. clock: monotonic seconds.  wall: seconds since 1970, to show."""

    def __init__(
        self,
        store: Store,
        name: str,
        background: Background,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        whole: int = WHOLE,
    ) -> None:
        self.store, self.name = store, name
        self._background, self._clock, self._wall, self._whole = background, clock, wall, whole
        self._lock = threading.RLock()
        self._study: Study | None = None
        self._thin = False
        self._read: tuple[Moment, ReportData] | None = None
        self._slow = _Kept()
        self._panels: dict[tuple[str, str], _Kept] = {}  # by name, and the objective that effects are on
        self._told: dict[tuple[int, int], Changes] = {}
        self.version = 0  # of what was computed of the study as a whole
        self.panels_version = 0  # of panels that were computed again

    def moment(self) -> Moment:
        """How far the study is; UnknownStudyError where it is gone."""
        return self.store.moment(self.name)

    def study(self) -> Study:
        """The study to read and to ask; its records may be thin."""
        with self._lock:
            if self._study is None:
                self._thin = self.store.reports(self.name, self._whole + 1) > self._whole
                self._study = Study.load(self.name, self.store, thin=self._thin)
            return self._study

    def data(self) -> ReportData:
        """The study now, with what was computed of it so far."""
        moment = self.moment()
        with self._lock:
            if self._read is None or self._read[0] != moment:
                if self._read is not None and self._read[0].created_at != moment.created_at:
                    self._study, self._slow, self._panels = None, _Kept(), {}  # another one of the same name
                read = ReportData.read(self.study(), self._wall())
                if not self._thin and sum(len(record.reports) for record in read.records) > 2 * self._whole:
                    self._study = None  # it has grown long: thin from here on
                    read = ReportData.read(self.study(), self._wall())
                self._read = moment, replace(read, panels_at=f"{study_at(self.name)}/panels")
            data = self._read[1]
            self._slow.asked = self._clock()
            self._start_slow(moment)
            return replace(data, **(self._slow.value or {}))

    @property
    def versions(self) -> tuple[int, int]:
        """Which computations there are: of the study as a whole, and of its panels."""
        return self.version, self.panels_version

    @property
    def is_computing(self) -> bool:
        """Nothing slow was computed yet."""
        return self._slow.value is None

    def panel(self, name: str, aim: str = "") -> tuple[Future[Any] | None, bytes | None]:
        """What is computed of a panel's data, as JSON, and the work on something newer, if that is going on.

        An empty text where the study has nothing of the kind.  aim: of effects, on which objective.
        """
        moment = self.moment()
        with self._lock:
            kept = self._panels.setdefault((name, aim), _Kept())
            kept.asked = self._clock()
            self._start_panel(name, aim, kept, (moment, self.version))
            return kept.work, kept.value

    def refresh(self) -> None:
        """Compute anew what is old by now and was asked for lately."""
        moment, now = self.moment(), self._clock()
        with self._lock:
            if now - self._slow.asked < FORGET and self._slow.is_due((moment, 0), now):
                self.data()
            for (name, aim), kept in self._panels.items():
                if now - kept.asked < FORGET:
                    self._start_panel(name, aim, kept, (moment, self.version))

    def changes(self, since: int) -> Changes:
        """Thin records of what changed; several visitors mostly ask for the same."""
        cursor = self.moment().changes
        with self._lock:
            found = self._told.get((since, cursor))
            if found is None:
                found = self.store.changes(self.name, since, thin=True)
                if len(self._told) > 20:
                    self._told.clear()
                if len(found.records) <= FEW:  # all of a long study are not held twice
                    self._told[since, found.cursor] = found
            return found

    def with_curves(self, records: tuple[TrialRecord, ...], points: int = POINTS) -> tuple[TrialRecord, ...]:
        """These trials, each with its reports, thinned."""
        curve = self.store.curve
        return tuple(replace(record, reports=curve(self.name, record.number, points)) for record in records)

    def _start_slow(self, moment: Moment) -> None:
        if not self._slow.is_due((moment, 0), self._clock()):
            return
        assert self._read is not None
        data, study = self._read[1], self.study()

        def compute() -> dict[str, Any]:
            if self._slow.value is None:
                time.sleep(FIRST)
            done = data.computed(study)
            if self._thin:
                done = replace(done, screening="")  # looks at curves as they were, which are not kept here
            names = [field.name for field in fields(done)]
            return {name: getattr(done, name) for name in names if getattr(done, name) is not getattr(data, name)}

        self._start(self._slow, (moment, 0), compute)

    def _start_panel(self, name: str, aim: str, kept: _Kept, moment: tuple[Moment, int]) -> None:
        if not kept.is_due(moment, self._clock()):
            return

        def compute() -> bytes:
            data = self.data()
            if self._thin and name in _OF_CURVES:
                data = replace(data, records=self._thinned(data.records))
            return as_json(served(name, data, aim))

        self._start(kept, moment, compute)

    def _start(self, kept: _Kept, moment: tuple[Moment, int], compute: Callable[[], Any]) -> None:
        def work() -> Any:
            began = self._clock()
            try:
                value = compute()
            except BaseException:
                # Told in the server's output; the pages do without, and it is tried again after a rest.
                logging.getLogger("trialist.dashboard").exception("study %r could not be computed", self.name)
                if kept is self._slow and kept.value is None:
                    kept.value = {}
                raise
            finally:
                with self._lock:
                    kept.work, kept.at = None, self._clock()
                    kept.seconds = kept.at - began
            with self._lock:
                is_news = kept.moment is not None or kept is self._slow
                kept.moment, kept.value = moment, value
                self.version += kept is self._slow
                if is_news and kept is not self._slow:
                    self.panels_version += 1
            return value

        kept.work = self._background.submit(work)

    def _thinned(self, records: tuple[TrialRecord, ...]) -> tuple[TrialRecord, ...]:
        """The records; the best, the newest and those that run with their curves, the others without any."""
        reported = [record for record in records if record.reports]
        by_loss = sorted((r for r in reported if r.loss is not None), key=lambda r: (r.loss, r.number))
        running = [r for r in reported if r.state is State.RUNNING]
        chosen = [*reported[:1], *by_loss[: CURVES // 2], *running[: CURVES // 4], *reported[-CURVES // 4 :]]
        curves = {record.number: record for record in self.with_curves(tuple(chosen))}
        return tuple(curves.get(record.number) or replace(record, reports=()) for record in records)


_OF_CURVES = frozenset({"curves"})


def as_json(found: Mapping[str, Any] | None) -> bytes:
    """JSON for a script; empty where there is nothing."""
    return b"" if found is None else json.dumps(found, allow_nan=False, separators=(",", ":")).encode()


class Boards:
    """The boards of a store by study; those of studies that are gone are let go."""

    def __init__(self, store: Store, background: Background) -> None:
        self.store, self._background = store, background
        self._lock = threading.Lock()
        self._boards: dict[str, Board] = {}

    def __getitem__(self, name: str) -> Board:
        """The board of a study; UnknownStudyError where there is none of that name."""
        try:
            self.store.moment(name)
        except TrialistError:
            with self._lock, suppress(KeyError):
                del self._boards[name]
            raise
        with self._lock:
            if name not in self._boards:
                self._boards[name] = Board(self.store, name, self._background)
            return self._boards[name]
