"""Effects are told as they are: shares against closed forms, interactions only where there are, and what is missing."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import trialist as tl
from trialist.effects.effects import Effects
from trialist.effects.ground import ground
from trialist.effects.variance import holm
from trialist.store.records import space_of
from trialist.testing.odd_studies import ODD
from trialist.trials.history import History
from trialist.trials.trial import Score, Stage


def history_of(space, function, n, *, seed=0, noise=0.0, clustered=0.5, maximize=False):
    """n trials, a part of them crowded round a good place, as a search leaves them."""
    goal = {"maximize": "y"} if maximize else {"minimize": "y"}
    study = tl.Study.create(space, store="memory", budget=n + 1, **goal)
    study.tell(study.ask(), 1.0)
    first, rng = study.trials[0], np.random.default_rng(seed)
    d = len(space)
    U = rng.random((n, d))
    crowd = int(clustered * n)
    U[n - crowd :] = np.clip(0.5 + 0.12 * rng.standard_normal((crowd, d)), 0.001, 0.999)
    sign, records = (-1 if maximize else 1), []
    for i, u in enumerate(U):
        params = space.decode(list(u))
        value = function(params) + noise * rng.standard_normal()
        stage = Stage.SEARCH if i else Stage.BASELINE
        records.append(
            replace(first, number=i, params=params, metrics={"y": Score((value,))}, loss=sign * value, stage=stage)
        )
    return History(study.declared, space, tuple(records))


UNIT = tl.Space({f"x{i}": tl.Float(0.0, 1.0) for i in range(4)})


def additive(p):
    return 3 * p["x0"] + 2 * (2 * p["x1"] - 1) ** 2 + math.sin(2 * math.pi * p["x2"])


# Variances over the cube: 9/12, 4 * 4/45, 1/2, 0.
TRUTH = {"x0": 0.75, "x1": 16 / 45, "x2": 0.5, "x3": 0.0}


def test_one_trial_that_nobody_could_foresee_hides_nothing_of_all_the_others():
    history = history_of(UNIT, additive, 60, clustered=0.0)
    worst = replace(history.records[7], metrics={"y": Score((40.0,))}, loss=40.0)
    effects = Effects(History(history.plan, history.space, (*history.records[:7], worst, *history.records[8:])))
    found = effects.importance()
    assert found.enough and found.explained < 0.1
    widths = [share.high - share.low for share in found.shares]
    assert max(widths) > 0.3  # what one trial did may be due to any dial
    assert effects.slice("x0").enough


@pytest.mark.parametrize("seed", range(3))
def test_of_noise_alone_nothing_is_told(seed):
    found = Effects(history_of(UNIT, lambda p: 0.0, 40, seed=seed, noise=1.0)).importance()
    assert not found.enough and not found.shares


def test_shares_of_an_additive_function_are_those_of_its_closed_form():
    found = Effects(history_of(UNIT, additive, 100), scale="value").importance()
    whole = sum(TRUTH.values())
    assert found.enough
    for share in found.shares:
        assert share.share == pytest.approx(TRUTH[share.dial] / whole, abs=0.05)
        assert share.low - 0.02 <= TRUTH[share.dial] / whole <= share.high + 0.02
    assert [share.dial for share in found.shares] == ["x0", "x2", "x1", "x3"]


def test_what_does_nothing_has_no_share_by_any_measure():
    found = Effects(history_of(UNIT, additive, 100, noise=0.1)).importance()
    inert = next(share for share in found.shares if share.dial == "x3")
    assert inert.share < 0.02
    assert abs(inert.permuted) < 0.02
    assert inert.ped is not None
    assert inert.ped < max(share.ped for share in found.shares)


def test_an_interaction_is_real_where_one_dial_turns_the_other_round():
    turned = Effects(history_of(UNIT, lambda p: (p["x0"] - 0.5) * (p["x1"] - 0.5) * 4 + p["x2"], 120, noise=0.05))
    pairs = {(pair.a, pair.b): pair for pair in turned.interactions().pairs}
    assert pairs["x0", "x1"].is_real
    assert pairs["x0", "x1"].strength == pytest.approx(4 / 7, abs=0.12)  # 16/144 of 16/144 + 1/12
    assert not any(pair.is_real for key, pair in pairs.items() if key != ("x0", "x1"))


@pytest.mark.parametrize("seed", range(3))
def test_without_interactions_none_is_shown(seed):
    found = Effects(history_of(UNIT, additive, 80, seed=seed, noise=0.3)).interactions()
    assert not any(pair.is_real for pair in found.pairs)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_what_is_said_of_a_pair_is_one_thing(noise):
    """Real, likelier than chance, and apart from nothing: all of them or none."""

    def acting_weakly(p):
        return additive(p) + 1.2 * (2 * p["x0"] - 1) * (2 * p["x1"] - 1)

    found = Effects(history_of(UNIT, acting_weakly, 100, noise=noise, clustered=0.0)).interactions()
    for pair in found.pairs:
        assert pair.is_real == (pair.p < 0.05) == (pair.low > 0.0)
        assert pair.low <= pair.strength <= pair.high
    assert {(pair.a, pair.b) for pair in found.pairs if pair.is_real} == {("x0", "x1")}


FACTORS = {"x0": 0.9, "x1": 0.6, "x2": 0.3, "x3": 0.0}


def product(p):
    return math.prod(1 + k * math.sin(math.pi * (p[dial] - 0.5)) for dial, k in FACTORS.items())


def test_of_a_product_shares_are_told_that_the_trials_near_its_best_do_not_show():
    """Where the first factor is next to 0 no other dial does anything: half of the trials lie there."""
    space, parts = UNIT, {dial: k * k / 2 for dial, k in FACTORS.items()}  # the variance of each factor, mean 1
    whole = math.prod(1 + v for v in parts.values()) - 1
    effects = Effects(history_of(space, product, 100), scale="value")
    shares = {share.dial: share for share in effects.importance().shares}
    for dial, v in parts.items():
        assert shares[dial].share == pytest.approx(v / whole, abs=0.03)
        assert shares[dial].low - 0.005 <= v / whole <= shares[dial].high + 0.005
    pairs = {(pair.a, pair.b): pair for pair in effects.interactions().pairs}
    assert pairs["x0", "x1"].strength == pytest.approx(parts["x0"] * parts["x1"] / whole, abs=0.03)
    assert pairs["x0", "x1"].is_real


def test_a_loss_that_saturates_is_told_of_on_its_own_scale():
    def saturating(p):
        return -math.expm1(-(6 * (p["x0"] - 0.3) ** 2 + 1.5 * p["x1"]))

    effects = Effects(history_of(UNIT, saturating, 100), scale="value")
    rng = np.random.default_rng(5)
    a, b, c, d = rng.random((4, 200_000))
    f = lambda x, y: -np.expm1(-(6 * (x - 0.3) ** 2 + 1.5 * y))  # noqa: E731
    here = f(a, b)
    # Sobol 1993: the covariance with what shares one dial and nothing else.
    truth = {"x0": np.cov(here, f(a, d))[0, 1] / here.var(), "x1": np.cov(here, f(c, b))[0, 1] / here.var()}
    shares = {share.dial: share.share for share in effects.importance().shares}
    assert {dial: shares[dial] for dial in truth} == pytest.approx(truth, abs=0.02)
    assert effects.calibration().r2 > 0.99


def test_the_share_of_a_conditional_dial_counts_where_it_is_active():
    space = tl.Space(
        kind=tl.Categorical(["a", "b"]), own=tl.Float(0.0, 1.0, when={"kind": "a"}), free=tl.Float(0.0, 1.0)
    )
    found = Effects(
        history_of(space, lambda p: 2 * p.get("own", 0.5) + p["free"], 120, clustered=0.2), scale="value"
    ).importance()
    shares = {share.dial: share for share in found.shares}
    # own: 4/12 in half of the space, free: 1/12 everywhere, kind: nothing.
    assert shares["own"].share == pytest.approx(2 / 3, abs=0.06)
    assert shares["free"].share == pytest.approx(1 / 3, abs=0.06)
    assert shares["own"].active == pytest.approx(0.5, abs=0.03)


def constrained(function, require, seed=0):
    """Effects of even trials of a function of a and b on the unit square, of which a part is allowed."""
    space = tl.Space(a=tl.Float(0.0, 1.0), b=tl.Float(0.0, 1.0), require=require)
    whole = history_of(tl.Space(a=tl.Float(0.0, 1.0), b=tl.Float(0.0, 1.0)), function, 160, seed=seed, clustered=0.0)
    kept = [record for record in whole.records if space.allows(record.params)]
    study = tl.Study.create(space, store="memory", budget=200, minimize="y")
    records = tuple(replace(record, number=i) for i, record in enumerate(kept))
    return Effects(History(study.declared, space, records), scale="value")


def test_shares_are_of_the_part_that_constraints_allow():
    """Where a may be at most a half, as if that were the end of its range."""
    found = constrained(lambda p: p["a"] * p["b"], "a <= 0.5")
    # Over [0, 1/2] x [0, 1]: 1/4 * 1/48 and 1/16 * 1/12 alone, 1/48 * 1/12 together.
    alone, both = 1 / 192, 1 / 576
    whole = 2 * alone + both
    shares = {share.dial: share for share in found.importance().shares}
    assert shares["a"].share == pytest.approx(alone / whole, abs=0.02)
    assert shares["b"].share == pytest.approx(alone / whole, abs=0.02)
    assert found.interactions().pairs[0].strength == pytest.approx(both / whole, abs=0.02)
    assert "allowed" in found.importance().words


def test_where_dials_depend_on_each_other_a_share_is_what_knowing_the_dial_explains():
    """Uniform on the triangle a + b <= 1: the sum's variance is 1/18, and of its mean given a, (1 + a) / 2, 1/72."""
    found = constrained(lambda p: p["a"] + p["b"], "a + b <= 1")
    for share in found.importance().shares:
        assert share.share == pytest.approx(1 / 4, abs=0.03)
        assert share.low <= 1 / 4 + 0.01 and share.high >= 1 / 4 - 0.01
    assert found.interactions().pairs[0].strength < 0.01
    assert "together" not in found.importance().words


