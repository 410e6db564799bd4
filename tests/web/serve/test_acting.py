"""What people do on the dashboard: it is asked of the study, recorded with who and why, or refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

import trialist as tl
from trialist.errors import SpaceError
from trialist.trials.instruction import Act
from trialist.trials.trial import State
from trialist.web.serve.doing import DID, configuration
from trialist.web.serve.forms import _reach
from trialist.web.serve.guard import Rules

Visit = Callable[..., TestClient]
HEADERS = {"Origin": "http://127.0.0.1:8787", "Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


@pytest.fixture
def act(visit: Visit) -> Callable[..., Any]:
    """Send a form as the page's script does; status and answer."""
    rules = Rules()
    client = visit(rules)

    def send(what: str, **fields: str) -> tuple[int, str]:
        form = {"csrf": rules.csrf, "who": "ann", **{key.replace("__", ":"): text for key, text in fields.items()}}
        answer = client.post(f"/studies/tiny/do/{what}", data=form, headers=HEADERS)
        told = answer.json()
        return answer.status_code, told.get("done") or told["problem"]

    return send


def test_a_configuration_is_queued_with_who_wanted_it_and_why(act: Callable[..., Any], study: tl.Study) -> None:
    assert act("enqueue", dial__x="0.125", **{"dial__<b>kind": "1"}, why="between <two>") == (
        200,
        "Trial 7 is in the queue.",
    )
    record = study.trials[7]
    assert record.params == {"x": 0.125, "<b>kind": "<i>"} and record.state is State.WAITING
    assert record.reason.startswith("asked for by ann (dashboard, ") and record.reason.endswith(": between <two>")
    (asked,) = study.instructions
    assert (asked.act, asked.trial, asked.words) == (Act.ENQUEUE, 7, "between <two>") and "ann" in asked.who


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dial__x": "7"}, "x: "),
        ({"dial__x": "a lot"}, "is not a number"),
        ({"dial__x": "nan"}, "x: "),
        ({"dial__<b>kind": "9"}, "none of its choices"),
    ],
)
def test_a_configuration_outside_the_space_is_refused_by_name(
    act: Callable[..., Any], study: tl.Study, fields: dict[str, str], words: str
) -> None:
    status, told = act("enqueue", **fields)
    assert status == 400 and words in told and len(study.trials) == 7 and not study.instructions


def test_a_waiting_trial_is_stopped_and_a_closed_one_is_not(act: Callable[..., Any], study: tl.Study) -> None:
    assert act("stop", trial="6", why="too late") == (200, "Trial 6 is to stop.")
    status, told = act("stop", trial="0")
    assert status == 400 and "complete" in told
    assert act("stop", trial="99")[0] == 404 and act("stop", trial="x")[0] == 400 and act("stop")[0] == 400
    study.optimize(lambda trial: trial["x"], trials=1)
    assert study.trials[6].state is State.STOPPED and "too late" in study.trials[6].stop_reason


def test_pause_resume_and_notes_are_kept_and_shown(act: Callable[..., Any], study: tl.Study, visit: Visit) -> None:
    assert act("pause", why="heat")[0] == 200 and study.paused is not None
    with visit() as client:
        page = client.get("/studies/tiny").text
        assert "Paused by ann" in page and "do-resume" in page and ">paused<" in client.get("/").text
        assert act("resume")[0] == 200 and study.paused is None
        assert act("note", why="all <fine>", trial="0")[0] == 200 and act("note", why="of it all")[0] == 200
        assert act("note", why="  ")[0] == 400
        asked = client.get("/studies/tiny/asked").text
        assert asked.count("ann (dashboard, ") == 4 and "all &lt;fine&gt;" in asked
        trial = client.get("/studies/tiny/trials/0").text
        assert "all &lt;fine&gt;" in trial and "of it all" not in trial


def test_the_budget_is_changed_by_a_revision_with_its_reason(
    act: Callable[..., Any], study: tl.Study, visit: Visit
) -> None:
    assert act("extend", trials="40", minutes="2", why="more time")[0] == 200
    with tl.Study.load("tiny", study.store.url.removeprefix("sqlite:///")) as again:
        assert again.declared.budget == tl.Budget(trials=40, minutes=2)
    assert [r.reason for r in study.store.revisions("tiny")][1:] == ["more time"]
    assert act("extend", trials="40", minutes="2")[0] == 400  # it is that already
    for wrong in ({"trials": "0"}, {"trials": "2.5"}, {"trials": "many"}, {"minutes": "-1"}, {"trials": "nan"}):
        assert act("extend", **wrong)[0] == 400, wrong
    with visit() as client:
        assert "more time" in client.get("/studies/tiny/asked").text


def test_what_is_no_action_is_told_and_a_page_without_script_is_led_back(visit: Visit, act: Callable[..., Any]) -> None:
    status, told = act("delete")
    assert status == 400 and "Use one of" in told
    rules = Rules()
    with visit(rules) as client:
        form = {"csrf": rules.csrf, "why": "hm"}
        plain = {key: value for key, value in HEADERS.items() if key != "Accept"}
        answer = client.post("/studies/tiny/do/note", data=form, headers=plain)
        assert answer.status_code == 303 and answer.headers["location"] == "/studies/tiny?did=note"
        answer = client.post("/studies/tiny/do/note", data={**form, "why": ""}, headers=plain)
        assert answer.status_code == 400 and "says nothing" in answer.text


