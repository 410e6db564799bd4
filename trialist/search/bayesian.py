"""Bayesian optimisation with Gaussian processes, for mixed, conditional, noisy, constrained and parallel searches.

A few even points first; then each trial maximises the expected improvement over the best posterior mean, averaged over
two processes (Matern 5/2 and 3/2) fitted to all scores, with the trials that still run conditioned on.  In turn, an
improvement counts from next to nothing on, or only beyond a margin: where the first settles in a basin whose gains have
become trifles, the second looks elsewhere.  In long studies every other trial stays within a box round the incumbent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trialist.model.evidence import Evidence, Witness
from trialist.model.replicates import shared_units
from trialist.model.surrogate import Surrogate
from trialist.numerics.gp import Array, Prior
from trialist.numerics.keys import Key
from trialist.numerics.threads import one_thread
from trialist.search import part
from trialist.search.acquisition import Acquisition, Term
from trialist.search.active_learning import most_informative
from trialist.search.design import first_new, sobol_proposal
from trialist.search.improvement import Aim, Modelling, aim
from trialist.search.maximize import Effort, Inside, maximise
from trialist.search.preferences import preferences
from trialist.search.reasons import best_scored, expected, reason, told_before
from trialist.search.replication import is_worth_more
from trialist.search.tpe import TPE
from trialist.space.cube import Rows
from trialist.space.space import Space
from trialist.trials.foretold import Foretold
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Proposal, TrialRecord

LEAST_SCORED = 3  # scores before there is anything to fit
THOROUGH_UNTIL = 60  # scored trials: then a model knows more, costs more, and is easier to climb
SETTLING = 20  # full runs: before, every trial looks far anyway, and none is asked to look farther where that costs one
EXPLORING = 0.05  # a larger margin makes a trial look elsewhere
STALLED, LEAST_BEFORE = 12, 4  # trials in a row without a gain worth telling, and trials before them
WORTHWHILE = 0.01
_STALLED = f"hardly a gain in {STALLED} trials"
UNKNOWN = 100  # trials, of which the later half is when their number is not known
FINE = 0.8  # of the scores differ from all others, or they come in steps
LOCAL_FROM = 500  # scored trials from which on every other one stays near the incumbent


@dataclass(frozen=True, slots=True)
class Settings:
    """What was chosen by measuring: docs/engine.md has the comparisons.

    margins: in turn, what an improvement must exceed to count, in standard deviations of the transformed losses.
    active_learning: where the search has stalled, trials of the largest margin go where they tell most of the whole
    space; else they are left to TPE.
    last: the share of a known budget in which every improvement counts.  initial: trials before the first model.
    """

    margins: tuple[float, ...] = (0.01, 0.1, 0.01, 0.3)
    last: float = 0.1
    initial: int = 4
    active_learning: bool = True
    modelling: Modelling = field(default_factory=Modelling)
    prior: Prior = field(default_factory=Prior)
    effort: Effort = field(default_factory=Effort)
    later: Effort = field(default_factory=lambda: Effort(everywhere=320, near=320, sifted=80, iterations=(15, 6)))


class Bayesian:
    """Gaussian processes on any space.

    within: the part of the space where trials are proposed, while there are new ones, by all trials as evidence.  That
    is the end of a search: there every improvement counts.
    """

    name = "gp"

    def __init__(self, settings: Settings | None = None, *, within: Space | None = None) -> None:
        self.settings, self.within = settings or Settings(), within
        self._witness, self._surrogate, self._other = Witness(), Surrogate(self.settings.prior), TPE()

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        with one_thread():
            return self._proposed(history, key)

    def _proposed(self, history: History, key: Key) -> Proposal | Exhausted:
        space = history.space
        is_first = not len(space) or len(history.explored) < self._initial(history)
        evidence = None if is_first else self._witness.evidence(history)
        if evidence is None or evidence.looks.trials < LEAST_SCORED:
            why = f"Sobol point {key.number}: a model needs some even points first"
            return sobol_proposal(self.name, history, space, key, why)
        margin = self._margin(history, key, evidence)
        has_stalled = margin == max(self.settings.margins) and _has_stalled(evidence)
        is_learning = has_stalled and self.settings.active_learning and _may_learn(history, evidence)
        if has_stalled and not is_learning:
            return self._second_opinion(history, key)
        local = evidence.n >= LOCAL_FROM and key.number % 2 == 1 and not evidence.looks.is_early
        centre = best_scored(evidence) if local else None
        margin = 0.0 if local else margin
        goal = aim(evidence, self._surrogate, self.settings.modelling, margin, key, centre)
        more, likely = preferences(evidence, history, self._surrogate, margin > EXPLORING)
        exact, rough = (
            Acquisition(evidence.features, more if term is None else [term, *more]) for term in (goal.term, goal.rough)
        )
        best = goal.best if centre is None else np.concatenate([evidence.scored.rows[[centre]], goal.best])
        rules = [] if self.within is None else [part.inside(evidence.features.cube, self.within)]
        rules += [] if centre is None else [_box(evidence, centre)]
        rules += [] if likely is None else [likely]
        if is_learning and (told := self._informative(evidence, goal, more, key, rules, history)):
            return told
        effort = self.settings.effort if len(evidence.looks) <= THOROUGH_UNTIL else self.settings.later
        for rule in [_all(rules), None] if rules else [None]:
            rng = key.generator("gp")
            found = maximise(exact, rough, rng, best, evidence.taken, effort, rule)
            if found:
                break
        else:
            return first_new(self.name, history, space, key, lambda attempt: None, "nothing better is known")
        row = found[0].row
        is_plain = margin <= min(self.settings.margins) and not _covers(history) and not shared_units(history.plan)
        if is_plain and goal.incumbent is not None and is_worth_more(evidence, goal, row):
            before = told_before(evidence, goal, evidence.scored.rows[goal.incumbent], history)
            return _again(evidence.records[goal.incumbent], before)
        why = reason(evidence, goal, row, history, centre, margin > EXPLORING)
        return self._at(evidence, goal, row, history, why)

    def _at(self, evidence: Evidence, goal: Aim, row: Array, history: History, why: str) -> Proposal:
        before = told_before(evidence, goal, row, history)
        return Proposal(evidence.features.cube.decode(row), why, self.name, foretold=before)

    def _initial(self, history: History) -> int:
        """Trials before the first model: more where they begin cheap."""
        few, trials = self.settings.initial, history.plan.budget.trials
        return few if history.plan.fidelity is None else min(few + 3, max(few, (trials or 100) // 4))

    def _second_opinion(self, history: History, key: Key) -> Proposal | Exhausted:
        """By a strategy that errs elsewhere: where the model is wrong, it will not find that out by itself."""
        got = self._other.propose(history, key)
        if isinstance(got, Exhausted):
            return got
        return replace(got, reason=f"{_STALLED}, so TPE is asked: {got.reason}", strategy=self.name)

    def _informative(
        self,
        evidence: Evidence,
        goal: Aim,
        more: Sequence[Term],
        key: Key,
        rules: Sequence[Inside],
        history: History,
    ) -> Proposal | None:
        """The trial that tells most of the whole space; None where none is new."""
        rng, inside = key.generator("telling"), _all(rules) if rules else None
        row = most_informative(evidence.features, goal.models, evidence.pending, more, rng, evidence.taken, inside)
        if row is None:
            return None
        X = evidence.features(*evidence.features.cube.canonical(row[None]))
        what = expected(history.plan.objectives[0], goal.models[0], evidence.looks.losses, X)
        return self._at(evidence, goal, row, history, f"explores: {_STALLED}, so where most is learnt: {what} expected")

    def _margin(self, history: History, key: Key, evidence: Evidence) -> float:
        """In turn; near the end of a known budget every improvement counts."""
        trials = history.plan.budget.trials
        if self.within is not None:
            return 0.0
        if trials is not None and len(history.explored) >= (1.0 - self.settings.last) * trials:
            return 0.0
        if evidence.looks.trials < SETTLING and not evidence.looks.is_early:
            return self.settings.margins[0]
        turn = key.number // 2 if evidence.n >= LOCAL_FROM else key.number
        return self.settings.margins[turn % len(self.settings.margins)]


def _may_learn(history: History, evidence: Evidence) -> bool:
    """Whether trials are worth spending on the whole space: one objective, full runs, scores that differ, late.

    Before half of the budget TPE still finds more (after 50 of 100 trials regret was 0.067 with it, 0.085 without).
    A race asks each trial for as little as it takes to drop it, and a space that is covered needs no choice.  Of scores
    in a few steps a process learns little, and TPE is the better one to ask.
    """
    known, trials = evidence.known_losses, history.plan.budget.trials
    is_late = len(history.explored) >= (UNKNOWN if trials is None else trials) / 2
    is_single = known.shape[1] == 1 and not evidence.looks.is_early and evidence.raced is None
    is_fine = len(np.unique(known)) >= FINE * len(known)
    return is_late and is_single and is_fine and not _covers(history) and not shared_units(history.plan)


def _covers(history: History) -> bool:
    """Whether the budget has a trial for each configuration: then each is tried before any is tried again."""
    size, trials = history.space.size, history.plan.budget.trials
    return size is not None and trials is not None and size <= trials


def _has_stalled(evidence: Evidence) -> bool:
    """Whether the last trials have improved the best loss by less than a hundredth of its distance to the median."""
    known = evidence.known_losses
    if len(known) < STALLED + LEAST_BEFORE or known.shape[1] > 1 or len(known) >= LOCAL_FROM:
        return False
    numbers = [record.number for record in evidence.records]
    losses = np.where(evidence.is_feasible, evidence.losses[:, 0], np.inf)
    if evidence.raced is not None:  # what racing has left off is a trial without a gain as well
        numbers += evidence.raced.number.tolist()
        losses = np.concatenate([losses, np.full(len(evidence.raced.number), np.inf)])
        losses = losses[np.argsort(numbers)]
    before, now = float(losses[:-STALLED].min()), float(losses.min())
    return np.isfinite(before) and before - now <= WORTHWHILE * (float(np.median(known[:, 0])) - now)


def _again(record: TrialRecord, told: Foretold | None) -> Proposal:
    """The incumbent once more, on another seed."""
    reason = f"trial {record.number} again, the best by the model: worth more than a new point"
    return Proposal(record.params, reason, Bayesian.name, repeats=record.number, foretold=told)


def _all(rules: Sequence[Inside]) -> Inside:
    return lambda rows: np.logical_and.reduce([rule(rows) for rule in rules])


def _box(evidence: Evidence, centre: int) -> Inside:
    """Numbers within a box round a trial, whose side halves each time that some trials in a row have gained nothing.

    After the smallest it starts large again: TuRBO's trust region (Eriksson 2019) as a function of the history.
    """
    cube = evidence.features.cube
    patience = 2 * max(4, cube.d)
    side = 0.8 * 0.5 ** ((evidence.n - 1 - centre) // patience % 7)
    numbers = np.flatnonzero(~cube.categorical)
    row = evidence.scored.rows[centre, numbers]

    def inside(rows: Rows) -> NDArray[np.bool_]:
        within: NDArray[np.bool_] = (np.abs(rows[:, numbers] - row) <= 0.5 * side + 1e-9).all(axis=1)
        return within

    return inside
