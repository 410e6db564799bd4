"""Whether a call is paid twice after SIGKILL: whole studies over a real connection, killed at random moments.

    python benchmarks/llm.py --only kills -- --runs 10

A server of the tiny model's table answers each request after a few milliseconds and counts them. The study's file of
answers holds each that it ever got, once; so requests beyond these were paid twice. What was under way at a kill cannot
be known to have been paid, and may be asked again; the client tells it as lost, and its budget counts it.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from language.answering import Answering, setting_of
from language.table import DEFAULT

HOME = Path(__file__).parents[1]
STUDY = """
import sys
sys.path.insert(0, sys.argv[1])
from language.answering import DEFAULTS, DIALS, suite_of
from trialist.llm import tune
from trialist.llm.pace import Pace
tuned = tune(
    suite_of(60, int(sys.argv[4])), DIALS, endpoint=sys.argv[2], model="tiny", defaults=DEFAULTS, scorer="number",
    budget="{calls} calls", seed=int(sys.argv[4]), store=sys.argv[3], progress=False, pace=Pace(first=8, concurrency=8),
)
account = tuned.study.stage("llm")
print(account["spent"]["calls"], account["lost"]["calls"])
"""
CALLS = 500
RECENT = 0.02  # seconds: a reply that was sent so shortly before a kill may not have arrived


class Server:
    """Answers over HTTP.  at: when each reply was sent, in the order of the requests; inf while it is due."""

    def __init__(self, seed: int) -> None:
        self.at: list[float] = []
        table, lock, delay, outer = Answering(seed), threading.Lock(), random.Random(seed), self

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that was killed is no error."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a reply's body waits 40 ms for the receipt of its head

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    place, wait = len(outer.at), delay.uniform(0, 0.01)
                    outer.at.append(float("inf"))
                time.sleep(wait)
                told = json.dumps(answer(table, body)).encode()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(told)))
                    self.end_headers()
                    self.wfile.write(told)
                except OSError:
                    return  # killed meanwhile
                outer.at[place] = time.monotonic()

            def log_message(self, *args: object) -> None:
                """Nothing on the terminal."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def under_way(self) -> int:
        """Requests whose reply is due, or may not have arrived yet."""
        now = time.monotonic()
        return sum(at > now - RECENT for at in self.at)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(table: Answering, body: dict[str, object]) -> dict[str, object]:
    """Right or wrong by the table, always alike for the same request."""
    import hashlib

    prompt, question = (message["content"] for message in body["messages"])  # type: ignore[attr-defined]
    setting = setting_of({"max_tokens": DEFAULT.max_tokens, "top_p": 1.0, **body, "system": prompt})
    place, total = table.places[question]
    known = table.rows.get(setting)
    chance = 0.5 if known is None else float(known.chances[place])  # levels that the preflight alone tries
    draw = random.Random(hashlib.blake2b(json.dumps(body, sort_keys=True).encode()).digest())
    text = f"{total if draw.random() < chance else total + draw.choice((-10, -1, 1, 10))}"
    usage = {"prompt_tokens": 12, "completion_tokens": 4}
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": usage}


@dataclass(frozen=True, slots=True)
class Killed:
    """calls: that the server heard; answers: that the study has.  under_way: calls at its kills, in all.

    counted, lost: by the client.
    """

    kills: int
    calls: int
    answers: int
    under_way: int
    counted: int
    lost: int


def killed(seed: int, kills: int) -> Killed:
    """A study that is killed so many times, and started again each time."""
    draw, under_way, done = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder, closing(Server(seed)) as server:
        while True:
            child = subprocess.Popen(_command(server, f"{folder}/study.db", seed), stdout=subprocess.PIPE, text=True)
            goal = len(server.at) + draw.randint(1, 2 * CALLS // (kills + 1))
            while done < kills and len(server.at) < goal and child.poll() is None:
                time.sleep(0.001)
            time.sleep(draw.uniform(0, 0.02))
            if done < kills and child.poll() is None:
                under_way += server.under_way()
                child.send_signal(signal.SIGKILL)
                done += 1
            said = child.communicate()[0]
            if child.returncode == 0:
                break
        with closing(sqlite3.connect(f"{folder}/study.answers.db")) as cache:
            answers = cache.execute("SELECT count(*) FROM answers").fetchone()[0]
    counted, lost = map(int, said.split())
    return Killed(done, len(server.at), answers, under_way, counted, lost)


def _command(server: Server, store: str, seed: int) -> list[str]:
    return [sys.executable, "-c", STUDY.format(calls=CALLS), str(HOME), server.url, store, str(seed)]


def main(options: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="llm.py --only kills --", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--kills", type=int, default=3, help="of each, as long as it runs")
    args = parser.parse_args(options)
    print(
        "| run | kills | calls heard | answers | asked again | under way at kills | counted | of these told as lost |"
    )
    print("| ---: |" + " ---: |" * 7)
    runs = [killed(seed, args.kills) for seed in range(args.runs)]
    for seed, run in enumerate(runs):
        told = f"{run.answers:,} | {run.calls - run.answers} | {run.under_way} | {run.counted:,} | {run.lost}"
        print(f"| {seed} | {run.kills} | {run.calls:,} | {told} |")
    twice = sum(max(0, run.calls - run.answers - run.under_way) for run in runs)
    below = sum(run.calls > run.counted for run in runs)
    print(f"paid twice, beyond what was under way: {twice} of {sum(run.calls for run in runs):,} calls; ", end="")
    print(f"budgets that counted fewer calls than the server heard: {below}")
