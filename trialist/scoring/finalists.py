"""Finalists: which few configurations are scored again, and which of them go on after each look at the fresh scores.

Smaller is better.  A finalist is dropped where the 90 % interval of its paired difference to the leader (Student's t)
lies above 0: the runs that it would have had go to those that are left.  Nothing is claimed by that, and it is no test
repeated until it succeeds: a look can only end what falls behind, and the choice is made once, by all scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence

import numpy as np

from trialist.numerics.blocks import Blocks, blocks
from trialist.numerics.gaussian import student_quantile
from trialist.space.cube import Cube, Mask, Rows

DROP_LEVEL = 0.90
OWN = 5  # differences of two finalists from which on they tell their error by themselves
LARGEST = 1e100  # squares of larger losses would have no room; beyond it one is as bad as the other
ALIKE = 0.05  # of a dial's scale: two configurations that differ by less in two dials are one for the choice


def choose_finalists(
    losses: Sequence[float | None],
    identities: Sequence[Hashable],
    baseline_index: int | None,
    k: int,
    *,
    first: Sequence[int] = (),
    alike: Callable[[int, int], bool] = lambda a, b: False,
) -> list[int]:
    """Indices of the k best distinct configurations, best first, and of the default, which is always among them.

    losses: one per trial; None or not finite where a trial failed.  identities: equal for equal configurations; trials
    of one configuration count as one, by the mean of their losses, and stand under the earliest.
    first: who comes before all others, whatever their losses.  alike: whether two trials are so near to each other that
    the second tells nothing new; such ones come only where there are no others.

    >>> choose_finalists([0.5, 0.3, 0.4, 0.1, 0.2], ["default", "a", "b", "c", "c"], 0, k=2)
    [3, 1, 0]
    >>> choose_finalists([0.5, 0.3, 0.4, 0.1, 0.2], ["default", "a", "b", "c", "c"], 0, k=2, first=[2])
    [2, 3, 0]
    """
    trials_of: dict[Hashable, list[int]] = {}
    for index, (loss, identity) in enumerate(zip(losses, identities, strict=True)):
        if loss is not None and math.isfinite(loss):
            trials_of.setdefault(identity, []).append(index)

    def mean(indices: list[int]) -> float:
        return math.fsum(loss for index in indices if (loss := losses[index]) is not None) / len(indices)

    by_loss = sorted(trials_of.values(), key=lambda indices: (mean(indices), indices[0]))
    before = [trials_of[identities[index]] for index in first if identities[index] in trials_of]
    best = list(dict.fromkeys(indices[0] for indices in before))[:k]
    ranked = [indices[0] for indices in by_loss if indices[0] not in best]
    for index in ranked:
        if len(best) < k and not any(alike(index, other) for other in best):
            best.append(index)
    best += [index for index in ranked if index not in best][: k - len(best)]
    if baseline_index is None:
        return best
    default = identities[baseline_index]
    others = [index for index in best if identities[index] != default]
    if len(others) < len(best):
        return [baseline_index if identities[index] == default else index for index in best]
    return [*best, baseline_index]


def are_alike(cube: Cube, rows: Rows, active: Mask) -> Callable[[int, int], bool]:
    """Whether two of the rows (n, d) are one for the choice: no category differs, nor any dial by much.

    Two dials by 5 % of their scales are much, or one by 7 %; so is a step of an integer with few values.
    """
    limit = 2 * ALIKE**2

    def alike(a: int, b: int) -> bool:
        differs = np.abs(rows[a] - rows[b])
        is_other = bool((active[a] != active[b]).any() or (differs[cube.categorical] > 0).any())
        return not is_other and float((differs**2).sum()) <= limit

    return alike


def going_on(fresh: Mapping[int, Sequence[float]], barred: Collection[int] = (), overlap: float = 0.0) -> list[int]:
    """The finalists that are scored further, the leader first.

    fresh: scores by trial number, as in `select`, each of them of the same first rounds.  barred: those that violate a
    constraint; they go on only where all do.  Who has a score that is not finite does not go on.
    """
    sound = [n for n, losses in fresh.items() if all(map(math.isfinite, losses))]
    candidates = [n for n in sound if n not in barred] or sound
    if len(candidates) < 2:
        return candidates
    found = layout({n: fresh[n] for n in candidates}, overlap)
    leader = int(np.argmin(found.effects))

    def falls_behind(i: int) -> bool:
        between = interval(found, i, leader, DROP_LEVEL)
        return between is not None and between[0] > 0

    order = sorted(range(len(candidates)), key=lambda i: (float(found.effects[i]), candidates[i]))
    return [candidates[i] for i in order if i == leader or not falls_behind(i)]


def interval(found: Blocks, i: int, j: int, level: float) -> tuple[float, float] | None:
    """Of effect i less effect j, by Student's t; None where nothing tells the error.

    By how their own differences vary, where there are enough: of finalists, the bad ones are often the noisier.  By
    what all residuals tell where there are few: three finalists on two seeds would else have intervals twice as wide.
    """
    own = found.Y[i] - found.Y[j]
    own = own[np.isfinite(own)]
    if i == j or len(own) < OWN:
        return found.interval(i, j, level)
    error = math.sqrt(float(own.var(ddof=1)) * (1 / len(own) + found.overlap))
    half = student_quantile((1 + level) / 2, len(own) - 1) * error
    apart = found.apart(i, j)
    return apart - half, apart + half


def layout(fresh: Mapping[int, Sequence[float]], overlap: float) -> Blocks:
    """The scores of finalists, in the order of the mapping, as blocks: the first ones of each are of the same seeds."""
    Y = np.full((len(fresh), max(map(len, fresh.values()))), np.nan)
    for row, losses in zip(Y, fresh.values(), strict=True):
        row[: len(losses)] = np.clip(losses, -LARGEST, LARGEST)
    return blocks(Y, overlap)
