"""Analogues: moments of full runs that were alike, at whatever time, and what these gained from there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trialist.model.analogues import MARGIN, STEPS, Analogues, least
from trialist.model.curves import Curves
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.trial import Report, Score, Stage, State, TrialRecord

DIAL = replace(PLAN, fidelity=Fidelity("epochs", 1, STEPS))
T = np.arange(1, STEPS + 1) / STEPS


def falls(begins: float, end: float) -> np.ndarray:
    """From 2.5 down to its end within a tenth of a run, beginning at that share."""
    return 2.5 - (2.5 - end) * np.clip((T - begins) / 0.1, 0, 1)


def trial(number: int, values: np.ndarray) -> TrialRecord:
    reports = tuple(Report(step, float(value)) for step, value in enumerate(values, start=1))
    record = TrialRecord(number, State.COMPLETE, Stage.SEARCH, {}, "", "test", 0, reports=reports, length=STEPS)
    return replace(record, fidelity=STEPS, loss=reports[-1].value, metrics={"loss": Score((reports[-1].value,))})


def analogues(*curves: np.ndarray) -> Analogues:
    history = History(DIAL, MIXED, tuple(trial(n, curve) for n, curve in enumerate(curves)))
    found = Analogues.of(Curves().look(history))
    assert found is not None
    return found


ASYNCHRONOUS = (falls(0.2, 1.2), falls(0.3, 1.0), falls(0.6, 0.5))


def at(curve: np.ndarray, share: float) -> tuple[float, float, float, float]:
    step = round(share * STEPS)
    return share, float(curve[0]), float(curve[step - 5]), float(curve[step - 1])


def test_one_that_has_fallen_is_told_to_stay_by_others_that_fell_at_another_time() -> None:
    found = analogues(*ASYNCHRONOUS)
    gains = found.gains(*at(falls(0.35, 1.1), 0.7))
    assert len(gains) >= 10 and gains.max() == pytest.approx(0.0)
    assert least(1.1, gains) == pytest.approx(1.1) and not found.have_erred


def test_of_one_that_has_not_begun_nothing_is_told() -> None:
    assert not len(analogues(*ASYNCHRONOUS).gains(*at(falls(0.7, 0.1), 0.5)))


def test_one_in_its_fall_may_fall_as_others_did() -> None:
    curve = falls(0.45, 0.3)
    gains = analogues(*ASYNCHRONOUS, falls(0.25, 0.9), falls(0.15, 0.8), falls(0.1, 0.6)).gains(*at(curve, 0.5))
    assert not len(gains) or least(curve[19], gains) < 0.3


def test_two_full_runs_are_no_evidence_nor_a_single_one_alike() -> None:
    records = tuple(trial(n, curve) for n, curve in enumerate(ASYNCHRONOUS[:2]))
    assert Analogues.of(Curves().look(History(DIAL, MIXED, records))) is None
    others = (falls(0.9, 0.5), falls(0.9, 0.4))
    assert not len(analogues(falls(0.2, 1.2), *others).gains(*at(falls(0.25, 1.1), 0.5)))


def test_what_they_gained_at_most_counts_half_as_much_again() -> None:
    assert least(1.0, np.array([0.1, 0.2])) == pytest.approx(1.0 - MARGIN * 0.2)
    assert least(1.0, np.array([-0.3])) == 1.0


def test_they_are_not_believed_once_one_ended_lower_than_it_could() -> None:
    steps = np.where(T < 0.95, falls(0.2, 1.0), 0.2)  # a second fall that none of the others had
    assert analogues(*ASYNCHRONOUS, steps).have_erred
    assert not analogues(*ASYNCHRONOUS, falls(0.2, 1.0)).have_erred


def test_a_diverged_report_is_alike_to_nothing() -> None:
    found = analogues(*ASYNCHRONOUS)
    assert not len(found.gains(0.5, np.inf, 1.0, 1.0)) and not len(found.gains(0.5, 2.5, np.nan, 1.0))
    broken = falls(0.2, 1.1)
    broken[10] = np.inf
    gains = analogues(*ASYNCHRONOUS, broken).gains(*at(falls(0.35, 1.1), 0.7))
    assert len(gains) and np.isfinite(gains).all()
