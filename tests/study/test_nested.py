"""Nested evaluation: each row is tested once per division, by a study that never saw it; resumed, and honest."""

import numpy as np
import pytest

import trialist as tl
from trialist.scoring.outer import outer_splits

X = np.arange(60.0)[:, None]
Y = (np.arange(60) % 2).astype(int)


class Nearest:
    """Foretells a line's slope: the closer to 1, the better."""

    def __init__(self, slope):
        self.slope = slope

    def fit(self, X, y):
        self.seen = set(np.asarray(X).ravel().tolist())

    def predict(self, X):
        assert not self.seen & set(np.asarray(X).ravel().tolist()), "trained on what it is scored on"
        return self.slope * np.asarray(X).ravel()


def make(params):
    return Nearest(params["slope"])


SPACE = {"slope": tl.Float(0.0, 2.0, default=0.5)}


def run(store, **more):
    given = {"metric": "mean_absolute_error", "outer": 3, "budget": 8, "test_seeds": 1, "progress": False}
    return tl.nested(make, X, X.ravel(), SPACE, store=store, name="line", **{**given, **more})


def test_the_process_is_judged_on_rows_that_it_never_saw(tmp_path):
    found = run(tmp_path / "a.db")
    assert [fold.rows for fold in found.folds] == [20, 20, 20]
    assert found.default.mean == pytest.approx(0.5 * X.mean())
    assert found.score.mean < found.default.mean
    assert found.difference == pytest.approx(found.default.mean - found.score.mean)
    assert found.outcome is tl.Outcome.IMPROVED and found.interval[0] > 0
    assert str(found).startswith("improved: tuned like this, mean_absolute_error on new rows is ")
    assert found.to_json()["folds"][0]["params"]["slope"] == found.folds[0].params["slope"]
    assert found.score.overlap == 0.5, "outer folds share training rows"


def test_the_same_call_goes_on_where_it_stopped(tmp_path, monkeypatch):
    first = run(tmp_path / "a.db")

    def fit(self, X, y):
        raise AssertionError("trained again")

    monkeypatch.setattr(Nearest, "fit", fit)
    assert run(tmp_path / "a.db") == first


def test_outer_folds_seal_each_row_once_in_each_division():
    splits = outer_splits(X, Y, tl.Folds(4, repeats=2), stratify=True, seed=3)
    assert len(splits) == 8
    sealed = [split._material().sealed for split in splits]
    for division in (sealed[:4], sealed[4:]):
        assert sorted(np.concatenate(division).tolist()) == list(range(60))
    assert sorted(map(tuple, sealed[:4])) != sorted(map(tuple, sealed[4:]))
    for split, rows in zip(splits, sealed, strict=True):
        assert abs(Y[rows].mean() - 0.5) < 0.05
        assert not set(split._material().opened.tolist()) & set(rows.tolist())


def test_groups_stay_together_and_time_runs_forward():
    groups = np.repeat(np.arange(12), 5)
    for split in outer_splits(X, Y, tl.Folds(3), groups=groups):
        material = split._material()
        assert not set(groups[material.sealed]) & set(groups[material.opened])
        assert split.test_groups is not None
    for split in outer_splits(X, Y, tl.Folds(3), time=np.arange(60)):
        rows = split._material()
        assert split.how == "by time"
        assert np.asarray(rows.X)[rows.opened].max() < np.asarray(rows.X)[rows.sealed].min()


@pytest.mark.parametrize(
    ("outer", "problem"), [(1, "is no number"), ("five", "no division"), (tl.Folds(61), "needs 61 rows")]
)
def test_what_cannot_be_divided_is_refused(tmp_path, outer, problem):
    with pytest.raises(tl.PlanError, match=problem):
        run(tmp_path / "a.db", outer=outer)


def test_sealed_rows_may_be_given_by_their_numbers():
    split = tl.Split(X, Y, test=[3, 5, 8], validation=0.2, stratify=True)
    assert split.sizes == {"train": 45, "validation": 12, "test": 3}
    assert sorted(split._material().sealed.tolist()) == [3, 5, 8]
    for wrong in ([3, 3], [60], [-1], [0.5], [], list(range(60))):
        with pytest.raises(tl.PlanError) as caught:
            tl.Split(X, Y, test=wrong)
        assert caught.value.field == "test"
