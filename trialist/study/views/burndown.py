"""The burn-down: what is spent of each limit, what running trials have claimed, what it will come to, and when.

Amounts are in the limit's own unit; times are seconds of working time since the first trial was opened.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.budget.forecast import Outlay, Range
from trialist.study.prose import counted, listed, named
from trialist.study.views.clock import Clock
from trialist.study.views.lanes import stretches_of
from trialist.study.views.missing import no_score
from trialist.study.views.plain import as_json
from trialist.trials.amounts import duration
from trialist.trials.history import History
from trialist.trials.trial import Stage, State, TrialRecord

TITLES = {
    "trials": "trials",
    "seconds": "time",
    "compute_seconds": "compute time",
    "cost": "cost",
    "full_runs": "full runs",
}
_DURATIONS = ("seconds", "compute_seconds")


@dataclass(frozen=True, slots=True)
class Purse:
    """One kind of expense, by the names of Budget.

    spent: by trials that are over, time up to now.  committed: what those that run, or are queued, will still take.
    forecast: of all in the end, with an interval of 80 %; None while nothing tells.  limit: None where there is none.
    course: (seconds, spent by then), ascending.  kept: what of the limit is kept aside.  aside: why, in words.
    """

    name: str
    title: str
    spent: float
    committed: float
    forecast: Range | None
    limit: float | None
    course: tuple[tuple[float, float], ...]
    kept: float = 0.0
    aside: str = ""

    @property
    def share(self) -> float | None:
        """Spent, of the limit."""
        return None if self.limit is None else self.spent / self.limit

    def told(self, amount: float) -> str:
        """An amount of this kind in words."""
        return duration(amount) if self.name in _DURATIONS else f"{amount:.3g}" if amount < 1000 else f"{amount:,.0f}"

    @property
    def words(self) -> str:
        of = "" if self.limit is None else f" of {self.told(self.limit)}"
        told = f"{self.title}: {self.told(self.spent)}{of}"
        if self.committed > 0:
            told += f", {self.told(self.committed)} running or queued"
        total = None if self.forecast is None or self.forecast.mean == self.limit else self.told(self.forecast.mean)
        if self.forecast is not None and self.forecast.mean > self.spent and total not in (None, self.told(self.spent)):
            told += f", about {total} in the end"
        return told


@dataclass(frozen=True, slots=True)
class BurnDown:
    """purses: those with a limit first.  seconds: working time so far.  finish: working time at the end, if known.

    breaks: after how many seconds a gap, in which nothing ran, was cut out, and how long it was.
    price: what the gain over the default has cost so far, in words; empty where no money was told.
    """

    purses: tuple[Purse, ...]
    seconds: float
    finish: Range | None
    breaks: tuple[tuple[float, float], ...]
    price: str
    enough: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = as_json(self)
        for written, purse in zip(found["purses"], self.purses, strict=True):
            written["words"] = purse.words
        return found


def burndown(history: History, spent: Mapping[str, float], outlays: Sequence[Outlay], now: float) -> BurnDown:
    """Of a study at this moment.  spent: by the names of Budget.  outlays: of its forecast.  now: wall clock."""
    counted_ones = [record for record in history if record.stage is not Stage.SWEEP]
    runs = stretches_of(counted_ones, now)
    clock = Clock.of((each.run.began, each.end) for each in runs)
    lasts = [each for each in runs if each.is_last and each.record.state not in (State.RUNNING, State.WAITING)]
    over = sorted(((clock.at(each.end), each.record) for each in lasts), key=lambda told: (told[0], told[1].number))
    foreseen = {outlay.name: outlay for outlay in outlays}
    purses = [
        purse
        for name in TITLES
        if (purse := _purse(name, history, counted_ones, spent, foreseen.get(name), over, clock)) is not None
    ]
    purses.sort(key=lambda purse: purse.limit is None)
    time = foreseen.get("seconds")
    price = _price(history, spent.get("cost", 0.0))
    words = "; ".join(purse.words for purse in purses)
    return BurnDown(
        tuple(purses),
        clock.seconds,
        # Of the study's own time some is no working time: what is still to come is added to that.
        None if time is None or time.total is None else time.total.plus(clock.seconds - time.spent),
        clock.breaks,
        price,
        bool(over),
        words + (f"; {price}" if price else "") if over else no_score(history) if not runs else words,
    )


def _purse(
    name: str,
    history: History,
    records: Sequence[TrialRecord],
    spent: Mapping[str, float],
    outlay: Outlay | None,
    over: Sequence[tuple[float, TrialRecord]],
    clock: Clock,
) -> Purse | None:
    """None where the study neither limits nor tells that kind."""
    limit = getattr(history.plan.budget, name)
    still = [record for record in records if record.state in (State.RUNNING, State.WAITING)]
    used = spent.get(name, 0.0)
    committed, total = (0.0, None) if outlay is None else (outlay.running, outlay.total)
    if name == "trials":
        used, committed = float(len(records) - len(still)), float(len(still))
    elif name == "full_runs":
        committed = float(len(still)) if limit is not None else 0.0
        if limit is None and history.plan.fidelity is None:
            return None
    elif name == "seconds":
        used = max(used, clock.seconds)
        committed = 0.0  # running trials share the time
    if limit is None and not used and not committed:
        return None
    return Purse(
        name, TITLES[name], used, committed, total, None if limit is None else float(limit),
        tuple(_course(name, history, over, used, clock.seconds)),
        *((0.0, "") if outlay is None else (outlay.aside_in_all, outlay.aside)),
    )  # fmt: skip


def _course(
    name: str, history: History, over: Sequence[tuple[float, TrialRecord]], used: float, seconds: float
) -> Iterator[tuple[float, float]]:
    """Sums over trials as they ended; what other things took, the verification for one, comes at the end."""
    yield 0.0, 0.0
    if name == "seconds":  # time passes whether trials end or not
        yield seconds, used
        return
    amounts = [_amount(name, record, history) for _, record in over]
    whole = math.fsum(amounts)
    # Of trials that began anew some was spent before: then the sum is scaled to what is known to be spent.
    scale = used / whole if whole > used > 0.0 else 1.0
    total = 0.0
    for (at, _), amount in zip(over, amounts, strict=True):
        total += scale * amount
        yield at, min(total, used)
    yield seconds, used


def _amount(name: str, record: TrialRecord, history: History) -> float:
    if name == "trials":
        return 1.0
    if name == "cost":
        return record.cost or 0.0
    if name == "full_runs":
        full = record.length if history.plan.fidelity is None else history.plan.fidelity.high
        return record.used / full if full else 1.0
    return record.seconds or 0.0


def _price(history: History, cost: float) -> str:
    """What a better score has cost so far."""
    default, best, objective = history.baseline, history.best, history.plan.objective
    if not cost or default is None or best is None or default.value is None or best.value is None:
        return ""
    gain = objective.loss(default.value) - objective.loss(best.value)
    if not math.isfinite(gain):
        return ""
    name = named(objective.name)
    if gain <= 0:
        return f"{cost:.3g} were spent, and {name} is no better than the default's so far"
    return f"{cost:.3g} were spent for {gain:.3g} of {name} over the default, as the search scores it"


def summary(view: BurnDown) -> str:
    """The limits alone, on one line: "12 of 40 trials, 3 min of 10 min and cost 0.8 of 5"."""
    told = []
    for purse in view.purses:
        if purse.limit is not None:
            amounts = f"{purse.told(purse.spent)} of {purse.told(purse.limit)}"
            told.append({"trials": f"{amounts} trials", "seconds": amounts}.get(purse.name, f"{purse.title} {amounts}"))
    return listed(told) or (counted(int(view.purses[0].spent), "trial") if view.purses else "")
