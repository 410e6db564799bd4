"""Objectives that are scored unit by unit: folds and seeds, in a study."""

from dataclasses import dataclass

import pytest

import trialist as tl


@dataclass
class Part:
    index: int
    seed: int
    train: tuple = ()
    validation: tuple = ()


class Data:
    """Divides nothing, and remembers by which seeds it was asked to."""

    def __init__(self):
        self.seeds = []

    def folds(self, validation, seed):
        self.seeds.append(seed)
        return [Part(unit.index, 1000 * seed + unit.seed) for unit in validation.sampling]


SPACE = {"x": tl.Float(-1.0, 1.0, default=0.5)}


def test_reports_of_folds_are_the_replicates_of_a_score():
    data = Data()

    def objective(trial):
        for fold in trial.folds(data):
            trial.report(trial["x"] ** 2 + 0.1 * fold.index, seconds=float(fold.index))

    study = tl.tune(
        objective, SPACE, minimize="loss", budget=4, validation=tl.Folds(3), scheduler="none", store="memory",
        progress=False,
    )  # fmt: skip
    first = study.trials[0]
    assert first.score.replicates == pytest.approx((0.35, 0.45, 0.55))
    assert first.score.overlap == 0.5
    assert first.metrics["seconds"].replicates == (1.0, 2.0, 3.0)
    assert first.length == 3
    assert len(set(data.seeds)) == 1, "all configurations share their folds"


def test_a_holdout_may_be_drawn_anew_for_each_configuration_and_finalists_share_fresh_draws():
    data = Data()

    def objective(trial):
        for fold in trial.folds(data):
            trial.report(trial["x"] ** 2 + (fold.seed % 7) * 1e-3)

    study = tl.tune(
        objective, SPACE, minimize="loss", budget=20, validation=tl.Holdout(0.25, reshuffle=True), finalists=2,
        replicates=2, store="memory", progress=False,
    )  # fmt: skip
    seeds = {r.number: r.seed for r in study.trials}
    searched = [r.number for r in study.trials if r.stage is not tl.Stage.SELECT]
    assert len({seeds[n] for n in searched}) == len(searched)
    assert sorted(data.seeds) == sorted(seeds.values())


def test_folds_are_fresh_where_finalists_are_scored_again():
    data = Data()

    def objective(trial):
        for fold in trial.folds(data):
            trial.report(trial["x"] ** 2 + (fold.seed % 7) * 1e-3)

    study = tl.tune(
        objective, SPACE, minimize="loss", budget=20, validation=tl.Folds(2), finalists=2, replicates=2,
        store="memory", progress=False,
    )  # fmt: skip
    again = [r.seed for r in study.trials if r.stage is tl.Stage.SELECT]
    assert again, "finalists were scored again"
    assert set(data.seeds) == {study.declared.seed, *again}


def test_seeds_are_the_same_for_all():
    seen = {}

    def objective(trial):
        for seed in trial.seeds():
            seen.setdefault(trial.number, []).append(seed)
            trial.report(trial["x"] ** 2 + seed * 1e-12)

    study = tl.Study.create(SPACE, minimize="loss", validation=tl.Seeds(3), scheduler="none", store="memory")
    study.optimize(objective, trials=3)
    assert len(seen[0]) == 3 == len(set(seen[0]))
    assert seen[0] == seen[1] == seen[2]
    assert study.trials[0].score.overlap == 0.0


def test_every_trial_has_the_same_blocks_and_the_hopeless_ones_have_only_some():
    blocks = [[0.0, 0.1], [0.2, 0.3], [0.1, 0.0], [0.3, 0.1], [0.0, 0.2], [0.1, 0.3]]
    seen = {}

    def objective(trial):
        for block in trial.blocks(blocks):
            seen.setdefault(trial.number, []).append(block)
            trial.report(sum(item + (trial["x"] - 0.2) ** 2 for item in block) / len(block))

    study = tl.tune(objective, {"x": tl.Float(0.0, 5.0, default=0.5)}, minimize="loss", budget=25, store="memory",
                    validation=tl.Items(6, size=2), progress=False)  # fmt: skip
    assert all(given == blocks[: len(given)] for given in seen.values())
    assert any(len(given) < 6 for given in seen.values())
    assert study.trials[0].score.overlap == 0.0
    stopped = next(record for record in study.trials if len(record.reports) < 6)
    assert "of 6 blocks" in stopped.course[-1].reason


