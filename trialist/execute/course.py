"""How far a run has come: the step, fold, seed or block that it is at, what it reported, from where it went on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from trialist.errors import ResultError, shown
from trialist.execute.units import Units
from trialist.space.plain import plain
from trialist.trials.messages import Assignment, Reported
from trialist.trials.outcome import number as as_number


class Course:
    """Of one run. last, metrics: the value reported last, and the other metrics with it.  units: where they are scored.

    found: whether a checkpoint was there when it was first looked for; None before that.
    """

    __slots__ = (
        "_assignment", "_current", "_last_step", "_length", "_reported", "_start", "found", "last", "metrics", "units"
    )  # fmt: skip

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._reported: set[int] = set()
        self._start: int | None = None  # where the run goes on from, if it said so
        self._length: int | None = None
        self._last_step = 0
        self._current: int | None = None
        self.found: bool | None = None
        self.last: float | None = None
        self.metrics: dict[str, float] = {}
        self.units: Units | None = None

    @property
    def since(self) -> float:
        """The step of the last report; before the first one, where this run goes on from."""
        if self._reported:
            return self._last_step
        if self._start is not None:
            return self._start
        return self._assignment.reached if self.found else 0

    def steps(self, n: int | None, start: int, is_over: Callable[[], bool]) -> Iterator[int]:
        """Steps start + 1, ... n, until it is over; ResultError for what is no number of steps."""
        fidelity = self._assignment.fidelity
        n = _steps_of(fidelity) if n is None else _count("steps", n)
        start = _count("start", start)
        if start > n:
            raise ResultError("start", f"{start} steps are done already", f"Give at most {n}, the number of steps.")
        if fidelity is None:
            self._length = n
        if not self._reported:
            self._start = start
            if start == n:  # it was ended after its last step, before it could say so
                self.last = self._assignment.last
        return self._going(((step, step) for step in range(start + 1, n + 1)), is_over)

    def each(self, units: Iterable[tuple[int, Any]], is_over: Callable[[], bool]) -> Iterator[Any]:
        """The units of the declared validation, (index, unit) each, until it is over."""
        validation = self._assignment.validation
        whole = 0 if validation is None else validation.units
        self.units, self._length = Units(whole), whole or None
        yield from self._going(units, is_over)

    def _going(self, items: Iterable[tuple[int, Any]], is_over: Callable[[], bool]) -> Iterator[Any]:
        try:
            for index, item in items:
                if is_over():
                    return
                self._current = index
                yield item
        finally:
            self._current = None

    def report(self, value: Any, step: int | None, metrics: Mapping[str, Any], cost: float | None) -> Reported:
        """A report as it is to be sent; ResultError for a value or a step that cannot be."""
        assignment = self._assignment
        step = self._next_step() if step is None else _step(step)
        if assignment.fidelity is not None and step > assignment.fidelity:
            raise ResultError(
                "step",
                f"{step} is beyond this run's fidelity, {assignment.fidelity:g}",
                "Where a study has a fidelity, steps are amounts of it: end the run there, as trial.steps() does.",
            )
        if step in self._reported:
            remedy = "Report each step once; give other metrics of the same step by name, in the same call."
            raise ResultError("step", f"{step} was reported before", remedy)
        value = as_number("value", value)
        extra = {name: as_number(name, item) for name, item in metrics.items()} if metrics else {}
        first = assignment.objectives[0]
        if first in extra:
            beside = f"{shown(metrics[first])} is given beside the value {shown(value)}"
            raise ResultError(first, beside, "Use one of them.")
        since = min(self.since, max(0, step - 1))
        self._reported.add(step)
        self.last, self._last_step, self.metrics = value, step, extra
        if self.units is not None:
            self.units.found[step] = {first: value, **extra}
        return Reported(assignment.number, assignment.attempt, step, value, extra, self._length, cost, since)

    def result(self, should_stop: bool) -> Any:
        """What stands for the result of an objective that returned nothing; ResultError where a unit is missing."""
        if self.units is None:
            return {self._assignment.objectives[0]: self.last, **self.metrics}
        if not should_stop:
            self.units.check()
        return self.units.replicates()

    def _next_step(self) -> int:
        return self._last_step + 1 if self._current is None else self._current


def _steps_of(fidelity: float | None) -> int:
    if fidelity is None:
        remedy = "Give trial.steps(n), or declare the study's fidelity."
        raise ResultError("steps", "no number is given, and the study has no fidelity", remedy)
    if fidelity != int(fidelity):
        raise ResultError("steps", f"the fidelity {fidelity:g} is no number of steps", "Give trial.steps(n).")
    return int(fidelity)


def _count(name: str, value: Any) -> int:
    if type(plain(value)) is not int or value < 0:
        raise ResultError(name, f"{shown(value)} is not a number of steps", "Give a whole number, at least 0.")
    return int(value)


def _step(step: Any) -> int:
    step = plain(step)
    if type(step) is not int or step < 0:
        raise ResultError("step", f"{shown(step)} is not a step", "Give a whole number, at least 0.")
    return step
