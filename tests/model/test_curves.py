"""Curves as arrays: the same as from the records one by one, at equal shares, whatever was looked at before."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialist.model.curves import Curves
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Direction, Objective
from trialist.trials.trial import Report, Score, Stage, State, TrialRecord


def trial(number: int, told: dict[float, float], state: State = State.RUNNING, **more: object) -> TrialRecord:
    reports = tuple(Report(step, value) for step, value in told.items())
    if state is State.COMPLETE:
        value = list(told.values())[-1]
        more = {"loss": value, "metrics": {"loss": Score((value,))}, **more}
    record = TrialRecord(number, state, Stage.SEARCH, {}, "", "test", 0, reports=reports)
    return replace(record, **more)  # type: ignore[arg-type]


def seen(*records: TrialRecord, curves: Curves | None = None) -> Curves:
    return (curves or Curves()).look(History(PLAN, MIXED, records))


def test_runs_of_different_lengths_are_compared_at_equal_shares() -> None:
    short = trial(0, {s: float(s) for s in range(1, 11)}, length=10)
    long = trial(1, {s: s / 10 for s in range(1, 101)}, length=100)
    assert seen(short, long).at(0.5)[:, 0].tolist() == [5.0, 5.0]


def test_a_curve_stands_where_its_first_report_at_or_after_a_share_stands() -> None:
    curves = seen(trial(0, {2: 9.0, 5: 8.0, 8: 7.0}, length=9))
    assert curves.at(1 / 9)[0, 0] == 9.0
    assert curves.at(1 / 3)[0, 0] == 8.0
    assert curves.at(5 / 9)[0, 0] == 8.0
    assert math.isnan(curves.at(1.0)[0, 0])


def test_a_run_that_reports_seldom_stands_at_no_early_share() -> None:
    assert math.isnan(seen(trial(0, {20: 9.0, 40: 8.0}, length=60)).at(1 / 9)[0, 0])


def test_without_a_told_length_full_runs_tell_it() -> None:
    running = trial(0, {1: 1.0, 2: 2.0})
    assert math.isnan(seen(running).at(0.2)[0, 0])
    known = seen(running, trial(1, dict.fromkeys(range(1, 11), 0.0), State.COMPLETE))
    assert known.at(0.2)[0, 0] == 2.0
    assert known.share(Reported(0, 0, 5, 0.0), running) == 0.5


def test_with_a_fidelity_its_unit_is_the_length() -> None:
    plan = replace(PLAN, fidelity=Fidelity("share of data", 0.1, 1.0))
    curves = Curves().look(History(plan, MIXED, (trial(0, {0.1: 5.0, 0.3: 4.0}, State.PAUSED),)))
    assert curves.at(0.3)[0, 0] == 4.0
    assert curves.spent[0] == pytest.approx(0.3)


def test_the_best_so_far_and_the_last_one_are_both_told() -> None:
    curves = seen(trial(0, {1: 1.0, 2: 3.0, 3: 2.0}, length=3))
    assert curves.at(1.0)[0, 0] == 2.0
    assert curves.at(1.0, best=True)[0, 0] == 1.0
    assert curves.best_before(0, 3)[0] == 1.0 and math.isinf(curves.best_before(0, 1)[0])


def test_how_full_runs_are_scored_tells_which_of_the_two_counts() -> None:
    told = {1: 3.0, 2: 1.0, 3: 2.0}
    by_last = [trial(i, told, State.COMPLETE) for i in range(3)]
    by_best = [replace(r, loss=1.0) for r in by_last]
    assert not seen(*by_last).scores_best
    assert seen(*by_best).scores_best


def test_maximized_values_turn_round_and_diverged_ones_are_the_worst() -> None:
    plan = replace(PLAN, objectives=(Objective("accuracy", Direction.MAXIMIZE), Objective("ms")))
    record = trial(0, {1: 0.7}, length=2)
    record = replace(record, reports=(Report(1, 0.7, {"ms": 3.0}), Report(2, math.nan)))
    curves = Curves().look(History(plan, MIXED, (record,)))
    assert curves.at(0.5)[0].tolist() == [-0.7, 3.0]
    assert math.isinf(curves.at(1.0)[0, 0]) and math.isnan(curves.at(1.0)[0, 1])


def test_an_objective_that_a_run_tells_at_its_end_counts_for_all_its_steps() -> None:
    size = replace(PLAN, objectives=(Objective("loss"), Objective("size")))
    paused = replace(trial(0, {1: 0.9, 3: 0.7}, State.PAUSED, length=9), metrics={"size": Score((5.0,))})
    reports = Report(1, 0.8, {"size": 4.0}), Report(3, 0.6)
    reported = replace(trial(1, {}, State.RUNNING, length=9), reports=reports, metrics={"size": Score((5.0,))})
    curves = Curves()
    curves.look(History(size, MIXED, (paused, reported)))
    assert curves.at(1 / 9).tolist() == [[0.9, 5.0], [0.8, 4.0]]
    at_three = curves.at(3 / 9)
    assert at_three[0].tolist() == [0.7, 5.0]
    assert math.isnan(at_three[1, 1]), "what a report leaves out is unknown where another one told it"
    on = replace(paused, state=State.RUNNING, reports=(*paused.reports, Report(9, 0.5)))
    curves.look(History(size, MIXED, (on, reported)))
    assert curves.at(1.0)[0].tolist() == [0.5, 5.0], "a run that goes on keeps it"


def test_who_counts() -> None:
    told = {1: 1.0}
    curves = seen(
        trial(0, told, State.COMPLETE),
        trial(1, told, State.FAILED),
        trial(2, told, State.COMPLETE, stage=Stage.SELECT),
        trial(3, told, State.COMPLETE, constraints={"ms": 1.0}),
        trial(4, told, State.PAUSED),
        trial(5, told),
    )
    assert curves.counts.tolist() == [True, False, False, False, True, True]
    assert curves.is_full.tolist() == [True, False, False, False, False, False]
    assert curves.has_ended.tolist() == [True, False, False, False, True, False]


def test_who_inherits_a_checkpoint_was_nowhere_before() -> None:
    curves = seen(trial(0, {6: 1.0, 7: 0.5}, length=10, inherits=3))
    assert math.isnan(curves.at(0.5)[0, 0])
    assert curves.at(0.7)[0, 0] == 0.5


def test_what_is_told_cannot_be_changed() -> None:
    curves = seen(trial(0, {1: 1.0}))
    with pytest.raises(ValueError, match="read-only"):
        curves.counts[0] = False


STATES = st.sampled_from([State.RUNNING, State.PAUSED, State.STOPPED, State.COMPLETE, State.FAILED])


@st.composite
def histories(draw: st.DrawFn) -> list[list[TrialRecord]]:
    """A study at several moments: trials get more reports, begin anew, end, and more trials come."""
    moments, records = [], list[TrialRecord]()
    for _ in range(draw(st.integers(1, 5))):
        for i, record in enumerate(records):
            if draw(st.booleans()):
                told = {r.step: r.value for r in record.reports}
                if draw(st.integers(0, 5)) == 0:
                    told = {}
                first = max(told, default=0)
                told |= {first + k: draw(st.floats(-9, 9)) for k in range(1, draw(st.integers(1, 5)))}
                records[i] = trial(i, told, draw(STATES) if told else State.RUNNING, length=record.length)
        while len(records) < 6 and draw(st.booleans()):
            records.append(trial(len(records), {}, length=draw(st.sampled_from([None, 5, 20]))))
        moments.append(list(records))
    return moments


@given(histories(), st.floats(0.05, 1.0))
def test_a_long_lived_one_agrees_with_a_fresh_one_and_with_the_records(
    moments: list[list[TrialRecord]], share: float
) -> None:
    curves = Curves()
    for records in moments:
        seen(*records, curves=curves)
        fresh = seen(*records)
        for best in (False, True):
            assert np.array_equal(curves.at(share, best), fresh.at(share, best), equal_nan=True)
        for name in ("counts", "is_full", "final", "spent", "lengths"):
            assert np.array_equal(getattr(curves, name), getattr(fresh, name), equal_nan=name == "lengths")
        for row, record in enumerate(records):
            target = share * curves.lengths[row] * (1 - 1e-9)
            expected = next(
                (r.value for r in record.reports if r.step >= target and r.step * (1 - 1e-9) <= 2 * target), math.nan
            )
            assert curves.at(share)[row, 0] == pytest.approx(expected, nan_ok=True)


def test_another_study_starts_over() -> None:
    curves = seen(trial(0, {1: 1.0}), trial(1, {1: 2.0}))
    assert seen(trial(0, {1: 5.0}), curves=curves).at(1.0).shape == (1, 1)
    other = seen(trial(7, {1: 5.0}, length=1), trial(1, {1: 2.0}, length=1), curves=curves)
    assert other.at(1.0)[other.row(7), 0] == 5.0
    with pytest.raises(KeyError):
        other.row(0)