def test_a_budget_that_ends_a_trial_leaves_what_it_reported():
    from trialist.errors import BudgetUsedError

    def objective(trial):
        for block in trial.blocks([1, 2, 3]):
            if trial.number == 2 and block == 3:
                raise BudgetUsedError("budget: 5 of 5 calls are spent. Raise the budget.")
            if trial.number == 3:
                raise BudgetUsedError("budget: 5 of 5 calls are spent. Raise the budget.")
            trial.report(trial["x"] ** 2)

    study = tl.Study.create(SPACE, minimize="loss", validation=tl.Items(3), scheduler="none", store="memory")
    study.optimize(objective, trials=4)
    cut, unbegun = study.trials[2], study.trials[3]
    assert cut.state is tl.State.STOPPED
    assert len(cut.reports) == 2
    assert unbegun.failure.cause is tl.Cause.BUDGET


@pytest.mark.parametrize(
    ("objective", "validation", "problem"),
    [
        (lambda trial: [None for _ in trial.folds(Data())], None, "declares no folds"),
        (lambda trial: [None for _ in trial.folds(Data())], tl.Seeds(2), "declares 2 seeds"),
        (lambda trial: [None for _ in trial.folds([1, 2])], tl.Folds(2), "cannot be divided"),
        (lambda trial: [None for _ in trial.seeds()], tl.Folds(2), "declares 2-fold"),
        (lambda trial: [None for _ in trial.blocks([1, 2])], tl.Seeds(2), "declares 2 seeds"),
        (lambda trial: [None for _ in trial.blocks([1, 2])], None, "declares no blocks"),
        (lambda trial: [None for _ in trial.blocks([1, 2])], tl.Items(3), "2 blocks are given"),
    ],
)
def test_misuse_is_told_by_name(objective, validation, problem):
    with pytest.raises(tl.ResultError, match=problem):
        tl.tune(objective, SPACE, minimize="loss", budget=3, validation=validation, store="memory", progress=False)


def test_a_unit_that_was_not_reported_is_told():
    def objective(trial):
        for fold in trial.folds(Data()):
            if fold.index != 2:
                trial.report(1.0)

    with pytest.raises(tl.ResultError, match="unit 2 of 3 was not reported"):
        tl.tune(objective, SPACE, minimize="loss", budget=3, validation=tl.Folds(3), store="memory", progress=False)


@pytest.mark.parametrize("scheduler", ["median", "halving", "curve", "population"])
def test_a_scheduler_of_curves_is_refused_where_reports_are_folds(scheduler):
    with pytest.raises(tl.PlanError, match="scores of their own") as caught:
        tl.Study.create(SPACE, minimize="loss", validation=tl.Folds(3), scheduler=scheduler, store="memory")
    assert caught.value.field == "scheduler"


def test_what_matters_is_said_with_the_verdict():
    study = tl.tune(
        lambda trial: trial["x"] ** 2, SPACE, minimize="loss", budget=6, matters=0.5, store="memory", progress=False,
        test=lambda params, seed: [params["x"] ** 2 + i * 1e-3 for i in range(40)],
    )  # fmt: skip
    assert study.verdict.matters == 0.5
    assert "0.5" in str(study.verdict)


def test_what_is_spent_outside_trials_counts():
    def objective(trial):
        for _ in trial.blocks([1, 2]):
            trial.spend(1.0)
            trial.report(trial["x"] ** 2)

    study = tl.Study.create(SPACE, minimize="loss", validation=tl.Items(2), budget=tl.Budget(cost=20), store="memory")
    study.charge(15.0)
    assert study.spent["cost"] == 15.0
    study.optimize(objective)
    assert 2 <= study.spent["cost"] - 15.0 <= 5


def test_a_small_test_leaves_more_to_search_with():
    """A trial of 4 items costs 10, a test of 1 item 2.5; where its size is not known, as much as a trial is kept."""

    def objective(trial):
        for _ in trial.blocks([1, 2, 3, 4]):
            trial.spend(2.5)
            trial.report(trial["x"] ** 2)

    class Test:
        def with_trial(self, trial):
            trial.spend(2.5)
            return [trial["x"] ** 2, trial["x"] ** 2 + 0.1]

        def __call__(self, params, seed):
            raise AssertionError("it is given the trial")

    searched = {}
    for sealed in (1, None):
        study = tl.tune(objective, SPACE, minimize="loss", budget=tl.Budget(cost=200), scheduler="none", finalists=0,
                        validation=tl.Items(4, 1, sealed), strategy="random", test=Test(), test_seeds=5,
                        store="memory", progress=False)  # fmt: skip
        assert study.verdict is not None
        assert study.spent["cost"] == 10 * len(study.trials) + 2.5 * 2 * study.verdict.seeds <= 200
        searched[sealed] = len(study.trials)
    assert searched[1] > searched[None]
