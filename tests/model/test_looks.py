"""Early looks as evidence: what they tell of the end, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from trialist.model.curves import Curves
from trialist.model.evidence import Witness
from trialist.model.finals import Finals
from trialist.model.looks import seen_early
from trialist.search.incumbent import expected_losses
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.testing.strategies import PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.trial import Report, Score, Stage, State, TrialRecord

SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
EPOCHS = replace(PLAN, fidelity=Fidelity("epochs", 1, 27))
POINTS = np.random.default_rng(3).random((24, 2))


def trial(number: int, values: dict[int, float], state: State, **more: Any) -> TrialRecord:
    x, y = POINTS[number]
    record = TrialRecord(number, state, Stage.SEARCH, {"x": x, "y": y}, "", "test", 0)
    last = list(values.values())[-1] if values else 0.0
    if state is State.COMPLETE:
        record = replace(record, loss=last, metrics={"loss": Score((last,))})
    return replace(record, reports=tuple(Report(step, value) for step, value in values.items()), **more)


def curve(final: float) -> dict[int, float]:
    """Bad runs gain ten times what good ones gain: at epoch 1 a loss is ten times its end, at 9 twice."""
    return {1: 10 * final, 3: 4 * final, 9: 2 * final, 27: final}


def study(finals: list[float], upto: list[int]) -> History:
    records = []
    for number, (final, last) in enumerate(zip(finals, upto, strict=True)):
        values = {step: value for step, value in curve(final).items() if step <= last}
        records.append(trial(number, values, State.COMPLETE if last == 27 else State.PAUSED))
    return History(EPOCHS, SQUARE, tuple(records))


def test_looks_become_what_they_tell_of_the_end_though_only_good_ones_went_on() -> None:
    finals = [0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.5, 0.7, 0.9, 1.1]
    history = study(finals, [27] * 6 + [1] * 4)
    seen = seen_early(history, Curves())
    early = {n: loss for n, at, loss in zip(seen.number, seen.earliness, seen.losses, strict=True) if at == 0.0}
    told = np.array([early[n] for n in range(10)])
    assert np.corrcoef(told, finals)[0, 1] > 0.999
    assert abs(told[:6] - finals[:6]).max() < 0.08
    # Far from those who went on, a line leads there whose slope each rung doubts a little; their losses say nothing.
    assert abs(told[9] - finals[9]) < 0.1 * abs(curve(finals[9])[1] - finals[9])


def test_a_rung_that_nobody_left_says_its_own_losses_and_diverged_runs_are_the_worst() -> None:
    records = [trial(n, {1: float(n)}, State.PAUSED) for n in range(4)]
    records.append(trial(4, {1: float("nan")}, State.PAUSED))
    seen = seen_early(History(EPOCHS, SQUARE, tuple(records)), Curves())
    assert seen.losses[:4].tolist() == [0.0, 1.0, 2.0, 3.0] and np.isfinite(seen.losses[4]) and seen.losses[4] > 3.0


def test_rungs_that_mislead_are_no_evidence() -> None:
    rng = np.random.default_rng(0)
    records = []
    for n, final in enumerate(rng.random(20)):
        values = {1: 2 - final, 3: 2 - final, 9: 2 - final, 27: final}
        records.append(trial(n, values, State.COMPLETE))
    records.append(trial(20, {1: 1.0}, State.PAUSED))
    history = History(EPOCHS, SQUARE, tuple(records))
    assert not len(seen_early(history, Curves()).losses)
    assert not Witness().evidence(history).looks.is_early


def test_full_runs_alone_are_looked_at_as_ever() -> None:
    history = study([0.1, 0.2, 0.3], [27, 27, 27])
    looks = Witness().evidence(history).looks
    assert not looks.is_early and looks.losses.tolist() == [0.1, 0.2, 0.3] and (looks.top == looks.X).all()


def test_the_choice_among_full_runs_does_not_hang_on_what_was_seen_of_others() -> None:
    finals = (0.2 + (POINTS - 0.3) ** 2).sum(axis=1)
    full = study(finals.tolist()[:12], [27] * 12)
    draws = np.random.default_rng(0).uniform(2.0, 6.0, 24)
    wild = [trial(n, {1: float(draws[n]), 3: float(draws[23 - n])}, State.STOPPED) for n in range(12, 24)]
    among = History(EPOCHS, SQUARE, (*full.records, *wild))
    looks = Witness().evidence(among).of_full_runs.looks
    assert (
        not looks.is_early
        and looks.number.tolist() == list(range(12))
        and looks.losses.tolist() == finals[:12].tolist()
    )
    order = [sorted(found, key=lambda n: found[n]) for found in map(expected_losses, (full, among))]
    assert order[0] == order[1] == sorted(range(12), key=lambda n: finals[n])


def test_constraints_that_were_not_measured_yet_let_nobody_win() -> None:
    history = study([0.1, 0.2, 0.3, 0.4], [27, 27, 27, 1])
    assert Witness().evidence(history).looks.may_win.all()
    measured = replace(history.records[0], constraints={"latency": -1.0})
    looks = Witness().evidence(History(EPOCHS, SQUARE, (measured, *history.records[1:]))).looks
    is_early = looks.X[:, -1] < 1.0
    assert looks.may_win[~is_early].all() and not looks.may_win[is_early].any()


def test_expected_finals_order_trials_by_all_looks() -> None:
    finals = (0.2 + (POINTS - 0.3) ** 2).sum(axis=1).tolist()
    history = study(finals, [27] * 5 + [9] * 5 + [1] * 14)
    expected = Finals().expected(history)
    assert expected.keys() == set(range(24))
    order = np.argsort(np.argsort([expected[n] for n in range(24)]))
    assert np.corrcoef(order, np.argsort(np.argsort(finals)))[0, 1] > 0.85
    assert Finals().expected(study(finals[:2], [1, 1])) == {}


@pytest.mark.parametrize("states", [(State.PAUSED, State.RUNNING), (State.STOPPED, State.PAUSED)])
def test_whoever_reported_is_evidence_whatever_became_of_it(states: tuple[State, State]) -> None:
    records = [trial(n, {1: 1.0 + n, 3: 0.5 + n}, states[n % 2]) for n in range(6)]
    looks = Witness().evidence(History(EPOCHS, SQUARE, tuple(records))).looks
    assert looks.trials == 6 and len(looks) == 12
