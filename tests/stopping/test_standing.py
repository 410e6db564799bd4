"""Where rules stand: the same statistic by which they fire, at every moment of a study, and what is waited for."""

from __future__ import annotations

import random

import pytest

import trialist as tl
from trialist.stopping.plain import plateau, target
from trialist.stopping.rules import MODELLED_LEAST
from trialist.stopping.standing import standings
from trialist.trials.history import History
from trialist.trials.stopping import Plateau, Target

SPACE = tl.Space(x=tl.Float(-1.0, 1.0, default=0.9), y=tl.Float(-1.0, 1.0))


def history(stopping, trials=40, seed=0, **objectives):
    study = tl.Study.create(
        SPACE, budget=trials, strategy="random", store="memory", stopping=stopping, seed=seed,
        **(objectives or {"minimize": "loss"}),
    )  # fmt: skip
    while len(study.trials) < trials:
        trial = study.ask()
        loss = trial["x"] ** 2 + trial["y"] ** 2 + random.Random(trial.seed).gauss(0, 0.05)
        study.tell(trial, {"loss": loss, "size": abs(trial["x"])} if objectives else loss)
    return study.history


def prefix(whole, n):
    return History(whole.plan, whole.space, whole.records[:n])


@pytest.mark.parametrize("seed", range(3))
def test_a_plain_rule_is_past_its_threshold_exactly_where_it_fires(seed):
    whole = history(["plateau 6 0.02", "target 0.15"], seed=seed)
    fired = 0
    for n in range(1, len(whole) + 1):
        now = prefix(whole, n)
        at_plateau, at_target = standings(now)
        assert at_plateau.is_past is (plateau(Plateau(6, 0.02), now, 0) is not None)
        assert at_target.is_past is (target(Target(0.15), now, 0) is not None)
        fired += at_plateau.is_past + at_target.is_past
        ending = plateau(Plateau(6, 0.02), now, 0)
        assert ending is None or (ending.statistic, ending.threshold) == (at_plateau.statistic, at_plateau.threshold)
    assert 0 < fired < 2 * len(whole)


def test_models_advise_with_their_statistics_and_say_from_when_on():
    whole = history("auto")
    early, late = standings(prefix(whole, 12)), standings(whole)
    assert [s.rule for s in late] == ["regret", "emmr"] and not any(s.ends for s in late)
    assert all(s.statistic > 0 and s.threshold > 0 and s.is_past is (s.statistic < s.threshold) for s in late)
    assert all(f"from {MODELLED_LEAST} full runs on; 12 so far" in s.words for s in early)
    assert standings(history("none")) == ()


def test_a_rule_that_ends_the_study_is_not_told_twice_as_advice():
    found = standings(history(["auto", "regret"]))
    assert [(s.rule, s.ends) for s in found] == [("regret", True), ("emmr", False)]


def test_with_several_objectives_nothing_is_modelled():
    found = standings(history(["auto", "plateau 8 0.01"], minimize=["loss", "size"]))
    assert [s.rule for s in found] == ["plateau 8 0.01"] and 0 <= found[0].statistic <= 1


def test_before_any_score_each_rule_says_what_it_waits_for():
    study = tl.Study.create(
        SPACE, minimize="loss", store="memory", stopping=["target 0.1", "plateau 5", "worth 0.1 per trial"]
    )
    found = standings(study.history)
    assert all(s.statistic is None and not s.is_past and s.words for s in found) and len(found) == 3
