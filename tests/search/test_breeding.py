"""Children of two parents: between them, whole branches, and never without a mutation."""

from __future__ import annotations

import numpy as np
import pytest

from trialist.search.breeding import bred
from trialist.space.cube import Cube
from trialist.space.parameter import Categorical, Float, Int
from trialist.space.space import Space

N = 4000
SPACE = Space(
    rate=Float(1e-4, 1.0, log=True),
    width=Int(1, 512, log=True),
    layers=Int(1, 4),
    kind=Categorical(["a", "b", "c"]),
    solver=Categorical(["adam", "sgd"]),
    momentum=Float(0.0, 0.99, when={"solver": "sgd"}),
    schedule=Categorical(["none", "cosine", "step"], when={"solver": "sgd"}),
    gamma=Float(0.1, 0.9, when={"schedule": "step"}),
    beta=Float(0.8, 0.999, when={"solver": "adam"}),
)
CUBE = Cube(SPACE)


def parents(params: dict) -> tuple[np.ndarray, np.ndarray]:
    rows, active = CUBE.canonical(np.repeat(CUBE.encode([params]), N, axis=0))
    return rows, active


MOTHER = {"rate": 0.01, "width": 64, "layers": 2, "kind": "a", "solver": "sgd", "momentum": 0.9, "schedule": "step"}
MOTHER |= {"gamma": 0.3}
FATHER = {"rate": 0.1, "width": 128, "layers": 2, "kind": "b", "solver": "adam", "beta": 0.95}
children, mutated = bred(CUBE, parents(MOTHER), parents(FATHER), 1.0, np.random.default_rng(0))
where = {name: j for j, name in enumerate(SPACE.names)}
a_row, b_row = (CUBE.encode([p])[0] for p in (MOTHER, FATHER))


def test_children_are_canonical_and_each_is_mutated_in_active_dials() -> None:
    rows, active = CUBE.canonical(children)
    assert (rows == children).all()
    assert mutated.any(axis=1).all()
    assert not (mutated & ~active).any()
    assert 1.0 <= mutated.sum(axis=1).mean() < 1.6


def test_a_branch_comes_whole_from_the_parent_that_has_it() -> None:
    kept = ~mutated.any(axis=1) | (mutated[:, [where["rate"], where["width"]]].any(axis=1) & (mutated.sum(axis=1) == 1))
    sgd = kept & (children[:, where["solver"]] == a_row[where["solver"]])
    adam = kept & (children[:, where["solver"]] == b_row[where["solver"]])
    assert sgd.any() and adam.any()
    for name in ("momentum", "schedule", "gamma"):
        assert (children[sgd, where[name]] == a_row[where[name]]).all()
    assert (children[adam, where["beta"]] == b_row[where["beta"]]).all()


def test_numbers_that_are_not_mutated_lie_round_their_parents() -> None:
    j = where["rate"]
    values = children[~mutated[:, j], j]
    low, high = a_row[j], b_row[j]
    assert (values == low).any()
    assert np.mean((values > low - 0.5 * (high - low)) & (values < high + 0.5 * (high - low))) > 0.95
    assert len(np.unique(values)) > 100


def test_categories_come_from_either_parent_and_mutate_to_any_other() -> None:
    j = where["kind"]
    crossed, other = children[~mutated[:, j], j], children[mutated[:, j], j]
    assert set(crossed) == {a_row[j], b_row[j]}
    assert abs(np.mean(crossed == a_row[j]) - 0.5) < 0.05
    assert len(set(other)) == 3


@pytest.mark.parametrize("name", ["width", "layers"])
def test_a_mutated_integer_is_mostly_another(name: str) -> None:
    j = where[name]
    alone = bred(CUBE, parents(MOTHER), parents(MOTHER), 1.0, np.random.default_rng(1))
    moved = alone[0][alone[1][:, j], j] != a_row[j]
    assert moved.mean() > 0.8


def test_what_neither_parent_had_is_drawn_evenly_when_a_mutation_opens_it() -> None:
    both = parents(FATHER)
    opened, changed = bred(CUBE, both, both, 1.0, np.random.default_rng(2))
    j = where["momentum"]
    fresh = opened[(opened[:, where["solver"]] == a_row[where["solver"]]) & ~changed[:, j], j]
    assert len(fresh) > 200
    assert abs(fresh.mean() - 0.5) < 0.1 and fresh.std() > 0.2


def test_a_higher_rate_mutates_more() -> None:
    few, many = (
        bred(CUBE, parents(MOTHER), parents(FATHER), rate, np.random.default_rng(3))[1].sum() for rate in (1, 4)
    )
    assert many > 2 * few


def test_inactive_coordinates_of_parents_do_not_matter() -> None:
    (rows, active), father = parents(MOTHER), parents(FATHER)
    touched = np.where(active, rows, 0.123)
    one = bred(CUBE, (rows, active), father, 1.0, np.random.default_rng(4))[0]
    assert (bred(CUBE, (touched, active), father, 1.0, np.random.default_rng(4))[0] == one).all()
