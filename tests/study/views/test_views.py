"""Views of a study: what they say of odd studies, and of histories whose picture is known."""

import json
import math
import time
from dataclasses import replace
from itertools import pairwise

import pytest

import trialist as tl
from trialist.study.views.best import Kind, best_so_far
from trialist.study.views.burndown import burndown, summary
from trialist.study.views.clock import Clock
from trialist.study.views.curves import curves
from trialist.study.views.front import tradeoffs
from trialist.study.views.noise import spreads
from trialist.study.views.parallel import parallel
from trialist.study.views.scale import Scale
from trialist.study.views.timeline import timeline
from trialist.testing.odd_studies import ODD
from trialist.trials.history import History
from trialist.trials.plan import Direction
from trialist.trials.run import Run
from trialist.trials.trial import Action, Cause, Failure, Report, Score, Stage, State, Taken, TrialRecord


@pytest.fixture
def studies(odd_studies):
    return odd_studies


def views(study):
    history, now = study.history, time.time()
    yield from (best_so_far(history, o.name) for o in study.declared.objectives)
    yield timeline(history, now)
    yield curves(history)
    yield burndown(history, study.spent, study.forecast().outlays, now)
    yield tradeoffs(history)
    yield parallel(history)
    yield spreads(history)


def ran(number, start, end, state=State.COMPLETE):
    return TrialRecord(number, state, Stage.SEARCH, {}, "", "", 0, opened_at=start, closed_at=end)


def history_of(study, records):
    return History(study.declared, study.space, tuple(records))


@pytest.mark.parametrize("name", ODD)
def test_every_view_of_an_odd_study_is_json_and_has_words(studies, name):
    for view in views(studies[name]):
        assert view.words
        json.dumps(view.to_json(), allow_nan=False)


def test_empty_views_say_what_to_do_next(studies):
    for view in views(studies["empty"]):
        assert not view.enough
    assert "study.optimize" in best_so_far(studies["empty"].history).words
    assert "rerun" in best_so_far(studies["all_failed"].history).words
    assert "trial.report" in curves(studies["many"].history).words
    assert "one objective" in tradeoffs(studies["many"].history).words


def test_the_best_so_far_is_the_running_best_of_full_feasible_trials(studies):
    for name in ("many", "conditional", "several_objectives", "screened", "raced"):
        study = studies[name]
        for objective in study.declared.objectives:
            view = best_so_far(study.history, objective.name)
            running, found = math.inf, []
            for record in study.trials:
                if record.is_scored and record.is_feasible and record.stage is not Stage.SELECT:
                    loss = objective.loss(record.metrics[objective.name].mean)
                    if loss < running:
                        running = loss
                        found.append((record.number, objective.loss(loss)))
            assert [(step.number, step.value) for step in view.steps] == found
            assert view.path()[-1] == view.steps[-1].value
            assert len(view.path()) == view.last + 1 - view.steps[0].number


def test_the_band_is_the_students_interval_of_the_replicates(studies):
    from scipy import stats

    history = studies["raced"].history
    step = best_so_far(history).steps[-1]
    score = history[step.number].score
    half = stats.t.ppf(0.975, len(score.replicates) - 1) * score.stderr
    assert (step.low, step.high) == pytest.approx((score.mean - half, score.mean + half), rel=1e-6)
    assert best_so_far(studies["many"].history).band == ""


def test_marks_say_how_a_trial_counts(studies):
    def kinds(name):
        return {mark.kind for mark in best_so_far(studies[name].history).marks}

    assert {Kind.FULL, Kind.AGAIN, Kind.PARTIAL} <= kinds("screened")
    assert Kind.INFEASIBLE in kinds("several_objectives")
    assert Kind.FAILED in kinds("many")
    assert Kind.OPEN in kinds("under_way")


def test_an_unknown_metric_is_named_with_those_there_are(studies):
    with pytest.raises(tl.PlanError, match="latency_ms"):
        best_so_far(studies["several_objectives"].history, "latency")