def test_constraints_that_are_functions_are_those_that_are_here():
    """Two functions of one name: what is kept of the one is not told of the other; the space is whole where none is."""

    def below(limit):
        return lambda p: p["a"] <= limit

    shares = [{s.dial: s.share for s in constrained(lambda p: 3 * p["a"] + p["b"], below(limit)).importance().shares}
              for limit in (0.5, 1.0)]  # fmt: skip
    assert shares[0]["a"] == pytest.approx(9 / 4 / (9 / 4 + 1), abs=0.02)
    assert shares[1]["a"] == pytest.approx(9 / 10, abs=0.02)
    made = tl.Space(a=tl.Float(0.0, 1.0), b=tl.Float(0.0, 1.0), require=below(0.5))
    assert ground(made).allowed is not None
    assert (
        ground(space_of(json.dumps(made.to_json()))).allowed is None
    )  # as a store gives it back to who lacks the function


def test_slices_of_what_is_maximised_are_in_its_own_sign():
    effects = Effects(history_of(UNIT, additive, 100, maximize=True))
    found = effects.slice("x0")
    assert found.mean[-1] - found.mean[0] == pytest.approx(3.0, abs=0.4)
    assert all(low <= mean <= high for low, mean, high in zip(found.low, found.mean, found.high, strict=True))
    assert "upper end" in found.words
    assert {number for number, _, _ in found.points} == set(range(100))


