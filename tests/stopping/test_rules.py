"""Rules together: when they fire, what they say, that they are functions of the history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stopping.histories import ONE, flipped, history, losses, record, searched
from trialist.stopping import prospects
from trialist.stopping.ending import Ending, Left
from trialist.stopping.prospects import Prospects
from trialist.stopping.rules import MODELLED_LEAST, Rules
from trialist.trials.budget import Budget
from trialist.trials.stopping import Plateau, Stopping, Target, Worth
from trialist.trials.trial import State

NOISY = searched(50, 0.5, seed=1)


def first(records, stopping, plan=ONE, step=1, workers=1) -> tuple[int, Ending | None]:
    rules = Rules(workers)
    for n in range(1, len(records) + 1, step):
        if (ending := rules.ending(history(records[:n], plan, stopping))) is not None:
            return n, ending
    return len(records), None


def test_without_rules_nothing_ends_a_study():
    flat = losses(*[1.0] * 60)
    for stopping in ("auto", "none"):
        assert Rules().ending(history(flat.records, ONE, stopping)) is None


def test_the_first_rule_that_fires_is_told():
    flat = losses(*[1.0] * 30, stopping=[Target(0.5), Plateau(20), Plateau(25)])
    ending = Rules().ending(flat)
    assert ending is not None and ending.rule == "plateau" and "last 20 trials" in ending.reason


def test_regret_below_the_noise_ends_a_noisy_search():
    n, ending = first(NOISY, "regret")
    assert ending is not None and MODELLED_LEAST <= n < 50
    assert ending.statistic < ending.threshold == pytest.approx(0.5, rel=0.5)
    assert ending.left is not None and ending.left.gain < ending.threshold
    assert "below the noise of a score" in ending.reason


def test_regret_never_ends_a_search_without_noise():
    records = searched(60)
    twice = [*records[:-1], record(59, records[30].loss, **records[30].params)]
    assert first(twice, "regret", step=3)[1] is None


def test_emmr_ends_a_search_that_has_converged():
    n, ending = first(searched(75), "emmr", step=3)
    assert ending is not None and 31 <= n < 75 and ending.statistic < ending.threshold
    assert Rules().ending(history(searched(33, 0.3, seed=1), ONE, "emmr")) is None


def test_a_gain_that_is_not_worth_it_ends_a_search():
    worth = Worth(0.05, per="hour")  # 60 trials of a minute
    n, ending = first(searched(60), worth, step=2)
    assert ending is not None and n < 60
    assert ending.reason.startswith("one more hour (60 trials) is expected to gain ")
    assert ending.reason.endswith("; you said that 0.05 per hour is worth it")
    assert ending.statistic < 0.05 == ending.threshold
    assert first(searched(60), Worth(1e-12, per="hour"), step=6)[1] is None


@pytest.mark.parametrize(
    ("per", "workers", "told"),
    [
        ("minute", 3, "one more minute (3 trials) is"),
        ("second", 1, "one more second (0.017 of a trial) is"),
        ("trial", 1, "one more trial is"),
        ("cost", 1, "one more unit of cost (2 trials) is"),
    ],
)
def test_what_a_unit_buys(per, workers, told):
    ending = Rules(workers).ending(history(searched(50), ONE, Worth(10.0, per)))
    assert ending is not None and ending.reason.startswith(told)


def test_what_the_budget_has_left_is_compared_where_it_is_less_than_a_unit():
    plan = replace(ONE, budget=Budget(trials=52))
    ending = Rules().ending(history(searched(50), plan, Worth(10.0, "hour")))
    two = Rules().left(history(searched(50), plan), 2)
    assert ending is not None and two is not None and ending.statistic == pytest.approx(30 * two.gain)


def test_a_cost_that_nobody_told_is_worth_nothing_that_could_be_said():
    records = [replace(r, cost=None) for r in searched(50)]
    assert Rules().ending(history(records, ONE, Worth(10.0, "cost"))) is None


@pytest.mark.parametrize("stopping", ["regret", "plateau 8", "worth 0.1 per hour"])
def test_more_is_better_ends_as_less_is_better_does(stopping):
    turned, plan = flipped(NOISY)
    n, ending = first(NOISY, stopping)
    m, mirrored = first(turned, stopping, plan)
    assert ending is not None and mirrored is not None
    assert (n, ending.statistic, ending.left) == (m, mirrored.statistic, mirrored.left)


def test_models_count_full_runs_alone():
    stopped = [
        replace(record(i, 0.5, 0.1 * (i % 9)), state=State.STOPPED, loss=None, metrics={}) for i in range(60, 99)
    ]
    few = history([*searched(MODELLED_LEAST - 1), *stopped], ONE, Worth(10.0))
    assert Rules().ending(few) is None
    assert Rules().ending(history([*searched(MODELLED_LEAST), *stopped], ONE, Worth(10.0))) is not None


def test_rules_count_anew_after_an_extension():
    study = history(NOISY, ONE, Worth(10.0))
    assert Rules().ending(study, since=20) is not None
    assert Rules().ending(study, since=21) is None


def test_each_moment_is_asked_about_once(monkeypatch):
    """The early ones too, which emmr compares with for as long as a study lasts."""
    asked, found = [], Prospects().at(history(NOISY), 50)

    def prospect(evidence, surrogate, key):
        asked.append(evidence.n)
        return found

    monkeypatch.setattr(prospects, "prospect", prospect)
    rules = Rules()
    flat = losses(*[1.0] * 150).records
    for n in range(30, 151):
        assert rules.ending(history(flat[:n], ONE, ["regret", "emmr"])) is None
    assert len(asked) == len(set(asked))


def test_a_statistic_must_stay_below_its_threshold():
    """A long-lived instance agrees with a fresh one, and neither fires on one reading alone."""
    rules, was_below = Rules(), []
    for n in range(MODELLED_LEAST, 50):
        study = history(NOISY[:n], ONE, "regret")
        ending = rules.ending(study)
        assert ending == Rules().ending(study)
        was_below.append(ending is not None)
    assert any(was_below) and not was_below[0]


def test_advice_asks_models_whatever_the_rules_are():
    n, ending = first(NOISY, "regret")
    study = history(NOISY[:n], ONE, "none")
    assert Rules().ending(study) is None
    assert Rules().advice(study) == ending


def test_what_is_left_is_told_of_the_rest_of_the_budget():
    records = searched(30)
    assert Rules().left(history(records)).trials == 20
    assert Rules().left(history(records, replace(ONE, budget=Budget(trials=100)))).trials == 70
    assert Rules().left(history(records, replace(ONE, budget=Budget(trials=30)))).trials == 20
    assert Rules().left(history(records[:19])) is None


def test_endings_survive_their_json():
    for left in (None, Left(3, 0.1, 0.2)):
        ending = Ending("plateau", 0.1, 0.2, "why", 7, left)
        assert Ending.from_json({**ending.to_json(), "budget": "60 trials"}) == ending
    assert Stopping.of("plateau").to_json() == ["plateau 20 0.0"]