def test_lanes_are_as_many_as_trials_ran_at_once_and_never_overlap(studies):
    times = [(0, 0.0, 4.0), (1, 1.0, 3.0), (2, 3.5, 6.0), (3, 4.0, 9.0), (4, 7.0, 8.0)]
    view = timeline(history_of(studies["empty"], [ran(n, 100 + a, 100 + b) for n, a, b in times]), 200.0)
    assert view.lanes == 2
    assert view.seconds == 9.0
    for lane in range(view.lanes):
        bars = [bar for bar in view.bars if bar.lane == lane]
        assert all(a.end <= b.start for a, b in pairwise(bars))
    used = sum(bar.end - bar.start for bar in view.bars)
    assert used + sum(each.end - each.start for each in view.idle) == pytest.approx(view.lanes * view.seconds)
    assert view.busy == pytest.approx(used / 18.0)


def by(number, *runs, state=State.COMPLETE, **more):
    """A trial with its runs: (worker, from, until)."""
    runs = tuple(Run(*run) for run in runs)
    closed_at = runs[-1].ended if state.is_closed else None
    return TrialRecord(
        number, state, Stage.SEARCH, {}, "", "", 0, opened_at=runs[-1].began, closed_at=closed_at, runs=runs, **more
    )


def test_each_worker_has_a_lane_of_its_own_and_is_idle_only_while_it_was_there(studies):
    records = [
        by(0, ("a@h:1/1", 0.0, 4.0)),
        by(1, ("a@h:1/2", 1.0, 3.0)),
        by(2, ("a@h:1/1", 5.0, 9.0)),  # the second worker waits from 3 on
        by(3, ("a@h:2/1", 12.0, 16.0)),  # resumed: nobody was idle between, and none is a third worker
    ]
    view = timeline(history_of(studies["empty"], records), 20.0)
    assert view.names == ("worker 1", "worker 2")
    assert view.workers == (("a@h:1/1", "a@h:2/1"), ("a@h:1/2",))
    assert [(bar.number, bar.lane, bar.worker) for bar in view.bars][-1] == (3, 0, "a@h:2/1")
    idle = [(each.lane, each.start, each.end) for each in view.idle]
    assert idle == [(0, 4.0, 5.0), (1, 0.0, 1.0), (1, 3.0, 9.0)]
    assert view.busy == pytest.approx(14.0 / 22.0)


def test_workers_of_other_machines_are_told_by_their_machines(studies):
    records = [by(0, ("a@h:1/1", 0.0, 4.0)), by(1, ("b@g:1/1", 1.0, 3.0)), by(2, ("a@h:9/1", 2.0, 3.0))]
    view = timeline(history_of(studies["empty"], records), 20.0)
    assert view.names == ("a@h 1", "b@g 1", "a@h 1")  # the third beside the first, by another coordinator
    assert not view.idle


def test_all_runs_of_a_trial_that_went_on_are_drawn_and_its_pauses_are_nobodys_idle_time(studies):
    course = (Taken(1, Action.PAUSE, "rung 1"), Taken(1, Action.RESUME, "second best"))
    went_on = by(0, ("a@h:1/1", 0.0, 2.0), ("a@h:1/1", 5.0, 9.0), attempt=1, course=course)
    view = timeline(history_of(studies["empty"], [went_on, by(1, ("a@h:1/1", 2.0, 5.0))]), 20.0)
    assert next((bar.number, bar.state, bar.reason) for bar in view.bars) == (0, "paused", "rung 1")
    assert [(bar.number, bar.attempt) for bar in view.bars] == [(0, 0), (1, 0), (0, 1)]
    assert not view.idle and view.busy == 1.0 and view.unkept == 0
    assert "2 trials (3 runs)" in view.words
    assert "only the last run" not in view.words


def test_a_run_whose_process_vanished_ends_with_what_is_known_of_its_coordinator(studies):
    failed = (Failure(Cause.KILLED, "its process (a@h:1) vanished"),)
    lost = by(0, ("a@h:1/1", 0.0, None), ("a@h:2/1", 500.0, 504.0), attempt=1, earlier=failed)
    view = timeline(history_of(studies["empty"], [lost, by(1, ("a@h:1/2", 1.0, 3.0))]), 600.0)
    first = view.bars[0]
    assert (first.start, first.end, first.state) == (0.0, 3.0, "failed") and "vanished" in first.reason