def test_the_best_value_of_one_dial_at_each_of_another():
    space = tl.Space(rate=tl.Float(1e-4, 1.0, log=True), solver=tl.Categorical(["adam", "sgd"]))
    best = {"adam": -3.0, "sgd": -1.0}
    effects = Effects(history_of(space, lambda p: (math.log10(p["rate"]) - best[p["solver"]]) ** 2, 80))
    found = effects.best_at("rate", by="solver")
    told = {row.given: math.log10(row.value) for row in found.rows}
    assert told == pytest.approx(best, abs=0.15)
    assert "moves with solver" in found.words


def test_a_flat_dial_reaches_far_and_a_steep_one_does_not():
    found = Effects(history_of(UNIT, lambda p: 8 * (p["x0"] - 0.5) ** 2, 100, noise=0.1)).local()
    near = {each.dial: each for each in found.shares}
    assert found.shares[0].dial == "x0"
    assert near["x0"].high - near["x0"].low < 0.5
    assert near["x3"].high - near["x3"].low > 0.9


def test_predictions_know_how_much_they_know():
    found = Effects(history_of(UNIT, additive, 150, noise=0.3)).calibration()
    assert 0.88 <= found.coverage <= 1.0
    assert found.r2 > 0.8
    assert len(found.points) == 150


def test_the_order_of_trials_does_not_matter_much():
    history = history_of(UNIT, additive, 60, noise=0.1)
    turned = [replace(r, number=i) for i, r in enumerate(reversed(history.records))]
    again = History(history.plan, history.space, tuple(turned))
    one, other = ({share.dial: share.share for share in Effects(each).importance().shares} for each in (history, again))
    assert one == pytest.approx(other, abs=0.01)  # the draws are other ones


def test_what_is_missing_is_said():
    few = Effects(history_of(UNIT, additive, 12))
    assert not few.importance().enough
    assert "18 are needed" in few.importance().words
    flat = Effects(history_of(UNIT, lambda p: 1.0, 40))
    assert "alike" in flat.importance().words
    noise = Effects(history_of(UNIT, lambda p: 0.0, 40, noise=1.0))
    assert "Not enough data" in noise.interactions().words
    assert not noise.slice("x0").enough


def test_wrong_names_are_typed_errors():
    effects = Effects(history_of(UNIT, additive, 30))
    with pytest.raises(tl.SpaceError, match="'x0'"):
        effects.slice("y0")
    with pytest.raises(tl.PlanError, match="objective"):
        Effects(history_of(UNIT, additive, 3), metric="accuracy")
    with pytest.raises(tl.PlanError, match="robust"):
        Effects(history_of(UNIT, additive, 3), scale="log")


@pytest.mark.parametrize("name", ODD)
def test_every_odd_study_is_told_of_as_strict_json(name):
    study = ODD[name]("memory")
    effects = study.effects
    told = [effects.importance(), effects.interactions(), effects.local(), effects.calibration()]
    told += [effects.slice(dial) for dial in study.space.names]
    for each in told:
        assert each.words
        json.dumps(each.to_json(), allow_nan=False)


def test_many_pairs_are_held_to_more_than_one():
    # By Holm 1979: the smallest of 4 times 4, the next times 3, never less than the one before; two were not tested.
    assert holm([0.03, 0.01], 4) == pytest.approx([0.09, 0.04])
    assert holm([0.02, 0.011, 0.9], 3) == pytest.approx([0.04, 0.033, 0.9])
    assert holm([0.01, 0.014], 2) == pytest.approx([0.02, 0.02])
