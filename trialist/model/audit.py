"""The fidelity audit: whether an early look at a trial says anything of its full run, by what full runs have shown.

Before a rung may stop anybody, the order of the full runs at that rung is compared with their order at the end. A rung
that says nothing is switched off, and the user is told. The prior is that of most learning curves: a middling
agreement, so that four or five full runs that bear it out are enough, and about as many that contradict it. Where runs
still change by much more than they differ, as they do after the first epoch of many trainings, less is expected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trialist.model.changes import EXPECTED, expected_agreement, standstills
from trialist.model.curves import Curves, Floats, Mask
from trialist.model.endings import expected_ends
from trialist.model.rungs import amount_told, rungs_of
from trialist.numerics.agreement import Agreement, agreement
from trialist.numerics.keys import Key
from trialist.trials.history import History
from trialist.trials.trial import Action, State, TrialRecord

LEAST = 0.3  # below that, an expected agreement is not worth looking early
FEWEST = 4  # full runs, before a rung may stop anybody
DOUBT = 0.5  # standard deviation of the atanh of an agreement, before any is seen
LATEST = 96  # full runs that are looked at: enough for an interval of 0.1 to either side
SHARE = 1 / 15  # of the trials that would be stopped are run to their end instead,
COST = 1 / 20  # ... as long as that costs no more than this part of all that is spent, the first one aside
UPWARDS = 1 / 6  # of the paused trials that go on are ones that were left behind: that costs one step upwards each
MARK = "audit: "  # such a trial's reason to go on begins so
FIRST = "one of the first: "  # ... and so that of a trial which nothing has chosen, since all of its kind go on

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rung:
    """What is known of one rung, at a share of a full run: how well the order here tells a later one.

    final: by full runs, with the order at their end.  weakest: of that and of all steps from rung to rung that lead
    from here to the end; words tell which it is.  expected: the agreement with the end before full runs show any.
    is_still: runs stand here as they did at the rung below.
    """

    share: float
    final: Agreement
    weakest: Agreement
    words: str
    expected: float
    is_still: bool = False

    @property
    def is_informative(self) -> bool:
        """Enough to stop trials here, which is final: the interval of its agreement with full runs lies above 0."""
        return self.final.n >= FEWEST and self.final.low > 0 and not self.is_misleading

    @property
    def is_misleading(self) -> bool:
        """Not even enough to pause trials here, who may go on later.

        Where little is expected it takes more than a few runs that happen to agree: they are looked at again and again.
        """
        return self.weakest.tau < LEAST or (self.expected < LEAST and self.final.low <= 0)


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
    def telling(self) -> tuple[float, ...]:
        """Those of the active ones at which a trial that goes on is looked at again.

        Where runs stand still nothing new is learnt.  If it is since they are done, full runs will bear the rung out;
        if it is since they have hardly begun, looks there are lost.  Until FEWEST full runs have told, they are passed.
        """
        unproved = {rung.share for rung in self.rungs if rung.is_still and rung.final.n < FEWEST}
        return tuple(share for share in self.active if share not in unproved)

    @property
    def is_in_doubt(self) -> bool:
        """Whether what full runs have shown speaks against some rung in use, if not enough to switch it off."""
        return any(rung.weakest.tau < EXPECTED for rung in self.rungs if not rung.is_misleading)

    @property
    def informative(self) -> tuple[float, ...]:
        """Shares of a full run at which trials may be stopped."""
        return tuple(rung.share for rung in self.rungs if rung.is_informative)


def audit(history: History, curves: Curves | None = None) -> Audit:
    """The audit of a history; `curves`, where the caller keeps them, spares reading all records anew.

    Those whom halting has left over are no fair sample: chosen by a rung, they agree otherwise with it than all trials
    would. So a rung is compared with the next one, and with the end, by trials that went from one to the other and were
    chosen by no rung on that way: among themselves, and with those that were.
    """
    seen = (curves or Curves()).look(history)
    shares = (*rungs_of(history.plan), 1.0)
    columns = [np.where(seen.counts[:, None], seen.at(share, seen.scores_best), np.nan) for share in shares[:-1]]
    columns.append(_ends(seen))  # (n, m) each
    order = np.argsort(seen.numbers)
    told = [amount_told(history.plan, share, _length(seen)) for share in shares]
    chosen = _Chosen.of(history, seen)
    steps = []
    for k, (share, following) in enumerate(pairwise(shares)):
        words = f"{told[k]} with {told[k + 1]}"
        steps.append(_link(columns[k], columns[k + 1], order, words, chosen.between(share, following)))
    unchosen = [
        np.where(chosen.between(0.0, share)[:, None], np.nan, column)
        for share, column in zip(shares, columns[:-1], strict=False)
    ]
    expected, still = expected_agreement(columns[:-1], unchosen, columns[-1]), standstills(columns[:-1])
    rungs = []
    for k, share in enumerate(shares[:-1]):
        words = f"{told[k]} with {told[-1]}"
        final = _link(columns[k], columns[-1], order, words, chosen.between(share, np.inf), float(expected[k]))
        weakest, words = min([final, *steps[k:]], key=lambda link: link[0].tau)
        rungs.append(Rung(share, final[0], weakest, words, float(expected[k]), still[k]))
    return Audit(tuple(rungs), _told(rungs, told))


def is_audited(history: History, curves: Curves, record: TrialRecord, first: bool = True) -> bool:
    """Whether a trial that would be stopped now is run to its end instead, to learn how often stopping is wrong.

    The first one is, if `first`, and then a keyed part of them as far as COST allows: whom it meets does not depend on
    how they do.
    """
    if was_audited(record):
        return True
    audited = (other for other in history.explored if was_audited(other))
    if lot(history, record) >= SHARE:
        return first and next(audited, None) is None
    audits = sum(1 for _ in audited)
    return not audits or audits <= COST * float(np.sum(curves.spent))


def lot(history: History, record: TrialRecord) -> float:
    """What a trial has drawn in [0, 1): the lower, the sooner it is audited."""
    return Key(history.plan.seed, record.number).uniform("audit")


def was_audited(record: TrialRecord) -> bool:
    """Whether a scheduler would have halted it, and let it run to see what becomes of it."""
    return any(taken.reason.startswith(MARK) for taken in record.course)


@dataclass(frozen=True, slots=True)
class WrongStops:
    """How often halting would have been wrong, by the trials that went on in spite of it.

    audited: such trials that run no more.  wrong: those of them among the best tenth of all trials.  best: those that
    were better than every other trial.  halted: other trials that were stopped, or are paused.
    """

    audited: int
    wrong: int
    best: int
    halted: int

    @property
    def words(self) -> str:
        if not self.audited:
            return ""
        ended = f"{self.audited} trial{'s' if self.audited != 1 else ''} went on to check whether halting was wrong"
        found = f"{self.wrong} came among the best tenth" if self.wrong else "none came among the best tenth"
        return f"{ended}: {found}, {self.best or 'none'} became the best; {self.halted} others were halted"


def wrong_stops(history: History) -> WrongStops:
    """What the audited trials of a history tell of those that were halted."""
    audited = [r for r in history.explored if was_audited(r)]
    ended = [r for r in audited if r.is_scored or r.state in (State.STOPPED, State.PAUSED)]
    others = [r for r in history.explored if not was_audited(r)]
    halted = sum(r.state in (State.STOPPED, State.PAUSED) for r in others)
    losses = [r.loss for r in others if r.is_scored and r.is_feasible and r.loss is not None]
    # Who was halted stands behind all full runs: that is what halting claimed of them.
    tenth = max(1, (len(losses) + halted + len(ended)) // 10)
    scores = [r.loss for r in ended if r.is_scored and r.is_feasible and r.loss is not None]
    places = [1 + sum(loss < score for loss in losses) for score in scores]
    return WrongStops(len(ended), sum(p <= tenth for p in places), places.count(1), halted)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Decisions by which a rung let a trial pass, or go on, for its rank: whose (c,), of n, and at which share (c,)."""

    n: int
    rows: Rows
    shares: Floats

    @classmethod
    def of(cls, history: History, seen: Curves) -> _Chosen:
        found = [
            (row, taken.step)
            for row, record in enumerate(history.records)
            for taken in record.course
            if taken.action in (Action.GO_ON, Action.RESUME) and not taken.reason.startswith((MARK, FIRST))
        ]
        rows = np.array([row for row, _ in found], dtype=np.int64)
        steps = np.array([step for _, step in found])
        return cls(len(history), rows, steps / seen.lengths[rows] * (1 + 1e-9))

    def between(self, low: float, high: float) -> Mask:
        """(n,) who was chosen at a share from low on and before high."""
        found: Mask = np.zeros(self.n, dtype=bool)
        found[self.rows[(self.shares >= low) & (self.shares < high)]] = True
        return found


