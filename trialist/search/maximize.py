"""The point of largest acquisition in a mixed, conditional space: look widely, then climb, then step through choices.

Candidates come from everywhere, from the priors, and from steps of all sizes round the best rows; the best few of them
climb: gradient ascent over numbers in turn with sweeps over the values of discrete dials, since a rounded optimum of a
relaxed dial is often not the best of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trialist.model.features import Features
from trialist.model.points import Points
from trialist.model.steps import perturbed
from trialist.numerics.gp import Array
from trialist.search.acquisition import Acquisition
from trialist.space.cube import Cube, Rows

STEPS = (1, 2, 4, 8)  # by which numbers of few values are swept
LOOKED_AT = 6  # of the neighbours of a row, the best by a rough look
FINE = 20  # a number with more values than that also climbs by its gradient

Inside = Callable[[Rows], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look."""

    everywhere: int = 512
    near: int = 512
    sifted: int = 100  # candidates that are looked at closely
    starts: int = 4
    apart: float = 0.1  # starts differ by that much in some dial
    rounds: int = 2  # of gradient ascent and sweeps in turn
    iterations: tuple[int, int] = (20, 8)  # in the first round, in later ones


@dataclass(frozen=True, slots=True)
class Found:
    """A point and its acquisition value."""

    row: Array
    value: float


def maximise(
    acquisition: Acquisition,
    rough: Acquisition,
    rng: np.random.Generator,
    best: Rows,
    taken: set[Hashable],
    effort: Effort,
    inside: Inside | None = None,
) -> list[Found]:
    """New, allowed points by descending acquisition; empty where no candidate is new.

    rough: nearly the same at less cost, by which the many candidates are sifted.
    best (k, d): rows worth perturbing, the best one first.  taken: identities not to be proposed.
    inside: (q, d) rows to (q,) whether they lie where the search may go.
    """
    cube = acquisition.features.cube
    rows = candidates(cube, rng, best, effort)
    points = fresh(acquisition.features, rows, taken, inside)
    if not len(points):
        return []
    points, values = _sifted(acquisition, rough, points, effort.sifted)
    order = np.argsort(-values, kind="stable")
    starts = _apart(points.rows, order, effort)
    climbed, heights = _climbed(acquisition, rough, points.rows[starts], values[starts], taken, effort, inside)
    new = fresh(acquisition.features, climbed, taken, inside)
    index = {row.tobytes(): height for row, height in zip(climbed, heights, strict=True)}
    found = [Found(row, index[row.tobytes()]) for row in new.rows]
    found += [Found(points.rows[i], float(values[i])) for i in order[: effort.starts]]
    # Rounded, so that the last bits of a matrix product do not decide.
    return sorted(found, key=lambda f: -round(f.value, 9))