def test_trials_of_an_earlier_trialist_have_lanes_made_of_the_times_and_it_is_said(studies):
    view = timeline(history_of(studies["empty"], [ran(0, 0.0, 4.0), by(1, ("a@h:1/1", 4.0, 6.0))]), 9.0)
    assert view.names == ("worker 1", "lane 1") and "earlier Trialist" in view.words


def test_a_study_keeps_which_of_its_workers_ran_a_trial():
    study = tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", store="memory")
    first, second = study.ask(), study.ask()
    study.tell(first, 1.0)
    third = study.ask()
    places = [record.runs[0].place for record in study.trials]
    assert places == [1, 2, 1] and len({record.runs[0].coordinator for record in study.trials}) == 1
    study.tell(second, 1.0)
    study.tell(third, 1.0)
    assert all(record.runs[0].began <= record.runs[0].ended for record in study.trials)


def test_of_many_noisy_configurations_the_best_are_shown_and_the_others_counted(studies):
    values = [0.3 + 0.01 * n for n in range(40)]
    records = [
        TrialRecord(n, State.COMPLETE, Stage.SEARCH, {"x": value}, "", "", 0, loss=value,
                    metrics={"loss": Score((value - 0.1, value + 0.1))})
        for n, value in reversed(list(enumerate(values)))
    ]  # fmt: skip
    study = tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", store="memory")
    view = spreads(history_of(study, records), most=10)
    assert [spread.number for spread in view.spreads] == list(range(10))
    assert view.left_out == 30 and "40 configurations" in view.words
    assert view.spreads[0].high == pytest.approx(0.3 + 12.706 * 0.1, rel=1e-3)  # Student's, one degree of freedom


def test_a_night_between_two_sessions_is_cut_out_and_told(studies):
    records = [ran(0, 0.0, 10.0), ran(1, 50_000.0, 50_020.0)]
    view = timeline(history_of(studies["empty"], records), 60_000.0)
    assert view.seconds == 30.0
    assert view.breaks == ((10.0, 49_990.0),)
    assert "1 gap" in view.words
    assert Clock.of([(0.0, 10.0), (12.0, 13.0)]).breaks == ()


def test_running_trials_reach_up_to_now_and_waiting_ones_are_not_drawn(studies):
    records = [ran(0, 10.0, 20.0), ran(1, 12.0, None, State.RUNNING), ran(2, 15.0, None, State.WAITING)]
    bars = timeline(history_of(studies["empty"], records), 30.0).bars
    assert {(bar.number, bar.start, bar.end) for bar in bars} == {(0, 0.0, 10.0), (1, 2.0, 20.0)}


def test_curves_carry_reports_reasons_and_rungs(studies):
    screened = curves(studies["screened"].history)
    assert screened.rungs == studies["screened"].declared.fidelity.rungs
    assert any(curve.is_default for curve in screened.curves)
    assert sum(curve.is_best for curve in screened.curves) == 1
    for curve in screened.curves:
        record = studies["screened"].history[curve.number]
        assert curve.values == tuple(report.value for report in record.reports)
        assert (record.state is State.PAUSED) == bool(curve.reason)
    assert all(curve.reason for curve in curves(studies["stopped_early"].history).curves if curve.state == "stopped")


def test_of_few_curves_the_axis_shows_all_and_of_many_where_they_end(studies):
    history = studies["screened"].history
    one = replace(history[0], reports=tuple(Report(step, 2.0**-step) for step in range(1, 40)))
    alone = curves(History(history.plan, history.space, (one,)))
    assert alone.scale.log and alone.scale.holds(0.5) and alone.scale.holds(2.0**-39)
    many = tuple(replace(one, number=number) for number in range(8))
    assert not curves(History(history.plan, history.space, many)).scale.holds(0.5)


def test_scores_of_folds_are_drawn_as_running_means(studies):
    view = curves(studies["raced"].history)
    assert view.is_mean
    assert view.unit == "folds"
    for curve in view.curves:
        if curve.state == "complete":
            assert curve.values[-1] == pytest.approx(studies["raced"].history[curve.number].value)


