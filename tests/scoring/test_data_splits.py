"""Splits share no row and leave none out, keep classes, groups and time in order, and keep the test part sealed."""

from __future__ import annotations

import datetime
import pickle
import subprocess
import sys
import threading
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st

from trialist.errors import PlanError, SealedError
from trialist.scoring.fingerprint import fingerprint
from trialist.scoring.sealing import unsealed
from trialist.scoring.split import Split


def parts(split: Split) -> tuple[Any, Any, Any]:
    with unsealed():
        test = split.test
    return split.train, split.validation if split.sizes["validation"] else (split.train[0][:0], []), test


def rows(split: Split) -> list[list[int]]:
    """The row numbers of each part, where X is the row number."""
    return [list(X) for X, _ in parts(split)]


sizes = st.one_of(st.floats(0.05, 0.4), st.integers(1, 5))


@given(st.integers(12, 80), sizes, sizes, st.integers(0, 5))
def test_random_parts_share_no_row_leave_none_out_and_have_the_size_asked_for(
    n: int, test: float, validation: float, seed: int
) -> None:
    split = Split(range(n), range(n), test=test, validation=validation, seed=seed)
    train, held, sealed = rows(split)
    assert sorted(train + held + sealed) == list(range(n))
    for size, part in ((test, sealed), (validation, held)):
        assert len(part) == (size if isinstance(size, int) else max(1, round(size * n)))
    assert split.sizes == {"train": len(train), "validation": len(held), "test": len(sealed)}
    for X, y in parts(split):
        assert list(X) == list(y)


@given(
    st.lists(st.integers(3, 30), min_size=1, max_size=6), st.floats(0.1, 0.7), st.floats(0.1, 0.4), st.integers(0, 5)
)
def test_stratified_parts_hold_every_class_in_its_share_to_a_row(
    counts: list[int], test: float, validation: float, seed: int
) -> None:
    n = sum(counts)
    asked = [max(1, round(size * n)) for size in (test, validation)]
    assume(min(*asked, n - sum(asked)) >= len(counts))
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    split = Split(np.arange(n), y, test=test, validation=validation, stratify=True, seed=seed)
    assert sorted(chain(*rows(split))) == list(range(n))
    assert [len(part) for part in rows(split)[:0:-1]] == asked
    tight = min(counts) < 3 / min(test, validation, 1 - test - validation)
    for _, labels in parts(split):
        found = np.bincount(labels, minlength=len(counts))
        assert (found >= 1).all()
        if not tight:
            assert np.abs(found - len(labels) * np.array(counts) / n).max() <= 2


@given(st.lists(st.integers(1, 12), min_size=3, max_size=30), st.integers(0, 5), st.sampled_from([0.1, 0.2, 0.4]))
def test_no_group_straddles_two_parts(counts: list[int], seed: int, size: float) -> None:
    groups = np.repeat([f"patient {i}" for i in range(len(counts))], counts)
    n = len(groups)
    assume(2 * max(1, round(size * n)) < n)
    split = Split(np.arange(n), groups, test=size, validation=size, groups=groups, seed=seed)
    assert sorted(chain(*rows(split))) == list(range(n))
    found = [set(labels) for _, labels in parts(split)]
    assert all(found)
    assert sum(map(len, found)) == len(counts)


def test_groups_of_equal_size_meet_the_size_asked_for() -> None:
    groups = np.arange(300) // 3
    assert Split(range(300), range(300), groups=groups).sizes == {"train": 180, "validation": 60, "test": 60}


@given(st.lists(st.integers(0, 20), min_size=8, max_size=60))
def test_by_time_no_moment_is_on_two_sides_and_later_is_tested(times: list[int]) -> None:
    assume(len(set(times)) >= 3)
    split = Split(times, range(len(times)), time=times)
    train, held, sealed = rows(split)
    assert sorted(train + held + sealed) == sorted(times)
    assert max(train) < min(held) <= max(held) < min(sealed)
    assert train == sorted(train)


