"""How honest a sweep of one dial is: whether its intervals hold, and which planted shapes it recognises.

    python benchmarks/sweeps.py                      # a few minutes; --sweeps 1000 --seed 0
    python benchmarks/sweeps.py --only intervals     # or shapes, folds, bounds

Losses are simulated: seven levels on 2 to 5 seeds, noise of one run 1, so that effects are in units of it.  What runs
and stores trials is left out: the functions are those that `study.sweep` reads its trials with.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fold_learners import LEARNERS, scores

from trialist.effects.shape import Response, Shape, findings
from trialist.numerics.crossed import paired, spread
from trialist.numerics.divisions import overlap_of

LEVELS, MIDDLE = 7, 4
BOWL = np.array([3.0, 2.0, 1.0, 0.3, 0.0, 0.5, 2.0])  # a response with its best inside, in units of the noise
Draw = Callable[[np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class Noise:
    """draw: (k, r) noise of standard deviation about 1, of mean 0 in every cell."""

    name: str
    draw: Draw


def _by_level(sizes: np.ndarray) -> Draw:
    return lambda rng, r: sizes[:, None] * rng.normal(size=(LEVELS, r))


NOISES = (
    Noise("normal", lambda rng, r: rng.normal(size=(LEVELS, r))),
    Noise("seed effects, sd 3", lambda rng, r: rng.normal(size=(LEVELS, r)) + 3 * rng.normal(size=r)),
    Noise("skewed: exponential", lambda rng, r: rng.exponential(size=(LEVELS, r)) - 1),
    Noise("heavy tails: Student's t, df 3", lambda rng, r: rng.standard_t(3, size=(LEVELS, r)) / 3**0.5),
    Noise("grows with the loss, sd 0.5 to 3.5", _by_level(0.5 + BOWL)),
    Noise("one level of sd 6, others 1", _by_level(np.where(np.arange(LEVELS) == 6, 6.0, 1.0))),
    Noise("sd 0.25 to 90, as of a diverging learning rate", _by_level(np.array([1.4, 0.8, 0.25, 0.4, 1.0, 5.4, 90.0]))),
    Noise(
        "skewed: lognormal, sigma 1", lambda rng, r: np.exp(rng.normal(size=(LEVELS, r))) / 2.16 - np.exp(0.5) / 2.16
    ),
)


def intervals(sweeps: int, rng: np.random.Generator) -> list[dict[str, object]]:
    """Coverage of the intervals at 95 %, over all levels and at the level where they hold least."""
    found: list[dict[str, object]] = []
    truth = np.delete(BOWL - BOWL[MIDDLE], MIDDLE)
    for noise in NOISES:
        for r in (2, 3, 4, 5):
            hits, widths = np.zeros(LEVELS - 1), 0.0
            for _ in range(sweeps):
                Y = BOWL[:, None] + noise.draw(rng, r)
                ends = np.array([_ends(e) for e in paired(np.delete(Y - Y[MIDDLE], MIDDLE, axis=0))])
                hits += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
                widths += float(np.diff(ends).mean())
            rates = hits / sweeps
            row = {"noise": noise.name, "replicates": r, "sweeps": sweeps, "coverage": rates.mean()}
            found.append({**row, "worst_level": rates.min(), "half_width": widths / sweeps / 2})
    return found


def folds(sweeps: int, rng: np.random.Generator) -> list[dict[str, object]]:
    """Coverage where a run scores five folds of real rows, by what the folds of a sweep have in common.

    The truth is the difference of expected losses over samples of the size that a fold trains on: the mean over all
    simulated sweeps.  Each seed divides the same rows anew, so seeds alone would not tell how much the sample matters.
    """
    k, found = 5, []
    for name, learner in LEARNERS.items():
        all_of_them = np.stack([scores(learner, 5, k, rng) for _ in range(sweeps)])  # (sweeps, levels, seeds, folds)
        D = np.delete(all_of_them - all_of_them[:, [MIDDLE]], MIDDLE, axis=1)
        truth = D.mean(axis=(0, 2, 3))
        for r in (1, 2, 3, 5):
            hits, thumb = np.zeros(LEVELS - 1), np.zeros(LEVELS - 1)
            for each in D[:, :, :r]:
                flat = each.reshape(LEVELS - 1, -1)
                for counts, overlap in ((hits, overlap_of(each)), (thumb, 1 / (k - 1))):
                    ends = np.array([_ends(e) for e in paired(flat, overlap or 0.0)])
                    counts += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
            row = {"noise": f"{k} folds, {name}", "replicates": r, "sweeps": sweeps}
            rates = {"coverage": hits.mean() / sweeps, "worst_level": hits.min() / sweeps}
            found.append({**row, **rates, "rule_of_thumb": thumb.mean() / sweeps})
    return found


@dataclass(frozen=True)
class Planted:
    """A response in units of the noise, and what is to be said of it."""

    name: str
    means: tuple[float, ...]
    wanted: Shape
    middle: int = MIDDLE


PLANTED = (
    Planted("flat", (0,) * 7, Shape.FLAT),
    Planted("cliff of 10, else flat", (0, 0, 0, 0, 0, 10, 10), Shape.CLIFF),
    Planted("cliff of 20 after a slope of 1 a level", (3, 2, 1, 0, 0, 20, 21), Shape.CLIFF, 3),
    Planted("edge, slope of 2 a level", (12, 10, 8, 6, 4, 2, 0), Shape.EDGE, 6),
    Planted("edge, slope of 1 a level", (6, 5, 4, 3, 2, 1, 0), Shape.EDGE, 6),
    Planted("edge, slope of 2, incumbent inside", (12, 10, 8, 6, 4, 2, 0), Shape.EDGE),
    Planted("a level better by 6", (3, 2, 1, -6, 0, 1, 2), Shape.BETTER),
    Planted("a level better by 3", (3, 2, 1, -3, 0, 1, 2), Shape.BETTER),
)
# What is not there: shapes that must not be seen in them.
ABSENT = (
    ("flat", (0,) * 7, (Shape.CLIFF, Shape.EDGE, Shape.BETTER, Shape.UNSTEADY)),
    ("best inside, all smooth", tuple(3 * BOWL), (Shape.CLIFF, Shape.EDGE, Shape.FLAT)),
    ("slope of 2 a level to an edge", (12, 10, 8, 6, 4, 2, 0), (Shape.CLIFF, Shape.FLAT)),
    ("best next to the edge, flat between", (6, 5, 4, 3, 2, 0, 0), (Shape.CLIFF, Shape.FLAT)),
    ("levels differ by 1.5 (root mean square)", tuple(1.5 * (-1.0) ** np.arange(7)), (Shape.FLAT,)),
    ("levels differ by 1 (root mean square)", tuple(1.0 * (-1.0) ** np.arange(7)), (Shape.FLAT,)),
)


def shapes(sweeps: int, rng: np.random.Generator) -> list[dict[str, object]]:
    """How often what was planted is said, and what is not there is not."""
    rows: list[dict[str, object]] = []
    for r in (3, 5):
        for each in PLANTED:
            told = [_told(each.means, each.middle, r, rng) for _ in range(sweeps)]
            share = np.mean([each.wanted in shapes for shapes in told])
            rows.append(
                {"planted": each.name, "replicates": r, "sweeps": sweeps, "says": each.wanted.value, "share": share}
            )
        for name, means, absent in ABSENT:
            told = [_told(means, MIDDLE, r, rng) for _ in range(sweeps)]
            for shape in absent:
                share = np.mean([shape in shapes for shapes in told])
                rows.append(
                    {"planted": name, "replicates": r, "sweeps": sweeps, "wrongly": shape.value, "share": share}
                )
    return rows


def bounds(sweeps: int, rng: np.random.Generator) -> list[dict[str, object]]:
    """How often the bound of how much levels differ holds, in units of their own noise, and is F's p below 0.05."""
    rows: list[dict[str, object]] = []
    for noise in NOISES[:5]:
        for size in (0.0, 1.0, 1.5):
            for r in (2, 3, 5):
                held = rejected = 0
                sizes = noise.draw(rng, 2000).std(axis=1) if noise.name != NOISES[1].name else np.ones(LEVELS)
                means = size * sizes * (-1.0) ** np.arange(LEVELS)
                weights = sizes**-2 / (sizes**-2).sum()
                true = float(np.sqrt((((means - weights @ means) / sizes) ** 2).mean()))
                for _ in range(sweeps):
                    found = spread(means[:, None] + noise.draw(rng, r))
                    assert found is not None
                    held += found.bound >= true
                    rejected += found.p < 0.05
                row = {"noise": noise.name, "replicates": r, "differ by": round(true, 2), "sweeps": sweeps}
                rows.append({**row, "bound_holds": held / sweeps, "F_shows": rejected / sweeps})
    return rows


