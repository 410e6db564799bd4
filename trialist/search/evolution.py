"""Evolution: children of the best so far, for one objective or several, on any space.

After a Sobol start through the priors, each trial is bred from two trials of the population, without waiting for a
generation to end.  The population is a fold over the history: it meets the trials in blocks, by number, and of itself
and each block keeps those that survive (`numerics.survival`).  What lies behind the first pending trial cannot change
any more and is folded once; the rest joins as one last block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trialist.model.observed import Kind, Observed
from trialist.numerics.keys import Key
from trialist.numerics.survival import Floats, Ints, rank_sums, survivors
from trialist.search.breeding import bred
from trialist.search.design import first_new, sobol_proposal
from trialist.trials.history import History
from trialist.trials.trial import Exhausted, Proposal

# Measured on ZDT, DTLZ and mixed problems at a hundred to a thousand trials; larger ones converge later.
POPULATION = {1: 20, 2: 40, 3: 60}  # by the number of objectives
POPULATION_OF_MANY = 80
BLOCK = 5  # trials that the population meets together: one by one is no better, and slower
PER_DIAL, LEAST, MOST = 2, 8, 40  # Sobol points of the start
SHARE = 0.25  # of the trials, at most, for the start
LITTER, LITTERS = 8, 8  # children bred at once, of which the first new one is taken; each litter mutates twice as much


class Evolution:
    """NSGA-II up to three objectives (Deb 2002), NSGA-III beyond (Deb & Jain 2014), and (mu + lambda) for one.

    Measured constraints go first: what violates less survives.  Failed and stopped trials have no children.
    """

    name = "evolution"

    def __init__(self) -> None:
        self._observed = Observed()
        self._settled: _Settled | None = None

    def propose(self, history: History, key: Key) -> Proposal | Exhausted:
        space, seen = history.space, self._observed
        seen.look(history)
        start = _start(len(space), history.plan.budget.trials)
        alive = self._population()
        if (seen.kind != Kind.SILENT).sum() < start or len(alive) < 2 or not len(space):
            return sobol_proposal(self.name, history, space, key, f"Sobol point {key.number}, one of the first {start}")
        rng = key.generator("evolution")
        for litter in range(LITTERS):
            # Binary tournaments: of two random ones the better, which stands before the other.
            mothers, fathers = alive[rng.integers(len(alive), size=(2, LITTER, 2)).min(axis=2)]
            parents = [(seen.U[rows], seen.K[rows]) for rows in (mothers, fathers)]
            children, mutated = bred(seen.cube, parents[0], parents[1], 2.0**litter, rng)
            for i in np.flatnonzero(seen.cube.allowed(children)):
                params = seen.cube.decode(children[i])
                if space.identity(params) not in seen.taken:
                    names = [space.names[j] for j in np.flatnonzero(mutated[i])]
                    numbers = sorted({seen.number(mothers[i]), seen.number(fathers[i])})
                    return Proposal(params, _told(numbers, len(alive), names), self.name)
        again = (Key(key.bits("again", attempt), key.number) for attempt in range(1, 1_000_000))
        return first_new(
            self.name, history, space, key, lambda _: space.draw(next(again)), "drawn at random: no child was new"
        )

    def _population(self) -> Ints:
        """Rows of those that live, the best first."""
        seen = self._observed
        losses = np.where((seen.kind == Kind.SCORED)[:, None], seen.losses, np.inf)
        violations = seen.violations
        waiting = np.flatnonzero(seen.kind == Kind.PENDING)
        settled = int(waiting[0]) if len(waiting) else len(losses)
        settled -= settled % BLOCK
        known = self._settled
        if known is None or not known.still_holds(settled, losses, violations):
            known = _Settled(losses[:0], violations[:0], np.empty(0, dtype=np.int64))
        alive = known.alive
        for first in range(len(known.losses), settled, BLOCK):
            alive = _met(alive, np.arange(first, first + BLOCK), losses, violations)
        self._settled = _Settled(losses[:settled].copy(), violations[:settled].copy(), alive)
        return _met(alive, np.arange(settled, len(losses)), losses, violations)


@dataclass(frozen=True, slots=True)
class _Settled:
    """The population after the first so many trials, and what was known of them."""

    losses: Floats
    violations: Floats
    alive: Ints

    def still_holds(self, settled: int, losses: Floats, violations: Floats) -> bool:
        n = len(self.losses)
        return (
            n <= settled and np.array_equal(self.losses, losses[:n]) and np.array_equal(self.violations, violations[:n])
        )


def _met(alive: Ints, others: Ints, losses: Floats, violations: Floats) -> Ints:
    """Who survives of the population and of others; those without all scores do not."""
    rows = np.concatenate([alive, others[np.isfinite(losses[others]).all(axis=1)]])
    size = POPULATION.get(losses.shape[1], POPULATION_OF_MANY)
    kept: Ints = rows[survivors(losses[rows], rank_sums(violations[rows]), size)]
    return kept


def _start(dials: int, trials: int | None) -> int:
    wanted = min(max(PER_DIAL * dials, LEAST), MOST)
    return wanted if trials is None else max(2, min(wanted, int(SHARE * trials)))


def _told(numbers: Sequence[int], population: int, mutated: Sequence[str], at_most: int = 4) -> str:
    parents = f"trial {numbers[0]}" if len(numbers) == 1 else f"trials {numbers[0]} and {numbers[1]}"
    more = [f"{len(mutated) - at_most} more"] if len(mutated) > at_most else []
    dials = ", ".join([*mutated[:at_most], *more])
    return f"a child of {parents}, of the {population} best so far" + (f"; mutated: {dials}" if dials else "")
