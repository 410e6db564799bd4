"""Settings of the tiny model, tuned through its real server: found, verified, killed and resumed, within budget."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from trialist.llm import Endpoint, Item, Message, Pace, Suite, tune
from trialist.testing.fault_proxy import BROKEN, CUT, LIMITED, USAGE, Faults, faulty
from trialist.testing.tiny_lm import DIRECT, PROMPTS, items

ROOT = Path(__file__).parents[3]
DIALS = {"system": list(PROMPTS), "temperature": "0..1.3", "top_p": "0.3..1", "max_tokens": [12, 24, 48]}
DEFAULTS = {"system": DIRECT, "temperature": 1.3, "top_p": 1.0, "max_tokens": 48}


def additions(count):
    return Suite("sums", tuple(Item(q, (Message("user", q),), int(a)) for q, a in items(count)))


@pytest.mark.slow
def test_a_much_better_setting_is_found_and_the_trap_is_said(tiny_server):
    found = tune(
        additions(200), DIALS, endpoint=tiny_server.base_url, model=tiny_server.model, defaults=DEFAULTS,
        scorer="number", budget="2500 calls", holdout=0.4, store="memory", pace=Pace(concurrency=4), progress=False,
    )  # fmt: skip
    verdict = found.study.verdict
    assert verdict.outcome == "improved"
    assert verdict.selected_score >= 0.97  # the best known setting is right always
    assert verdict.baseline_score < 0.7
    assert {finding.dial: finding.treatment.value for finding in found.findings}["temperature"] == "honoured"
    words = [record.notes["truncated"] for record in found.study.trials if "truncated" in record.notes]
    assert any("max_tokens=12: the limit decides" in each for each in words)
    assert not found.study.stage("llm")["sealed"]["selected"]["truncated"]


@pytest.mark.slow
def test_faults_of_real_life_leave_budget_and_verdict_whole(tiny_server):
    chances = {LIMITED: 0.03, BROKEN: 0.03, CUT: 0.02, USAGE: 0.05}
    with faulty(tiny_server.base_url, Faults(chances=chances, retry_after_seconds=0.1)) as proxy:
        found = tune(
            additions(100), DIALS, endpoint=Endpoint(proxy.base_url), model=tiny_server.model, defaults=DEFAULTS,
            scorer="number", budget="1500 calls", holdout=0.4, store="memory", preflight=False, strategy="random",
            pace=Pace(concurrency=4, backoff_seconds=0.02, cap_seconds=0.2), progress=False,
        )  # fmt: skip
        assert len(proxy.calls) <= 1500
        assert found.study.spent["cost"] <= 1500
    assert found.study.verdict.outcome == "improved"


@pytest.mark.slow
def test_after_a_kill_no_answer_is_paid_twice(tiny_server, tmp_path):
    rows = [{"id": q, "question": q, "answer": a} for q, a in items(80)]
    (tmp_path / "sums.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with faulty(tiny_server.base_url, Faults()) as proxy:
        words = [
            sys.executable, "-m", "trialist.cli.main", "tune-llm", "--base-url", proxy.base_url, "--model",
            tiny_server.model, "--suite", "sums.jsonl", "--scorer", "number", "--dial", f"system={','.join(PROMPTS)}",
            "--dial", "max_tokens=12,24,48", "--default", "temperature=0", "--default", f"system={DIRECT}", "--default",
            "max_tokens=48", "--budget", "900 calls", "--no-preflight", "--concurrency", "4", "--json",
        ]  # fmt: skip
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        first = subprocess.Popen(words, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while len(proxy.calls) < 130 and time.monotonic() < until:
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        # At temperature 0 each request is asked once; what was under way at the kill may have been answered to nobody.
        asked = Counter(json.dumps(call.body, sort_keys=True) for call in proxy.calls)
        assert sum(count - 1 for count in asked.values()) <= 4
        assert len(proxy.calls) <= 900
    assert told["verdict"] is not None
