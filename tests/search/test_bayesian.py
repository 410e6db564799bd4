"""Gaussian processes as a strategy: on awkward losses, with workers, crashes, constraints, priors, costs and fronts."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import trialist as tl
from trialist.model.evidence import Witness, loss_values
from trialist.model.points import Points
from trialist.model.surrogate import Surrogate
from trialist.numerics.hypervolume import hypervolume
from trialist.numerics.keys import Key
from trialist.search.bayesian import Bayesian, Settings
from trialist.search.design import Random, Sobol, baseline
from trialist.search.improvement import Modelling
from trialist.search.incumbent import incumbent
from trialist.space.condition import above
from trialist.space.parameter import Categorical, Float, Int, Normal
from trialist.space.space import Space
from trialist.trials.budget import Budget
from trialist.trials.history import History
from trialist.trials.plan import Direction, Objective, Plan
from trialist.trials.trial import Cause, Exhausted, Failure, Proposal, Report, Score, Stage, State, TrialRecord

Params = Mapping[str, Any]
Told = float | None | dict[str, Any]
Objectives = Callable[[Params], Told]
Records = tuple[TrialRecord, ...]

PLAN = Plan("gp", (Objective("loss"),), seed=3)
SQUARE = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
MIXED = Space(
    rate=Float(1e-4, 1.0, log=True),
    width=Int(1, 1000, log=True),
    kind=Categorical(["a", "b", "c", "d"]),
    slope=Float(0.0, 1.0, when={"kind": ["b", "c"]}),
    depth=Int(1, 9, when={"width": above(30)}),
)
LOST = Failure(Cause.OBJECTIVE, "it diverged")


def bowl(params: Params) -> float:
    return float((params["x"] - 0.3) ** 2 + 2.0 * (params["y"] - 0.7) ** 2)


def waves(params: Params) -> float:
    """Four basins; the best one lies at (0.73, 0.27)."""
    x, y = params["x"] - 0.73, params["y"] - 0.27
    return float(x * x + y * y + 0.15 * (2.0 - math.cos(12.0 * x) - math.cos(12.0 * y)))


def mixed_bowl(params: Params) -> float:
    loss = math.log10(params["rate"] / 0.01) ** 2 + (math.log(params["width"] / 50) / 3) ** 2
    loss += {"a": 0.5, "b": 0.2, "c": 0.0, "d": 1.0}[params["kind"]] + (params.get("slope", 0.0) - 0.9) ** 2
    return loss + abs(params.get("depth", 1) - 4) / 10


def record(number: int, proposal: Proposal, told: Told, plan: Plan = PLAN, **more: Any) -> TrialRecord:
    made = TrialRecord(
        number, State.FAILED, proposal.stage, proposal.params, proposal.reason, proposal.strategy, number
    )
    made = replace(made, repeats=proposal.repeats)
    if told is None:
        return replace(made, failure=LOST, **more)
    given = dict(told) if isinstance(told, dict) else {"loss": told}
    more |= {name: given.pop(name) for name in ("constraints", "seconds", "cost") if name in given}
    metrics = {objective.name: Score((float(given[objective.name]),)) for objective in plan.objectives}
    return replace(made, state=State.COMPLETE, metrics=metrics, loss=plan.objective.loss(given["loss"]), **more)


def study(
    space: Space, tell: Objectives, trials: int, plan: Plan = PLAN, strategy: Any = None, before: Records = ()
) -> Records:
    strategy, records = strategy or Bayesian(), list(before)
    for number in range(len(records), trials):
        key = Key(plan.seed, number)
        proposal = strategy.propose(History(plan, space, tuple(records)), key) if number else baseline(space)
        if isinstance(proposal, Exhausted):
            break
        records.append(record(number, proposal, tell(proposal.params), plan))
    return tuple(records)


def losses_of(records: Records) -> list[float]:
    return [r.loss for r in records if r.loss is not None]


def designed(space: Space, tell: Objectives, trials: int, seed: int = 3) -> Records:
    return study(space, tell, trials, replace(PLAN, seed=seed), Random())


def proposed(space: Space, records: Records, number: int | None = None, plan: Plan = PLAN, **settings: Any) -> Params:
    number = len(records) if number is None else number
    found = Bayesian(Settings(**settings)).propose(History(plan, space, records), Key(plan.seed, number))
    assert isinstance(found, Proposal)
    return found.params


def relabelled(records: Records, losses: Any) -> Records:
    """The same trials with other losses, given by function of the old ones or one by one."""
    given = losses if not callable(losses) else [losses(r.loss) for r in records]
    return tuple(
        replace(r, loss=float(y), metrics={"loss": Score((float(y),))}) for r, y in zip(records, given, strict=True)
    )


def first_difference(a: Params, b: Params, space: Space) -> float:
    return max(abs(u - v) for u, v in zip(space.encode(a), space.encode(b), strict=True))


# What it finds


def test_it_finds_the_optimum_of_a_mixed_space_with_conditions_in_few_trials() -> None:
    best = [min(losses_of(study(MIXED, mixed_bowl, 40, replace(PLAN, seed=seed)))) for seed in (1, 2, 3)]
    assert np.median(best) < 0.12
    assert min(losses_of(designed(MIXED, mixed_bowl, 200))) > 0.12


def test_the_best_of_several_basins_is_mostly_found() -> None:
    best = [min(losses_of(study(SQUARE, waves, 28, replace(PLAN, seed=seed)))) for seed in (1, 2, 3)]
    assert np.median(best) < 0.02


# Losses of any kind


AWKWARD: dict[str, Callable[[float], float]] = {
    "constant": lambda y: 4.2,
    "huge": lambda y: 1e30 * y,
    "largest": lambda y: 3e308 * (y - 0.5) if y < 1.0 else 1.7e308,
    "tiny spread": lambda y: 1.0 + 1e-12 * y,
    "smallest": lambda y: 1e-300 * y,
    "plateau": lambda y: max(y, 0.5),
    "outliers": lambda y: y if y < 0.6 else 10.0 ** (300 * y / 2.0),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_losses_give_new_proposals_without_a_warning(case: str) -> None:
    records = relabelled(designed(SQUARE, bowl, 12), AWKWARD[case])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        params = proposed(SQUARE, records)
    assert SQUARE.check(params) == params
    assert params not in [dict(r.params) for r in records]


def test_unit_and_offset_of_the_loss_do_not_show() -> None:
    records = designed(SQUARE, bowl, 14)
    for number in (14, 15):
        ours, other = proposed(SQUARE, records, number), proposed(SQUARE, relabelled(records, _scaled), number)
        assert first_difference(ours, other, SQUARE) < 1e-4


def _scaled(y: float) -> float:
    return 1e6 * y + 3.0


def test_a_monotone_change_of_the_worse_half_does_not_show() -> None:
    records = designed(SQUARE, bowl, 16)
    limit = sorted(losses_of(records))[11]
    bent = relabelled(records, lambda y: y if y < limit else limit + math.exp(20.0 * y))
    assert proposed(SQUARE, records) == proposed(SQUARE, bent)
    assert proposed(SQUARE, records) != proposed(SQUARE, relabelled(records, lambda y: -y))


# Names and order


CHOICES = Space(a=Int(1, 4), b=Categorical(["p", "q", "r"]), c=Categorical(["u", "v", "w", "z"]))


def by_choice(params: Params) -> float:
    return float((params["a"] - 3) ** 2 + "qrp".index(params["b"]) * 2 + "wzvu".index(params["c"]))


def test_names_and_order_of_choices_and_dials_do_not_show() -> None:
    """In a space that is small enough to be looked at whole, and by the likeliest processes alone.

    Elsewhere the candidates, and the draws of hyperparameters, are other random ones: their distribution is the same.
    """
    alone = {"modelling": Modelling(draws=())}
    records = designed(CHOICES, by_choice, 12)
    turned = Space(c=Categorical(["z", "u", "w", "v"]), b=Categorical(["r", "p", "q"]), a=Int(1, 4))
    expected = proposed(CHOICES, records, **alone)
    assert proposed(turned, records, **alone) == expected
    named = {"p": "x", "q": "y", "r": "z"}
    other = Space(a=Int(1, 4), b=Categorical(["x", "y", "z"]), c=Categorical(["u", "v", "w", "z"]))
    renamed = tuple(replace(r, params={**r.params, "b": named[r.params["b"]]}) for r in records)
    assert proposed(other, renamed) == {**proposed(CHOICES, records), "b": named[proposed(CHOICES, records)["b"]]}


# Finite spaces, workers, failures


def test_a_small_space_ends_once_all_of_it_is_tried() -> None:
    space = Space(a=Int(1, 3), b=Categorical(["p", "q", "r", "s"]))
    plan = replace(PLAN, budget=Budget(trials=50))
    records = study(space, lambda p: p["a"] + "qpsr".index(p["b"]), 50, plan)
    fresh = [r for r in records if r.repeats is None]
    assert len({space.identity(r.params) for r in records}) == len(fresh) == 12
    end = Bayesian().propose(History(plan, space, records), Key(3, len(records)))
    assert isinstance(end, Exhausted) and end.reason


def test_many_workers_with_failures_never_try_a_point_twice() -> None:
    strategy, rng, records = Bayesian(), np.random.default_rng(5), [record(0, baseline(MIXED), 1.0)]
    running: list[int] = []
    for number in range(1, 52):
        history = History(PLAN, MIXED, tuple(records))
        proposal = strategy.propose(history, Key(3, number))
        assert isinstance(proposal, Proposal)
        if number % 9 == 0:  # a fresh one knows nothing of the order in which the scores came
            assert Bayesian().propose(history, Key(3, number)) == proposal
        records.append(replace(record(number, proposal, None), state=State.RUNNING, failure=None))
        running.append(number)
        if len(running) == 16:
            at = running.pop(int(rng.integers(1, 16)))  # the first of them is never heard of again
            done = Proposal(records[at].params, records[at].reason, "gp", repeats=records[at].repeats)
            records[at] = record(at, done, None if rng.random() < 0.3 else mixed_bowl(done.params))
    fresh = [r for r in records if "again" not in r.reason]
    assert len({MIXED.identity(r.params) for r in fresh}) == len(fresh) > 46
    assert all(MIXED.check(r.params) == r.params for r in records)


def test_what_runs_is_kept_away_from() -> None:
    records = study(SQUARE, bowl, 14)
    waiting: list[TrialRecord] = []
    alike = range(14, 30, 4)  # trials that look for the same
    for number in alike:
        params = proposed(SQUARE, (*records, *waiting), number)
        made = record(number, Proposal(params, "", "gp"), None)
        waiting.append(replace(made, state=State.RUNNING, failure=None))
    alone = [proposed(SQUARE, records, number) for number in alike]
    together = [dict(r.params) for r in waiting]

    def closest(points: list[Any]) -> float:
        pairs = [(a, b) for i, a in enumerate(points) for b in points[:i]]
        return min(first_difference(a, b, SQUARE) for a, b in pairs)

    assert closest(together) > closest(alone) and closest(together) > 5e-3


def test_a_region_that_crashes_is_left_alone_and_does_not_bend_the_model() -> None:
    def crashing(params: Params) -> float | None:
        return None if params["x"] > 0.7 else bowl(params) - 0.5 * params["x"]  # it lures towards the crashes

    records = study(SQUARE, crashing, 32)
    late = [r for r in records[16:] if _every_gain_counts(r)]
    assert sum(r.loss is None for r in late) <= 1
    assert min(losses_of(records)) < -0.21
    drawn = designed(SQUARE, crashing, 45)
    whole = designed(SQUARE, lambda p: bowl(p) - 0.5 * p["x"], 45)
    assert sum(r.loss is None for r in drawn) > 8
    assert _lengthscales(drawn) == pytest.approx(_lengthscales(whole), rel=0.2)


def _every_gain_counts(trial: TrialRecord) -> bool:
    """Whether it has no margin: what has one looks elsewhere, also where that is likelier to fail."""
    margins = Settings().margins
    return margins[trial.number % len(margins)] == 0.0


def _lengthscales(records: Records) -> np.ndarray:
    evidence = Witness().evidence(History(PLAN, SQUARE, records))
    layout = evidence.features.layout(2.5, warp=False)
    fitted = Surrogate().fitted(evidence.scored.X, evidence.losses[:, 0], layout, loss_values)
    return fitted.posterior.fit.lengthscales


# Constraints, priors, costs


def test_known_constraints_hold_exactly_and_their_edge_is_reached() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0), require=["x + y < 0.5"])
    records = study(space, lambda p: -2.0 * p["x"] - p["y"], 24)
    assert all(space.allows(r.params) for r in records)
    assert min(losses_of(records)) < -0.95


def test_a_measured_constraint_that_few_points_satisfy_is_learnt() -> None:
    def tell(params: Params) -> Told:
        over = (params["x"] - 0.2) ** 2 + (params["y"] - 0.75) ** 2 - 0.032  # a tenth of the square satisfies it
        return {"loss": (params["x"] - 0.8) ** 2 + (params["y"] - 0.75) ** 2, "constraints": {"ms": over}}

    records = study(SQUARE, tell, 32)
    # The best lies on the edge, where about every other trial near it is feasible; of random ones a tenth is.
    assert sum(r.is_feasible for r in records[8:]) > 0.35 * len(records[8:])
    best = min(r.loss or 0.0 for r in records if r.is_feasible)
    assert best == pytest.approx((0.6 - math.sqrt(0.032)) ** 2, abs=0.01)


def test_a_good_prior_speeds_up_and_a_wrong_one_is_overruled() -> None:
    top = {"x": 0.3, "y": 0.7, "z": 0.55}

    def with_priors(means: Mapping[str, float]) -> Space:
        return Space({n: Float(0.0, 1.0, default=0.05, prior=Normal(m, 0.2)) for n, m in means.items()})

    none = Space({n: Float(0.0, 1.0, default=0.05) for n in top})
    spaces = {"none": none, "good": with_priors(top), "wrong": with_priors({"x": 0.9, "y": 0.1, "z": 0.05})}
    regret = {}
    for name, space in spaces.items():
        runs = []
        for seed in (1, 2):
            plan = replace(PLAN, seed=seed, budget=Budget(trials=24))
            records = study(space, lambda p: sum((p[n] - top[n]) ** 2 for n in top), 9 if name == "good" else 24, plan)
            runs.append(np.minimum.accumulate(losses_of(records)))
        regret[name] = np.mean(runs, axis=0)
    assert regret["good"][8] < 0.6 * regret["none"][8]
    assert regret["wrong"][8] > regret["good"][8]
    assert regret["wrong"][-1] < max(1.3 * regret["none"][-1], 3e-3)  # below, both have found it


def test_a_prior_draws_proposals_to_where_it_expects_the_best() -> None:
    space = Space(x=Float(0.0, 1.0, prior=Normal(0.9, 0.1)), y=Float(0.0, 1.0, prior=Normal(0.1, 0.1)))
    records = relabelled(designed(SQUARE, bowl, 6), lambda y: 1.0)

    def distance(within: Space) -> float:
        # Every other trial: those in between look elsewhere, and leave the prior aside.
        found = [proposed(within, records, number) for number in range(6, 14, 2)]
        return float(np.mean([math.hypot(p["x"] - 0.9, p["y"] - 0.1) for p in found]))

    assert distance(space) < 0.7 * distance(SQUARE)


def test_while_much_of_the_compute_is_left_cheap_trials_come_first() -> None:
    def tell(params: Params) -> Told:
        return {"loss": bowl({"x": 0.3, "y": params["y"]}), "seconds": _cost(params)}

    mean = {}
    for name, budget in (("costs", Budget(compute_seconds=200.0)), ("trials", PLAN.budget)):
        plans = [replace(PLAN, budget=budget, seed=seed) for seed in (1, 2, 3)]
        studies = [study(SQUARE, tell, 16, plan) for plan in plans]
        mean[name] = np.mean([_cost(r.params) for records in studies for r in records[6:]])
    assert mean["costs"] < 0.75 * mean["trials"]


def test_once_the_compute_is_spent_costs_do_not_count() -> None:
    def tell(params: Params) -> Told:
        return {"loss": bowl({"x": 0.3, "y": params["y"]}), "seconds": _cost(params)}

    records = study(SQUARE, tell, 12, strategy=Random())
    spent = sum(r.seconds or 0.0 for r in records)
    plans = [replace(PLAN, budget=Budget(compute_seconds=seconds)) for seconds in (spent, 100.0 * spent)]
    nothing_left, much_left = (proposed(SQUARE, records, plan=plan) for plan in plans)
    assert nothing_left == proposed(SQUARE, records)
    assert _cost(much_left) < _cost(nothing_left)


def _cost(params: Params) -> float:
    return float(10.0 ** params["x"])


# Several objectives


TWO = Plan("gp", (Objective("loss"), Objective("ms")), seed=3)


def test_a_front_of_two_objectives_is_worth_more_than_twice_as_many_random_trials() -> None:
    def tell(params: Params) -> Told:
        x, y = params["x"], params["y"]
        return {"loss": x + 2.0 * (y - 0.3) ** 2, "ms": (1.0 - math.sqrt(x)) + 2.0 * (y - 0.4) ** 2}

    def volume(records: Records) -> float:
        return hypervolume(np.array([[s.mean for s in r.metrics.values()] for r in records]), [1.0, 1.0])

    ours, random = [], []
    for seed in (1, 2):
        plan = replace(TWO, seed=seed)
        ours.append(volume(study(SQUARE, tell, 40, plan)))
        random.append(volume(study(SQUARE, tell, 80, plan, Random())))
    assert np.mean(ours) > np.mean(random) + 0.01


def test_four_objectives_take_turns_in_their_directions() -> None:
    plan = Plan("gp", tuple(Objective(name) for name in ("loss", "b", "c", "d")), seed=3)

    def tell(params: Params) -> Told:
        x, y = params["x"], params["y"]
        corners = {"loss": (0, 0), "b": (0, 1), "c": (1, 0), "d": (1, 1)}
        return {name: math.hypot(x - a, y - b) for name, (a, b) in corners.items()}

    records = study(SQUARE, tell, 16, plan)
    turns = [SQUARE.encode(proposed(SQUARE, records, number, plan)) for number in (16, 20, 24, 32)]
    assert np.ptp(turns, axis=0).max() > 0.3


# Noise


def test_the_best_by_the_model_is_truly_better_than_the_luckiest_score() -> None:
    chosen, luckiest = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truths = designed(SQUARE, bowl, 40, seed)
        records = relabelled(truths, [y + 0.2 * rng.standard_normal() for y in losses_of(truths)])
        best = incumbent(History(PLAN, SQUARE, records))
        assert best is not None
        chosen.append(bowl(best.params))
        luckiest.append(bowl(min(records, key=lambda r: r.loss or 0.0).params))
    assert np.mean(chosen) < 0.7 * np.mean(luckiest)


# Functions of the history


SCRIPT = """
import json
from pathlib import Path
import sys
sys.path.insert(0, str(Path({file!r}).parent))
import importlib.util
spec = importlib.util.spec_from_file_location("told", {file!r})
told = importlib.util.module_from_spec(spec); spec.loader.exec_module(told)
print(json.dumps([dict(r.params) for r in told.study(told.MIXED, told.mixed_bowl, 10)]))
"""


def test_the_same_sequence_with_one_thread_and_with_two() -> None:
    found = []
    for threads in ("1", "2"):
        variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(file=__file__)],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(json.loads(done.stdout))
    here = json.loads(json.dumps([dict(r.params) for r in study(MIXED, mixed_bowl, 10)]))
    assert found[0] == found[1] == here


def test_a_study_that_was_closed_and_opened_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    def objective(trial: tl.Trial) -> float:
        return mixed_bowl(trial.params)

    drawn = []
    for name, calls in (("parts", (4, 3, 1, 4)), ("whole", (12,))):
        path = tmp_path / f"{name}.db"
        tl.Study.create(MIXED, minimize="loss", name=name, store=path, seed=5, strategy="gp").close()
        for trials in calls:
            with tl.Study.load(name, path) as opened:
                opened.optimize(objective, trials=trials)
        with tl.Study.load(name, path) as opened:
            drawn.append([dict(r.params) for r in opened.trials])
    assert drawn[0] == drawn[1] and len(drawn[0]) == 12


def test_a_study_whose_budget_grows_explores_again() -> None:
    records = study(SQUARE, bowl, 19)
    ended, longer = (replace(PLAN, budget=Budget(trials=n)) for n in (20, 60))
    last, again, unlimited = (proposed(SQUARE, records, 19, plan) for plan in (ended, longer, PLAN))
    assert again == unlimited
    best = min(records, key=lambda r: r.loss or 0.0).params
    assert first_difference(again, best, SQUARE) > first_difference(last, best, SQUARE)


# Long studies


def test_long_studies_stay_bounded_and_every_other_trial_near_the_incumbent() -> None:
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(4)}, kind=Categorical(["a", "b"]))

    def loss(params: Params) -> float:
        return sum((params[f"x{i}"] - 0.3) ** 2 for i in range(4)) + 0.1 * (params["kind"] == "a")

    records = study(space, loss, 600, strategy=Sobol())
    best = min(records, key=lambda r: r.loss or 0.0)
    strategy, history = Bayesian(), History(PLAN, space, records)
    for number in (600, 601, 603):
        proposal = strategy.propose(history, Key(3, number))
        assert isinstance(proposal, Proposal)
        assert proposal.params not in [r.params for r in records]
        assert loss(proposal.params) < 0.15  # the best of 600 even points has 0.02, the other kind costs 0.1 more
        if number % 2:
            assert "near trial" in proposal.reason
            distance = [abs(proposal.params[f"x{i}"] - best.params[f"x{i}"]) for i in range(4)]
            assert max(distance) <= 0.4


# What does not fit together


def test_a_space_may_grow_and_an_empty_one_waits_for_the_objective() -> None:
    records = designed(SQUARE, bowl, 10)
    wider = SQUARE.with_parameter("extra", Float(0.0, 1.0, default=0.0))
    params = proposed(wider, records)
    assert wider.check(params) == params
    assert proposed(Space(), ()) == {}


def test_faults_of_the_machine_do_not_count_against_a_point() -> None:
    records = designed(SQUARE, lambda p: None if p["x"] > 0.6 else bowl(p), 16)
    fault = Failure(Cause.INFRASTRUCTURE, "the machine went away")
    faulty = tuple(replace(r, failure=fault) if r.loss is None else r for r in records)
    none = tuple(r for r in records if r.loss is not None)
    assert proposed(SQUARE, faulty, 17) == proposed(SQUARE, none, 17)
    assert proposed(SQUARE, faulty, 17) != proposed(SQUARE, records, 17)


def test_a_search_that_has_stalled_asks_another_strategy_in_turn() -> None:
    records = designed(SQUARE, bowl, 24)
    losses = 1.0 + np.random.default_rng(0).random(24)
    stalled = relabelled(records, [0.0, *losses[1:]])
    gains = relabelled(records, [*losses[:20], 0.0, *losses[21:]])
    for number in range(24, 28):
        reasons = [
            p.reason
            for known in (stalled, gains)
            if isinstance(p := Bayesian().propose(History(PLAN, SQUARE, known), Key(3, number)), Proposal)
            and p.strategy == "gp"
        ]
        is_its_turn = number % 4 == 3  # that of the largest margin
        assert [reason.startswith("hardly a gain in 12 trials, so TPE is asked: ") for reason in reasons] == [
            is_its_turn,
            False,
        ]


def test_the_reason_tells_what_is_expected_in_the_metric_s_own_sign() -> None:
    plan = Plan("gp", (Objective("accuracy", Direction.MAXIMIZE),), seed=3)
    records = tuple(
        replace(r, metrics={"accuracy": Score((0.9 - (r.loss or 0.0),))}, loss=(r.loss or 0.0) - 0.9)
        for r in designed(SQUARE, bowl, 20)
    )
    settling, exploring = (Bayesian().propose(History(plan, SQUARE, records), Key(3, n)) for n in (20, 21))
    assert isinstance(settling, Proposal) and isinstance(exploring, Proposal)
    assert settling.reason.startswith("accuracy 0.") and exploring.reason.startswith("explores: accuracy 0.")
    told = float(settling.reason.split()[1])
    assert max(r.value or 0.0 for r in records) < told <= 0.95  # it is expected to be better than all so far
    assert len(settling.reason) < len(exploring.reason) <= 100


def test_the_reason_tells_what_is_expected_of_each_objective() -> None:
    plan = Plan("gp", (Objective("loss"), Objective("speed", Direction.MAXIMIZE)), seed=3)
    records = study(SQUARE, lambda p: {"loss": bowl(p), "speed": 1000.0 + p["x"]}, 12, plan, Random())
    front = Bayesian().propose(History(plan, SQUARE, records), Key(3, 12))
    assert isinstance(front, Proposal)
    told = re.fullmatch(r"may push the front outwards: loss (\S+) ± \S+, speed (\S+) ± \S+ expected", front.reason)
    assert told is not None
    assert float(told[1]) == pytest.approx(bowl(front.params), abs=0.1)
    assert float(told[2]) == pytest.approx(1000.0 + front.params["x"], abs=0.1)


def test_points_know_their_length() -> None:
    evidence = Witness().evidence(History(PLAN, SQUARE, designed(SQUARE, bowl, 5)))
    assert len(evidence.scored) == evidence.n == 5
    assert len(Points.of(evidence.features, np.zeros((0, 2)))) == 0


def test_trials_that_were_stopped_early_are_evidence_against_their_region() -> None:
    def halted(trial: TrialRecord) -> TrialRecord:
        return replace(
            trial, state=State.STOPPED, loss=None, metrics={}, reports=(Report(1, 5.0),), stop_reason="worse than most"
        )

    # What ran to its end promises more and more towards the right, where all trials were stopped.
    records = designed(SQUARE, lambda params: -params["x"], 16)
    far = [r for r in records if r.params["x"] > 0.6]
    near = [r for r in records if r.params["x"] <= 0.6]
    whole = (*near, *map(halted, far))
    share = [
        np.mean([proposed(SQUARE, records, number)["x"] > 0.6 for number in range(16, 48, 2)])
        for records in (whole, tuple(near))
    ]
    assert far and share[0] < share[1]


def test_of_several_objectives_what_was_paused_is_not_proposed_again() -> None:
    """Early looks are no evidence there, so that nothing else would keep the search from the same configuration."""
    space = Space(x=Float(0.0, 1.0))
    one = TrialRecord(0, State.PAUSED, Stage.SEARCH, {"x": 0.5}, "", "gp", 0, reports=(Report(1, 0.5),))
    for objectives, pending in ((("loss",), 0), (("loss", "size"), 1)):
        plan = Plan("p", tuple(Objective(name) for name in objectives))
        assert len(Witness().evidence(History(plan, space, (one,))).pending) == pending
