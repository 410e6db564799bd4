"""The report of a language model's study: every panel is there, and nothing that a model wrote becomes markup."""

from dataclasses import replace

import pytest

from tests.llm.adder import Adder, additions
from tests.llm.wire import completion
from tests.web.test_report import HOSTILE, Outline
from trialist.llm import Item, Message, Suite, tune
from trialist.web.data import ReportData
from trialist.web.llm import disagreements_section
from trialist.web.report import page

DIALS = ["temperature=0,0.7,1.3", "system=direct,think", "max_tokens=12,40"]
DEFAULTS = {"temperature": 1.3, "system": "direct", "max_tokens": 40}


def tuned(endpoint, suite, **more):
    given = {"budget": "900 calls", "defaults": DEFAULTS, "scorer": "number", "preflight": False, "strategy": "random"}
    return tune(suite, DIALS, endpoint=endpoint, model="m", store="memory", progress=False, **{**given, **more})


@pytest.fixture(scope="module")
def written():
    found = tuned(Adder(), additions(60), prices="in=1/M,out=10/M", objective="score; cost; p95_latency")
    return found, page(ReportData.of(found.study, 0.0))


def test_every_panel_is_there(written):
    found, text = written
    told = Outline(text)
    for panel in ("asked", "disagreements", "items", "race"):
        assert f'id="{panel}"' in text
    assert told.all("svg")
    assert "Items by settings" in text
    assert f"{found.study.stage('llm')['spent']['calls']:,}" in text
    assert "blocks were spared" in text
    assert "the limit decides, not the prompt" in text


def test_the_heat_map_shows_each_score_once(written):
    found, text = written
    kept = found.study.stage("llm")
    cells = sum(score is not None for each in kept["settings"] for score in each["scores"])
    heat = text[text.index('class="heat"') :]
    assert heat[: heat.index("</svg>")].count("M") == cells


def test_effects_of_single_dials_are_a_panel_of_their_own():
    found = tuned(Adder(), additions(60), one_at_a_time=True, budget="2000 calls")
    text = page(ReportData.of(found.study, 0.0))
    Outline(text)
    assert 'id="alone"' in text
    assert "beyond their sum" in text


def test_nothing_that_a_model_or_a_suite_says_becomes_markup():
    async def hostile(body):
        hot = body.get("temperature", 1.0) > 0
        return completion(HOSTILE if hot else f"{HOSTILE} 7", "stop", {"prompt_tokens": 5, "completion_tokens": 5})

    hostile.name = HOSTILE
    items = [Item(f"{HOSTILE}{k}", (Message("user", f"{HOSTILE}{k}"),), 7, group=f"{HOSTILE}{k}") for k in range(40)]
    found = tuned(hostile, Suite(HOSTILE, tuple(items)))
    text = page(ReportData.of(found.study, 0.0))
    Outline(text)
    assert found.study.stage("llm")["sealed"]["disagreements"]
    assert not Outline(text).all("img")


def test_of_many_answers_that_differ_the_first_are_there_at_once_and_all_others_at_a_click(written):
    found, _ = written
    pairs = found.study.stage("llm")["sealed"]["disagreements"]
    many = {**found.study.stage("llm"), "sealed": {**found.study.stage("llm")["sealed"], "disagreements": pairs * 9}}
    assert len(pairs * 9) > 20
    data = replace(ReportData.of(found.study, 0.0), asked=many)
    panel = str(disagreements_section(data))
    shown, _, hidden = panel.partition("<details")
    assert shown.count("<tr") == 1 + 12
    assert hidden.count("<tr") == 1 + len(pairs * 9) - 12
    assert f"{len(pairs * 9) - 12} more" in hidden
