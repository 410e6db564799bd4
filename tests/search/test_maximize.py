"""The search for the best candidate: it finds optima that are known, and stays where it may go."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pytest

from trialist.model.features import Features
from trialist.model.points import Points
from trialist.numerics.gp import Array
from trialist.search.acquisition import Acquisition
from trialist.search.maximize import Effort, candidates, maximise
from trialist.space.condition import above
from trialist.space.cube import Cube, Rows
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space

SPACE = Space(
    x=Float(0.0, 1.0),
    kind=Categorical(list("abcdef")),
    n=Int(1, 500, log=True),
    k=Int(0, 6),
    y=Float(0.0, 1.0, when={"kind": "d", "k": above(2)}),
)
EFFORT = Effort()


class Hill:
    """A hill in the numbers, with a step down for each wrong choice; its slopes are exact."""

    def __init__(self, features: Features, top: Rows) -> None:
        self._features = features
        self._top, self._categorical = top, features.cube.categorical
        self._columns = features(top[None], features.cube.canonical(top[None])[1])[0]

    def value(self, points: Points) -> Array:
        return self.slopes(points)[0]

    def slopes(self, points: Points) -> tuple[Array, Array]:
        off = np.where(self._categorical, 0.0, points.rows - self._top)
        wrong = (np.abs(points.rows - self._top) > 1e-9) & self._categorical
        slopes = -2.0 * (points.X - self._columns)
        return -(off * off).sum(1) - wrong.sum(1), slopes


def hill(space: Space, top: dict[str, object]) -> tuple[Acquisition, Rows]:
    features = Features(Cube(space))
    row = features.cube.encode([top])[0]
    return Acquisition(features, [Hill(features, row)]), row


TOP = {"x": 0.123456, "kind": "d", "n": 77, "k": 5, "y": 0.87654}


def found(
    acquisition: Acquisition,
    best: Rows,
    taken: set[Hashable] | None = None,
    inside: Callable[[Rows], np.ndarray] | None = None,
    seed: int = 0,
) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [f.row for f in maximise(acquisition, acquisition, rng, best, taken or set(), EFFORT, inside)]


@pytest.mark.parametrize("seed", range(4))
def test_the_top_of_a_hill_is_found_in_every_kind_of_dial(seed: int) -> None:
    acquisition, _ = hill(SPACE, TOP)
    row = found(acquisition, np.full((1, 5), 0.5), seed=seed)[0]
    params = acquisition.features.cube.decode(row)
    assert (params["kind"], params["k"]) == ("d", 5)
    assert abs(params["n"] - 77) <= 1
    assert params["x"] == pytest.approx(0.123456, abs=1e-3) and params["y"] == pytest.approx(0.87654, abs=1e-3)


def test_an_optimum_at_a_bound_is_met_exactly() -> None:
    acquisition, _ = hill(Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0)), {"x": 0.0, "y": 1.0})
    assert found(acquisition, np.full((1, 2), 0.5))[0].tolist() == [0.0, 1.0]


def test_the_best_comes_first_and_every_row_is_canonical_and_new() -> None:
    acquisition, _ = hill(SPACE, TOP)
    cube = acquisition.features.cube
    taken = set(cube.identities(cube.encode([TOP, {**TOP, "k": 6}, {**TOP, "k": 4}])))
    rows = np.array(found(acquisition, cube.encode([TOP]), taken))
    assert np.array_equal(cube.canonical(rows)[0], rows)
    assert not taken & set(cube.identities(rows))
    values = acquisition.value(Points.of(acquisition.features, rows))
    assert (np.diff(values) <= 1e-9).all()


def test_what_is_taken_or_outside_or_forbidden_is_never_proposed() -> None:
    grid = Space(a=Int(1, 4), b=Categorical(["x", "y", "z"]), forbid=["a == 4 and b == 'z'"])
    acquisition, top = hill(grid, {"a": 4, "b": "z"})
    cube = acquisition.features.cube
    taken: set[Hashable] = set()
    seen = []
    while rows := found(acquisition, top[None], taken):
        assert cube.allowed(rows[0][None]).all()
        seen.append(cube.decode(rows[0]))
        taken |= set(cube.identities(rows[0][None]))
    assert len(seen) == 11
    values = [(p["a"] - 4) ** 2 / 16 + (p["b"] != "z") for p in seen]
    assert values == sorted(values)

    def low(rows: Rows) -> np.ndarray:
        return rows[:, 0] < 0.5

    rows = np.array(found(acquisition, top[None], inside=low))
    assert low(rows).all() and cube.decode(rows[0]) == {"a": 2, "b": "z"}


def test_a_box_is_kept_while_climbing_towards_what_lies_beyond() -> None:
    acquisition, _ = hill(Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0)), {"x": 0.9, "y": 0.2})

    def box(rows: Rows) -> np.ndarray:
        return (np.abs(rows - 0.5) <= 0.1).all(axis=1)

    rows = np.array(found(acquisition, np.full((1, 2), 0.5), inside=box))
    assert box(rows).all()
    assert rows[0] == pytest.approx([0.6, 0.4], abs=0.05)


def test_a_flat_acquisition_still_gives_a_candidate() -> None:
    class Flat:
        def value(self, points: Points) -> Array:
            return np.full(len(points), -1e6)

        def slopes(self, points: Points) -> tuple[Array, Array]:
            return self.value(points), np.zeros_like(points.X)

    features = Features(Cube(SPACE))
    assert found(Acquisition(features, [Flat()]), np.full((1, 5), 0.5))


def test_candidates_come_from_everywhere_and_from_priors() -> None:
    cube = Cube(Space(x=Float(0.0, 1.0, prior=Normal(0.3, 0.01)), y=Float(0.0, 1.0), kind=Categorical(["a", "b"])))
    best = np.array([[0.8, 0.8, 0.25]])
    rows = candidates(cube, np.random.default_rng(1), best, EFFORT)
    assert rows.min() >= 0.0 and rows.max() <= 1.0
    assert (np.abs(rows[:, 0] - 0.3) < 0.03).sum() > 0.4 * EFFORT.everywhere
    assert (np.abs(rows[:, :2] - 0.8).max(axis=1) < 0.05).sum() > 0.2 * EFFORT.near
    counts = np.histogramdd(rows[: EFFORT.everywhere, :2], bins=4, range=[(0, 1)] * 2)[0]
    assert counts.min() > 5
