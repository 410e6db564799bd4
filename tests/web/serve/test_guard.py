"""Who may ask: this machine's names alone, holders of the token elsewhere; only our own pages may change anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from starlette.testclient import TestClient

import trialist as tl
from trialist.web.serve.guard import MOST_BYTES, Rules, hosts_of

Visit = Callable[..., TestClient]
HERE = {"Origin": "http://127.0.0.1:8787", "Sec-Fetch-Site": "same-origin"}


def _note(rules: Rules) -> dict[str, str]:
    return {"why": "looks right", "csrf": rules.csrf}


def test_every_answer_forbids_what_pages_do_not_need(visit: Visit) -> None:
    with visit() as client:
        for path in ("/", "/studies/tiny", "/nope", "/studies/nope", "/static/live.js", "/studies/tiny/trials/0/log"):
            headers = client.get(path).headers
            policy = headers["content-security-policy"]
            assert (
                "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy
            )
            assert "unsafe" not in policy.partition("style-src")[0] and "unsafe-eval" not in policy
            assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8787", "", "[::1", "a@127.0.0.1", "x:y"])
def test_a_name_that_another_site_points_here_is_refused(visit: Visit, host: str) -> None:
    with visit() as client:
        answer = client.get("/", headers={"Host": host})
        assert answer.status_code == 421 and "trialist serve" in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787", "LOCALHOST", "[::1]:8787"])
def test_this_machine_goes_by_its_names(visit: Visit, host: str) -> None:
    with visit() as client:
        assert client.get("/", headers={"Host": host}).status_code == 200


REFUSED: Mapping[str, dict[str, str]] = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "a site beside": {"Origin": "http://127.0.0.1:9999", "Sec-Fetch-Site": "same-site"},
    "an origin that hides": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:9999"},
    "no origin at all": {},
    "typed into the address line": {"Sec-Fetch-Site": "none"},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_what_other_sites_send_changes_nothing(visit: Visit, study: tl.Study, headers: dict[str, str]) -> None:
    rules = Rules()
    with visit(rules) as client:
        answer = client.post("/studies/tiny/do/note", data=_note(rules), headers=headers)
        assert answer.status_code == 403 and not study.instructions
        kept = client.post("/studies/tiny/do/note", data=_note(rules), headers=HERE)
        assert kept.status_code == 303 and len(study.instructions) == 1


def test_a_form_needs_what_only_this_servers_pages_hold(visit: Visit, study: tl.Study) -> None:
    rules = Rules()
    with visit(rules) as client:
        for csrf in ("", "guess", Rules().csrf):
            answer = client.post("/studies/tiny/do/note", data={"why": "x", "csrf": csrf}, headers=HERE)
            assert answer.status_code == 403 and "Reload" in answer.text
        assert not study.instructions
        assert rules.csrf in client.get("/studies/tiny").text


def test_a_read_only_dashboard_shows_all_and_offers_nothing(visit: Visit, study: tl.Study) -> None:
    rules = Rules(read_only=True)
    with visit(rules) as client:
        answer = client.post("/studies/tiny/do/note", data=_note(rules), headers=HERE)
        assert answer.status_code == 403 and "--read-only" in answer.text and not study.instructions
        for path in ("/studies/tiny", "/studies/tiny/trials/6"):
            text = client.get(path).text
            assert "<dialog" not in text and "csrf" not in text and rules.csrf not in text
    with visit() as client:
        assert "<dialog" in client.get("/studies/tiny").text


def test_a_token_is_taken_out_of_the_address_and_kept_as_a_cookie(visit: Visit) -> None:
    rules = Rules("s3cret/+ü", frozenset(), cookie="trialist-8787")
    with visit(rules) as client:
        for path in ("/", "/studies/tiny", "/static/live.js", "/studies/tiny/events", "/?token=", "/?token=wrong"):
            answer = client.get(path)
            assert answer.status_code == 401 and "tiny" not in answer.text
        answer = client.get("/studies/tiny/trials", params={"token": "s3cret/+ü", "text": "a b", "by": "x"})
        assert answer.status_code == 303 and answer.headers["location"] == "/studies/tiny/trials?text=a+b&by=x"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "s3cret" not in cookie
        assert client.get("/studies/tiny").status_code == 200  # by the cookie
        answer = client.post("/studies/tiny/do/note", data=_note(rules), headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403
    with visit(Rules("s3cret/+ü", frozenset(), cookie="trialist-8787")) as client:  # after a restart
        client.cookies.set("trialist-8787", rules.session)
        assert client.get("/").status_code == 200
    with visit(Rules("another", frozenset(), cookie="trialist-8787")) as client:
        client.cookies.set("trialist-8787", rules.session)
        assert client.get("/").status_code == 401
        assert client.get("/", headers={"Authorization": "Bearer another"}).status_code == 200
        assert client.get("/", headers={"Authorization": "Bearer anothe"}).status_code == 401


def test_the_way_from_a_token_leads_to_this_server_alone(visit: Visit) -> None:
    with visit(Rules("t", frozenset())) as client:
        answer = client.get("http://127.0.0.1:8787//evil.example/", params={"token": "t"})
        assert answer.status_code == 303 and answer.headers["location"] == "/evil.example/"


def test_other_methods_and_endless_forms_are_refused(visit: Visit, study: tl.Study) -> None:
    rules = Rules()
    with visit(rules) as client:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            assert client.request(method, "/studies/tiny").status_code == 405
        long = {**_note(rules), "why": "x" * (MOST_BYTES + 1)}
        assert client.post("/studies/tiny/do/note", data=long, headers=HERE).status_code == 413
        parts = iter([b"csrf=", rules.csrf.encode(), b"&why=x"])  # chunked, of no told length
        assert client.post("/studies/tiny/do/note", content=parts, headers=HERE).status_code == 413
        assert client.get("/studies/tiny/do/note", params={"why": "x", "csrf": rules.csrf}).status_code == 200  # asks
    assert not study.instructions


def test_hosts_are_those_of_this_machine_and_the_one_that_was_asked_for() -> None:
    assert hosts_of("127.0.0.2") == {"localhost", "127.0.0.1", "::1", "127.0.0.2"}
    assert Rules(None).hosts == hosts_of("")
