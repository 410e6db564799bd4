"""Functions whose variance is known dial by dial: what importance may be measured by.

Each is a function of columns: values of numeric dials, the index of a categorical one, NaN where a dial is inactive.
Shares are of the variance of the noiseless function over the unit cube of the space, from a million points of a
scrambled Sobol sequence (random ones were off by 0.0015, as wide as some intervals): a
dial's main effect is the variance of the mean at its value, over the configurations in which it is active, times how
often it is; its interactions are what its total effect (the mean square change when it alone is drawn anew) has more.
Two dials act together if the function is not a sum of one without the first and one without the second: a second
difference tells (Liu & Owen 2006, "Estimating mean dimensionality of analysis of variance decompositions").

Sources: Ishigami & Homma 1990; Sobol 1993 (g-function); Friedman 1991; Surjanovic & Bingham (Hartmann, Rosenbrock).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

import trialist as tl
from trialist.space.cube import Cube

Array = NDArray[np.float64]
Columns = dict[str, Array]

POINTS, BLOCK, BINS = 1 << 20, 1 << 17, 64
PAIR_POINTS = 1 << 16


@dataclass(frozen=True)
class Decomposed:
    """A function of columns over a space. noise: variance of what is added to each score, over that of the function."""

    name: str
    space: tl.Space
    function: Callable[[Columns], Array]
    noise: float = 0.0

    def columns(self, rows: Array, active: NDArray[np.bool_]) -> Columns:
        """The columns of canonical rows (n, d)."""
        found = {}
        for j, (name, dial) in enumerate(self.space.items()):
            if isinstance(dial, tl.Categorical):
                k = len(dial.choices)
                values = np.minimum((rows[:, j] * k).astype(int), k - 1).astype(float)
            else:
                places, back = np.unique(rows[:, j], return_inverse=True)
                values = (
                    np.array([dial.decode(float(u)) for u in places], dtype=float)[back]
                    if dial.size
                    else _many(dial, rows[:, j])
                )
            found[name] = np.where(active[:, j], values, np.nan)
        return found

    def loss(self, params: dict[str, Any]) -> float:
        """Of one configuration, without noise."""
        cube = Cube(self.space)
        rows, active = cube.canonical(cube.encode([params]))
        active[0] = [name in params for name in self.space.names]
        return float(self.function(self.columns(rows, active))[0])


@dataclass(frozen=True)
class Truth:
    """By dial: main, the share of its main effect; interacting, the share of all in which it acts with others.

    together: by pair, the share of all effects that have both dials in them, so 0 where they do not act together.
    """

    main: dict[str, float]
    interacting: dict[str, float]
    together: dict[frozenset[str], float]
    variance: float


@cache
def truth(name: str) -> Truth:
    """The shares of a function's variance."""
    problem = FUNCTIONS[name]
    from scipy.stats import qmc

    cube = Cube(problem.space)
    points = qmc.Sobol(2 * cube.d, seed=20)
    U, f, A = [], [], []
    total = np.zeros(cube.d)
    for _ in range(POINTS // BLOCK):
        raw, other = np.hsplit(points.random(BLOCK), 2)
        rows, active = cube.canonical(raw)
        here = problem.function(problem.columns(rows, active))
        for j in range(cube.d):
            moved = raw.copy()
            moved[:, j] = other[:, j]
            there = problem.function(problem.columns(*cube.canonical(moved)))
            total[j] += 0.5 * float(((here - there) ** 2).sum())
        U.append(rows)
        A.append(active)
        f.append(here)
    U_, A_, f_ = np.concatenate(U), np.concatenate(A), np.concatenate(f)
    variance = float(f_.var())
    main = {}
    for j, dial in enumerate(problem.space.names):
        u, y = U_[A_[:, j], j], f_[A_[:, j]]
        bins = int(cube.counts[j]) if 0 < cube.counts[j] <= BINS else BINS
        place = np.minimum((u * bins).astype(int), bins - 1)
        n = np.bincount(place, minlength=bins)
        there = n > 0
        means = np.bincount(place, y, minlength=bins)[there] / n[there]
        squares = np.bincount(place, y * y, minlength=bins)[there] / n[there] - means**2
        weights = n[there] / n.sum()
        between = float(weights @ (means - weights @ means) ** 2) - float(weights @ (squares / n[there]))
        main[dial] = max(between, 0.0) * len(u) / len(f_) / variance
    whole = total / POINTS / variance
    rest = {dial: max(float(whole[j]) - main[dial], 0.0) for j, dial in enumerate(problem.space.names)}
    return Truth(main, rest, _together(problem, cube, variance), variance)


def _together(problem: Decomposed, cube: Cube, variance: float) -> dict[frozenset[str], float]:
    rng, names = np.random.default_rng(21), problem.space.names
    base, other = rng.random((PAIR_POINTS, cube.d)), rng.random((PAIR_POINTS, cube.d))

    def moved(*dials: int) -> Array:
        raw = base.copy()
        raw[:, list(dials)] = other[:, list(dials)]
        return problem.function(problem.columns(*cube.canonical(raw)))

    here, alone = moved(), [moved(j) for j in range(cube.d)]
    return {
        frozenset((names[j], names[k])): float(np.mean((here - alone[j] - alone[k] + moved(j, k)) ** 2)) / 4 / variance
        for j, k in combinations(range(cube.d), 2)
    }


def _many(dial: Any, u: Array) -> Array:
    """A continuum's values, without its rounding."""
    if dial.log:
        return np.asarray(np.exp(math.log(dial.low) + u * (math.log(dial.high) - math.log(dial.low))))
    return np.asarray(dial.low + u * (dial.high - dial.low))


def _unit(d: int) -> tl.Space:
    return tl.Space({f"x{i}": tl.Float(0, 1) for i in range(d)})


def _ishigami(c: Columns) -> Array:
    return np.sin(c["x0"]) + 7 * np.sin(c["x1"]) ** 2 + 0.1 * c["x2"] ** 4 * np.sin(c["x0"])


def _g(c: Columns) -> Array:
    a = (0.0, 0.5, 3.0, 9.0, 99.0, 99.0)
    return np.prod([(np.abs(4 * c[f"x{i}"] - 2) + a_i) / (1 + a_i) for i, a_i in enumerate(a)], axis=0)


def _additive(c: Columns) -> Array:
    return 2 * np.sin(2 * math.pi * c["x0"] + 0.7) + 9 * (c["x1"] - 0.3) ** 2 + 3 * c["x2"] + np.exp(1.5 * c["x3"])


def _friedman(c: Columns) -> Array:
    return 10 * np.sin(math.pi * c["x0"] * c["x1"]) + 20 * (c["x2"] - 0.5) ** 2 + 10 * c["x3"] + 5 * c["x4"]


def _rates(c: Columns) -> Array:
    """Log scales: the best rate falls with the width; the loss saturates like an error rate."""
    width, rate = np.log2(c["width"]), np.log10(c["rate"])
    worse = (
        0.25 * (rate + 3.0 + 0.3 * (width - 6)) ** 2
        + 0.05 * (width - 8) ** 2
        + np.array([0.0, 0.35, 0.8])[c["optimizer"].astype(int)]
    )
    return -np.expm1(-worse)


def _choices(c: Columns) -> Array:
    """Categorical dials, one of which decides where the best number lies."""
    best = np.array([0.2, 0.4, 0.7, 0.9])[c["kind"].astype(int)]
    return 4 * (c["x0"] - best) ** 2 + np.array([0.0, 0.5, 1.0])[c["mode"].astype(int)] + 0.5 * c["x1"]


def _conditional(c: Columns) -> Array:
    """Each optimizer has a dial of its own, one of them a strong one."""
    sgd = c["optimizer"] == 0
    own = np.where(sgd, 6 * (np.nan_to_num(c["momentum"]) - 0.7) ** 2, 0.8 * np.abs(np.nan_to_num(c["beta"]) - 0.4))
    return own + np.where(sgd, 0.3, 0.0) + 0.12 * (np.log10(c["rate"]) + 2.5 + np.where(sgd, -0.5, 0.5)) ** 2


def _product(c: Columns) -> Array:
    return np.prod([1 + k * np.sin(math.pi * (c[f"x{i}"] - 0.5)) for i, k in enumerate((0.9, 0.6, 0.3, 0.1, 0.0))], 0)


def _rosenbrock(c: Columns) -> Array:
    z = np.stack([c[f"x{i}"] for i in range(4)])
    return np.asarray((100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2).sum(0))


_A = np.array([[10, 3, 17, 3.5], [0.05, 10, 17, 0.1], [3, 3.5, 1.7, 10], [17, 8, 0.05, 10]])[:, :3]
_P = np.array([[0.3689, 0.1170, 0.2673], [0.4699, 0.4387, 0.7470], [0.1091, 0.8732, 0.5547], [0.0381, 0.5743, 0.8828]])
_H = np.array([[3.0, 10, 30], [0.1, 10, 35], [3.0, 10, 30], [0.1, 10, 35]])


def _hartmann3(c: Columns) -> Array:
    x = np.stack([c["x0"], c["x1"], c["x2"]], axis=-1)[..., None, :]
    return -np.asarray(np.exp(-(_H * (x - _P) ** 2).sum(-1)) @ np.array([1.0, 1.2, 3.0, 3.2]))


_PI = {f"x{i}": tl.Float(-math.pi, math.pi) for i in range(3)}
_RATES = {
    "rate": tl.Float(1e-5, 1.0, log=True),
    "width": tl.Int(8, 1024, log=True),
    "optimizer": tl.Categorical(["adam", "sgd", "lion"]),
    "dropout": tl.Float(0.0, 0.5),
}
_CHOICES = {
    "kind": tl.Categorical(["a", "b", "c", "d"]),
    "mode": tl.Categorical(["low", "mid", "high"]),
    "flag": tl.Categorical([True, False]),
    "x0": tl.Float(0, 1),
    "x1": tl.Float(0, 1),
}
_CONDITIONAL = {
    "optimizer": tl.Categorical(["sgd", "adam"]),
    "momentum": tl.Float(0.0, 0.99, when={"optimizer": "sgd"}),
    "beta": tl.Float(0.0, 0.99, when={"optimizer": "adam"}),
    "rate": tl.Float(1e-5, 1.0, log=True),
    "inert": tl.Int(1, 8),
}

FUNCTIONS = {
    problem.name: problem
    for problem in (
        Decomposed("ishigami", tl.Space(_PI), _ishigami),
        Decomposed("g-function", _unit(6), _g),
        Decomposed("additive", _unit(7), _additive),
        Decomposed("friedman", _unit(10), _friedman),
        Decomposed("rates", tl.Space(_RATES), _rates),
        Decomposed("choices", tl.Space(_CHOICES), _choices),
        Decomposed("conditional", tl.Space(_CONDITIONAL), _conditional),
        Decomposed("product", _unit(5), _product),
        Decomposed("rosenbrock", tl.Space({f"x{i}": tl.Float(-2, 2) for i in range(4)}), _rosenbrock),
        Decomposed("hartmann", _unit(3), _hartmann3),
        Decomposed("noisy-ishigami", tl.Space(_PI), _ishigami, noise=0.1),
        Decomposed("noisy-friedman", _unit(10), _friedman, noise=0.1),
    )
}
