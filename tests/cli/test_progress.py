"""Progress: few lines in a log, a block that fits on a terminal, an answer to Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
from io import StringIO

import pytest
from rich.console import Console

from trialist.cli.course import Course
from trialist.cli.format import columns
from trialist.cli.live import Live
from trialist.cli.notice import FIRST, SECOND, answered
from trialist.cli.progress import Plain
from trialist.space.parameter import Float
from trialist.space.space import Space
from trialist.study import events as told
from trialist.study.events import StageEnded, StageStarted, Told, TrialClosed, TrialOpened, TrialReported, TrialRetried
from trialist.study.study import Study
from trialist.trials.budget import Budget
from trialist.trials.trial import Cause, Failure, Score, Stage, State, TrialRecord


def record(number: int, value: float | None = None, **kwargs) -> TrialRecord:
    stage = Stage.BASELINE if number == 0 else Stage.SEARCH
    given = {
        "state": State.COMPLETE if value is not None else State.FAILED,
        "stage": stage,
        "params": {"lr": 0.1 + number, "a long\nname": "x" * 200},
        "reason": "point\t7",
        "strategy": "sobol",
        "seed": 1,
        "seconds": 1.0,
        "metrics": {} if value is None else {"loss": Score((value,))},
        "loss": value,
        "failure": Failure(Cause.OBJECTIVE, "exited with code 1:\n" + "y" * 300) if value is None else None,
    }
    return TrialRecord(number=number, **{**given, **kwargs})


@pytest.fixture
def study():
    made = Study.create(Space(lr=Float(0, 1)), minimize="loss", budget=20, store="memory", name="progress")
    yield made
    made.close()


def events(values):
    yield StageStarted("plan", "sobol because " + "of many words " * 10)
    yield StageStarted("search", "20 trials")
    for number, value in enumerate(values):
        yield TrialOpened(record(number, value))
        yield TrialReported(number, 1, 0.5)
        yield TrialClosed(record(number, value))
    yield StageEnded("search", "best loss 0.1")
    yield Told("widen lr")
    yield Told("")
    yield StageStarted("verify", "the default against trial 3")
    yield told.TestRan(1, 10)
    yield StageEnded("verify", "improved")


@pytest.mark.parametrize(
    "values",
    [[None] * 20, [20.0 - i for i in range(20)], [float(i) for i in range(20)], [None, *[1.0] * 19]],
    ids=["all fail", "always better", "always worse", "default fails"],
)
def test_twenty_trials_make_few_lines_whatever_happens(study, values, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines: list[str] = []
    plain = Plain(Course(study, 1), lines.append)
    for event in events(values):
        plain.take(event)
    assert len(lines) <= 16  # a result of up to 14 lines follows
    assert all(columns(line) <= 80 and line.strip() and line.isprintable() for line in lines)


def test_in_a_log_nothing_is_cut(study, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr("sys.stderr", StringIO())
    lines: list[str] = []
    plain = Plain(Course(study, 1), lines.append)
    for event in events([4.0, None, 3.0]):
        plain.take(event)
    assert lines[0] == "plan: sobol because " + "of many words " * 9 + "of many words"
    assert any(
        line.startswith("  trial 0: loss 4.000, the default: lr=0.1 ") and line.endswith("x" * 200) for line in lines
    )
    assert any(
        line.startswith("  trial 1 objective: exited with code 1:") and line.endswith("y" * 300) for line in lines
    )
    assert all(line.isprintable() for line in lines)


def test_on_a_terminal_lines_have_its_width_even_where_the_results_go_to_a_file(study, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 57, 0, 0))
    with os.fdopen(ours), os.fdopen(terminal, "w") as screen:
        monkeypatch.setattr("sys.stderr", screen)
        lines: list[str] = []
        plain = Plain(Course(study, 1), lines.append)
        for event in events([4.0, None, 3.0]):
            plain.take(event)
    assert max(columns(line) for line in lines) == 57


def test_a_thousand_trials_make_few_lines_too():
    for budget in (1000, Budget(minutes=5)):
        with Study.create(Space(lr=Float(0, 1)), minimize="loss", budget=budget, store="memory", name="long") as study:
            lines: list[str] = []
            plain = Plain(Course(study, 1), lines.append)
            for event in events([float(i % 7) for i in range(1000)]):
                plain.take(event)
            assert 8 < len(lines) < 25


def test_a_line_tells_best_against_default_and_failures(study):
    lines: list[str] = []
    plain = Plain(Course(study, 1), lines.append)
    for event in events([4.0, None, 3.0, 2.0, 5.0]):
        plain.take(event)
    text = "\n".join(lines)
    assert "trial 0: loss 4.000, the default: lr=0.1" in text
    assert "trial 1 objective: exited with code 1:" in text
    assert "4/20, 1 failed, best loss 2.000 (trial 3), default 4.000" in text


def test_the_course_knows_what_is_left(study):
    now = [0.0]
    course = Course(study, 2, clock=lambda: now[0])
    total = course.total
    assert course.burnt == 0
    assert course.seconds_left is None
    course.take(TrialOpened(record(0)))
    assert list(course.running) == [0]
    now[0] = 3.0
    course.take(TrialClosed(record(0, 1.0, seconds=3.0)))
    assert not course.running
    assert course.elapsed == 3.0
    assert course.burnt == pytest.approx(1 / total)
    assert course.seconds_left == pytest.approx(3.0 * (total - 1) / 2)
    course.take(TrialOpened(record(1)))
    course.take(TrialRetried(record(1, state=State.WAITING)))
    assert not course.running
    assert course.failed == 0


def test_a_time_budget_ends_the_course_by_time():
    with Study.create(
        Space(lr=Float(0, 1)), minimize="loss", budget=Budget(seconds=10), store="memory", name="t"
    ) as study:
        now = [0.0]
        course = Course(study, 1, clock=lambda: now[0])
        now[0] = 4.0
        assert course.burnt == pytest.approx(0.4)
        assert course.seconds_left == pytest.approx(6.0)


def test_a_new_best_satisfies_the_measured_constraints(study):
    course = Course(study, 1)
    assert not course.take(TrialClosed(record(0, 0.1, constraints={"ms": 3.0})))
    assert "none satisfies the constraints, the nearest violates ms by 3 (trial 0)" in course.standing()
    assert not course.take(TrialClosed(record(1, 0.9, constraints={"ms": 2.0})))
    assert course.best.number == 1
    assert course.take(TrialClosed(record(2, 0.5, constraints={"ms": -1.0})))
    assert not course.take(TrialClosed(record(3, 0.2, constraints={"ms": 1.0})))
    assert course.losses == [0.5]
    assert course.standing() == "best loss 0.5000 (trial 2), default 0.1000, which violates a constraint"


def test_scores_on_fresh_seeds_are_no_new_best(study):
    course = Course(study, 1)
    assert course.take(TrialClosed(record(0, 2.0)))
    assert not course.take(TrialClosed(record(1, 1.0, stage=Stage.SELECT, repeats=0)))
    assert course.best is not None
    assert course.best.number == 0


@pytest.mark.parametrize("width", [40, 80])
def test_the_live_block_fits_and_tells_what_runs_and_why(study, width):
    live = Live(Course(study, 1), Console(file=StringIO(), width=width))
    for event in [*events([4.0, None, 3.0]), TrialOpened(record(7)), TrialReported(7, 3, 0.25)]:
        live.take(event)
    live.close()
    out = StringIO()
    Console(file=out, width=width).print(live.block())
    block = out.getvalue()
    assert "step 3: 0.25" in block
    assert "why: point\\t7" in block
    assert "best     3.000" in block
    assert all(columns(line) <= width for line in block.splitlines())
    assert len(block.splitlines()) < 14


def test_ctrl_c_is_answered_at_once_and_told_twice():
    said: list[str] = []
    heard = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        heard.set()

    earlier = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with answered(say):
            for _ in range(3):
                heard.clear()
                os.kill(os.getpid(), signal.SIGINT)
                heard.wait(5 if len(said) < 2 else 0.05)
    finally:
        signal.signal(signal.SIGINT, earlier)
    assert said == [FIRST, SECOND]