def _told(means: tuple[float, ...], middle: int, r: int, rng: np.random.Generator) -> set[Shape]:
    Y = np.array(means, dtype=float)[:, None] + rng.normal(size=(LEVELS, r)) + rng.normal(size=r)
    labels = [str(i) for i in range(LEVELS)]
    return {f.shape for f in findings(Response(Y, labels, middle, ends=(True, True), replicates=r))}


SECTIONS = (("intervals", intervals), ("folds", folds), ("shapes", shapes), ("bounds", bounds))


def _ends(estimate: object) -> tuple[float, float]:
    assert estimate is not None
    ends: tuple[float, float] = estimate.interval()  # type: ignore[attr-defined]
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", choices=("intervals", "folds", "shapes", "bounds"))
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="also as lines of JSON")
    asked = parser.parse_args()
    for i, (name, measure) in enumerate(SECTIONS):
        if asked.only not in (None, name):
            continue
        rows = measure(asked.sweeps, np.random.default_rng([asked.seed, i]))
        for row in rows:
            print(
                "  ".join(
                    f"{key} {value:.3f}"
                    if isinstance(value, float)
                    else f"{value}"
                    if isinstance(value, str)
                    else f"{key} {value}"
                    for key, value in row.items()
                )
            )
            sys.stdout.flush()
        if asked.out is not None:
            with asked.out.open("a") as out:
                out.writelines(json.dumps({"section": name, **row}, default=float) + "\n" for row in rows)


if __name__ == "__main__":
    main()
