"""Folds: every open row is held out once, sealed rows never, and folds are made like the split that they are of."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st

from trialist.errors import PlanError
from trialist.numerics.keys import Key
from trialist.scoring.folds import even_parts
from trialist.scoring.sealing import unsealed
from trialist.scoring.split import Split
from trialist.trials.validation import Folds, Holdout


def rows(fold: Any) -> tuple[list[int], list[int]]:
    return [int(r) for r in fold.train[0]], [int(r) for r in fold.validation[0]]


def split_of(n: int, kind: str, seed: int = 0) -> Split:
    X = np.arange(n)
    given: dict[str, dict[str, Any]] = {
        "random": {},
        "stratified": {"stratify": True},
        "grouped": {"groups": X // 3},
        "by time": {"time": X // 2},
    }
    return Split(X, X % 3 == 0, test=0.25, validation=0.2, seed=seed, **given[kind])


KINDS = ["random", "stratified", "grouped", "by time"]


@pytest.mark.parametrize("kind", ["random", "stratified", "grouped"])
@given(n=st.integers(40, 90), k=st.integers(2, 6), repeats=st.integers(1, 3), seed=st.integers(0, 99))
def test_each_open_row_is_held_out_once_in_each_division(kind: str, n: int, k: int, repeats: int, seed: int) -> None:
    split = split_of(n, kind)
    with unsealed():
        sealed = set(split.test[0].tolist())
    folds = split.folds(Folds(k, repeats=repeats), seed)
    assert len(folds) == k * repeats and [fold.index for fold in folds] == list(range(1, k * repeats + 1))
    for start in range(0, len(folds), k):
        held = [r for fold in folds[start : start + k] for r in rows(fold)[1]]
        assert sorted(held) == sorted(set(range(n)) - sealed)
    for fold in folds:
        train, held = rows(fold)
        assert fold.sizes == (len(train), len(held))
        assert sorted(train + held) == sorted(set(range(n)) - sealed)
        for X, y in (fold.train, fold.validation):
            assert np.array_equal(y, X % 3 == 0)


@given(n=st.integers(20, 200), k=st.integers(2, 10), seed=st.integers(0, 99))
def test_parts_of_random_and_stratified_folds_are_even_to_a_row(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.choice(4, n, p=[0.1, 0.2, 0.3, 0.4])
    y[:4] = np.arange(4)
    sizes = [fold.sizes[1] for fold in Split(np.arange(n), y, test=2, validation=0).folds(Folds(k), seed)]
    assert max(sizes) - min(sizes) <= 1
    assume(np.bincount(y).min() >= k + 2)
    folds = Split(np.arange(n), y, test=4, validation=0, stratify=True).folds(Folds(k), seed)
    by_class = np.array([np.bincount(fold.validation[1], minlength=4) for fold in folds])
    assert np.ptp(by_class, axis=0).max() <= 1
    assert np.ptp(by_class.sum(axis=1)) <= 1


@given(st.lists(st.integers(1, 40), min_size=12, max_size=40), st.integers(2, 5), st.integers(0, 9))
def test_no_group_is_on_both_sides_of_a_fold_and_parts_are_as_even_as_groups_allow(
    sizes: list[int], k: int, seed: int
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    split = Split(groups, groups, test=0.1, validation=0, groups=groups)
    assume(len(set(split.train[0])) >= k)
    totals, smallest = [], []
    for fold in split.folds(Folds(k), seed):
        train, held = rows(fold)
        assert not set(train) & set(held)
        totals.append(len(held))
        smallest.append(min(sizes[g] for g in set(held)))
    assert max(totals) - min(totals) <= min(s for s, t in zip(smallest, totals, strict=True) if t == max(totals))
    for fold in split.folds(Holdout(0.3, repeats=3), seed):
        train, held = rows(fold)
        assert train and held and not set(train) & set(held)


def test_parts_of_groups_are_nearly_as_even_as_the_best_of_all_ways() -> None:
    worst = 0
    for seed in range(200):
        sizes = np.random.default_rng(seed).integers(1, 30, 10)
        part = even_parts(sizes, 2, Key(seed, 0).generator("test"))
        found = abs(int(sizes[part == 0].sum() - sizes[part == 1].sum()))
        best = min(
            abs(int(sizes.sum() - 2 * sizes[list(c)].sum())) for r in range(1, 6) for c in combinations(range(10), r)
        )
        worst = max(worst, found - best)
    assert worst <= 6  # of about 150 rows


def test_groups_that_differ_in_size_are_divided_anew_by_each_repeat() -> None:
    groups = np.repeat(np.arange(20), np.arange(1, 21))
    folds = Split(groups, groups, groups=groups, test=0.2, validation=0).folds(Folds(4, repeats=5))
    divisions = {frozenset(frozenset(rows(f)[1]) for f in folds[s : s + 4]) for s in range(0, 20, 4)}
    assert len(divisions) == 5


@given(n=st.integers(30, 120), k=st.integers(2, 6), seed=st.integers(0, 20), per_moment=st.integers(1, 3))
def test_in_time_every_fold_trains_on_what_is_earlier_only(n: int, k: int, seed: int, per_moment: int) -> None:
    moment = np.random.default_rng(seed).permutation(np.arange(n) // per_moment)
    split = Split(np.arange(n), moment, test=0.2, validation=0.1, time=moment)
    last = -1
    with unsealed():
        sealed = split.test[1].min()
    for fold in split.folds(Folds(k), seed):
        before, after = fold.train[1], fold.validation[1]
        assert last < before.max() < after.min() and after.max() < sealed
        assert set(np.flatnonzero(moment <= before.max())) == set(fold.train[0])  # the window expands, nothing is lost
        last = before.max()
    (draw,) = split.folds(Holdout(0.3), seed)
    assert draw.train[1].max() < draw.validation[1].min()


def test_borders_in_time_move_from_division_to_division_and_stay_near_equal_blocks() -> None:
    split = Split(np.arange(1200), np.arange(1200), test=0.5, validation=0, time=np.arange(1200))  # 600 open rows
    folds = split.folds(Folds(5, repeats=20))
    starts = np.array([fold.sizes[0] for fold in folds]).reshape(20, 5)
    assert np.abs(starts - 100 * np.arange(1, 6)).max() <= 25
    assert len({tuple(row) for row in starts.tolist()}) == 20
    assert np.abs(starts.mean(axis=0) - 100 * np.arange(1, 6)).max() < 12


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_folds_and_another_one_others(kind: str) -> None:
    def seen(seed: int, split_seed: int = 0) -> list[Any]:
        return [(rows(fold), fold.seed) for fold in split_of(200, kind, split_seed).folds(Folds(4, repeats=2), seed)]

    assert seen(7) == seen(7) != seen(8)
    assert len({str(fold) for fold, _ in seen(7)}) == 8


def test_repeated_trainings_differ_in_their_seed_alone() -> None:
    folds = split_of(60, "random").folds(Folds(3, seeds=2))
    for first, second in zip(folds[:3], folds[3:], strict=True):
        assert rows(first) == rows(second) and first.seed != second.seed
        assert (first.split, first.part, first.repeat, second.repeat) == (second.split, second.part, 0, 1)
    assert len({fold.seed for fold in folds}) == 6


@given(st.floats(0.05, 0.9), st.integers(0, 9), st.sampled_from(["random", "stratified"]))
def test_draws_of_a_holdout_have_the_share_asked_for_and_differ(share: float, seed: int, kind: str) -> None:
    split = split_of(80, kind)
    folds = split.folds(Holdout(share, repeats=4), seed)
    assert [fold.sizes[1] for fold in folds] == [round(share * 60)] * 4
    assert len({tuple(sorted(rows(fold)[1])) for fold in folds}) > 1
    if kind == "stratified":
        assert all(abs(fold.validation[1].sum() - fold.sizes[1] / 3) <= 2 for fold in folds)


def test_rows_to_train_on_do_not_come_class_by_class() -> None:
    y = np.repeat([0, 1, 2], 40)
    for kind in ({"stratify": True}, {"groups": np.arange(120) // 4}):
        for fold in Split(np.arange(120), y, validation=0, **kind).folds(Folds(5)):  # type: ignore[arg-type]
            assert (np.diff(fold.train[1]) != 0).sum() > 30


@pytest.mark.parametrize(
    "X",
    [
        list(range(30)),
        pd.DataFrame({"a": range(30), "b": list("abcdef") * 5}, index=range(100, 130)),
        scipy.sparse.csr_matrix(np.eye(30)),
        np.zeros((30, 2, 2)),
    ],
    ids=lambda X: type(X).__name__,
)
def test_folds_keep_the_type_of_the_data_and_pair_it_with_y(X: Any) -> None:
    y = pd.Series(range(30), index=range(30, 60))
    for fold in Split(X, y, validation=0).folds(Folds(3)):
        train, labels = fold.train
        assert type(train) is type(X) and type(labels) is type(y)
        if isinstance(X, pd.DataFrame):
            assert train["a"].tolist() == labels.tolist()


def test_what_a_trial_does_to_a_fold_does_not_reach_the_next() -> None:
    split = Split(np.ones((20, 2)), np.ones(20))
    fold = split.folds(Folds(2))[0]
    fold.train[0][:] = 99
    assert fold.train[0].max() == split.folds(Folds(2))[0].train[0].max() == 1


@pytest.mark.parametrize(
    ("kind", "y", "validation", "words"),
    [
        ({}, range(10), Folds(9), "there are 8 beside the test part"),
        ({"stratify": True}, [0] * 15 + ["rare"] * 5, Folds(5), "class 'rare' has 4 rows beside the test part"),
        ({"stratify": True}, [0] * 18 + [1] * 2, Holdout(0.3), "class 1 has 1 row beside"),
        ({"stratify": True}, list(range(5)) * 5, Holdout(0.1), "leave no room for 5 classes"),
        ({"groups": [0, 1, 2, 3, 4] * 4}, range(20), Folds(5), "4 groups beside the test part are too few"),
        ({"time": [0, 1, 2, 3, 4] * 4}, range(20), Folds(4), "4 distinct times .* which needs 5"),
    ],
)
def test_what_cannot_be_divided_is_refused_before_the_first_fold(
    kind: dict[str, Any], y: Any, validation: Any, words: str
) -> None:
    split = Split(list(range(len(y))), list(y), test=0.2, validation=0, **kind)
    with pytest.raises(PlanError, match=words) as caught:
        split.folds(validation)
    assert caught.value.field == "validation"


def test_a_split_tells_how_it_was_made_and_its_classes() -> None:
    assert [split_of(60, kind).how for kind in KINDS] == KINDS
    assert split_of(60, "stratified").classes == (False, True)
    assert split_of(60, "random").classes is None
    text = Split(range(30), list("cab") * 10, stratify=True)
    assert text.classes == ("a", "b", "c")


def test_folds_are_the_same_in_every_process() -> None:
    script = """
import numpy as np
from trialist.scoring.split import Split
from trialist.trials.validation import Folds, Holdout
groups = [f"patient {i % 17}" for i in range(90)]
for kind in ({}, {"stratify": True}, {"groups": groups}, {"time": groups and list(range(90))}):
    split = Split(np.arange(90), np.array(list("abc") * 30), **kind)
    for validation in (Folds(3, repeats=2), Holdout(0.3, repeats=2)):
        print([(f.seed, f.train[0].tolist(), f.validation[0].tolist()) for f in split.folds(validation, 5)])
"""
    seen = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1 and len(seen.pop().splitlines()) == 8


def test_orders_train_on_the_same_rows_with_the_same_seed_in_another_order() -> None:
    split = Split(list(range(40)), [0, 1] * 20, test=0.25, validation=0)
    folds = split.folds(Folds(3, orders=2), seed=4)
    assert len(folds) == 6
    for first, second in zip(folds[:3], folds[3:], strict=True):
        assert (first.part, first.order, second.order) == (second.part, 0, 1)
        assert first.seed == second.seed
        assert first.train[0] != second.train[0] and sorted(first.train[0]) == sorted(second.train[0])
        assert first.validation == second.validation
