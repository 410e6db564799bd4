"""Transfer: a related study helps to foretell, one that misleads has no say, and only ranks and shared dials count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from trialist.model.features import Features
from trialist.model.transfer import MOST, Informed, Source, coefficients, informed, sources
from trialist.numerics.gp import Fit, Posterior, fit
from trialist.numerics.transform import standardised
from trialist.space.cube import Cube
from trialist.space.parameter import Categorical, Float
from trialist.space.space import Space
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Score, Stage, State, TrialRecord

SPACE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0), k=Categorical(["a", "b"]))
FEATURES = Features(Cube(SPACE))
Loss = Callable[[dict[str, Any]], float]


def hill(shift: float = 0.0) -> Loss:
    def loss(p: dict[str, Any]) -> float:
        x, y = p["x"] + shift, p["y"] - shift
        return float((x - 0.4) ** 2 + 0.3 * np.sin(7.0 * y) + 0.4 * (p["k"] == "b") * x)

    return loss


def study(loss: Loss, seed: int, trials: int = 40, space: Space = SPACE) -> History:
    rows, _ = Cube(space).uniform(np.random.default_rng(seed), trials)
    records = []
    for number, row in enumerate(rows):
        params = Cube(space).decode(row)
        value = loss(params)
        records.append(
            TrialRecord(
                number, State.COMPLETE, Stage.SEARCH, params, "", "", 0, metrics={"loss": Score((value,))}, loss=value
            )
        )
    return History(Plan(f"study {seed}", (Objective("loss"),)), space, tuple(records))


def own_process(history: History) -> tuple[Posterior, np.ndarray, np.ndarray, Callable[[np.ndarray], Fit]]:
    X = FEATURES(*FEATURES.cube.canonical(history.X))
    y, layout = standardised(history.losses[:, 0]), FEATURES.layout(2.5)

    def fitted(values: np.ndarray) -> Fit:
        return fit(X, values, layout)

    return Posterior(fitted(y), X, y), X, y, fitted


def agreement(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.corrcoef(predicted, truth)[0, 1])


def compared(source: Callable[[int], Loss], seeds: int = 5, trials: int = 10) -> list[tuple[float, float, bool]]:
    """For each seed, how well the own process and the informed one agree with the truth, and whether they differ."""
    found = []
    for seed in range(seeds):
        here = study(hill(), 100 + seed, trials)
        known = sources([study(source(seed), seed)], FEATURES)
        own, X, y, fitted = own_process(here)
        model = informed(known, own, X, y, fitted)
        test = study(hill(), 500 + seed, 100)
        new, truth = FEATURES(*FEATURES.cube.canonical(test.X)), test.losses[:, 0]
        alone = agreement(own.predict(new)[0], truth)
        found.append((alone, alone if model is None else agreement(model.predict(new)[0], truth), model is not None))
    return found


def test_a_related_study_helps_to_foretell() -> None:
    found = compared(lambda seed: hill(0.05))
    assert np.mean([informed - alone for alone, informed, _ in found]) > 0.05
    assert sum(is_used for *_, is_used in found) >= 4


def test_a_negated_study_has_no_say() -> None:
    found = compared(lambda seed: lambda p: -hill()(p))
    assert not any(is_used for *_, is_used in found)


def test_a_study_of_pure_noise_does_little_harm() -> None:
    def noise(seed: int) -> Loss:
        rng = np.random.default_rng(seed)
        return lambda p: float(rng.normal())

    found = compared(noise)
    assert np.mean([informed - alone for alone, informed, _ in found]) > -0.05


def test_the_own_process_stands_where_it_foretells_better() -> None:
    """Sources that are right on the whole but wiggle: worth something to few trials, a nuisance to many."""
    known = sources([study(lambda p: hill()(p) + 0.15 * np.sin(60.0 * p["x"]), 1, MOST)], FEATURES)
    used = {}
    for trials in (8, 90):
        own, X, y, fitted = own_process(study(hill(), 3, trials))
        assert coefficients(known[0].mean(X)[:, None], own, y)[0] > 0.0
        used[trials] = informed(known, own, X, y, fitted) is not None
    assert used == {8: True, 90: False}


def test_only_the_ranks_of_an_earlier_study_count() -> None:
    plain, bent = (
        sources([study(loss, 1)], FEATURES)[0] for loss in (hill(), lambda p: float(np.exp(9.0 * hill()(p)) - 1e6))
    )
    X = FEATURES(*FEATURES.cube.uniform(np.random.default_rng(0), 20))
    assert np.array_equal(plain.mean(X), bent.mean(X))


def test_a_dial_that_the_earlier_study_did_not_have_does_not_matter_to_it() -> None:
    smaller = Space(x=SPACE["x"], k=SPACE["k"])
    (source,) = sources([study(lambda p: p["x"], 1, space=smaller)], FEATURES)
    rows, active = FEATURES.cube.uniform(np.random.default_rng(0), 20)
    X = FEATURES(rows, active)
    rows[:, 1] = 0.5
    assert np.array_equal(source.mean(X), source.mean(FEATURES(rows, active)))
    assert not source.mean_with_slopes(X)[1][:, 1].any()
    assert agreement(source.mean(X), rows[:, 0]) > 0.95


def test_trials_outside_the_present_bounds_are_not_taken_for_trials_at_the_bound() -> None:
    wide = Space(x=Float(-4.0, 1.0), y=SPACE["y"], k=SPACE["k"])
    (source,) = sources([study(lambda p: -9.0 if p["x"] < 0 else p["x"], 1, 200, space=wide)], FEATURES)
    assert source.trials < 70
    ends = FEATURES(*FEATURES.cube.canonical(np.array([[0.02, 0.5, 0.25], [0.9, 0.5, 0.25]])))
    low, high = source.mean(ends)
    assert low < high


@pytest.mark.parametrize(
    "poor",
    [
        study(hill(), 1, 5),
        study(lambda p: 1.0, 1),
        study(hill(), 1, space=Space(x=Float(7.0, 9.0), y=SPACE["y"], k=SPACE["k"])),
        History(Plan("empty", (Objective("loss"),)), SPACE, ()),
    ],
    ids=["few", "flat", "elsewhere", "empty"],
)
def test_what_teaches_nothing_is_no_source(poor: History) -> None:
    assert sources([poor], FEATURES) == ()


def test_a_large_study_is_thinned_to_its_best_and_some_of_the_others() -> None:
    (source,) = sources([study(hill(), 1, 2 * MOST)], FEATURES)
    assert source.trials == MOST


def test_slopes_are_those_of_the_mean() -> None:
    known = sources([study(hill(0.05), 1), study(hill(-0.05), 2)], FEATURES)
    own, X, y, fitted = own_process(study(hill(), 3, 12))
    model = informed(known, own, X, y, fitted)
    assert isinstance(model, Informed)
    at = FEATURES(*FEATURES.cube.uniform(np.random.default_rng(5), 6))
    mean, variance, d_mean, d_variance = model.predict_with_slopes(at)
    assert np.allclose((mean, variance), model.predict(at), atol=1e-9)
    for j in (0, 1):
        step = np.zeros(at.shape[1])
        step[j] = 1e-5
        ahead, behind = model.predict(at + step), model.predict(at - step)
        assert np.allclose(d_mean[:, j], (ahead[0] - behind[0]) / 2e-5, rtol=1e-4, atol=1e-4)
        assert np.allclose(d_variance[:, j], (ahead[1] - behind[1]) / 2e-5, rtol=1e-3, atol=1e-4)


def test_pending_points_lower_the_variance_and_leave_the_mean() -> None:
    known = sources([study(hill(0.05), 1)], FEATURES)
    own, X, y, fitted = own_process(study(hill(), 3, 12))
    model = informed(known, own, X, y, fitted)
    assert model is not None
    at = FEATURES(*FEATURES.cube.uniform(np.random.default_rng(5), 6))
    after = model.conditioned(at[:1])
    assert np.allclose(after.predict(at)[0], model.predict(at)[0], atol=1e-6)
    assert after.predict(at)[1][0] < 0.5 * model.predict(at)[1][0]


def test_coefficients_are_found_and_bounded() -> None:
    rng = np.random.default_rng(0)
    own, _, y, _ = own_process(study(hill(), 3, 40))
    M = np.stack([y, rng.normal(size=40), -y], axis=1)
    b = coefficients(M, own, y)
    assert (b >= 0).all() and b.sum() <= 1.0 + 1e-12
    assert b[0] > 0.8 and b[1] < 0.1 and b[2] == 0.0
    small = coefficients(np.stack([0.3 * y, 0.2 * y], axis=1), own, y)
    assert small.sum() == pytest.approx(1.0) and small.min() > 0.0
    assert np.allclose(coefficients(M, own, y + 7.0), b), "a constant in the losses does not matter"


@pytest.mark.parametrize("trials", [2, 101])
def test_with_too_few_trials_and_with_enough_the_own_process_stands(trials: int) -> None:
    known: tuple[Source, ...] = sources([study(hill(), 1)], FEATURES)
    own, X, y, fitted = own_process(study(hill(), 3, trials))
    assert informed(known, own, X, y, fitted) is None
    assert informed((), own, X, y, fitted) is None
