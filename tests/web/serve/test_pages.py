"""Every page of every kind of study: it answers, is well formed, escapes what it shows, and holds no script inside."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import trialist as tl
from trialist.store import open_store
from trialist.testing.odd_studies import ODD
from trialist.web.panels import PANELS
from trialist.web.serve.app import app
from trialist.web.serve.guard import Rules
from trialist.web.serve.places import key_of, name_of, study_at

Visit = Callable[..., TestClient]
HOST = "http://127.0.0.1:8787"
PLACES = ("", "/trials", "/dials", "/validity", "/failures", "/llm", "/asked")
_VOID = {"br", "col", "hr", "input", "link", "meta"}


class _Page(HTMLParser):
    """Balanced elements, their attributes, all ids and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.handlers: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given.get("href")))
        if tag == "script":
            self.scripts.append(given)
        self.handlers += [name for name in given if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag


def _checked(text: str) -> _Page:
    page = _Page(text)
    assert not page.open and not page.handlers
    assert len(set(page.ids)) == len(page.ids), sorted(page.ids)
    assert all((script.get("src") or "").startswith("/static/") for script in page.scripts)
    assert not [link for link in page.links if not link.startswith(("/", "#"))]
    return page


@pytest.mark.parametrize("kind", list(ODD))
def test_every_page_of_every_kind_of_study_answers(odd: dict[str, tuple[Path, str]], kind: str) -> None:
    path, name = odd[kind]
    store, at = open_store(path), study_at(odd[kind][1])
    trials = store.load_study(name).trials
    with TestClient(app(store, Rules()), base_url=HOST) as client:
        _until(lambda: "computing" not in client.get(at).text)
        places = [*PLACES, "/trials?state=failed&by=rate&order=up&text=a", "/trials?page=99"]
        places += [f"/trials/{number}" for number in {0, trials // 2, trials - 1} if trials]
        places += [f"/compare?a=0&b={trials - 1}"] if trials else []
        for place in places:
            answer = client.get(at + place)
            assert answer.status_code == 200, (place, answer.text[:300])
            assert "<script>alert" not in answer.text
            page = _checked(answer.text)
            for link in page.links:
                assert client.get(link.partition("#")[0]).status_code == 200 if link.startswith("/studies") else True, (
                    link
                )
            if "compare" in place:
                break
        for number in {0, trials - 1} if trials else ():
            log = client.get(f"{at}/trials/{number}/log").json()
            assert set(log) == {"text", "to", "more", "live"}
        for panel in PANELS:
            answer = _computed(client, f"{at}/panels/{panel}.json")
            assert answer.status_code in (200, 204)
            if answer.status_code == 200:
                found = json.loads(answer.text, parse_constant=_never)
                assert "<script>alert" not in found["html"] and isinstance(found["data"], dict)


def test_effects_on_each_objective_have_an_address(odd: dict[str, tuple[Path, str]]) -> None:
    path, name = odd["several_objectives"]
    at = study_at(name)
    with TestClient(app(open_store(path), Rules()), base_url=HOST) as client:
        places = re.findall(r'data-src="([^"]+importance[^"]+)"', client.get(f"{at}/dials").text)
        assert [place.rpartition("=")[2] for place in places] == ["latency_ms", "size", "accuracy"]
        told = [json.loads(_computed(client, place).text)["html"] for place in places]
        assert all(metric in html for metric, html in zip(("latency_ms", "size", "accuracy"), told, strict=True))


def test_the_list_of_studies_tells_each_in_brief(odd: dict[str, tuple[Path, str]]) -> None:
    path, _ = odd["verified"]
    with TestClient(app(open_store(path), Rules()), base_url=HOST) as client:
        page = client.get("/")
        _checked(page.text)
        for _, name in odd.values():
            assert f'href="{study_at(name)}"' in page.text
        assert "not verified" in page.text and ("▲ improved" in page.text or "≈ no difference" in page.text)
        assert "not begun" in page.text and "<script>alert" not in page.text


def test_a_store_without_studies_says_how_to_start_one(tmp_path: Path) -> None:
    with TestClient(app(open_store(tmp_path / "new.db"), Rules()), base_url=HOST) as client:
        page = client.get("/")
        assert page.status_code == 200 and "trialist run" in page.text


@pytest.mark.parametrize(
    "path",
    ["/studies/none", "/studies/~!", "/studies/tiny/nope", "/studies/tiny/panels/nope.json",
     "/studies/tiny/panels/importance.json?on=nope", "/studies/tiny/trials/99",
     "/studies/tiny/trials/-1", "/studies/tiny/trials/9999999999999999999999", "/static/../app.py",
     "/static/%2e%2e/data.py",
     "/studies/none/events",
     "/studies/tiny/compare?a=0&b=99", "/studies/tiny/trials/99/log"],
)  # fmt: skip
def test_what_is_not_there_is_told_as_such(visit: Visit, path: str) -> None:
    with visit() as client:
        answer = client.get(path)
        assert answer.status_code in (400, 404), answer.text[:200]
        assert "Traceback" not in answer.text


def test_addresses_hold_any_name_and_lead_back_to_it() -> None:
    for name in ("digits-mlp", "a b", "..", ".", "a/b", "", "<script>", "é/../x", "🚀" * 30, "~x", "x" * 300, "a?b#c%"):
        at = study_at(name)
        assert name_of(key_of(name)) == name
        assert at.count("/") == 2 and not set('?#<>" ') & set(at)


def test_trials_are_chosen_sorted_and_paged_by_the_server(visit: Visit) -> None:
    with visit() as client:

        def numbers(query: str) -> list[int]:
            text = client.get(f"/studies/tiny/trials?{query}").text
            return [
                int(part.partition('"')[0])
                for part in text.split('data-v="')[1:]
                if f'href="/studies/tiny/trials/{part.partition(chr(34))[0]}"' in part[:80]
            ]

        assert numbers("") == [6, 5, 4, 3, 2, 1, 0] and numbers("order=up") == [0, 1, 2, 3, 4, 5, 6]
        assert numbers("state=failed") == [3] == numbers("text=%3CLUCK%3E") and numbers("state=waiting") == [6]
        assert numbers("text=a+guess") == [6] and numbers("text=nothing+like+it") == []
        by_loss = numbers("by=loss&order=up")
        assert sorted(by_loss[:5]) == [0, 1, 2, 4, 5] and by_loss[5:] == [3, 6]  # without a loss: behind
        assert numbers("by=loss&order=down")[:5] == by_loss[:5][::-1]
        assert numbers("page=7") == numbers("page=x") == numbers("state=odd")


def test_a_trials_page_has_its_reason_its_failure_and_its_log_from_where_it_is_asked(
    visit: Visit, study: tl.Study
) -> None:
    log = study.directory / "00003" / "log.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("one <b>\ntwo\n")
    with visit() as client:
        text = client.get("/studies/tiny/trials/3").text
        assert "no &lt;luck&gt;" in text and "Failure: objective" in text and "no <luck>" not in text
        assert "a guess" in client.get("/studies/tiny/trials/6").text
        first = client.get("/studies/tiny/trials/3/log").json()
        assert first["text"] == "one <b>\ntwo\n" and not first["live"] and not first["more"]
        log.write_text("one <b>\ntwo\nthree\n")
        assert client.get(f"/studies/tiny/trials/3/log?from={first['to']}").json()["text"] == "three\n"
        log.write_text("anew\n")  # it was begun again
        assert client.get(f"/studies/tiny/trials/3/log?from={first['to']}").json()["text"] == "anew\n"
        log.unlink()
        (log.parent / "secret").write_text("secret")
        log.symlink_to("secret")
        assert client.get("/studies/tiny/trials/3/log").json()["text"] == ""


def test_compared_trials_stand_side_by_side_with_what_differs_marked(visit: Visit) -> None:
    with visit() as client:
        text = client.get("/studies/tiny/compare?a=0&b=2").text
        assert "trial 0" in text and "trial 2" in text and 'class="changed"' in text
        assert client.get("/studies/tiny/compare?a=0").status_code == 400


def test_a_trials_page_and_a_comparison_say_what_was_foretold_of_it(odd: dict[str, tuple[Path, str]]) -> None:
    path, name = odd["foretold"]
    store = open_store(path)
    told = [r for r in store.changes(name).records if r.foretold is not None and r.is_scored]
    with TestClient(app(store, Rules()), base_url="http://127.0.0.1:8787") as client:
        text = client.get(f"/studies/{name}/trials/{told[0].number}").text
        assert "foretold loss" in text and "foretold accuracy" in text and ", came " in text
        text = client.get(f"/studies/{name}/compare?a=0&b={told[0].number}").text
        assert "foretold" in text and ", came " in text
        assert "foretold loss" not in client.get(f"/studies/{name}/trials/0").text


def _computed(client: TestClient, path: str) -> object:
    answers = []

    def is_there() -> bool:
        answers.append(client.get(path))
        return answers[-1].status_code != 202

    _until(is_there)
    return answers[-1]


def _until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)


def _never(constant: str) -> float:
    raise AssertionError(f"{constant} is no JSON")
