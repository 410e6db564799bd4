"""A storm: coordinators and their workers are killed by SIGKILL at random, also between claim and objective.

Acknowledged is what a coordinator saw as TrialClosed and wrote to its own ledger; whatever happens to it a moment
later, that result must be in the study, once.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import trialist as tl
from trialist.trials.trial import State

MARK = "TRIALIST_STORM"  # in the environment of every process of one storm, so that none of them can hide
PATIENCE = 60.0  # seconds within which something must happen

JOB = """
import os, signal, sys, time
import trialist as tl
from trialist.study.events import TrialClosed, TrialOpened

folder, claims_to_live = sys.argv[1], int(sys.argv[2])

def note(ledger, *words):
    fd = os.open(f"{folder}/{ledger}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.write(fd, (" ".join(map(str, words)) + "\\n").encode())
    os.close(fd)

def objective(trial):
    note("started", os.getpid(), trial.number, trial.attempt)
    time.sleep(0.02)
    return float(int.from_bytes(os.urandom(6), "big"))          # a value that no other run has

if __name__ == "__main__":
    study = tl.Study.load("storm", store=f"{folder}/s.db")
    for event in study.run(objective, workers=2):
        if isinstance(event, TrialOpened):
            claims_to_live -= 1
            if claims_to_live == 0:
                note("died", os.getpid(), event.record.number)
                os.kill(os.getpid(), signal.SIGKILL)            # the claim is stored, the objective not begun
        elif isinstance(event, TrialClosed):
            note(f"acked-{os.getpid()}", event.record.number, event.record.state, event.record.value)
    study.close()
"""


class Storm:
    """Two coordinators at a time on one study, each with two workers; the dead are replaced at once."""

    def __init__(self, folder: Path, budget: int, seed: int) -> None:
        self.folder, self.draw, self.mark = folder, random.Random(seed), uuid.uuid4().hex
        self.kills: Counter[str] = Counter()
        self.coordinators: list[subprocess.Popen[bytes]] = []
        (folder / "job.py").write_text(JOB)
        space = tl.Space(x=tl.Float(0, 1), k=tl.Categorical(["a", "b"]))
        plan = {"minimize": "loss", "budget": budget, "strategy": "random", "finalists": 0, "replicates": 0}
        tl.Study.create(space, name="storm", store=folder / "s.db", **plan).close()

    def start(self, claims_to_live: int = 0) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, str(self.folder / "job.py"), str(self.folder), str(claims_to_live)],
            env=dict(os.environ, **{MARK: self.mark}),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "errors").open("ab"),
            start_new_session=True,
        )
        self.coordinators.append(process)
        return process

    def blow(self, kills: int) -> None:
        """So many kills, one after each few results; a third each of coordinators, workers, and at a claim."""
        while self.kills.total() < kills:
            self.replace_the_dead()
            self.wait_for_results(self.draw.randint(1, 4))
            time.sleep(self.draw.uniform(0, 0.03))
            if self.draw.random() < 0.5:
                self.kill_a_coordinator()
            else:
                self.kill_a_worker()

    def replace_the_dead(self) -> None:
        for process in list(self.coordinators):
            if process.poll() is not None:
                assert process.returncode in (0, -signal.SIGKILL), (self.folder / "errors").read_text()
                self.coordinators.remove(process)
        while len(self.coordinators) < 2:
            self.start(claims_to_live=self.draw.choice((0, 0, 1, 3)))
        self.kills["claim"] = len(self.lines("died"))

    def kill_a_coordinator(self) -> None:
        living = [process for process in self.coordinators if process.poll() is None]
        if living:
            victim = self.draw.choice(living)
            victim.kill()
            victim.wait()
            self.kills["coordinator"] += 1

    def kill_a_worker(self) -> None:
        """One that ran a trial lately, and is of this storm."""
        recent = {int(line.split()[0]) for line in self.lines("started")[-8:]}
        workers = [process for process in self.processes() if process.pid in recent]
        if workers:
            self.draw.choice(workers).kill()
            self.kills["worker"] += 1

    def wait_for_results(self, more: int) -> None:
        wanted, ends = len(self.acked()) + more, time.monotonic() + PATIENCE
        while len(self.acked()) < wanted:
            self.replace_the_dead()
            assert time.monotonic() < ends, f"no result for {PATIENCE:g} s: {(self.folder / 'errors').read_text()}"
            time.sleep(0.01)

    def calm(self) -> None:
        """What runs is killed once more, then one coordinator, started by the same command, ends the study."""
        for process in self.coordinators:
            process.kill()
            process.wait()
        last = self.start()
        assert last.wait(timeout=2 * PATIENCE) == 0, (self.folder / "errors").read_text()

    def lines(self, ledger: str) -> list[str]:
        """Whole lines; one that a kill cut short was not acknowledged."""
        path = self.folder / ledger
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def acked(self) -> list[tuple[int, str, str]]:
        found = []
        for path in self.folder.glob("acked-*"):
            for line in self.lines(path.name):
                number, state, value = line.split()
                found.append((int(number), state, value))
        return found

    def processes(self) -> list[psutil.Process]:
        """All living processes of this storm."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def clear(self) -> None:
        for process in self.processes():
            process.kill()
        for coordinator in self.coordinators:
            coordinator.wait()


@pytest.fixture
def storm(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Storm]:
    made = Storm(tmp_path, budget=request.param, seed=request.param)
    yield made
    made.clear()


def weathers(storm: Storm, kills: int, budget: int) -> None:
    storm.blow(kills)
    storm.calm()
    study = tl.Study.load("storm", store=storm.folder / "s.db")
    records = {record.number: record for record in study.trials}

    assert all(record.state in (State.COMPLETE, State.FAILED) for record in records.values()), "a trial was left open"
    assert sorted(records) == list(range(budget)), "the budget is not met"

    acked = storm.acked()
    twice = [number for number, times in Counter(number for number, _, _ in acked).items() if times > 1]
    assert not twice, "a result was acknowledged twice"
    stored = {number: (str(record.state), str(record.value)) for number, record in records.items()}
    assert {n: (state, value) for n, state, value in acked} == {n: stored[n] for n, _, _ in acked}, "a result is lost"

    values = [record.value for record in records.values() if record.state is State.COMPLETE]
    assert len(values) == len(set(values)), "one result is stored under two numbers"
    attempts = Counter(tuple(line.split()[1:]) for line in storm.lines("started"))
    assert max(attempts.values()) == 1, "one attempt ran twice"
    for record in records.values():
        if record.state is State.FAILED:
            assert record.failure is not None and str(record.failure.cause) == "killed" and len(record.earlier) == 2

    ends = time.monotonic() + 10.0
    while storm.processes() and time.monotonic() < ends:
        time.sleep(0.05)
    assert storm.processes() == [], "a worker outlived its coordinator"


@pytest.mark.parametrize("storm", [40], indirect=True)
def test_six_kills_lose_nothing_and_leave_nothing_behind(storm: Storm) -> None:
    weathers(storm, kills=6, budget=40)


@pytest.mark.slow
@pytest.mark.parametrize("storm", [600], indirect=True)
def test_sixty_kills_lose_nothing_and_leave_nothing_behind(storm: Storm) -> None:
    weathers(storm, kills=60, budget=600)
    assert min(storm.kills[victim] for victim in ("coordinator", "worker", "claim")) >= 5
