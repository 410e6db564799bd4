"""Measured constraints: which trials satisfy them, and which come nearest where none does.

A constraint is satisfied where its value is at most 0, and its violation is what exceeds 0. NaN is not known to satisfy
anything: it counts as violated, as far as infinity is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from trialist.trials.trial import TrialRecord


def ranked(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """The best first: feasible ones by loss, then the others by total violation; earlier wins a tie."""
    feasible: list[TrialRecord] = []
    others: list[TrialRecord] = []
    for record in records:
        (feasible if record.is_feasible else others).append(record)
    feasible.sort(key=_by_loss)
    totals = total_violations([record.constraints for record in others])
    by_total = sorted(zip(totals, others, strict=True), key=lambda pair: (pair[0], _by_loss(pair[1])))
    return [*feasible, *(record for _, record in by_total)]


def total_violations(constraints: Sequence[Mapping[str, float]]) -> list[float]:
    """How far each of several trials is from satisfying its constraints; 0 where it does.

    Milliseconds and gigabytes have no sum. So each constraint's violations are replaced by their ranks among those
    seen, as a fraction of how many different ones there are, and these are added up (rank sums: Ho & Shimizu 2007).
    One constraint alone keeps its order, and neither a change of units nor a single huge value makes one outweigh
    another.

    >>> total_violations([{"ms": 5.0}, {"ms": 900.0}, {"ms": -1.0, "gb": 0.2}, {"ms": 5.0, "gb": float("nan")}, {}])
    [0.5, 1.0, 0.5, 1.5, 0.0]
    """
    levels: dict[str, dict[float, float]] = {}
    for name in {name for given in constraints for name in given}:
        seen = sorted({v for given in constraints if (v := _violation(given.get(name, 0.0))) > 0})
        levels[name] = {v: (rank + 1) / len(seen) for rank, v in enumerate(seen)}
    return [
        math.fsum(levels[name][v] for name, value in given.items() if (v := _violation(value)) > 0)
        for given in constraints
    ]


def violations(record: TrialRecord) -> str:
    """What a trial violates and by how much, in words; an empty text for a feasible one.

    >>> from trialist.trials.trial import Stage, State
    >>> measured = {"latency_ms": 3.25, "memory_gb": -1.0, "recall": float("nan")}
    >>> violations(TrialRecord(0, State.COMPLETE, Stage.SEARCH, {}, "", "", 0, constraints=measured))
    'violates latency_ms by 3.25, recall (unknown)'
    """
    told = [_in_words(name, record.constraints[name]) for name in record.violated]
    return f"violates {', '.join(told)}" if told else ""


def _violation(value: float) -> float:
    return math.inf if math.isnan(value) else max(value, 0.0)


def _by_loss(record: TrialRecord) -> tuple[float, int]:
    return (math.inf if record.loss is None else record.loss, record.number)


def _in_words(name: str, value: float) -> str:
    return f"{name} (unknown)" if math.isnan(value) else f"{name} by {value:.4g}"