def _forms(page: str) -> dict[str, dict[str, str]]:
    """By method and address, the fields that a browser would send of each form on a page; the last of that address."""
    found: dict[str, dict[str, str]] = {}
    for method, action, inside in re.findall(r'<form method="(\w+)" action="([^"]+)"[^>]*>(.*?)</form>', page, re.S):
        fields = {unescape(key): "" for key in re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', inside)}
        fields |= {
            unescape(k): unescape(v) for k, v in re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', inside)
        }
        found[f"{method} {unescape(action)}"] = fields
    return found


def test_without_scripts_a_button_leads_to_a_form_and_the_form_back(visit: Visit, study: tl.Study) -> None:
    browser = {key: value for key, value in HEADERS.items() if key != "Accept"}
    with visit(Rules()) as client:
        for at, act, filled, back in (
            ("/studies/tiny", "pause", {"why": "heat"}, "/studies/tiny?did=pause"),
            ("/studies/tiny", "enqueue", {"dial:x": "0.5"}, "/studies/tiny/trials/7?did=enqueue"),
            ("/studies/tiny/trials/6", "stop", {}, "/studies/tiny/trials/6?did=stop"),
            ("/studies/tiny/trials/0", "note", {"why": "odd"}, "/studies/tiny/trials/0?did=note"),
        ):
            forms = _forms(client.get(at).text)
            asked = client.get(f"/studies/tiny/do/{act}", params=forms[f"get /studies/tiny/do/{act}"])
            assert asked.status_code == 200 and "<dialog" not in asked.text
            form = _forms(asked.text)[f"post /studies/tiny/do/{act}"]
            answer = client.post(f"/studies/tiny/do/{act}", data={**form, **filled}, headers=browser)
            assert (answer.status_code, answer.headers.get("location")) == (303, back), answer.text
            assert DID[act] in client.get(back).text
        assert study.paused is not None and study.trials[7].params["x"] == 0.5
        assert [asked.act for asked in study.instructions] == [Act.PAUSE, Act.ENQUEUE, Act.STOP, Act.NOTE]
        assert "<script>" not in client.get("/studies/tiny?did=<script>").text


def test_a_form_that_is_refused_comes_back_as_it_was_typed(visit: Visit, study: tl.Study) -> None:
    rules, browser = Rules(), {key: value for key, value in HEADERS.items() if key != "Accept"}
    with visit(rules) as client:
        typed = {"csrf": rules.csrf, "dial:x": "a <lot>", "why": "why <not>", "who": "ann"}
        answer = client.post("/studies/tiny/do/enqueue", data=typed, headers=browser)
        assert answer.status_code == 400 and "is not a number" in answer.text
        form = _forms(answer.text)["post /studies/tiny/do/enqueue"]
        assert (form["dial:x"], form["who"], form["csrf"]) == ("a <lot>", "ann", rules.csrf)
        assert "why &lt;not&gt;</textarea>" in answer.text and not study.instructions
        stale = client.post("/studies/tiny/do/pause", data={"csrf": "old"}, headers=browser)
        assert stale.status_code == 403 and "Reload" in stale.text
        assert client.get("/studies/tiny/do/delete").status_code == 400
        assert client.get("/studies/tiny/do/stop", params={"trial": "99"}).status_code == 404


def test_a_read_only_dashboard_has_no_forms(visit: Visit) -> None:
    with visit(Rules(read_only=True)) as client:
        assert client.get("/studies/tiny/do/pause").status_code == 403
        assert "/do/" not in client.get("/studies/tiny").text


def test_a_typed_configuration_keeps_kinds_and_leaves_out_what_is_empty() -> None:
    space = tl.Space(n=tl.Int(1, 9), f=tl.Float(0.0, 1.0), c=tl.Categorical([None, 1, "1", True]))
    assert configuration(space, {"n": "3", "f": "", "c": "2", "gone": "1"}) == {"n": 3, "c": "1"}
    assert configuration(space, {"c": "0"}) == {"c": None}
    with pytest.raises(SpaceError, match="whole number"):
        configuration(space, {"n": "2.5"})


@pytest.mark.parametrize(
    ("dial", "words"),
    [
        (tl.Float(1e-4, 0.1, log=True, default=1e-3), "0.0001 to 0.1 on a log scale, default 0.001"),
        (tl.Int(8, 64, step=8), "whole, 8 to 64, in steps of 8"),
        (tl.Int(1, 9), "whole, 1 to 9"),
        (tl.Categorical(["a", None], default=None), "default None"),
        (tl.Categorical(["a", "b"]), ""),
        (tl.Float(0.0, 1.0, when={"kind": "b"}), "0 to 1, only where kind is 'b'"),
    ],
)
def test_a_field_says_what_its_dial_may_be(dial: object, words: str) -> None:
    space = tl.Space(kind=tl.Categorical(["a", "b"]), dial=dial)
    assert _reach(space["dial"]) == words
