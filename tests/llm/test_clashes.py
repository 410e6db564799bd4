"""Settings that are refused beside others: found by trying them together, and never sent together."""

from __future__ import annotations

import asyncio

import pytest

from tests.llm.adder import Adder, additions
from tests.llm.test_preflight import flown
from tests.llm.toy import Toy
from trialist.errors import InputError
from trialist.llm import tune
from trialist.llm.clashes import Clash, clashes, clashes_of
from trialist.llm.dialspace import dials_of
from trialist.llm.endpoint import CallError
from trialist.llm.findings import acted_on
from trialist.llm.preflight import Treatment


class Reasons(Toy):
    """As OpenAI's models that reason: no temperature and no top_p beside an effort; effort makes answers surer."""

    async def __call__(self, body: dict) -> dict:
        if body.get("reasoning_effort", "none") != "none":
            for name in ("temperature", "top_p"):
                if name in body:
                    said = f"Unsupported parameter: '{name}' is not supported with this model."
                    raise CallError(f"400: {said}", 400, body={"error": {"message": said, "param": name}})
            body = {**body, "temperature": 0}
        return await super().__call__(body)


DIALS = {"temperature": [0, 0.7, 1.3], "top_p": [0.3, 1], "reasoning_effort": [None, "low", "high"]}


def test_what_is_refused_beside_a_reasoning_effort_is_found_and_both_are_honoured():
    found, client = flown(Reasons(sharp=0.5), DIALS)
    assert {name: found[name].treatment for name in DIALS} == dict.fromkeys(DIALS, Treatment.HONOURED)
    refused = ("low", "high")
    assert found["reasoning_effort"].clashes == (
        Clash("temperature", "reasoning_effort", refused), Clash("top_p", "reasoning_effort", refused),
    )  # fmt: skip
    assert not found["temperature"].clashes
    assert sum(finding.calls for finding in found.values()) == client.spent.calls


def test_a_setting_of_every_request_clashes_as_well():
    found, _ = flown(Reasons(), {"reasoning_effort": ["none", "high"]}, settings={"temperature": 1.2, "max_tokens": 50})
    assert found["reasoning_effort"].treatment is not Treatment.REJECTED
    assert found["reasoning_effort"].clashes == (Clash("temperature", "reasoning_effort", ("high",)),)


def test_where_the_default_thinks_temperature_is_tried_where_it_is_borne():
    found, _ = flown(Reasons(sharp=0.5), DIALS, settings={"reasoning_effort": "high"})
    assert found["temperature"].treatment is Treatment.HONOURED


def test_nothing_is_asked_without_a_dial_of_thinking():
    async def accepts(settings):
        raise AssertionError

    assert asyncio.run(clashes(accepts, {"temperature": [0, 1]}, {"reasoning_effort": "low"})) == []


def test_what_is_refused_always_and_a_level_that_is_refused_alone_are_no_clashes():
    async def accepts(settings):
        return "temperature" not in settings and settings.get("reasoning_effort") != "odd"

    dials = {"temperature": [0, 1], "reasoning_effort": ["odd", "low", "high"]}
    assert asyncio.run(clashes(accepts, dials, {})) == []


@pytest.mark.parametrize(
    ("written", "levels", "bears", "refuses"),
    [
        (
            ["reasoning_effort=unset,low,high"], ("low", "high"), {"reasoning_effort": "unset"},
            {"reasoning_effort": "low"},
        ),
        (
            ["thinking_budget=unset,1024..8192"], (1024, 8192), {"thinking_budget level": "unset"},
            {"thinking_budget level": "range", "thinking_budget": 2000},
        ),
    ],
)  # fmt: skip
def test_dials_that_clash_are_conditions_of_the_space_and_never_sent_together(written, levels, bears, refuses):
    beside = written[0].partition("=")[0]
    dials = dials_of([*written, "temperature=0..1.3", "top_p=0.3,1"], {"max_tokens": 50, "top_k": 40})
    dials = dials.apart(Clash("temperature", beside, levels)).apart(Clash("top_k", beside, levels))
    hot = {"temperature level": "range", "temperature": 0.7, "top_p": 0.3}
    told = dials.settings({**bears, **hot})
    assert told["temperature"] == 0.7
    assert told["top_k"] == 40
    assert "temperature" not in dials.settings({**refuses, **hot})
    assert "top_k" not in dials.settings(refuses)
    for params in (dials.space.baseline(), *(dials.space.decode(u) for u in _cube(dials.space))):
        is_borne = all(params.get(name) == value for name, value in bears.items())
        assert ("temperature level" in params) == is_borne
        assert ("temperature" in dials.settings(params)) == is_borne


def _cube(space):
    import numpy as np

    return np.random.default_rng(0).random((40, len(space)))


def test_where_thinking_stays_on_what_it_refuses_is_dropped():
    dials = dials_of(["reasoning_effort=low,high", "temperature=0..1.3"])
    found = dials.apart(Clash("temperature", "reasoning_effort", ("low", "high")))
    assert "temperature" not in found.dials
    assert "refuses it beside reasoning_effort" in found.dropped["temperature"]
    # And where its dial does nothing, so that it stays at such a level.
    stays = dials.without("reasoning_effort", "does nothing").apart(Clash("temperature", "reasoning_effort", ("low",)))
    assert list(stays.dials) == []
    assert "temperature" not in stays.settings({})


