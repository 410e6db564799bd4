"""The fidelity audit: misleading rungs are switched off and told, informative ones stay, wrong stops are counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trialist.model.audit import LEAST, MARK, audit, is_audited, was_audited, wrong_stops
from trialist.model.curves import Curves
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.fidelity import Fidelity
from trialist.trials.history import History
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import Action, Report, Score, Stage, State, Taken, TrialRecord

DIAL = replace(PLAN, fidelity=Fidelity("epochs", 1, 27))


def trial(
    number: int, values: list[float], state: State = State.COMPLETE, length: int | None = None, **more: object
) -> TrialRecord:
    reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
    scored = state is State.COMPLETE
    return TrialRecord(
        number,
        state,
        Stage.SEARCH,
        {},
        "",
        "test",
        0,
        reports=reports,
        loss=values[-1] if scored else None,
        metrics={"loss": Score((values[-1],))} if scored else {},
        length=length or len(values),
        **more,  # type: ignore[arg-type]
    )


def study(curve: object, n: int, plan: Plan = PLAN, seed: int = 0) -> History:
    """n full runs of 27 steps; `curve(u, t)` is the loss of quality u, smaller being better, at share t."""
    t = np.arange(1, 28) / 27
    u = np.random.default_rng(seed).random(n)
    return History(plan, MIXED, tuple(trial(i, list(curve(q, t))) for i, q in enumerate(u)))  # type: ignore[operator]


def honest(u: float, t: np.ndarray) -> np.ndarray:
    return u + 1 / (1 + 9 * t)


def misleading(u: float, t: np.ndarray) -> np.ndarray:
    """The better a run ends, the slower it begins; after a fifth of the way the order is the final one."""
    return np.where(t < 0.2, 2 - u, u)


def random_start(u: float, t: np.ndarray) -> np.ndarray:
    return np.where(t < 0.2, np.random.default_rng(int(u * 1e9)).random(), u)


def test_before_any_full_run_nothing_is_stopped_but_all_may_be_paused() -> None:
    found = audit(History(PLAN, MIXED, ()))
    assert found.informative == () and len(found.active) == 3 and found.words == ""


@pytest.mark.parametrize("plan", [PLAN, DIAL])
def test_a_handful_of_full_runs_in_the_same_order_make_all_rungs_informative(plan: Plan) -> None:
    found = audit(study(honest, 5, plan))
    assert found.informative == found.active == pytest.approx((1 / 27, 1 / 9, 1 / 3))
    assert all(rung.final.n == 5 for rung in found.rungs)
    assert not any(audit(study(honest, 2, plan)).informative)


def test_misleading_rungs_are_switched_off_and_it_is_told_which_is_the_first_now() -> None:
    found = audit(study(misleading, 8))
    assert found.active == found.informative == (pytest.approx(1 / 3),)
    assert found.words.startswith("step 1, step 3 do not predict step 27 (step 3 with step 27: rank agreement -0.")
    assert found.words.endswith("first rung is now step 9")
    assert "epochs = 1, epochs = 3 do not predict epochs = 27" in audit(study(misleading, 8, DIAL)).words


def test_rungs_at_random_never_become_informative_for_long() -> None:
    passed = [audit(study(random_start, 30, seed=seed)).rungs[0].is_informative for seed in range(20)]
    assert sum(passed) <= 5  # the interval is one of 80 %


def chosen_at_the_first_rung(late: object, seed: int) -> History:
    """60 trials: the best 20 at step 1 and 5 of the others, audited, run in full; late(u) is the final loss."""
    rng = np.random.default_rng(seed)
    early = np.sort(rng.random(60))
    checked = set(rng.choice(np.arange(20, 60), 5, replace=False))
    passed, audited = Taken(1, Action.GO_ON, "rank 1 of 9 at step 1"), Taken(1, Action.GO_ON, f"{MARK}rank 9 of 9")
    records = []
    for i, u in enumerate(early):
        values = [u] * 2 + [late(u, rng)] * 25  # type: ignore[operator]
        if i < 20:
            records.append(trial(i, values, course=(passed,)))
        elif i in checked:
            records.append(trial(i, values, course=(audited,)))
        else:
            records.append(trial(i, values[:1], State.STOPPED, 27))
    return History(PLAN, MIXED, tuple(records))


def test_those_whom_an_informative_rung_has_chosen_do_not_switch_it_off() -> None:
    noisy = [audit(chosen_at_the_first_rung(lambda u, rng: u + 0.2 * rng.normal(), seed)) for seed in range(20)]
    assert sum(found.rungs[0].is_misleading for found in noisy) <= 2


def test_a_rung_that_leaves_the_best_behind_is_found_by_the_few_that_are_checked() -> None:
    """Among those that it lets pass it predicts well."""
    turned = [audit(chosen_at_the_first_rung(lambda u, rng: u if u < 0.4 else -1.0, seed)) for seed in range(20)]
    assert sum(found.rungs[0].is_misleading for found in turned) >= 15


def begun_beyond_the_first_rung(n: int, others: int) -> History:
    """Paused trials: n that began at step 3, where their order is the reverse of that at step 1; others still at 1."""
    plan = replace(DIAL, fidelity=Fidelity("epochs", 1, 27))
    beyond = [trial(i, [float(i), 50.0, float(-i)], State.PAUSED, 27) for i in range(n)]
    behind = [trial(n + i, [float(i)], State.PAUSED, 27) for i in range(others)]
    return History(plan, MIXED, (*beyond, *behind))


def test_trials_that_began_beyond_a_rung_tell_of_it_however_many_are_left_behind() -> None:
    for others in (0, 30):
        rungs = audit(begun_beyond_the_first_rung(7, others)).rungs
        assert rungs[0].is_misleading and not rungs[1].is_misleading


def still_changing(change: float, n: int) -> History:
    """One full run whose loss at step 9 is still `change` above its end, and n trials that differ by 1 at step 9."""
    first = [2 + change] * 26 + [2.0]
    paused = [trial(1 + i, [0.5 + i / n + change] * 9, State.PAUSED, 27) for i in range(n)]
    return History(DIAL, MIXED, (trial(0, first), *paused))


def test_where_runs_still_change_by_much_more_than_they_differ_one_full_run_makes_a_rung_doubtful() -> None:
    small, middling, large = (audit(still_changing(change, 20)) for change in (0.2, 1.3, 20.0))
    assert not small.is_in_doubt and len(small.active) == 3
    assert middling.is_in_doubt and len(middling.active) == 3
    assert large.active == () and "every trial begins a full run" in large.words


def test_where_that_is_why_a_rung_is_off_it_is_told_beside_an_agreement_that_looks_well() -> None:
    values = [(0.8, 0.1), (0.9, 0.3), (0.85, 0.2)]  # in order, but far above their ends
    full = [trial(i, [early] * 26 + [end]) for i, (early, end) in enumerate(values)]
    paused = [trial(3 + i, [0.8 + i / 20] * 9, State.PAUSED, 27) for i in range(4)]
    found = audit(History(DIAL, MIXED, (*full, *paused)))
    assert all(rung.weakest.tau >= LEAST and rung.is_misleading for rung in found.rungs)
    assert "; not enough where runs still change by much more than they differ): every trial" in found.words
    assert "not enough" not in audit(study(misleading, 8)).words


def test_at_a_rung_where_too_few_came_they_are_taken_to_differ_as_at_the_one_below() -> None:
    for change, active in ((0.2, 3), (20.0, 0)):
        full, *early = still_changing(change, 20).records
        cut = [replace(r, reports=r.reports[:3]) for r in early]  # of rungs 1, 3, 9, only the full run came to the last
        assert len(audit(History(DIAL, MIXED, (full, *cut))).active) == active


def standing_still(full: int) -> History:
    """Runs that stand still from step 1 to 9 and then come down; eight, of which so many came to their end."""
    ends = [1.0 + i / 8 for i in range(8)]
    runs = [
        trial(
            i,
            [2 + end] * 9 + [end] * 18 if i < full else [2 + end] * 3,
            State.COMPLETE if i < full else State.PAUSED,
            27,
        )
        for i, end in enumerate(ends)
    ]
    return History(DIAL, MIXED, tuple(runs))


def test_rungs_at_which_runs_stand_still_are_passed_until_full_runs_have_told() -> None:
    for full, telling in ((0, 1), (3, 1), (4, 3)):
        found = audit(standing_still(full))
        assert (len(found.active), len(found.telling)) == (3, telling)
    moving = audit(study(honest, 3, DIAL))
    assert len(moving.telling) == len(moving.active) == 3


def test_a_common_change_is_forgiven_once_full_runs_keep_the_order() -> None:
    rng = np.random.default_rng(2)
    ends = rng.random(8)
    full = [trial(i, [20.0 + end] * 26 + [end]) for i, end in enumerate(ends)]
    assert len(audit(History(DIAL, MIXED, (full[0], *still_changing(20.0, 20).records[1:]))).active) == 0
    assert len(audit(History(DIAL, MIXED, tuple(full))).active) == 3


def test_where_no_rung_predicts_every_trial_runs_in_full() -> None:
    found = audit(study(lambda u, t: np.where(t < 0.9, 2 - u, u), 8))
    assert found.active == () and found.words.endswith("every trial begins a full run")


def test_a_rung_that_does_not_even_predict_the_next_one_is_off_before_full_runs_tell() -> None:
    stopped = [trial(i, [float(i), *[float(-i)] * 4], State.STOPPED, 27) for i in range(8)]
    found = audit(History(PLAN, MIXED, tuple(stopped)))
    assert found.rungs[0].is_misleading and not found.rungs[1].is_misleading


def test_with_several_objectives_the_weakest_agreement_counts() -> None:
    plan = replace(PLAN, objectives=(Objective("loss"), Objective("ms")))
    records = []
    for r in study(honest, 8):
        told = tuple(replace(p, metrics={"ms": float(r.number * (-1) ** (p.step < 9))}) for p in r.reports)
        records.append(replace(r, reports=told, metrics={**r.metrics, "ms": Score((float(r.number),))}))
    found = audit(History(plan, MIXED, tuple(records)))
    assert [rung.is_misleading for rung in found.rungs] == [True, True, False]


def test_the_order_of_records_does_not_matter_nor_does_what_was_seen_before() -> None:
    whole = study(random_start, 20)
    curves = Curves()
    for n in (3, 11, 20):
        part = History(PLAN, MIXED, whole.records[:n])
        turned = History(PLAN, MIXED, whole.records[:n][::-1])
        assert audit(part, curves) == audit(part) == audit(turned)


AUDITED = Taken(1, Action.GO_ON, f"{MARK}rank 9 of 9")


def test_the_first_that_would_be_stopped_is_audited_then_one_in_fifteen_as_far_as_it_is_cheap() -> None:
    curves = Curves()
    nothing = study(honest, 400)
    first = trial(400, [9.0], State.RUNNING, 27)
    history = History(PLAN, MIXED, (*nothing.records, first))
    assert is_audited(history, curves.look(history), first)
    begun = replace(nothing.records[0], course=(AUDITED,))
    many = History(PLAN, MIXED, (begun, *nothing.records[1:]))
    curves.look(many)
    share = np.mean([is_audited(many, curves, trial(n, [9.0], State.RUNNING, 27)) for n in range(400, 1400)])
    assert 0.04 < share < 0.1
    poor = History(PLAN, MIXED, (begun, *nothing.records[1:9]))
    curves.look(poor)
    assert not any(is_audited(poor, curves, trial(n, [9.0], State.RUNNING, 27)) for n in range(9, 99))


def test_an_audited_trial_stays_one() -> None:
    record = replace(trial(3, [9.0], State.RUNNING, 27), course=(AUDITED,))
    assert was_audited(record) and is_audited(History(PLAN, MIXED, (record,)), Curves(), record)


def test_wrong_stops_are_audited_trials_that_came_among_the_best() -> None:
    plain = [trial(i, [10.0 + i] * 3) for i in range(8)]
    stopped = [trial(i, [99.0], State.STOPPED, 3) for i in range(8, 20)]
    audited = [trial(20 + i, [value] * 3, course=(AUDITED,)) for i, value in enumerate((9.0, 10.5, 50.0))]
    found = wrong_stops(History(PLAN, MIXED, (*plain, *stopped, *audited)))
    assert (found.audited, found.wrong, found.best, found.halted) == (3, 2, 1, 12)
    assert found.words == (
        "3 trials went on to check whether halting was wrong: 2 came among the best tenth, "
        "1 became the best; 12 others were halted"
    )
    assert wrong_stops(History(PLAN, MIXED, tuple(plain))).words == ""