@pytest.mark.parametrize(
    "convert",
    [
        lambda days: np.array(days, dtype="datetime64[D]"),
        lambda days: pd.Series(pd.to_datetime(days)),
        lambda days: pd.Series(pd.to_datetime(days)).dt.tz_localize("UTC"),
        list,
        lambda days: [str(day) for day in days],
        lambda days: pd.Series([str(day) for day in days]),
    ],
)
def test_dates_of_all_kinds_order_time(convert: Any) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=(7 * i) % 50) for i in range(50)]
    split = Split(days, days, time=convert(days))
    train, held, sealed = rows(split)
    assert [len(train), len(held), len(sealed)] == [30, 10, 10]
    assert max(train) < min(held) <= max(held) < min(sealed)


def test_a_class_as_small_as_the_parts_are_many_is_in_each_of_them() -> None:
    split = Split(range(43), [0] * 40 + [1] * 3, test=0.7, validation=0.15, stratify=True)
    assert [y.count(1) for _, y in parts(split)] == [1, 1, 1]


def test_rows_of_one_moment_keep_their_order() -> None:
    train, held, sealed = rows(Split(range(300), range(300), time=[row // 60 for row in range(300)]))
    assert train + held + sealed == list(range(300))


def test_a_tie_at_the_border_moves_it_to_the_nearer_end() -> None:
    early = Split(range(10), range(10), test=3, validation=0, time=[0] * 2 + [1] * 6 + [2] * 2)
    late = Split(range(10), range(10), test=5, validation=0, time=[0] * 4 + [1] * 4 + [2] * 2)
    assert (early.sizes["test"], late.sizes["test"]) == (2, 6)


@pytest.mark.parametrize(
    "X",
    [
        np.arange(40.0).reshape(20, 2),
        np.arange(20),
        list(range(20)),
        tuple("abcdefghijklmnopqrst"),
        pd.DataFrame({"a": range(20), "b": list("abcdefghijklmnopqrst")}, index=range(100, 120)),
        pd.Series(range(20), index=range(19, -1, -1)),
        scipy.sparse.eye(20, format="coo"),
        scipy.sparse.csr_array(scipy.sparse.eye(20)),
        np.zeros((20, 3, 3)),
    ],
    ids=lambda X: type(X).__name__,
)
def test_every_kind_of_table_keeps_its_type_and_pairs_with_y(X: Any) -> None:
    def nth(data: Any, row: int) -> Any:
        taken = (
            data.iloc[row] if hasattr(data, "iloc") else data.tocsr()[[row]] if hasattr(data, "tocsr") else data[row]
        )
        return taken.toarray() if hasattr(taken, "toarray") else taken

    split = Split(X, np.arange(20))
    for part, y in parts(split):
        assert hasattr(part, "tocsr") if hasattr(X, "tocsr") else type(part) is type(X)
        for row, origin in enumerate(y):
            assert np.all(np.asarray(nth(part, row)) == np.asarray(nth(X, origin)))


def test_train_and_validation_is_everything_but_the_sealed_part() -> None:
    split = Split(range(30), range(30))
    (train, _), (held, _), (sealed, _) = parts(split)
    both, _ = split.train_and_validation
    assert both == train + held
    assert not set(both) & set(sealed)


def test_what_a_trial_does_to_its_data_does_not_reach_the_next() -> None:
    split = Split(np.ones((10, 2)), np.ones(10))
    split.train[0][:] = 99
    assert split.train[0].max() == 1


def test_the_same_seed_splits_alike_and_another_differently() -> None:
    def sealed(seed: int) -> list[int]:
        return rows(Split(range(50), range(50), seed=seed))[2]

    assert sealed(0) == sealed(0) != sealed(1)


def test_without_a_validation_part_asking_for_it_says_what_to_do() -> None:
    split = Split(range(10), range(10), validation=0)
    assert split.sizes == {"train": 8, "validation": 0, "test": 2}
    with pytest.raises(PlanError, match=r"cross-validate on \.train"):
        _ = split.validation


def test_the_test_part_is_sealed_outside_verification_and_says_how_to_open_it() -> None:
    split = Split(range(10), range(10))
    with pytest.raises(SealedError, match="only verification opens it"):
        _ = split.test
    with unsealed():
        assert len(split.test[0]) == 2
    with pytest.raises(SealedError):
        _ = split.test


def test_the_seal_closes_again_after_an_error_and_holds_in_other_threads() -> None:
    split = Split(range(10), range(10))
    with pytest.raises(RuntimeError), unsealed():
        raise RuntimeError
    caught: list[BaseException] = []

    def peek() -> None:
        try:
            _ = split.test
        except SealedError as problem:
            caught.append(problem)

    with unsealed():
        thread = threading.Thread(target=peek)
        thread.start()
        thread.join()
    assert len(caught) == 1
    with pytest.raises(SealedError):
        _ = split.test


def test_an_opening_records_each_split_once_and_knows_its_groups() -> None:
    one = Split(range(20), range(20), groups=[i // 2 for i in range(20)])
    other = Split(range(30), range(30))
    with unsealed() as opening:
        _, labels = one.test
        _ = one.test
        assert opening.groups(len(labels)).tolist() == [0, 0, 1, 1] or len(set(opening.groups(len(labels)))) == 2
        assert opening.groups(len(labels) + 1) is None
        _ = other.test
        assert opening.groups(len(labels)) is None
    assert opening.fingerprints == [one.fingerprint, other.fingerprint]


def test_test_groups_follow_the_test_rows() -> None:
    groups = np.repeat(list("abcdefghij"), 3)
    split = Split(groups, groups, groups=groups)
    _, _, (sealed, _) = parts(split)
    assert split.test_groups is not None
    assert len(set(zip(sealed, split.test_groups, strict=True))) == len(set(sealed)) == len(set(split.test_groups))
    assert Split(range(9), range(9)).test_groups is None
    timed = Split(range(100), range(100), time=range(100)).test_groups
    assert timed is not None and len(timed) == 20 and timed[0] == timed[1] != timed[-1]


def test_its_repr_shows_sizes_and_no_data() -> None:
    split = Split([f"secret {i}" for i in range(2000)], range(2000), seed=3)
    assert repr(split) == "Split(2,000 rows: 1,200 train, 400 validation, 400 test (sealed); random, seed 3)"


def test_a_split_crosses_process_borders_whole() -> None:
    split = Split(np.arange(20), np.arange(20), groups=np.arange(20) // 2, seed=5)
    copy = pickle.loads(pickle.dumps(split))
    assert (repr(copy), copy.fingerprint) == (repr(split), split.fingerprint)
    assert rows(copy) == rows(split)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"X": None}, "X"),
        ({"X": 7}, "X"),
        ({"X": "text"}, "X"),
        ({"X": np.array(3.0)}, "X"),
        ({"X": []}, "y"),
        ({"y": None}, "y"),
        ({"y": [1, 2]}, "y"),
        ({"test": 0}, "test"),
        ({"test": -0.1}, "test"),
        ({"test": 1.0}, "test"),
        ({"test": 1.5}, "test"),
        ({"test": float("nan")}, "test"),
        ({"test": True}, "test"),
        ({"test": "0.2"}, "test"),
        ({"test": None}, "test"),
        ({"test": 0.6, "validation": 0.4}, "test"),
        ({"test": 12}, "test"),
        ({"validation": -1}, "validation"),
        ({"validation": [0.2]}, "validation"),
        ({"stratify": [0] * 12}, "stratify"),
        ({"stratify": True, "y": [0] * 10 + [1] * 2}, "stratify"),
        ({"stratify": True, "y": [0.5 * i for i in range(12)]}, "stratify"),
        ({"stratify": True, "y": list("aaabbbcccddd"), "test": 3}, "stratify"),
        ({"stratify": True, "y": [0.0] * 6 + [float("nan")] * 6}, "y"),
        ({"stratify": True, "y": np.zeros((12, 2))}, "y"),
        ({"stratify": True, "time": range(12)}, "time"),
        ({"groups": range(11)}, "groups"),
        ({"groups": [0] * 6 + [1] * 6}, "groups"),
        ({"groups": [None] + [1] * 11}, "groups"),
        ({"groups": pd.array([1] * 11 + [None], dtype="Int64")}, "groups"),
        ({"time": [1] * 12}, "time"),
        ({"time": [1.0] * 11 + [float("nan")]}, "time"),
        ({"time": [*range(11), "later"], "y": range(12)}, "time"),
        ({"time": [*range(10), None, 3]}, "time"),
        ({"time": [f"{day}/3/2024" for day in range(12)]}, "time"),
        ({"time": pd.Series([f"{day}/3/2024" for day in range(12)])}, "time"),
        ({"time": ["2024-01-01"] * 11 + ["NaT"]}, "time"),
        ({"time": np.zeros((12, 2))}, "time"),
        ({"time": pd.to_datetime(["2024-01-01"] * 11 + [None])}, "time"),
        ({"seed": 0.5}, "seed"),
        ({"seed": True}, "seed"),
    ],
    ids=str,
)
def test_what_cannot_be_split_is_refused_by_the_name_of_the_argument(change: dict[str, Any], field: str) -> None:
    given: dict[str, Any] = {"X": list(range(12)), "y": list(range(12)), **change}
    with pytest.raises(PlanError) as caught:
        Split(given.pop("X"), given.pop("y"), **given)
    assert caught.value.field == field
    assert caught.value.remedy.split()[0] in ("Give", "Use", "Choose", "Remove")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [2, 1]),
        ([1, 2], [1.0, 2.0]),
        ([1, 2], (1, 2)),
        ([True], [1]),
        (["a", "bc"], ["ab", "c"]),
        ([[1], [2]], [[1, 2]]),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(2), np.zeros(2, dtype="float32")),
        (np.array([0.0, 1.0]), np.array([0.0, np.nextafter(1.0, 2)])),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})),
        (pd.Series(["x", "y"]), pd.Series(["x", "z"])),
        (scipy.sparse.eye(3), scipy.sparse.eye(4)),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)),
    ],
    ids=str,
)
def test_fingerprints_tell_data_apart(one: Any, other: Any) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_fingerprints_ignore_how_the_same_data_are_laid_out() -> None:
    array = np.arange(12.0).reshape(3, 4)
    assert fingerprint(array) == fingerprint(np.asfortranarray(array))
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    assert fingerprint(frame) == fingerprint(frame.set_axis([7, 8, 9]))
    entries = scipy.sparse.coo_matrix(([1.0, 2.0], ([0, 1], [1, 0])), shape=(2, 2))
    assert fingerprint(entries) == fingerprint(entries.tocsc())
    unsorted = scipy.sparse.csr_matrix(([2.0, 1.0, 1.0], [1, 0, 0], [0, 3, 3]), shape=(2, 2))
    assert fingerprint(unsorted) == fingerprint(scipy.sparse.csr_matrix([[2.0, 2.0], [0.0, 0.0]]))
    assert fingerprint({"b", "a"}) == fingerprint({"a", "b"})