class Adds(Adder):
    """The adder, who is surer with an effort, and refuses a temperature beside one."""

    refusals = 0

    async def __call__(self, body: dict) -> dict:
        if "reasoning_effort" in body:
            if "temperature" in body:
                self.refusals += 1
                raise CallError("400: 'temperature' does not go with reasoning", 400, body={"param": "temperature"})
            body = {**body, "temperature": 0.1}
        return await super().__call__(body)


def test_a_study_of_both_dials_asks_for_none_of_what_is_refused(tmp_path):
    given = {
        "model": "m", "scorer": "number", "progress": False, "store": tmp_path / "s.db", "budget": "1800 calls",
        "defaults": {"temperature": 1.3},
    }  # fmt: skip
    endpoint = Adds()
    dials = ["temperature=0.5,1,1.3", "reasoning_effort=unset,high"]
    found = tune(additions(60), dials, endpoint=endpoint, **given)
    assert found.settings == {"reasoning_effort": "high"}
    assert {r.state.value for r in found.study.trials} <= {"complete", "stopped"}
    assert endpoint.refusals == 1, "but for the preflight's own try"
    findings = {finding.dial: finding for finding in found.findings}
    assert findings["reasoning_effort"].clashes[0].levels == ("high",)
    assert acted_on(found.dials, findings["reasoning_effort"])[1].endswith("refuses together with it")
    # Resumed, it knows that.
    again = tune(additions(60), dials, endpoint=endpoint, **given)
    assert again.dials.clashes == found.dials.clashes
    assert len(again.study.trials) == len(found.study.trials)


DECLARED = "temperature, top_p beside reasoning_effort=low,high"


def test_a_declared_clash_is_read_with_several_dials_levels_and_a_range():
    assert clashes_of([DECLARED, Clash("top_k", "seed", (1,))]) == (
        Clash("temperature", "reasoning_effort", ("low", "high")),
        Clash("top_p", "reasoning_effort", ("low", "high")),
        Clash("top_k", "seed", (1,)),
    )
    assert clashes_of("temperature beside thinking_budget=1024..8192")[0].levels == (1024, 8192)
    assert clashes_of("temperature beside reasoning_effort=unset")[0].levels == (None,)


@pytest.mark.parametrize("text", ["temperature", "temperature beside", "temperature beside x", "a b beside c=1", "=1"])
def test_what_is_no_clash_is_told_how_to_be_written(text):
    with pytest.raises(InputError, match=r"clash: .* is no clash\. Write such as \"temperature, top_p beside"):
        clashes_of(text)


@pytest.mark.parametrize(
    ("clash", "told"),
    [
        (Clash("temprature", "reasoning_effort", ("low",)), "temprature is neither tuned nor given"),
        (Clash("temperature", "effort", ("low",)), "effort is neither tuned nor given"),
        (Clash("temperature", "reasoning_effort", ("lowest",)), "lowest is no level of reasoning_effort"),
        (Clash("temperature", "top_p", (0.5,)), "top_p is a range alone"),
        (Clash("temperature", "temperature", (0,)), "wait for each other"),
        (Clash("reasoning_effort", "temperature", (0,)), "wait for each other"),
    ],
)
def test_a_clash_of_what_is_not_there_names_it_and_a_remedy(clash, told):
    dials = dials_of(["reasoning_effort=unset,low", "temperature=0..1.3", "top_p=0.1..1"])
    dials = dials.apart(Clash("temperature", "reasoning_effort", ("low",)))
    with pytest.raises(InputError, match=told):
        dials.apart(clash)


def test_what_is_declared_and_found_of_two_dials_is_one_condition():
    dials = dials_of(["reasoning_effort=unset,low,high", "temperature=0.5,1"])
    for level in ("low", "high"):
        dials = dials.apart(Clash("temperature", "reasoning_effort", (level,)))
    assert dials.clashes == (Clash("temperature", "reasoning_effort", ("low", "high")),)
    assert "temperature" not in dials.settings({"reasoning_effort": "low", "temperature": 1})
    assert "temperature" not in dials.settings({"reasoning_effort": "high", "temperature": 1})
    assert dials.settings({"reasoning_effort": "unset", "temperature": 1}) == {"temperature": 1}


@pytest.mark.parametrize("preflight", [True, False])
def test_of_what_is_declared_nothing_is_ever_asked_together(preflight):
    class Strict(Adds):
        async def __call__(self, body: dict) -> dict:
            if body["model"] == "deep":
                assert "top_p" not in body
            return await super().__call__(body)

    endpoint = Strict()
    found = tune(
        additions(60), {"model": ["plain", "deep"], "top_p": [0.3, 1], "temperature": [0.5, 1, 1.3],
        "reasoning_effort": [None, "high"]}, endpoint=endpoint, scorer="number", progress=False, store="memory",
        budget="1800 calls", defaults={"temperature": 1.3, "model": "deep"}, preflight=preflight,
        clashes=["temperature beside reasoning_effort=high", "top_p beside model=deep"],
    )  # fmt: skip
    assert endpoint.refusals == 0
    assert not any("top_p" in body and body["model"] == "deep" for body in endpoint.bodies)
    assert any("top_p" in body for body in endpoint.bodies)
    assert all("reasoning_effort" not in r.params or r.params["reasoning_effort"] != "high"
               or "temperature" not in r.params for r in found.study.trials)  # fmt: skip


def test_without_its_declaration_the_same_is_found_out_by_a_refusal():
    endpoint = Adds()
    tune(
        additions(40), {"temperature": [0.5, 1], "reasoning_effort": [None, "high"]}, endpoint=endpoint,
        model="m", scorer="number", progress=False, store="memory", budget="700 calls",
    )  # fmt: skip
    assert endpoint.refusals == 1
