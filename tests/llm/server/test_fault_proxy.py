"""The proxy of faults, before a small server that counts what it is asked."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trialist.testing.fault_proxy import BROKEN, CUT, KINDS, LIMITED, SLOW, USAGE, Faults, faulty

USED = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.fixture
def server():
    """A server that answers each POST with its own question, and its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.reply({"text": asked["text"], "usage": USED, "key": self.headers["Authorization"]})

        def do_GET(self):
            self.reply({"path": self.path})

        def reply(self, told):
            content = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/v1"
        running.shutdown()


def ask(base_url, text="hello", key="Bearer planted-key-1234"):
    request = urllib.request.Request(
        f"{base_url}/chat/completions",
        json.dumps({"text": text}).encode(),
        {"Content-Type": "application/json", "Authorization": key},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_without_faults_the_answer_is_the_servers_own(server):
    with faulty(server) as proxy:
        assert ask(proxy.base_url) == {"text": "hello", "usage": USED, "key": "Bearer planted-key-1234"}
        with urllib.request.urlopen(f"{proxy.base_url}/models", timeout=30) as answer:
            assert json.loads(answer.read()) == {"path": "/v1/models"}
    assert [(call.body, call.fault, call.was_served, call.status) for call in proxy.calls] == [
        ({"text": "hello"}, None, True, 200)
    ]


def test_a_limit_says_when_to_try_again_and_the_server_is_not_asked(server):
    with faulty(server, Faults(schedule=(LIMITED,), retry_after_seconds=0.25)) as proxy:
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(proxy.base_url)
        assert refused.value.code == 429
        assert refused.value.headers["Retry-After"] == "0.25"
        assert proxy.served == 0
        assert ask(proxy.base_url)["text"] == "hello"
    assert proxy.served == 1


def test_what_is_broken_is_500_once_or_lastingly(server):
    broken = Faults(schedule=(BROKEN,), lasting=lambda body: body["text"] == "cursed")
    with faulty(server, broken) as proxy:
        for text, code in (("hello", 500), ("hello", 200), ("cursed", 500), ("cursed", 500)):
            if code == 200:
                ask(proxy.base_url, text)
            else:
                with pytest.raises(urllib.error.HTTPError) as failed:
                    ask(proxy.base_url, text)
                assert failed.value.code == code
    assert proxy.served == 1


def test_a_cut_answer_ends_early_though_the_work_was_done(server):
    with faulty(server, Faults(schedule=(CUT,))) as proxy, pytest.raises(http.client.IncompleteRead):
        ask(proxy.base_url)
    assert proxy.served == 1


def test_a_slow_answer_is_late_and_holds_up_no_other(server):
    with faulty(server, Faults(schedule=(SLOW,), slow_seconds=1.0)) as proxy:
        ends = {}

        def timed(text):
            ask(proxy.base_url, text)
            ends[text] = time.monotonic()

        start = time.monotonic()
        first = threading.Thread(target=timed, args=("first",))
        first.start()
        while not proxy.calls:
            time.sleep(0.01)
        timed("second")
        first.join()
    assert ends["first"] - start >= 1.0
    assert ends["second"] < ends["first"]


def test_wrong_usages_come_in_turn_and_the_text_stays(server):
    wrong = (None, {"prompt_tokens": -1})
    with faulty(server, Faults(schedule=(USAGE, USAGE), usages=wrong)) as proxy:
        answers = [ask(proxy.base_url) for _ in range(3)]
    assert [answer.get("usage", "absent") for answer in answers] == ["absent", {"prompt_tokens": -1}, USED]
    assert {answer["text"] for answer in answers} == {"hello"}


def test_drawn_faults_have_their_share_and_are_the_same_for_a_seed():
    faults = Faults(chances={LIMITED: 0.2, CUT: 0.1}, seed=3)
    drawn = [faults.of(number, {}) for number in range(4000)]
    assert drawn == [Faults(chances={LIMITED: 0.2, CUT: 0.1}, seed=3).of(number, {}) for number in range(4000)]
    assert drawn != [Faults(chances={LIMITED: 0.2, CUT: 0.1}, seed=4).of(number, {}) for number in range(4000)]
    # Four standard deviations of a share over 4000 draws are 0.025 and 0.019.
    assert drawn.count(LIMITED) / 4000 == pytest.approx(0.2, abs=0.025)
    assert drawn.count(CUT) / 4000 == pytest.approx(0.1, abs=0.019)
    assert set(drawn) == {LIMITED, CUT, None}


def test_no_header_is_kept(server):
    with faulty(server, Faults(schedule=(*KINDS, None))) as proxy:
        for _ in range(len(KINDS) + 1):
            try:
                ask(proxy.base_url)
            except (OSError, http.client.HTTPException):
                pass
    assert len(proxy.calls) == len(KINDS) + 1
    assert "planted-key" not in repr(proxy)


def test_a_server_that_is_gone_is_502():
    with faulty("http://127.0.0.1:9/v1") as proxy, pytest.raises(urllib.error.HTTPError) as failed:
        ask(proxy.base_url)
    assert failed.value.code == 502


@pytest.mark.parametrize(
    "wrong", [{"schedule": ("limitted",)}, {"chances": {"gone": 0.1}}, {"chances": {CUT: 0.7, SLOW: 0.6}}]
)
def test_unknown_faults_and_impossible_chances_are_refused(wrong):
    with pytest.raises(ValueError, match=r"known are|together at most 1"):
        Faults(**wrong)
