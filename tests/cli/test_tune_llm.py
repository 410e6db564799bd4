"""`trialist tune-llm` from the command line to a real server: words, JSON, resumption, wrong input, the key."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.llm.adder import Adder, additions
from tests.llm.wire import Says, Wire

KEY = "sk-planted-1234567890abcdef"


@pytest.fixture
def server():
    """The adder behind HTTP."""
    adder = Adder()
    wire = Wire(lambda number, body: Says(asyncio.run(adder(body))))
    wire.adder = adder
    yield wire
    wire.close()


@pytest.fixture
def folder(tmp_path):
    rows = [{"input": item.question, "target": item.target} for item in additions(40).items]
    (tmp_path / "suite.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "prompts").mkdir()
    for name, text in {"direct": "Answer.", "think": "Please think aloud."}.items():
        (tmp_path / "prompts" / f"{name}.txt").write_text(text)
    return tmp_path


def run(folder: Path, url: str, *more: str, budget="420 calls", code=0):
    words = [sys.executable, "-m", "trialist.cli.main", "tune-llm", "--suite", "suite.jsonl", "--base-url", url,
             "--model", "m", "--dial", "temperature=0,0.7,1.3", "--dial", "system=@prompts/*.txt", "--default",
             "temperature=1.3", "--default", "max_tokens=40", "--scorer", "number", "--budget", budget,
             "--no-preflight", "--price", "in=1/M,out=10/M", *more]  # fmt: skip
    env = {
        **os.environ,
        "OPENAI_API_KEY": KEY,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_study_from_suite_to_verdict_and_the_key_stays_out_of_everything(folder, server):
    done = run(folder, server.url)
    assert f"endpoint: {server.url}, model m" in done.stderr
    assert "at most $" in done.stderr
    assert "improved" in done.stdout
    assert '"temperature": ' in done.stdout
    assert f"{server.adder.calls:,} calls" in done.stdout
    assert all(headers["authorization"] == f"Bearer {KEY}" for headers in map(_lower, server.headers))
    assert KEY not in done.stdout + done.stderr
    for path in folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    again = run(folder, server.url, "--json")
    assert len(server.heard) == server.adder.calls, "nothing was asked again"
    told = json.loads(again.stdout)
    assert told["settings"]["max_tokens"] == 40
    assert told["prompt"] in ("Answer.", "Please think aloud.")
    assert told["verdict"]["outcome"] == "improved"
    assert told["spent"]["calls"] == server.adder.calls


def test_one_dial_at_a_time_is_a_table(folder, server):
    done = run(folder, server.url, "--one-at-a-time", "--name", "alone")
    assert "95 % interval" in done.stdout
    assert done.stdout.index("temperature=0 ") < done.stdout.index("beyond sum")
    told = json.loads(run(folder, server.url, "--one-at-a-time", "--name", "alone", "--json").stdout)
    assert {effect["dials"][0] for effect in told["one_at_a_time"]["effects"]} == {"temperature", "system"}


def _lower(headers):
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--dial", "n=1,2"], "dial.n: it is no dial"),
        (["--scorer", "nubmer"], "Did you mean 'number'?"),
        (["--holdout", "much"], "holdout"),
        (["--default", "temperature"], "is no default"),
        (["--judge", "m"], "asks no judge"),
        (["--scorer", "nothing.py:right"], "there is no file"),
    ],
)
def test_wrong_input_is_one_line_and_nothing_is_asked(folder, server, more, message):
    done = run(folder, server.url, *more, code=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not server.heard


def test_a_function_of_a_file_scores(folder, server):
    (folder / "score.py").write_text("def right(text, item):\n    return str(item.target) in text\n")
    assert "improved" in run(folder, server.url, "--scorer", "score.py:right", "--name", "own").stdout
