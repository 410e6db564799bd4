"""Where noise comes from: known components found again, and how many scores tell two configurations apart."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialist as tl
from trialist.scoring.components import BOTH, ORDER, ROWS, SEED, Components, components, replicates_needed
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.testing.strategies import PLAN
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord
from trialist.trials.validation import Validation

LINE = Space(x=Float(0.0, 1.0))


def complete(number: int, values: list[float], x: float, seed: int = 0, stage: Stage = Stage.SEARCH) -> TrialRecord:
    record = TrialRecord(number, State.COMPLETE, stage, {"x": x}, "", "test", seed)
    return replace(record, loss=float(np.mean(values)), metrics={"loss": Score(tuple(values))})


def drawn(
    validation: Validation, seed: int, n: int = 60, level: float = 0.0, rows: float = 0.0, seeds: float = 0.0
) -> History:
    """n configurations; standard deviations of what rows do to all, to each, and of what a training's seed does."""
    rng = np.random.default_rng(seed)
    levels = {(u.split, u.part): level * rng.standard_normal() for u in validation.sampling}
    records = []
    for i in range(n):
        own = {key: rows * rng.standard_normal() for key in levels}
        values = [
            i / n + levels[u.split, u.part] + own[u.split, u.part] + seeds * rng.standard_normal()
            for u in validation.sampling
        ]
        records.append(complete(i, values, (i + 0.5) / n, seed=i))
    return History(replace(PLAN, validation=validation), LINE, tuple(records))


def found(history: History) -> Components:
    got = components(history)
    assert got is not None
    return got


def test_split_and_seed_are_told_apart_where_folds_are_trained_more_than_once() -> None:
    history = drawn(tl.Folds(8, seeds=3), 1, level=0.4, rows=0.2, seeds=0.3)
    split, seed = found(history).parts
    assert (split.name, seed.name) == (ROWS, SEED)
    assert seed.sd == pytest.approx(0.3, rel=0.08)
    assert seed.own_sd == pytest.approx(0.3, rel=0.08)
    assert split.own_sd == pytest.approx(0.2, rel=0.2)
    assert split.sd**2 - split.own_sd**2 > 0.05  # 8 draws of a level whose variance is 0.16
    assert split.share + seed.share == pytest.approx(1.0)
    assert split.interval[0] < split.share < split.interval[1]


def test_intervals_of_shares_hold_the_truth_about_as_often_as_they_say() -> None:
    held = 0
    for seed in range(60):
        history = drawn(tl.Folds(5, repeats=3, seeds=2), seed, rows=0.3, seeds=0.3)
        low, high = found(history).parts[1].interval
        held += low <= 0.5 <= high
    assert 46 <= held <= 60  # of 54 expected


def test_with_one_training_a_fold_the_two_cannot_be_told_apart_and_are_not() -> None:
    (both,) = found(drawn(tl.Folds(10), 2, level=0.3, rows=0.2, seeds=0.1)).parts
    assert both.name == BOTH
    assert both.own_sd**2 == pytest.approx(0.05, rel=0.2)
    assert both.sd > both.own_sd


def test_what_strikes_all_alike_cancels_and_the_words_say_so() -> None:
    got = found(drawn(tl.Folds(10), 3, level=1.0, rows=0.1))
    assert got.own_sd == pytest.approx(0.1, rel=0.2)
    assert got.sd > 0.5
    assert "of it strikes all configurations alike, and cancels in a comparison." in got.words


def test_seeds_alone() -> None:
    (seed,) = found(drawn(tl.Seeds(4), 4, seeds=0.5)).parts
    assert seed.name == SEED
    assert seed.sd == pytest.approx(0.5, rel=0.12)
    assert found(drawn(tl.Seeds(4), 4, seeds=0.5)).unit == "seed"


def test_a_deterministic_training_has_no_seed_noise() -> None:
    split, seed = found(drawn(tl.Folds(5, seeds=2), 5, rows=0.3)).parts
    assert seed.sd == 0.0
    assert split.share == 1.0


def test_no_noise_at_all() -> None:
    words = "The best configurations score alike from seed to seed: no noise shows in them."
    assert found(drawn(tl.Seeds(3), 6)).words == words


def test_data_order_is_a_source_of_its_own() -> None:
    validation, rng = tl.Folds(6, seeds=2, orders=3), np.random.default_rng(11)
    records = []
    for i in range(80):
        of: dict[tuple[object, ...], float] = {}

        def effect(*key: object, sd: float) -> float:
            return of.setdefault(key, sd * rng.standard_normal())  # noqa: B023

        values = [
            i / 80
            + effect("rows", u.part, sd=0.2)
            + effect("seed", u.part, u.seed, sd=0.3)
            + effect("order", u.part, u.order, sd=0.1)
            for u in validation.sampling
        ]
        records.append(complete(i, values, (i + 0.5) / 80, seed=i))
    got = found(History(replace(PLAN, validation=validation), LINE, tuple(records)))
    sds = {part.name: part.sd for part in got.parts}
    assert set(sds) == {ROWS, SEED, ORDER}
    assert sds[SEED] == pytest.approx(0.3, rel=0.1)
    assert sds[ORDER] == pytest.approx(0.1, rel=0.15)
    assert sds[ROWS] == pytest.approx(0.2, rel=0.25)
    assert "due to the data order" in got.words


