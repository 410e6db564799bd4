"""CMA-ES for any space: numbers by a normal distribution, choices by a categorical one, replayed from the history.

A generation is λ closed trials of this strategy, in the order of their numbers; which distribution drew them does not
matter to the update, so a worker never waits: while some still run, further offspring come from the present one.
Everything is recomputed from the records, and kept only to save time.

Offspring are seen as the objective saw them: in the middle of their value's share, continuous dials folded at bounds.
A discrete dial that kept the mean's value, or an inactive dial, tells nothing of where in its share it was drawn, so
the draw itself stands there (integer centering, Marty et al. 2024, "LB+IC-CMA-ES").
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.errors import SpaceError
from trialist.numerics import choices as categorical
from trialist.numerics import cma
from trialist.numerics.cma import Gaussian
from trialist.numerics.folding import EDGE, fold, unfold_near
from trialist.numerics.keys import Key
from trialist.search import restarts
from trialist.search.design import ATTEMPTS, first_new
from trialist.search.restarts import Run
from trialist.space.categorical import Categorical
from trialist.space.cube import Cube
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Objective
from trialist.trials.trial import Cause, Exhausted, Proposal, Stage, State, TrialRecord

Array = NDArray[np.float64]

NAME = "cmaes"
WARM_FROM = 20  # scored trials of other strategies that are enough to begin from their best
WARM_SHARE = 0.1  # γ of WS-CMA-ES
WIDENING = 1.1  # by how much each draw that came up before widens the next one
_KEPT_RUNS = 64  # generations that can be gone back to when a slow trial is told late
_BLAMELESS = frozenset({Cause.PREEMPTED, Cause.INFRASTRUCTURE})  # failures that say nothing of the configuration


class CMAES:
    """Offspring of a distribution that follows the ranks of the trials; with restarts, for long searches.

    Begins round the best trials of other strategies where there are enough, else widely round the default.
    """

    name = NAME

    def __init__(self) -> None:
        self._replay: _Replay | None = None

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        space = history.space
        if not len(space):
            return first_new(self.name, history, space, key, lambda attempt: None, "")
        replay = self._replay
        if replay is None or not replay.is_of(history, key.seed):
            replay = self._replay = _Replay(history, key.seed)
        run = replay.follow(history)
        params, passed = _drawn(replay, run, key)
        if params is None:
            return first_new(self.name, history, space, key, lambda attempt: None, "")
        after = f", after {passed} that broke a constraint or came up before" if passed else ""
        return Proposal(params, _reason(run, replay.why_restarted) + after, self.name)


def _drawn(replay: _Replay, run: Run, key: Key) -> tuple[dict[str, Any] | None, int]:
    """A new configuration, or None, and how many draws were passed over."""
    rng, dials, space = key.generator(NAME), replay.dials, replay.space
    repeats = 0
    for attempt in range(ATTEMPTS):
        point = _point(run, rng, dials.n, WIDENING**repeats)
        row = dials.rows(point[None], categorical.drawn(run.choices, rng.random(dials.m))[None])
        params = space.decode(row[0].tolist())
        if not space.allows(params):
            continue
        if space.identity(params) not in replay.taken:
            return params, attempt
        repeats += 1
    return None, ATTEMPTS


def _point(run: Run, rng: np.random.Generator, n: int, widened: float = 1.0) -> Array:
    """(n,) a draw from the run's distribution of numbers."""
    return run.gaussian.at(widened * rng.standard_normal(n))


def _reason(run: Run, why_restarted: str) -> str:
    setting, generation = run.setting, len(run.bests) + 1
    step = float(np.median(run.gaussian.deviations)) if len(run.gaussian.mean) else 0.0
    width = f"a typical step is {step:.2g} of a dial's scale"
    if generation > 1:
        return (
            f"generation {generation} of CMA-ES run {setting.index + 1}, round the best of {run.spent} trials: {width}"
        )
    if setting.index:
        return f"CMA-ES run {setting.index + 1} begins anew, since of the run before {why_restarted}: {width}"
    return f"the first generation of CMA-ES: {width}"