def _ends(seen: Curves) -> Floats:
    """(n, m) losses of full runs, and those that runs stopped late would have come to: left out, they would leave good
    full runs only, whose order tells less; NaN for others."""
    found = np.where(seen.is_full[:, None], seen.final, np.nan)
    return np.where(seen.is_full, found[:, 0], expected_ends(seen))[:, None] if found.shape[1] == 1 else found


def _link(
    here: Floats, there: Floats, order: Rows, told: str, chosen: Mask, expected: float = EXPECTED
) -> tuple[Agreement, str]:
    """The agreement of two columns (n, m) by the latest of the rows that have both, and the same in words.

    chosen (n,): who is there for its rank.  With several objectives it is the weakest over them.
    """
    found, prior = [], (math.atanh(expected), DOUBT)
    for x, y in zip(here.T, there.T, strict=True):
        both = order[~np.isnan(x + y)[order]][-LATEST:]
        found.append(agreement(x[both], y[both], prior, chosen[both]))
    weakest = min(found, key=lambda a: a.tau)
    words = f"{told}: rank agreement {weakest.tau:.2f} ({weakest.low:.2f} to {weakest.high:.2f}), "
    return weakest, f"{words}of {weakest.n} trial{'s' if weakest.n != 1 else ''}"


def _told(rungs: list[Rung], told: list[str]) -> str:
    """In words, what is switched off and why."""
    off = [k for k, rung in enumerate(rungs) if rung.is_misleading]
    if not off:
        return ""
    names, last = ", ".join(told[k] for k in off), rungs[off[-1]]
    more = "" if last.weakest.tau < LEAST else "; not enough where runs still change by much more than they differ"
    reason = f"{names} {'does' if len(off) == 1 else 'do'} not predict {told[-1]} ({last.words}{more})"
    active = [k for k, rung in enumerate(rungs) if not rung.is_misleading]
    if not active:
        return f"{reason}: every trial begins a full run"
    if off[-1] < active[0]:
        return f"{reason}: first rung is now {told[active[0]]}"
    return f"{reason}: nobody is halted there"


def _length(seen: Curves) -> float:
    lengths = seen.lengths
    known = lengths[~np.isnan(lengths)]
    return float(np.max(known)) if len(known) else math.nan