def test_reshuffled_draws_have_no_common_part_to_take_off() -> None:
    (both,) = found(drawn(tl.Holdout(0.25, repeats=6, reshuffle=True), 7, rows=0.4)).parts
    assert both.sd == both.own_sd == pytest.approx(0.4, rel=0.1)


def test_without_a_validation_finalists_tell_by_their_fresh_seeds() -> None:
    rng = np.random.default_rng(8)
    search = [complete(i, [i / 10 + 0.2 * rng.standard_normal()], (i + 0.5) / 10, seed=i) for i in range(10)]
    fresh = [
        complete(10 + 6 * i + s, [i / 10 + 0.2 * rng.standard_normal()], (i + 0.5) / 10, 100 + s, Stage.SELECT)
        for i in range(10)
        for s in range(6)
    ]
    assert components(History(PLAN, LINE, tuple(search))) is None
    got = found(History(PLAN, LINE, (*search, *fresh)))
    assert got.unit == "run"
    assert got.sd == pytest.approx(0.2, rel=0.3)


def test_two_configurations_are_too_few() -> None:
    history = drawn(tl.Folds(5), 9, n=2, rows=0.3)
    assert components(history) is None


def scaled(history: History, factor: float) -> History:
    records = [
        complete(r.number, [factor * v for v in r.metrics["loss"].replicates], r.params["x"], r.seed) for r in history
    ]
    return History(history.plan, history.space, tuple(records))


@pytest.mark.parametrize("factor", [2.0**-40, 2.0**40, 1e299])
def test_variances_scale_and_shares_do_not(factor: float) -> None:
    history = drawn(tl.Folds(4, seeds=2), 10, n=12, level=0.2, rows=0.2, seeds=0.2)
    plain, big = found(history), found(scaled(history, factor))
    assert [p.share for p in big.parts] == pytest.approx([p.share for p in plain.parts])
    assert big.sd == pytest.approx(factor * plain.sd)
    assert big.needed == plain.needed


def test_as_many_scores_as_are_said_to_be_needed_have_the_power() -> None:
    """By simulation of paired t tests."""
    from scipy import stats

    rng, difference, sd = np.random.default_rng(12), 0.5, 0.6
    n = replicates_needed(difference, sd)
    assert n is not None
    pairs = difference + math.sqrt(2) * sd * rng.standard_normal((4000, n))
    told = np.mean(stats.ttest_1samp(pairs, 0.0, axis=1).pvalue < 0.05)
    assert 0.78 < told < 0.85


@given(st.floats(0.01, 2.0), st.floats(0.01, 2.0), st.floats(0.0, 1.0))
def test_smaller_differences_and_more_noise_take_more_scores(difference: float, sd: float, overlap: float) -> None:
    few = replicates_needed(difference, sd, overlap)
    more = replicates_needed(difference, 1.5 * sd, overlap)
    assert few is None or few >= 2
    assert more is None or (few is not None and more >= few)
    assert replicates_needed(1.5 * difference, 1.5 * sd, overlap) == few


def test_words_tell_what_the_two_best_need_or_that_nothing_helps() -> None:
    near = found(drawn(tl.Seeds(6), 13, n=8, seeds=0.1))
    assert near.needed is not None
    assert f"takes about {near.needed:,} fresh seeds of each." in near.words
    hopeless = found(drawn(tl.Folds(5), 14, n=200, rows=1.0))
    assert hopeless.needed is None
    assert hopeless.words.endswith("too little to tell on these rows, whatever the number of folds.")


def test_plans_of_another_validation_are_read_as_they_are(plan: Plan = PLAN) -> None:
    odd = [complete(i, [0.1, 0.2, 0.4], (i + 0.5) / 9) for i in range(9)]  # not as many as there are units
    assert components(History(replace(plan, validation=tl.Folds(5)), LINE, tuple(odd))) is None


def test_noise_of_seeds_averages_out_though_rows_are_shared() -> None:
    seeded = found(drawn(tl.Folds(5, seeds=4), 15, n=40, rows=0.002, seeds=0.2))
    assert seeded.needed is not None
    assert found(drawn(tl.Folds(5, repeats=4), 15, n=40, rows=0.2)).needed is None
    deterministic = found(drawn(tl.Folds(5, seeds=2), 5, rows=0.3))
    assert "all is due to the split and none is due to the seed" in deterministic.words


def test_only_the_configurations_that_are_asked_are_laid_out_score_by_score(monkeypatch: pytest.MonkeyPatch) -> None:
    history = drawn(tl.Folds(5), 1, n=400, rows=0.2)
    laid, whole = [], tl.Folds.sampling.fget
    monkeypatch.setattr(tl.Folds, "sampling", property(lambda folds: laid.append(folds) or whole(folds)))
    assert found(history).configurations == 60
    assert len(laid) == 1  # ten thousand trials would take seconds otherwise