def candidates(cube: Cube, rng: np.random.Generator, best: Rows, effort: Effort) -> Rows:
    """Rows from everywhere, steps of all sizes from the best ones, and the discrete neighbours of the best one."""
    parts = [rng.random((effort.everywhere, cube.d))]
    if cube.has_prior:
        parts.append(cube.from_prior(rng, effort.everywhere // 2)[0])
    if len(best):
        parts += [perturbed(cube, rng, best, effort.near), cube.neighbours(best[0])]
    return np.concatenate(parts)


def fresh(features: Features, rows: Rows, taken: set[Hashable], inside: Inside | None) -> Points:
    """Canonical points without repeats, without taken and forbidden ones."""
    cube = features.cube
    points = Points.of(features, rows)
    seen = set(taken)
    kept = []
    for i, identity in enumerate(cube.identities(points.rows)):
        if identity not in seen:
            seen.add(identity)
            kept.append(i)
    index = np.array(kept, dtype=np.intp)
    if inside is not None:
        index = index[inside(points.rows[index])]
    index = index[cube.allowed(points.rows[index])]
    return Points(points.rows[index], points.active[index], points.X[index])


def _apart(rows: Rows, order: NDArray[np.intp], effort: Effort) -> list[int]:
    """The best few that differ from each other."""
    chosen: list[int] = []
    for i in order[:200]:
        if all(np.abs(rows[i] - rows[j]).max() > effort.apart for j in chosen):
            chosen.append(int(i))
            if len(chosen) == effort.starts:
                break
    return chosen


def _sifted(acquisition: Acquisition, rough: Acquisition, points: Points, count: int) -> tuple[Points, Array]:
    """The points that are best by the rough acquisition, and what they are worth by the other."""
    if rough is not acquisition and len(points) > count:
        points = points[np.argsort(-np.round(rough.value(points), 9), kind="stable")[:count]]
    return points, acquisition.value(points)


def _climbed(
    acquisition: Acquisition,
    rough: Acquisition,
    rows: Rows,
    values: Array,
    taken: set[Hashable],
    effort: Effort,
    inside: Inside | None,
) -> tuple[Rows, Array]:
    """(B, d) rows and (B,) values up from here: by the gradient, then by sweeps over discrete dials, in turn."""
    for turn in range(effort.rounds):
        before = values
        rows, values = _ascended(acquisition, rows, values, effort.iterations[min(turn, 1)], inside)
        after = values
        rows, values = _swept(acquisition, rough, rows, values, taken, inside)
        if turn or (values <= after + 1e-9).all() or (values <= before + 1e-9).all():
            break
    return rows, values


def _ascended(
    acquisition: Acquisition, rows: Rows, values: Array, iterations: int, inside: Inside | None
) -> tuple[Rows, Array]:
    """Projected BFGS over the active numbers, one evaluation for all starts at a time; each has a curvature of its own.

    Rounded in the end, and taken only where it is better.  Sharing evaluations, not curvature: Optuna's 2511.13625.
    """
    features = acquisition.features
    cube = features.cube
    _, active = cube.canonical(rows)
    free = np.zeros_like(active)
    free[:, features.numeric] = True
    free &= active & ~((cube.counts > 0) & (cube.counts <= FINE))
    if not free.any():
        return rows, values

    def slopes(x: Rows) -> tuple[Array, Array]:
        value, slope = acquisition.slopes(Points(x, active, features(x, active)))
        return value, np.where(free, slope, 0.0)

    x = rows.copy()
    f, g = slopes(x)
    B, d = x.shape
    H = np.eye(d) * (0.1 / np.maximum(np.abs(g).max(axis=1), 1e-6))[:, None, None]
    t = np.ones(B)
    for _ in range(iterations):
        # What pushes against a wall stays there.
        pushing = ((x <= 0.0) & (g < 0.0)) | ((x >= 1.0) & (g > 0.0))
        up = np.where(pushing, 0.0, g)
        p = np.where(pushing, 0.0, np.einsum("bij,bj->bi", H, up))
        p = np.where(((p * up).sum(1) > 0.0)[:, None], p, up)
        p *= np.minimum(1.0, 0.25 / np.maximum(np.abs(p).max(axis=1), 1e-12))[:, None]
        tried = np.clip(x + t[:, None] * p, 0.0, 1.0)
        s = tried - x
        if np.abs(s).max() < 1e-7:
            break
        f_tried, g_tried = slopes(tried)
        accepted = f_tried >= f + 1e-4 * (g * s).sum(1)
        if inside is not None:
            accepted &= inside(tried)
        y = g - g_tried
        sy = (s * y).sum(1)
        curved = accepted & (sy > 1e-10)
        if curved.any():
            H[curved] = _bfgs(H[curved], s[curved], y[curved], sy[curved])
        x = np.where(accepted[:, None], tried, x)
        f, g = np.where(accepted, f_tried, f), np.where(accepted[:, None], g_tried, g)
        t = np.where(accepted, 1.0, 0.3 * t)
    points = Points.of(features, np.round(x, 7))
    reached = acquisition.value(points)
    better = reached > values
    return np.where(better[:, None], points.rows, rows), np.where(better, reached, values)


def _bfgs(H: Array, s: Array, y: Array, sy: Array) -> Array:
    """(B, d, d) inverse curvatures after steps s and changes y of the slope (Nocedal & Wright 2006, eq. 6.17)."""
    Hy = np.einsum("bij,bj->bi", H, y)
    scale = ((sy + (y * Hy).sum(1)) / sy**2)[:, None, None]
    cross = Hy[:, :, None] * s[:, None, :]
    updated: Array = H + scale * s[:, :, None] * s[:, None, :] - (cross + cross.transpose(0, 2, 1)) / sy[:, None, None]
    return updated


def _swept(
    acquisition: Acquisition,
    rough: Acquisition,
    rows: Rows,
    values: Array,
    taken: set[Hashable],
    inside: Inside | None,
) -> tuple[Rows, Array]:
    """Each row to the best of all its one-exchange neighbours, at most twice; the best few of them are looked at."""
    rows, values = rows.copy(), values.copy()
    cube = acquisition.features.cube
    moving = list(range(len(rows)))
    for _ in range(2):
        around = [cube.neighbours(rows[b], STEPS) for b in moving]
        owner = np.repeat(moving, [len(a) for a in around])
        if not len(owner):
            break
        points = Points.of(acquisition.features, np.concatenate(around))
        allowed = np.array([identity not in taken for identity in cube.identities(points.rows)])
        if inside is not None:
            allowed &= inside(points.rows)
        sifted = np.where(allowed, np.round(rough.value(points), 9), -np.inf)
        few = [
            mine[np.argsort(-sifted[mine], kind="stable")[:LOOKED_AT]]
            for mine in (np.flatnonzero(owner == b) for b in moving)
        ]
        chosen = np.concatenate(few)
        chosen = chosen[np.isfinite(sifted[chosen])]
        if not len(chosen):
            break
        reached = acquisition.value(points[chosen])
        moved = []
        for b in moving:
            mine = np.flatnonzero(owner[chosen] == b)
            for i in mine[np.argsort(-np.round(reached[mine], 9), kind="stable")[:1]]:
                row = points.rows[chosen[i]]
                if reached[i] > values[b] + 1e-9 and cube.allowed(row[None])[0]:
                    rows[b], values[b] = row, reached[i]
                    moved.append(b)
        moving = moved
        if not moving:
            break
    return rows, values
