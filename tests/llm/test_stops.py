"""What ends a search of settings: chosen by rules, of which "flawless" knows that no suite can show more."""

import pytest

import trialist as tl
from tests.llm.adder import Adder, additions
from trialist.errors import PlanError
from trialist.llm import tune
from trialist.llm.stops import stops_of
from trialist.trials.stopping import Target


class Right(Adder):
    """Every answer is right, but those at the default's temperature, of which none is."""

    async def __call__(self, body):
        reply = await super().__call__(body)
        total = sum(map(int, body["messages"][-1]["content"].split("+")))
        reply["choices"][0]["message"]["content"] = str(total if body["temperature"] < 1.3 else total + 1)
        return reply


def searched(stopping, **more):
    given = {
        "strategy": "random",
        "scorer": "number",
        "store": "memory",
        "progress": False,
        "preflight": False,
        "scheduler": "none",
        **more,
    }
    found = tune(
        additions(40), {"temperature": [0.2, 0.4, 0.6, 0.8, 1.0, 1.3], "system": ["think", "think more"]}, model="m",
        endpoint=Right(), budget="30 trials, 3000 calls", defaults={"temperature": 1.3}, stopping=stopping, **given,
    )  # fmt: skip
    return [r for r in found.study.trials if r.stage is tl.Stage.SEARCH]


@pytest.mark.parametrize(
    ("stopping", "flawless"),
    [("auto", 3), (["auto"], 3), ("flawless 1", 1), (["auto", "flawless 5"], 5), ("flawless", 3)],
)
def test_so_many_flawless_settings_end_the_search(stopping, flawless):
    perfect = [r for r in searched(stopping) if r.is_scored and r.value == 1]
    assert len(perfect) == flawless


@pytest.mark.parametrize("stopping", ["none", ["auto", "flawless 0"], "plateau 100"])
def test_or_do_not_where_that_was_not_chosen(stopping):
    assert sum(r.is_scored and r.value == 1 for r in searched(stopping)) > 5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("flawles 2", 'Write "flawless 3"'),
        ("flawless two", '"flawless 0" for never'),
        ("flawless 1 2", '"flawless 0" for never'),
        (["none", "plateau"], "stands beside other rules"),
        ("sometimes", "is not a stopping rule"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_before_anything_is_asked(given, told):
    endpoint = Adder()
    with pytest.raises(PlanError, match=told):
        tune(additions(20), {"temperature": [0, 1]}, endpoint=endpoint, model="m", budget=9, store="memory",
             progress=False, stopping=given)  # fmt: skip
    assert endpoint.calls == 0


def test_several_objectives_and_one_dial_at_a_time_know_no_flawless_setting_unless_it_is_named():
    assert stops_of("auto", flawless=0) == ["auto"]
    assert stops_of(["auto", "flawless 2"], flawless=0) == ["auto", Target(1.0, 2)]
