"""The fidelity audit: whether an early look at a trial says anything of its full run, by what full runs have shown.

Before a rung may stop anybody, the order of the full runs at that rung is compared with their order at the end. A rung
that says nothing is switched off, and the user is told. The prior is that of most learning curves: a middling
agreement, so that four or five full runs that bear it out are enough, and about as many that contradict it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trialist.numerics.agreement import Agreement, agreement
from trialist.numerics.keys import Key
from trialist.schedule.curves import Curves, Floats
from trialist.schedule.rungs import amount_told, rungs_of
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Action, State, TrialRecord

LEAST = 0.1  # below that, an expected agreement is not worth looking early
LATEST = 64  # full runs that are looked at: enough for an interval of 0.1 to either side
SHARE = 1 / 15  # of the trials that would be stopped are run to their end instead,
COST = 1 / 20  # ... as long as that costs no more than this part of all that is spent, the first one aside
MARK = "audit: "  # such a trial's reason to go on begins so


@dataclass(frozen=True, slots=True)
class Rung:
    """What is known of one rung, at a share of a full run.

    agreement: Kendall's tau between the order here and the final one, 1 the same, 0 none; interval: its 80 % interval;
    n: full runs that both were estimated from.  next_agreement: between the order here and the one at the next rung,
    from all `next_n` trials that came so far.  words: for people.
    """

    share: float
    agreement: float
    interval: tuple[float, float]
    n: int
    next_agreement: float
    next_n: int
    words: str

    @property
    def is_informative(self) -> bool:
        """Enough to stop trials here, which is final: the interval excludes that it says nothing."""
        return self.interval[0] > 0 and not self.is_misleading

    @property
    def is_misleading(self) -> bool:
        """Not even enough to pause trials here, who may go on later."""
        return min(self.agreement, self.next_agreement) < LEAST


@dataclass(frozen=True, slots=True)
class Audit:
    """The rungs of a study, ascending; words: what is switched off and why, an empty text where nothing is."""

    rungs: tuple[Rung, ...]
    words: str = ""

    @property
    def active(self) -> tuple[float, ...]:
        """Shares of a full run at which trials may be paused: all rungs but the misleading ones."""
        return tuple(rung.share for rung in self.rungs if not rung.is_misleading)

    @property
    def informative(self) -> tuple[float, ...]:
        """Shares of a full run at which trials may be stopped."""
        return tuple(rung.share for rung in self.rungs if rung.is_informative)


def audit(history: History, curves: Curves | None = None) -> Audit:
    """The audit of a history; `curves`, where the caller keeps them, spares reading all records anew."""
    seen = (curves or Curves()).look(history)
    shares = rungs_of(history.plan)
    columns = [_comparable(seen, seen.at(share, seen.scores_best)) for share in shares]  # (n, m) each
    columns.append(np.where(seen.is_full[:, None], seen.final, np.nan))
    full = np.flatnonzero(seen.is_full)
    full = full[np.argsort(seen.numbers[full])][-LATEST:]
    rows = np.argsort(seen.numbers)
    rungs = []
    for k, share in enumerate(shares):
        final = _agreement(columns[k], columns[-1], full)
        came_on = rows[~np.isnan(columns[k + 1][rows]).any(axis=1)][-LATEST:]
        following = _agreement(columns[k], columns[k + 1], came_on)
        rungs.append(_rung(history.plan, seen, share, final, following))
    return Audit(tuple(rungs), _told(history.plan, seen, rungs))


def is_audited(history: History, curves: Curves, record: TrialRecord) -> bool:
    """Whether a trial that would be stopped now is run to its end instead, to learn how often stopping is wrong.

    The first one is, and then a keyed part of them as far as COST allows: whom it meets does not depend on how they do.
    """
    if was_audited(record):
        return True
    audits = [r for r in history.explored if r.number != record.number and was_audited(r)]
    if not audits:
        return True
    if Key(history.plan.seed, record.number).uniform("audit") >= SHARE:
        return False
    return len(audits) <= COST * float(np.sum(curves.spent))


def was_audited(record: TrialRecord) -> bool:
    """Whether a scheduler would have stopped it, and let it run to see what becomes of it."""
    return any(taken.action is Action.GO_ON and taken.reason.startswith(MARK) for taken in record.course)


@dataclass(frozen=True, slots=True)
class WrongStops:
    """How often stopping would have been wrong, by the trials that were run to their end in spite of it.

    audited: such trials that have come to their end.  wrong: those of them among the best tenth of all trials.
    best: those that were better than every other trial.
    """

    audited: int
    wrong: int
    best: int
    stopped: int  # trials that were stopped indeed

    @property
    def words(self) -> str:
        if not self.audited:
            return ""
        ended = f"{self.audited} trial{'s' if self.audited != 1 else ''} that would have been stopped ran to the end"
        found = f"{self.wrong} of them came among the best tenth" if self.wrong else "none came among the best tenth"
        return f"{ended}: {found}, {self.best or 'none'} became the best; {self.stopped} others were stopped"


def wrong_stops(history: History) -> WrongStops:
    """What the audited trials of a history tell of its stops."""
    scored = {r.number: r.loss for r in history.feasible if r.loss is not None}
    audited = [r for r in history.feasible if was_audited(r)]
    others = sorted(loss for number, loss in scored.items() if not was_audited(history[number]))
    # What was stopped or is paused stands behind: that is what stopping it claimed.
    everybody = len(scored) + sum(1 for r in history.explored if r.state in (State.STOPPED, State.PAUSED))
    tenth = max(1, everybody // 10)
    places = [1 + sum(1 for loss in others if loss < scored[r.number]) for r in audited]
    stopped = sum(1 for r in history.explored if r.state is State.STOPPED)
    return WrongStops(len(audited), sum(p <= tenth for p in places), sum(p == 1 for p in places), stopped)


def _comparable(seen: Curves, losses: Floats) -> Floats:
    """(n, m), NaN for whom no one is compared with."""
    return np.where(seen.counts[:, None], losses, np.nan)


def _agreement(here: Floats, there: Floats, rows: np.ndarray) -> Agreement:
    """The weakest over the objectives, of those rows that have both."""
    found = []
    for i in range(here.shape[1]):
        x, y = here[:, i], there[:, i]
        both = rows[~np.isnan(x[rows]) & ~np.isnan(y[rows])]
        found.append(agreement(x[both], y[both], everybody=x[~np.isnan(x)]))
    return min(found, key=lambda a: a.tau)


def _rung(plan: Plan, seen: Curves, share: float, final: Agreement, following: Agreement) -> Rung:
    amount = amount_told(plan, share, _length(seen))
    told = f"{amount}: rank agreement with full runs {final.tau:.2f} ({final.low:.2f} to {final.high:.2f}, "
    told += f"of {final.n} full run{'s' if final.n != 1 else ''})"
    return Rung(share, final.tau, (final.low, final.high), final.n, following.tau, following.n, told)


def _told(plan: Plan, seen: Curves, rungs: list[Rung]) -> str:
    """In words, what is switched off."""
    off = [rung for rung in rungs if rung.is_misleading]
    if not off:
        return ""
    length = _length(seen)
    names = ", ".join(amount_told(plan, rung.share, length) for rung in off)
    worst = off[-1]
    if worst.agreement <= worst.next_agreement:
        of, tau = f"{worst.n} full runs", worst.agreement
    else:
        of, tau = f"{worst.next_n} trials at the next rung", worst.next_agreement
    told = f"{names} {'does' if len(off) == 1 else 'do'} not predict {amount_told(plan, 1.0, length)}"
    told += f" (rank agreement {tau:.2f}, of {of})"
    active = [rung for rung in rungs if not rung.is_misleading]
    if not active:
        return f"{told}: every trial runs in full"
    if off[-1].share < active[0].share:
        return f"{told}: first rung is now {amount_told(plan, active[0].share, length)}"
    return f"{told}: nobody is stopped there"


def _length(seen: Curves) -> float:
    lengths = seen.lengths
    known = lengths[~np.isnan(lengths)]
    return float(np.max(known)) if len(known) else math.nan