def test_data_without_a_stable_form_are_refused() -> None:
    with pytest.raises(PlanError, match="no stable form"):
        fingerprint([threading.Lock()])


def test_a_changed_test_row_another_seed_and_another_split_change_the_fingerprint() -> None:
    X = np.arange(40.0)
    split = Split(X, X.copy())
    before = split.fingerprint
    assert before != Split(X, X.copy(), seed=1).fingerprint
    assert before == Split(X, X.copy()).fingerprint
    X[3] += 1e-9
    assert split.fingerprint != before


def test_fingerprints_and_splits_are_stable_across_processes() -> None:
    script = """
import datetime, numpy as np, pandas as pd
from trialist.scoring.split import Split
X = pd.DataFrame({"a": np.arange(30), "b": [f"t{i}" for i in range(30)], "c": pd.Categorical(list("xyz") * 10),
                  "d": pd.date_range("2024-01-01", periods=30), "e": pd.array([1, None, 3] * 10, dtype="Int64")})
y = np.array([{"u", "v", "w"}, datetime.date(2024, 1, 1), None] * 10, dtype=object)
print(Split(X, y).fingerprint)
"""
    seen = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    assert len(seen.pop().strip()) == 64


def test_importing_the_split_does_not_load_numpy() -> None:
    script = "import sys, trialist.scoring.split, trialist.scoring.verdict, trialist.scoring.selection\n"
    heavy = "print([m for m in ('numpy', 'scipy', 'pandas') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", script + heavy], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
