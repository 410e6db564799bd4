"""The run of CMA-ES that a history leads to: generations, updates and restarts, recomputed from the records.

A generation is λ closed trials of this strategy, in the order of their numbers; which distribution drew them does not
matter to the update.

Offspring are seen as the objective saw them: in the middle of their value's share, continuous dials folded at bounds.
A discrete dial that kept the mean's value, or an inactive dial, tells nothing of where in its share it was drawn, so
the draw itself stands there (integer centering, Marty et al. 2024, "LB+IC-CMA-ES").
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trialist.errors import SpaceError
from trialist.numerics import choices as categorical
from trialist.numerics import cma
from trialist.numerics.keys import Key
from trialist.search import restarts
from trialist.search.dials import Dials
from trialist.search.restarts import Run
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.trial import State, TrialRecord

Array = NDArray[np.float64]

NAME = "cmaes"
WARM_FROM = 20  # scored trials of other strategies that are enough to begin from their best
WARM_SHARE = 0.1  # γ of WS-CMA-ES
_KEPT_RUNS = 64  # generations that can be gone back to when a slow trial is told late


@dataclass(frozen=True, slots=True)
class Offspring:
    """A trial that counts: its merit, its point u of the cube, the dials it had values for, its draw z."""

    record: TrialRecord
    merit: tuple[float, ...]
    u: list[float]
    had: list[bool]
    z: Array


class Replay:
    """The run that a history leads to; follows it at the cost of what is new. A cache: a fresh one agrees exactly."""

    def __init__(self, history: History, seed: int) -> None:
        self.space, self.objective, self.seed = history.space, history.plan.objective, seed
        self.has_units = history.plan.validation is not None
        self.dials = Dials(history.space)
        self._forget()

    def _forget(self) -> None:
        self.taken: set[Hashable] = set()
        self._records: tuple[TrialRecord, ...] = ()
        self._earlier: tuple[History, ...] = ()
        self._first = 0  # where the first trial of this strategy stands among the records
        self._told: list[Offspring] = []
        self._moments: deque[tuple[int, Run, str]] = deque(maxlen=_KEPT_RUNS)  # trials used, the run then, why it began

    def is_of(self, history: History, seed: int) -> bool:
        is_same = seed == self.seed and history.space == self.space and history.plan.objective == self.objective
        return is_same and self.has_units == (history.plan.validation is not None)

    @property
    def why_restarted(self) -> str:
        """Why the run before the present one ended."""
        return self._moments[-1][2]

    def follow(self, history: History) -> Run:
        """The run as it is now."""
        records = history.records
        changed = _first_difference(self._records, records)
        if not _ascending(records, changed):
            records = tuple(sorted(records, key=lambda r: r.number))
            changed = _first_difference(self._records, records)
        replaced, came = self._records[changed:], records[changed:]
        if not _same_trials(replaced, came) or history.earlier != self._earlier:
            self._forget()
            changed, replaced, came = 0, (), records
        self.taken.update(self.space.identity(r.params) for r in came[len(replaced) :] if r.stage.is_explored)
        begins_anew = not self._moments or changed < self._first
        if changed <= self._first:
            self._first = next((i for i, r in enumerate(records) if _is_offspring(r)), len(records))
            begins_anew = True
        self._records, self._earlier = records, history.earlier
        start = bisect_left(self._told, came[0].number, key=lambda o: o.record.number) if came else len(self._told)
        after = [o for r in came if _is_offspring(r) and _is_told(r) and (o := self._offspring(r))]
        kept = start + _first_difference([o.record for o in self._told[start:]], [o.record for o in after])
        self._told[kept:] = after[kept - start :]
        while self._moments and (self._moments[-1][0] > kept or begins_anew):
            self._moments.pop()
        if not self._moments:
            self._moments.append((0, self._first_run(), ""))
        self._advance()
        return self._moments[-1][1]

    def _advance(self) -> None:
        used, run, why = self._moments[-1]
        while True:
            generation, used = self._generation(run, used)
            if len(generation) < run.setting.population:
                return
            run = self._after(run, generation)
            ending = restarts.ended(run)
            if ending:
                run, why = self._restarted(run), ending
            self._moments.append((used, run, why))

    def _generation(self, run: Run, used: int) -> tuple[list[Offspring], int]:
        """The next offspring of the run, and how many trials are used up then.

        What was still under way when the run before ended lies where that one was likelier to put it, and is left out
        of the first generation: else the new run would begin where the old one ended.
        """
        population, before = run.setting.population, run.before
        if before is None or run.bests:
            generation = self._told[used : used + population]
            return generation, used + len(generation)
        own: list[Offspring] = []
        while used < len(self._told) and len(own) < population:
            one = self._told[used]
            rows, _ = self._rows([one])
            x = self.dials.unfolded(rows[:, self.dials.numeric])[0]
            if run.gaussian.log_density(x) >= before.log_density(x):
                own.append(one)
            used += 1
        return own, used

    def _first_run(self) -> Run:
        dials, setting = self.dials, restarts.first_setting(self.dials.n + self.dials.m)
        good = [o for source in self._sources() for o in self._best(source)]
        if good:
            rows, had = self._rows(good)
            gaussian = cma.warm_start(dials.unfolded(_filled(rows[:, dials.numeric], had[:, dials.numeric])))
            choices = categorical.learnt(dials.counts, dials.chosen(rows, had))
        else:
            default = dials.cube.encode([self.space.baseline()])
            gaussian = cma.start(dials.unfolded(default[:, dials.numeric])[0], setting.sigma)
            choices = categorical.even(dials.counts)
        return self._floored(restarts.begun(setting, gaussian, choices))

    def _sources(self) -> Iterable[Sequence[TrialRecord]]:
        """The trials to begin from: of earlier studies, and those of other strategies before the first offspring."""
        yield from (earlier.scored for earlier in self._earlier)
        yield [r for r in self._records[: self._first] if r.is_scored and r.stage.is_explored]

    def _best(self, source: Sequence[TrialRecord]) -> list[Offspring]:
        """The best of enough trials; losses of different studies are not compared."""
        fitting = [o for r in source if (o := self._offspring(r))] if len(source) >= WARM_FROM else []
        if len(fitting) < WARM_FROM:
            return []
        return sorted(fitting, key=_rank)[: max(1, math.floor(WARM_SHARE * len(fitting)))]

    def _offspring(self, record: TrialRecord) -> Offspring | None:
        """The trial as it is learnt from; None where one of its choices is no longer in the space."""
        try:
            u = self.space.encode(record.params)
        except SpaceError:
            return None
        z = Key(self.seed, record.number).generator(NAME).standard_normal(self.dials.n)
        had = [name in record.params for name in self.space.names]
        return Offspring(record, _merit(record, self.objective, self.has_units), u, had, z)

    def _rows(self, some: Sequence[Offspring]) -> tuple[Array, NDArray[np.bool_]]:
        """(k, d) canonical rows, and which dials they had a value for."""
        return self.dials.cube.canonical(np.array([o.u for o in some]))[0], np.array([o.had for o in some])

    def _restarted(self, run: Run) -> Run:
        dials = self.dials
        setting = restarts.next_setting(run, dials.n + dials.m, self.seed)
        gaussian = cma.start(restarts.random_mean(self.seed, setting.index, dials.n), setting.sigma)
        return self._floored(restarts.begun(setting, gaussian, categorical.even(dials.counts), run.gaussian))

    def _after(self, run: Run, generation: Sequence[Offspring]) -> Run:
        """The run once a generation is told."""
        dials, ranked = self.dials, sorted(generation, key=_rank)
        rows, had = self._rows(ranked)
        weights = cma.weights_of(run.rates, [o.merit for o in ranked])
        drawn = np.array([run.gaussian.at(o.z) for o in ranked])
        gaussian = dials.bounded(cma.update(run.gaussian, run.rates, self._latent(run, rows, had, drawn), weights))
        choices = categorical.moved(run.choices, dials.chosen(rows, had), weights)
        return self._floored(restarts.told(run, gaussian, choices, [_feasible_loss(o.merit) for o in ranked]))

    def _latent(self, run: Run, rows: Array, had: NDArray[np.bool_], drawn: Array) -> Array:
        """(λ, n) offspring as they were run, as they were drawn where the rounding hides that (see the file's head)."""
        dials = self.dials
        X = rows[:, dials.numeric]
        chosen = np.maximum(dials.chosen(rows, np.ones_like(had)), 0)
        rounded = dials.rows(drawn, chosen)[:, dials.numeric]
        middle = dials.rows(np.repeat(run.gaussian.mean[None], len(rows), axis=0), chosen)[:, dials.numeric]
        is_same = dials.is_discrete & (np.abs(rounded - X) < 1e-9) & (np.abs(middle - X) < 1e-9)
        return np.where(is_same | ~had[:, dials.numeric], drawn, dials.unfolded(X, drawn))

    def _floored(self, run: Run) -> Run:
        """The same run, its discrete dials wide enough to leave their value now and then."""
        gaussian = run.gaussian
        least = min(0.2, run.rates.mu_eff / max(1, self.dials.n)) * self.dials.shares(gaussian.mean)
        return replace(run, gaussian=gaussian.floored(least))


def _merit(record: TrialRecord, objective: Objective, has_units: bool) -> tuple[float, ...]:
    """For ranking, smaller first: feasible scores, the rest by violation, what was stopped early, failures.

    has_units: reports are scores on folds or with seeds, of which the mean counts rather than the last one.
    """
    if record.is_scored and record.loss is not None:
        if record.is_feasible:
            return (0.0, record.loss)
        broken = (record.constraints[name] for name in record.violated)
        return (1.0, sum(math.inf if math.isnan(value) else value for value in broken), record.loss)
    if record.state is State.STOPPED and record.reports:
        told = [report.value for report in (record.reports if has_units else record.reports[-1:])]
        return (2.0, -record.reports[-1].step, objective.loss(sum(told) / len(told)))
    return (3.0,)


def _rank(one: Offspring) -> tuple[tuple[float, ...], int]:
    return one.merit, one.record.number


def _feasible_loss(merit: tuple[float, ...]) -> float:
    return merit[1] if merit[0] == 0.0 else math.inf


def _filled(X: Array, had: NDArray[np.bool_]) -> Array:
    """X (k, n) with the mean of those that had it wherever a dial was inactive, so that it tells nothing."""
    known = (X * had).sum(axis=0) / np.maximum(had.sum(axis=0), 1)
    return np.where(had, X, np.where(had.any(axis=0), known, 0.5))


def _is_offspring(record: TrialRecord) -> bool:
    return record.strategy == NAME and record.stage.is_explored


def _is_told(record: TrialRecord) -> bool:
    """Closed, and not by a fault that has nothing to do with its configuration."""
    return record.state.is_closed and not (record.failure is not None and record.failure.cause.is_blameless)


def _first_difference(old: Sequence[TrialRecord], new: Sequence[TrialRecord]) -> int:
    """The first place where the same record does not stand in both."""
    for i, (a, b) in enumerate(zip(old, new, strict=False)):
        if a is not b:
            return i
    return min(len(old), len(new))


def _ascending(records: Sequence[TrialRecord], start: int) -> bool:
    return all(records[i - 1].number < records[i].number for i in range(max(start, 1), len(records)))


def _same_trials(old: Sequence[TrialRecord], new: Sequence[TrialRecord]) -> bool:
    """Whether the new records are the old ones, further on, and perhaps more."""
    return len(old) <= len(new) and all(
        a.number == b.number and a.params == b.params and a.stage is b.stage for a, b in zip(old, new, strict=False)
    )
