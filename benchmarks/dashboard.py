"""The dashboard beside optuna-dashboard on the same trials, in turn: first view, memory; then alone on a long study.

python benchmarks/dashboard.py [--trials 10000] [--reports 10] [--rounds 3] [--only beside,long] [--no-browser]
First view: from the request of the page to the last byte of what its history chart is drawn from, scripts and styles
included, of a server that was just started; in chromium, from the navigation until that chart is drawn. Memory: the
most that the server's process held (VmHWM). Both servers keep their study in SQLite.
long: 10,000 trials with 100 reports each (1,000,000), read over every page while another process goes on writing and
three visitors listen: the same figures, whether a change was missed, and how far apart the news came.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

PYTHON = sys.executable
MIB = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--reports", type=int, default=10, help="of each trial, beside optuna-dashboard")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many starts of each server")
    parser.add_argument("--only", default="beside,long")
    parser.add_argument("--no-browser", action="store_true")
    parser.add_argument("--folder", help="where the studies are kept")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="_bench", dir=given.folder))
    try:
        if "beside" in given.only:
            beside(folder, given.trials, given.reports, given.rounds, not given.no_browser)
        if "long" in given.only:
            long_study(folder, given.trials, 100)
    finally:
        shutil.rmtree(folder)


def beside(folder: Path, trials: int, reports: int, rounds: int, browser: bool) -> None:
    print(f"\n{trials:,} trials with {reports} reports each")
    drawn = list(_drawn(trials, reports))
    ours, theirs = folder / "ours.db", folder / "theirs.db"
    for name, build, path in (("trialist", build_ours, ours), ("optuna", build_theirs, theirs)):
        began = time.perf_counter()
        build(path, drawn)
        print(
            f"  {name}: written in {time.perf_counter() - began:.0f} s, {path.stat().st_size / 2**20:.0f} MiB",
            flush=True,
        )
    systems = {
        "trialist": ([PYTHON, "-m", "trialist.cli.main", "serve", "--store", str(ours), "--port"], view_ours, OURS),
        "optuna-dashboard": (
            [str(Path(PYTHON).parent / "optuna-dashboard"), f"sqlite:///{theirs}", "--quiet", "--port"],
            view_theirs,
            THEIRS,
        ),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, (command, view, _) in systems.items():  # in turn, so that the machine's moods hit both
            with served(command) as (process, url):
                first, bytes_first = timed(view, url)
                second, _ = timed(view, url)
                found[name].append({"first": first, "second": second, "bytes": bytes_first, "memory": peak(process)})
    rows = {name: {key: median(run[key] for run in runs) for key in runs[0]} for name, runs in found.items()}
    if browser:
        for name, (command, _, page) in systems.items():
            times = []
            for _ in range(rounds):
                with served(command) as (process, url):
                    times.append(in_browser(url, *page))
            rows[name]["browser"] = median(times)
    _show(rows)


def _show(rows: dict[str, dict[str, float]]) -> None:
    print(f"  {'':18}{'first view':>12}{'second':>10}{'in chromium':>13}{'MiB sent':>10}{'memory MiB':>12}")
    for name, row in rows.items():
        browser = f"{row['browser']:.2f} s" if "browser" in row else "-"
        print(
            f"  {name:18}{row['first']:>10.3f} s{row['second']:>8.3f} s{browser:>13}"
            f"{row['bytes'] / 2**20:>10.2f}{row['memory']:>12.0f}"
        )
    ours, theirs = rows["trialist"], rows["optuna-dashboard"]
    told = [
        f"first view {theirs['first'] / ours['first']:.0f} times faster (aim 10)",
        f"memory {ours['memory'] / theirs['memory']:.2f} of theirs (aim 0.33)",
    ]
    if "browser" in ours:
        told.append(f"in chromium {theirs['browser'] / ours['browser']:.0f} times faster")
    print("  " + "; ".join(told))


# Studies


def _drawn(trials: int, reports: int) -> Iterator[dict[str, Any]]:
    """The same trials for both, as plain data."""
    rng = random.Random(0)
    for number in range(trials):
        params = {
            "lr": 10 ** rng.uniform(-5, -1),
            "wd": 10 ** rng.uniform(-6, -2),
            "width": rng.randrange(8, 512),
            "depth": rng.randrange(1, 9),
            "act": rng.choice(["relu", "tanh", "gelu"]),
            "drop": rng.uniform(0, 0.8),
        }
        level = (math.log10(params["lr"]) + 2.5) ** 2 / 6 + (math.log2(params["width"]) - 7) ** 2 / 20
        curve = [level + 1 / step + rng.gauss(0, 0.02) for step in range(1, reports + 1)]
        yield {
            "number": number,
            "params": params,
            "curve": curve,
            "value": level + rng.gauss(0, 0.02),
            "fails": number > 0 and rng.random() < 0.03,
        }


def build_ours(path: Path, drawn: list[dict[str, Any]]) -> None:
    import trialist as tl
    from trialist.protocols import Owner
    from trialist.store import open_store
    from trialist.trials.budget import Budget
    from trialist.trials.messages import Failed, Finished, Reported
    from trialist.trials.plan import Objective, Plan
    from trialist.trials.trial import Cause, Failure, Proposal, Stage

    space = tl.Space(
        lr=tl.Float(1e-5, 1e-1, log=True),
        wd=tl.Float(1e-6, 1e-2, log=True),
        width=tl.Int(8, 512, log=True),
        depth=tl.Int(1, 8),
        act=tl.Categorical(["relu", "tanh", "gelu"]),
        drop=tl.Float(0, 0.8),
    )
    store, owner = open_store(path), Owner("bench", 600.0, "bench")
    store.create_study(Plan("bench", (Objective("loss"),), Budget(trials=2 * len(drawn))), space, at=time.time() - 3600)
    for trial in drawn:
        number, stage = trial["number"], Stage.SEARCH if trial["number"] else Stage.BASELINE
        proposal = Proposal(trial["params"], "drawn at random", "random", stage=stage)
        at = time.time() - 3600 + 3600 * number / len(drawn)
        store.open_trial("bench", owner, lambda _, proposal=proposal: proposal, at, "bench:1/1")  # type: ignore[misc]
        told: list[Any] = [
            Reported(number, 0, step, value, since=step - 1) for step, value in enumerate(trial["curve"], 1)
        ]
        failure = Failure(Cause.OBJECTIVE, "RuntimeError: out of memory")
        told.append(
            Failed(number, 0, failure, 1.0) if trial["fails"] else Finished(number, 0, {"loss": (trial["value"],)}, 1.0)
        )
        store.record("bench", number, told, at + 1, owner)
    store.close()


def build_theirs(path: Path, drawn: list[dict[str, Any]]) -> None:
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Their file is written without waiting for the disk, which only makes the building of it quicker.
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}})
    from sqlalchemy import event

    @event.listens_for(storage.engine, "connect")
    def quick(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=WAL")

    storage.engine.dispose()
    study = optuna.create_study(storage=storage, study_name="bench", direction="minimize")
    space = {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "wd": FloatDistribution(1e-6, 1e-2, log=True),
        "width": IntDistribution(8, 512, log=True),
        "depth": IntDistribution(1, 8),
        "act": CategoricalDistribution(["relu", "tanh", "gelu"]),
        "drop": FloatDistribution(0, 0.8),
    }
    state = optuna.trial.TrialState
    for trial in drawn:
        study.add_trial(
            optuna.trial.create_trial(
                params=trial["params"],
                distributions=space,
                value=None if trial["fails"] else trial["value"],
                intermediate_values=dict(enumerate(trial["curve"], 1)),
                state=state.FAIL if trial["fails"] else state.COMPLETE,
            )
        )


# Servers and visitors


@contextmanager
def served(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A server that was just started and takes connections; ended afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        time.sleep(0.5)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def peak(process: subprocess.Popen[bytes]) -> float:
    """MiB, of the process and its children."""
    import psutil

    found = psutil.Process(process.pid)
    pids = [found.pid, *(child.pid for child in found.children(recursive=True))]
    return sum(_high_water(pid) for pid in pids) / MIB


def _high_water(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]


def timed(view: Any, url: str) -> tuple[float, int]:
    began = time.perf_counter()
    sent = view(url)
    return time.perf_counter() - began, sent


def view_ours(url: str) -> int:
    page = _get(f"{url}/studies/bench")
    text = page.decode()
    sent = len(page) + sum(len(_get(url + path)) for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', text))
    source = next(path for path in re.findall(r'data-src="([^"]+)"', text) if path.endswith("/history.json"))
    while not (body := _get(url + source)):
        time.sleep(0.02)
    return sent + len(body)


def view_theirs(url: str) -> int:
    page = _get(f"{url}/dashboard/studies/1")
    scripts = re.findall(r'src="(/static/[^"]+)"', page.decode())
    return len(page) + sum(
        len(_get(url + path)) for path in [*scripts, "/api/meta", "/api/studies", "/api/studies/1?after=0"]
    )


# What is waited for in the browser: page, and whether its history of trials is drawn.
OURS = ("/studies/bench", "document.querySelectorAll('#history figure .canvas svg path').length > 5")
THEIRS = (
    "/dashboard/studies/1",
    "[...document.querySelectorAll('.js-plotly-plot .scatterlayer .trace, .js-plotly-plot canvas')].length > 0",
)


def in_browser(url: str, path: str, is_drawn: str) -> float:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 2400})
        began = time.perf_counter()
        page.goto(url + path, wait_until="commit")
        while not page.evaluate(is_drawn):
            time.sleep(0.02)
            if time.perf_counter() - began > 180:
                return math.inf
        took = time.perf_counter() - began
        browser.close()
    return took


def _get(url: str) -> bytes:
    with urlopen(url, timeout=300) as answer:
        return bytes(answer.read())


# A long study


def long_study(folder: Path, trials: int, reports: int) -> None:
    path = folder / "long.db"
    build_ours(path, list(_drawn(trials, reports)))
    print(f"\n{trials:,} trials with {reports} reports each: {trials * reports:,} reports")
    command = [PYTHON, "-m", "trialist.cli.main", "serve", "--store", str(path), "--port"]
    with served(command) as (process, url):
        first, _ = timed(view_ours, url)
        second, _ = timed(view_ours, url)
        print(f"  first view {first:.3f} s (aim 1), second {second:.3f} s, memory {peak(process):.0f} MiB", flush=True)
        visitors = [Visitor(url) for _ in range(3)]
        writer = subprocess.Popen([PYTHON, __file__, "--only", "none"], env={**os.environ, "BENCH_WRITE": str(path)})
        slowest, asked = 0.0, 0
        while writer.poll() is None or asked < 60:
            for place in (
                "",
                "/trials",
                "/trials?by=loss&order=up",
                "/dials",
                "/validity",
                "/failures",
                "/trials/77",
                "/panels/history.json",
                "/panels/curves.json",
                "/panels/parallel.json",
                "/panels/timeline.json",
                "/panels/importance.json",
                "/panels/slices.json",
                "/panels/interactions.json",
                "/panels/calibration.json",
                "/panels/stopping.json",
                "/panels/budget.json",
            ):
                began = time.perf_counter()
                _get(f"{url}/studies/bench{place}")
                slowest, asked = max(slowest, time.perf_counter() - began), asked + 1
            time.sleep(0.5)
        time.sleep(2.0)
        told = [visitor.ends() for visitor in visitors]
        print(f"  while {WRITTEN} more trials were written: {asked} requests, the slowest {slowest:.2f} s")
        print(f"  memory at most {peak(process):.0f} MiB (aim 300)")
        wanted = set(range(trials, trials + WRITTEN))
        for visitor, (numbers, late) in zip(visitors, told, strict=True):
            gaps = "no change missed" if wanted <= numbers else f"{len(wanted - numbers)} trials missed"
            print(f"  a visitor heard {len(visitor.heard)} events, {gaps}, at most {late:.1f} s apart")


WRITTEN = 200  # trials, with 20 reports each, in about 20 seconds


class Visitor:
    """Listens to a study's events."""

    def __init__(self, url: str) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []
        self._stream = urlopen(f"{url}/studies/bench/events", timeout=30)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        kind = ""
        for line in self._stream:
            text = line.decode()
            if text.startswith("event: "):
                kind = text[7:].strip()
            elif text.startswith("data: ") and kind == "change":
                self.heard.append((time.time(), json.loads(text[6:])))

    def ends(self) -> tuple[set[int], float]:
        """The trials that it was told of, and the most seconds between two events while the writer wrote."""
        numbers = {number for _, told in self.heard for number in told["trials"] or ()}
        times = [at for at, _ in self.heard]
        return numbers, max((b - a for a, b in pairwise(times)), default=math.inf)


def write_more(path: Path) -> None:
    """Another process that runs trials."""
    from trialist.protocols import Owner
    from trialist.store import open_store
    from trialist.trials.messages import Finished, Reported
    from trialist.trials.trial import Proposal, TrialRecord

    store, owner = open_store(path, create=False), Owner("writer", 600.0, "writer")
    for trial in _drawn(WRITTEN, 20):
        proposal = Proposal(trial["params"], "drawn at random", "random")
        record = store.open_trial("bench", owner, lambda _, proposal=proposal: proposal, time.time())  # type: ignore[misc]
        assert isinstance(record, TrialRecord)
        for step, value in enumerate(trial["curve"], 1):
            store.record(
                "bench", record.number, [Reported(record.number, 0, step, value, since=step - 1)], time.time(), owner
            )
            time.sleep(0.004)
        store.record(
            "bench", record.number, [Finished(record.number, 0, {"loss": (trial["value"],)}, 0.1)], time.time(), owner
        )
    store.close()


if __name__ == "__main__":
    if "BENCH_WRITE" in os.environ:
        write_more(Path(os.environ["BENCH_WRITE"]))
    else:
        main()
