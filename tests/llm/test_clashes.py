"""Settings that are refused beside others: found by trying them together, and never sent together."""

from __future__ import annotations

import asyncio

import pytest

from tests.llm.adder import Adder, additions
from tests.llm.test_preflight import flown
from tests.llm.toy import Toy
from trialist.llm import tune
from trialist.llm.clashes import Clash, clashes
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