def test_many_curves_are_thinned_but_for_the_default_and_the_best(studies):
    history = studies["screened"].history
    thin = curves(history, most=6, points=3)
    assert len(thin.curves) <= 7
    assert thin.left_out == len(history) - len(thin.curves)
    assert any(curve.is_default for curve in thin.curves)
    assert any(curve.is_best for curve in thin.curves)
    assert all(len(curve.steps) <= 4 for curve in thin.curves)


def test_the_burn_down_ends_at_what_is_spent(studies):
    for name in ("raced", "many", "under_way", "screened"):
        study = studies[name]
        view = burndown(study.history, study.spent, study.forecast().outlays, time.time())
        for purse in view.purses:
            at, amounts = zip(*purse.course, strict=True)
            assert list(at) == sorted(at)
            assert list(amounts) == sorted(amounts)
            assert amounts[-1] == purse.spent
    raced = burndown(studies["raced"].history, studies["raced"].spent, studies["raced"].forecast().outlays, time.time())
    by_name = {purse.name: purse for purse in raced.purses}
    assert by_name["cost"].spent == pytest.approx(sum(r.cost for r in studies["raced"].trials))
    assert by_name["cost"].limit == 20.0
    assert "for" in raced.price
    under_way = burndown(studies["under_way"].history, studies["under_way"].spent, (), time.time())
    trials = next(purse for purse in under_way.purses if purse.name == "trials")
    assert (trials.spent, trials.committed, trials.limit) == (9.0, 5.0, 60.0)
    assert summary(under_way).startswith("9 of 60 trials and ")


def test_the_front_is_marked_and_its_knee_lies_on_it(studies):
    study = studies["several_objectives"]
    view = tradeoffs(study.history)
    assert view.front == tuple(record.number for record in study.front)
    assert {point.number for point in view.points if point.on_front} == set(view.front)
    assert view.knee in view.front
    assert len(view.pairs) == 3


def test_lines_leave_a_gap_where_a_dial_is_not_active(studies):
    study = studies["conditional"]
    view = parallel(study.history)
    dials = study.space.names
    for line in view.lines:
        params = study.history[line.number].params
        assert [place is None for place in line.places[: len(dials)]] == [dial not in params for dial in dials]
        assert all(place is None or 0 <= place <= 1 for place in line.places)
    assert view.lines[-1].is_best
    assert len(parallel(studies["many"].history, most=50).lines) < 80


def test_the_noise_is_that_of_fresh_scores_where_there_are_some(studies):
    view = spreads(studies["screened"].history)
    assert any(spread.is_fresh for spread in view.spreads)
    for spread in view.spreads:
        assert spread.low <= spread.mean <= spread.high
    assert "components" not in view.words
    assert "study.select" in spreads(studies["many"].history).words


def test_a_scale_holds_good_values_and_leaves_hopeless_ones_outside():
    values = [0.2, 0.25, 0.3, 0.35, 1e9]
    scale = Scale.over(values, Direction.MINIMIZE)
    assert [scale.holds(v) for v in values] == [True, True, True, True, False]
    assert scale.within(1e9) == scale.high
    upside = Scale.over([-v for v in values], Direction.MAXIMIZE)
    assert [upside.holds(-v) for v in values] == [True, True, True, True, False]
    wide = Scale.over([1e-3, 1e-2, 0.1, 1.0], Direction.MINIMIZE)
    assert wide.log
    assert all(wide.holds(v) for v in (1e-3, 1.0))
    for values in ([1e-300, 1.6e308], [-1.6e308, 1.6e308], [0.0], [5e-324, 1.0]):
        scale = Scale.over(values, Direction.MINIMIZE)
        assert scale.low < scale.high
        assert all(map(math.isfinite, scale.ticks()))


def test_a_view_does_not_change_with_the_order_of_what_it_is_told(studies):
    history = studies["many"].history
    copied = History(history.plan, history.space, tuple(replace(record) for record in history))
    assert best_so_far(copied) == best_so_far(history)