class _Dials:
    """Which coordinates are numbers (n of them) and which are choices (m), and how rows are made of both."""

    def __init__(self, space: Space) -> None:
        self.cube = cube = Cube(space)
        self.numeric = np.flatnonzero(~cube.categorical & (cube.counts != 1))
        self.choice = np.flatnonzero(cube.categorical & (cube.counts > 1))
        self.n, self.m = len(self.numeric), len(self.choice)
        self.counts = cube.counts[self.choice]
        self.is_discrete = cube.counts[self.numeric] > 0
        self._dials = [space[space.names[j]] for j in self.numeric]

    def rows(self, X: Array, chosen: NDArray[np.int64]) -> Array:
        """(k, d) canonical rows of numbers X (k, n) and choices (k, m)."""
        U = np.full((len(X), self.cube.d), 0.5)
        U[:, self.numeric] = np.where(self.is_discrete, np.clip(X, 0.0, 1.0), fold(X))
        U[:, self.choice] = (chosen + 0.5) / self.counts
        return self.cube.canonical(U)[0]

    def unfolded(self, X: Array, near: Array | None = None) -> Array:
        """(k, n) numbers X of the cube, continuous ones on the line: where it is nearest to `near` (k, n)."""
        return np.where(self.is_discrete, X, unfold_near(X, X if near is None else near))

    def bounded(self, gaussian: Gaussian) -> Gaussian:
        """The same with its mean within the bounds: beyond, the line only repeats itself."""
        edge = np.where(self.is_discrete, 0.0, EDGE)
        return replace(gaussian, mean=np.clip(gaussian.mean, -edge, 1.0 + edge))

    def chosen(self, rows: Array, active: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(k, m) the choices of rows, -1 where a dial was inactive."""
        index = np.minimum((rows[:, self.choice] * self.counts).astype(np.int64), self.counts - 1)
        return np.where(active[:, self.choice], index, -1)

    def encode(self, records: Sequence[TrialRecord]) -> tuple[Array, NDArray[np.bool_]]:
        """(k, d) canonical rows of trials, and which dials they had a value for."""
        names = self.cube.space.names
        had = np.array([[name in r.params for name in names] for r in records], dtype=bool)
        return self.cube.encode([r.params for r in records]), had.reshape(len(records), self.cube.d)

    def shares(self, mean: Array) -> Array:
        """(n,) the width of the value's share at the mean, 0 for a continuum."""
        return np.array([_share(dial, u) for dial, u in zip(self._dials, mean.tolist(), strict=True)], dtype=float)


def _share(dial: Any, u: float) -> float:
    if isinstance(dial, Categorical):
        return 1.0 / len(dial.choices)
    start, end = dial.axis.share(dial.axis.decode(u))
    return float(end - start)


class _Replay:
    """The run that a history leads to; follows it at the cost of what is new. A cache: a fresh one agrees exactly."""

    def __init__(self, history: History, seed: int) -> None:
        self.space, self.objective, self.seed = history.space, history.plan.objective, seed
        self.dials = _Dials(history.space)
        self._forget()

    def _forget(self) -> None:
        self.taken: set[Hashable] = set()
        self._records: tuple[TrialRecord, ...] = ()
        self._earlier: tuple[History, ...] = ()
        self._first = 0  # where the first trial of this strategy stands among the records
        self._told: list[TrialRecord] = []
        self._moments: deque[tuple[int, Run, str]] = deque(maxlen=_KEPT_RUNS)  # trials used, the run then, why it began

    def is_of(self, history: History, seed: int) -> bool:
        return seed == self.seed and history.space == self.space and history.plan.objective == self.objective

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
        self.taken.update(self.space.identity(r.params) for r in came[len(replaced) :] if r.stage is not Stage.SELECT)
        begins_anew = not self._moments or changed < self._first
        if changed <= self._first:
            self._first = next((i for i, r in enumerate(records) if _is_offspring(r)), len(records))
            begins_anew = True
        self._records, self._earlier = records, history.earlier
        kept = bisect_left(self._told, came[0].number, key=lambda r: r.number) if came else len(self._told)
        before, after = self._told[kept:], [r for r in came if _is_offspring(r) and _is_told(r) and self._fits(r)]
        kept += _first_difference(before, after)
        self._told[kept:] = after[kept - (len(self._told) - len(before)) :]
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

    def _generation(self, run: Run, used: int) -> tuple[list[TrialRecord], int]:
        """The next offspring of the run, and how many trials are used up then.

        What was still under way when the run before ended lies where that one was likelier to put it, and is left out
        of the first generation: else the new run would begin where the old one ended.
        """
        population, before = run.setting.population, run.before
        if before is None or run.bests:
            generation = self._told[used : used + population]
            return generation, used + len(generation)
        own: list[TrialRecord] = []
        while used < len(self._told) and len(own) < population:
            record = self._told[used]
            x = self.dials.unfolded(self.dials.encode([record])[0][:, self.dials.numeric])[0]
            if run.gaussian.log_density(x) >= before.log_density(x):
                own.append(record)
            used += 1
        return own, used

    def _first_run(self) -> Run:
        dials, setting = self.dials, restarts.first_setting(self.dials.n + self.dials.m)
        good = [r for source in self._sources() for r in self._best(source)]
        if good:
            rows, had = dials.encode(good)
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
        yield [r for r in self._records[: self._first] if r.is_scored and r.stage is not Stage.SELECT]

    def _best(self, source: Sequence[TrialRecord]) -> list[TrialRecord]:
        """The best of enough trials; losses of different studies are not compared."""
        fitting = [r for r in source if self._fits(r)] if len(source) >= WARM_FROM else []
        if len(fitting) < WARM_FROM:
            return []
        ranked = sorted(fitting, key=lambda r: (_merit(r, self.objective), r.number))
        return ranked[: max(1, math.floor(WARM_SHARE * len(ranked)))]

    def _fits(self, record: TrialRecord) -> bool:
        """Whether the trial's choices still exist in the space."""
        try:
            self.space.encode(record.params)
        except SpaceError:
            return False
        return True

    def _restarted(self, run: Run) -> Run:
        dials = self.dials
        setting = restarts.next_setting(run, dials.n + dials.m, self.seed)
        gaussian = cma.start(restarts.random_mean(self.seed, setting.index, dials.n), setting.sigma)
        return self._floored(restarts.begun(setting, gaussian, categorical.even(dials.counts), run.gaussian))

    def _after(self, run: Run, generation: Sequence[TrialRecord]) -> Run:
        """The run once a generation is told."""
        dials = self.dials
        merits = {r.number: _merit(r, self.objective) for r in generation}
        ranked = sorted(generation, key=lambda r: (merits[r.number], r.number))
        rows, had = dials.encode(ranked)
        weights = cma.weights_of(run.rates, [merits[r.number] for r in ranked])
        drawn = np.array([_point(run, Key(self.seed, r.number).generator(NAME), dials.n) for r in ranked])
        gaussian = dials.bounded(cma.update(run.gaussian, run.rates, self._latent(run, rows, had, drawn), weights))
        choices = categorical.moved(run.choices, dials.chosen(rows, had), weights)
        losses = [_feasible_loss(merits[r.number]) for r in ranked]
        return self._floored(restarts.told(run, gaussian, choices, losses))

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


def _merit(record: TrialRecord, objective: Objective) -> tuple[float, ...]:
    """For ranking, smaller first: feasible scores, the rest by violation, what was stopped early, failures."""
    if record.is_scored and record.loss is not None:
        if record.is_feasible:
            return (0.0, record.loss)
        broken = (record.constraints[name] for name in record.violated)
        return (1.0, sum(math.inf if math.isnan(value) else value for value in broken), record.loss)
    if record.state is State.STOPPED and record.reports:
        last = record.reports[-1]
        return (2.0, -last.step, objective.loss(last.value))
    return (3.0,)


def _feasible_loss(merit: tuple[float, ...]) -> float:
    return merit[1] if merit[0] == 0.0 else math.inf


def _filled(X: Array, had: NDArray[np.bool_]) -> Array:
    """X (k, n) with the mean of those that had it wherever a dial was inactive, so that it tells nothing."""
    known = (X * had).sum(axis=0) / np.maximum(had.sum(axis=0), 1)
    return np.where(had, X, np.where(had.any(axis=0), known, 0.5))


def _is_offspring(record: TrialRecord) -> bool:
    return record.strategy == NAME and record.stage is not Stage.SELECT


def _is_told(record: TrialRecord) -> bool:
    """Closed, and not by a fault that has nothing to do with its configuration."""
    return record.state.is_closed and not (record.failure is not None and record.failure.cause in _BLAMELESS)


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
