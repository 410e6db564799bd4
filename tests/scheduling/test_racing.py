"""Racing: who is stopped on the way through the folds, who never, and how often wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import trialist as tl
from trialist.errors import PlanError
from trialist.scheduling.auto import Auto
from trialist.scheduling.racing import Racing
from trialist.testing.strategies import MIXED, PLAN
from trialist.trials.history import History
from trialist.trials.messages import Reported
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import GO_ON, Action, Decision, Report, Score, Stage, State, TrialRecord

J = 10
FOLDED = replace(PLAN, validation=tl.Folds(J))
LEVELS = np.array([3.0, 0.0, 1.0, 0.5, 2.0, 0.2, 1.5, 0.8, 0.1, 0.9])  # some folds are harder, for all


def whole(number: int, losses: np.ndarray, **more: object) -> TrialRecord:
    values = tuple(float(x) for x in losses)
    reports = tuple(Report(step, value) for step, value in enumerate(values, start=1))
    record = TrialRecord(number, State.COMPLETE, Stage.SEARCH, {}, "", "test", 0, reports=reports)
    record = replace(record, loss=float(np.mean(values)), metrics={"loss": Score(values)})
    return replace(record, **more)  # type: ignore[arg-type]


def scored(means: list[float], noise: float = 0.05, seed: int = 0) -> list[TrialRecord]:
    rng = np.random.default_rng(seed)
    return [whole(i, mean + LEVELS + noise * rng.standard_normal(J)) for i, mean in enumerate(means)]


def decide(
    others: list[TrialRecord],
    mine: np.ndarray,
    stage: Stage = Stage.SEARCH,
    plan: Plan = FOLDED,
    rule: Racing | Auto | None = None,
    params: dict[str, object] | None = None,
) -> Decision:
    """The decision on the last of the units that a running trial has scored."""
    reports = tuple(Report(step, float(value)) for step, value in enumerate(mine[:-1], start=1))
    running = TrialRecord(len(others), State.RUNNING, stage, params or {}, "", "test", 0, reports=reports)
    history = History(plan, MIXED, (*others, running))
    return (rule or Racing()).decide(history, Reported(running.number, 0, len(mine), float(mine[-1])))


PEERS = scored([0.5, 0.4, 0.3, 0.45, 0.6, 0.35])


def test_a_hopeless_trial_is_stopped_after_its_first_fold_and_told_beside_whom() -> None:
    got = decide(PEERS, LEVELS[:1] + 1.3)
    assert got.action is Action.STOP
    assert got.reason.startswith("after 1 of 10 folds 1.0")
    assert "worse than a tie with trial 2 would be: a win is implausible (at most " in got.reason


def test_a_hard_fold_is_no_reason_since_it_is_hard_for_all() -> None:
    assert LEVELS[0] == 3.0
    assert decide(PEERS, LEVELS[:1] + 0.3) == GO_ON
    assert decide(PEERS, LEVELS[:4] + 0.3) == GO_ON


def test_a_small_difference_needs_more_folds_than_a_large_one() -> None:
    def until(mean: float) -> int:
        return next((j for j in range(1, J) if decide(PEERS, LEVELS[:j] + mean) != GO_ON), J)

    found = [until(mean) for mean in (0.2, 0.35, 0.45, 0.7)]
    assert found == sorted(found, reverse=True)
    assert found[0] == J
    assert found[-1] == 1


def test_nobody_is_stopped_before_four_whole_trials() -> None:
    assert decide(PEERS[:3], LEVELS[:5] + 9) == GO_ON
    assert decide(PEERS[:4], LEVELS[:5] + 9).action is Action.STOP
    assert decide(PEERS[:5], LEVELS[:5] + 9, rule=Racing(least=6)) == GO_ON


@pytest.mark.parametrize("stage", [Stage.BASELINE, Stage.SELECT])
def test_the_default_and_finalists_run_on_all_folds(stage: Stage) -> None:
    assert decide(PEERS, LEVELS[:5] + 9, stage) == GO_ON


def test_after_the_last_fold_there_is_nothing_to_stop() -> None:
    assert decide(PEERS, LEVELS + 9) == GO_ON


def test_scores_that_are_not_paired_are_not_raced() -> None:
    apart = replace(PLAN, validation=tl.Holdout(0.25, repeats=J, reshuffle=True))
    together = replace(PLAN, validation=tl.Holdout(0.25, repeats=J))
    for rule in (Racing(), Auto()):
        assert decide(PEERS, LEVELS[:5] + 9, plan=apart, rule=rule) == GO_ON
        assert decide(PEERS, LEVELS[:5] + 9, plan=PLAN, rule=Racing()) == GO_ON
        assert decide(PEERS, LEVELS[:5] + 9, plan=together, rule=rule).action is Action.STOP


def test_auto_races_on_seeds_too_and_calls_them_so() -> None:
    plan = replace(PLAN, validation=tl.Seeds(J))
    got = decide(PEERS, LEVELS[:2] + 9, plan=plan, rule=Auto())
    assert got == decide(PEERS, LEVELS[:2] + 9, plan=plan)
    assert got.reason.startswith("after 2 of 10 seeds ")


def test_maximized_metrics_are_raced_in_their_own_direction() -> None:
    plan = replace(FOLDED, objectives=(Objective("loss", Direction.MAXIMIZE),))
    assert decide(PEERS, LEVELS[:3] + 9, plan=plan) == GO_ON
    assert decide(PEERS, LEVELS[:3] - 9, plan=plan).action is Action.STOP


def test_a_fold_without_a_finite_score_ends_it() -> None:
    got = decide(PEERS, np.array([3.3, np.nan]))
    assert got == Decision(Action.STOP, "after 2 of 10 folds: no finite score, so the mean of all cannot have one")


def test_who_scores_as_the_incumbent_does_says_nothing_of_the_spread() -> None:
    copies = [whole(i, LEVELS + 0.3) for i in range(8)]
    assert decide(copies, LEVELS[:5] + 9) == GO_ON
    some = [*copies, *(whole(8 + i, r.metrics["loss"].replicates) for i, r in enumerate(PEERS))]  # type: ignore[arg-type]
    assert decide(some, LEVELS[:5] + 9).action is Action.STOP


def test_failed_stopped_infeasible_and_rescored_trials_are_no_incumbents() -> None:
    lucky = LEVELS - 9
    others = [
        whole(6, lucky, state=State.FAILED),
        whole(7, lucky, state=State.STOPPED),
        whole(8, lucky, constraints={"ms": 1.0}),
        whole(9, lucky, stage=Stage.SELECT),
    ]
    assert decide([*PEERS, *others], LEVELS[:3] + 0.3) == GO_ON
    assert decide([*PEERS, whole(6, lucky)], LEVELS[:3] + 0.3).action is Action.STOP


def two(record: TrialRecord, second: np.ndarray) -> TrialRecord:
    values = tuple(float(x) for x in second)
    return replace(record, metrics={**record.metrics, "ms": Score(values)})


def test_with_several_objectives_only_who_is_beaten_in_all_of_them_is_stopped() -> None:
    plan = replace(FOLDED, objectives=(*PLAN.objectives, Objective("ms", Direction.MINIMIZE)))
    rng = np.random.default_rng(5)
    others = [two(record, 1 + 0.05 * rng.standard_normal(J)) for record in PEERS]

    def got(loss: float, ms: float) -> Action:
        running = TrialRecord(len(others), State.RUNNING, Stage.SEARCH, {}, "", "test", 0)
        report = Reported(running.number, 0, 1, float(LEVELS[0]) + loss, {"ms": ms})
        return Racing().decide(History(plan, MIXED, (*others, running)), report).action

    assert got(9.0, 9.0) is Action.STOP
    assert got(9.0, 1.0) is Action.GO_ON
    assert got(0.3, 9.0) is Action.GO_ON


NUMBERS = st.floats(-9, 9).map(lambda value: round(value, 6))


@given(st.lists(NUMBERS, min_size=1, max_size=J), st.integers(-3, 3), st.permutations(range(6)))
def test_scale_and_order_do_not_matter(mine: list[float], power: int, order: list[int]) -> None:
    scaled = [whole(r.number, np.array(r.metrics["loss"].replicates) * 2.0**power) for r in PEERS]
    decision = decide(PEERS, np.array(mine))
    assert decide(scaled, np.array(mine) * 2.0**power).action is decision.action
    assert decide([PEERS[i] for i in order], np.array(mine)) == decision


@pytest.mark.parametrize("alike", [0.0, 0.7])
@pytest.mark.parametrize("level", [0.1, 0.25, 0.33])
def test_of_those_that_would_tie_in_the_end_hardly_more_than_the_level_is_stopped(alike: float, level: float) -> None:
    """At a tie the test is at its limit: who would win by more is stopped less often.

    alike: of the variance of what is peculiar to the incumbent on a fold, the share that its rivals have as well.
    """
    rng, stopped, studies = np.random.default_rng(11), 0, 400
    for _ in range(studies):
        # Spreads that differ from one configuration to the next, which a pooled spread knows nothing of.
        spreads = 0.1 * np.exp(0.3 * rng.standard_normal(9))
        common = rng.standard_normal(J)
        noise = np.sqrt(alike) * common + np.sqrt(1 - alike) * rng.standard_normal((9, J))
        peers = [whole(i, 0.1 * i + LEVELS + s * noise[i]) for i, s in enumerate(spreads[:8])]
        best = min(peers, key=lambda r: r.loss or 0.0)
        mine = LEVELS + spreads[8] * noise[8]
        mine += (best.loss or 0.0) - mine.mean()
        rule = Racing(level=level)
        stopped += any(decide(peers, mine[:j], rule=rule) != GO_ON for j in range(1, J))
    assert stopped / studies < level + 3 * np.sqrt(level * (1 - level) / studies)


def test_what_is_peculiar_to_its_neighbours_is_expected_of_a_configuration() -> None:
    """Wide networks are bad at the first fold and good at the second; narrow ones are not."""
    rng = np.random.default_rng(7)
    swing = np.array([1.0, -1.0, *[0.0] * (J - 2)])
    peers = [
        whole(
            i, 0.3 + 0.05 * (i // 2) + LEVELS + swing * (i % 2) + 0.02 * rng.standard_normal(J), params=dials(i % 2, i)
        )
        for i in range(8)
    ]
    assert decide(peers, LEVELS[:1] + 1.3, params=dials(1, 9)) == GO_ON
    assert decide(peers, LEVELS[:1] + 1.3, params=dials(0, 9)).action is Action.STOP
    assert decide(peers, LEVELS[:2] + 0.6, params=dials(1, 9)).action is Action.STOP  # its second fold should be good
    assert decide(peers, LEVELS[:2] + 0.6 * swing[:2], params=dials(1, 9)) == GO_ON


def dials(wide: int, i: int) -> dict[str, object]:
    return {"learning_rate": 1e-3 * (1 + 0.01 * i), "hidden": 200 if wide else 20, "solver": "adam"}


def test_a_long_lived_race_decides_as_a_fresh_one() -> None:
    """In whatever order it sees histories, of whatever spaces."""
    rng, kept = np.random.default_rng(2), Racing()
    records = [replace(r, params=dials(i % 2, i)) for i, r in enumerate(scored(list(rng.uniform(0.3, 0.9, 12))))]
    for end in (12, 5, 9, 12, 6):
        mine = LEVELS[:2] + float(rng.uniform(0.3, 0.9))
        assert decide(records[:end], mine, params=dials(1, 3), rule=kept) == decide(
            records[:end], mine, params=dials(1, 3)
        )
        assert decide(PEERS, mine, rule=kept) == decide(PEERS, mine)


def test_levels_are_shares() -> None:
    with pytest.raises(PlanError, match="level: 0 is no share"):
        Racing(level=0)


ANSWERED = replace(PLAN, validation=tl.Items(J, size=7, best=0.0))  # the least loss of a block


def test_who_stays_behind_even_if_all_the_rest_is_right_goes_no_further() -> None:
    right, once = np.zeros(J), np.eye(J)[3] / 7
    peers = [whole(0, once + 0.4), whole(1, once), whole(2, once[::-1] + 0.1), whole(3, right + 0.2)]
    careful = Racing(level=0.1)
    assert decide(peers, once[:4], plan=ANSWERED, rule=careful) == GO_ON  # level with trial 1 if all the rest is right
    wrong = decide(peers, np.array([0.0, 2 / 7]), plan=ANSWERED)
    assert wrong.action is Action.STOP
    assert wrong.reason == "after 2 of 10 blocks 0.0143 behind trial 1 even with the best score on all the others"
    unbounded = replace(ANSWERED, validation=tl.Items(J, size=7))
    assert "even with the best" not in decide(peers, np.array([0.0, 2 / 7]), plan=unbounded).reason


def test_beside_three_that_nobody_can_beat_no_fourth_is_asked() -> None:
    flawless = [whole(i, np.zeros(J)) for i in range(3)]
    others = [whole(3, np.full(J, 0.3)), whole(4, np.full(J, 0.2))]
    got = decide([*flawless, *others], np.zeros(1), plan=ANSWERED)
    assert got.action is Action.STOP
    assert got.reason.startswith("after 1 of 10 blocks at best level with trials 0, 1, 2")
    assert (
        decide([*flawless[:2], *(replace(r, number=r.number - 1) for r in others)], np.zeros(9), plan=ANSWERED) == GO_ON
    )


def folded(trial: tl.Trial) -> None:
    """A bowl on ten seeds that differ by a level each, and by a little noise of each configuration."""
    for i, seed in enumerate(trial.seeds()):
        noise = np.random.default_rng([seed, int(1e6 * trial["x"])]).standard_normal()
        trial.report(float(LEVELS[i] + (trial["x"] - 0.3) ** 2 + 0.02 * noise))


@pytest.mark.parametrize("strategy", ["auto", "random", "tpe", "cmaes"])
def test_a_study_saves_seeds_and_still_finds_the_best(strategy: str) -> None:
    study = tl.tune(
        folded, {"x": tl.Float(0.0, 1.0, default=0.9)}, minimize="loss", budget=30, validation=tl.Seeds(J),
        strategy=strategy, store="memory", name="raced", progress=False,
    )  # fmt: skip
    stopped = [r for r in study.trials if r.state is State.STOPPED]
    assert len(stopped) > 3
    assert all("a win is implausible" in r.stop_reason for r in stopped)
    assert all(len(r.reports) == r.used < J == r.length for r in stopped)
    whole_ones = [r for r in study.trials if r.is_scored]
    assert study.history.full_runs_used == pytest.approx(len(whole_ones) + sum(len(r.reports) for r in stopped) / J)
    assert all(len(r.metrics["loss"].replicates) == J for r in whole_ones)
    assert study.baseline is not None
    assert study.baseline.is_scored
    assert study.best is not None
    assert study.best.is_scored
    assert study.best.params["x"] == pytest.approx(0.3, abs=0.1)
