"""What any executor must hold, as claims: functions that raise AssertionError where one is broken.

```python
@pytest.mark.parametrize("claim", EXECUTOR_CLAIMS, ids=lambda claim: claim.__name__)
def test_my_executor(claim, tmp_path):
    claim(lambda work: MyExecutor(work.objective), tmp_path)      # or work.command, for one that runs commands
```
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from trialist.execute.command import Command
from trialist.execute.worker import Trial
from trialist.protocols import Executor
from trialist.trials.messages import Assignment, Failed, Finished, Message, Reported
from trialist.trials.trial import GO_ON, Action, Cause, Decision, Failure, Stage

_PATIENCE = 30.0  # seconds after which an executor counts as hung


@dataclass(frozen=True, slots=True)
class Work:
    """The same work twice: as an objective in Python, and as a command."""

    objective: Callable[[Trial], Any]
    command: Command


Maker = Callable[[Work], Executor]


def _returns(trial: Trial) -> Any:
    return trial["x"]


def _raises(trial: Trial) -> Any:
    raise ValueError("no such thing")


def _reports(trial: Trial) -> Any:
    for step in trial.steps(3):
        trial.report(trial["x"] + step)


def _goes_on(trial: Trial) -> Any:
    step = 0
    while not trial.should_stop:
        step += 1
        trial.report(trial["x"], step)
        time.sleep(0.01)


def _measures(trial: Trial) -> Any:
    trial.constrain("ms", trial["x"] - 3)
    trial.cost = 0.25
    return trial["x"]


def _runs_to_its_fidelity(trial: Trial) -> Any:
    kept = trial.checkpoint_dir / "step"
    start = int(kept.read_text()) if kept.exists() else 0
    for step in trial.steps(start=start):
        trial.report(trial["x"] + step)
        kept.write_text(str(step))


RETURNS = Work(_returns, Command(("sh", "-c", "echo loss={x}")))
RAISES = Work(_raises, Command(("sh", "-c", "echo ValueError: no such thing >&2; exit 1")))
REPORTS = Work(_reports, Command(("sh", "-c", "for step in 1 2 3; do echo step=$step loss=$(({x} + step)); done")))
MEASURES = Work(
    _measures,
    Command(("sh", "-c", """echo loss={x} trial_cost=0.25; echo '{{"constraints": {{"ms": '$(({x} - 3))'}}}}'""")),
)
RUNS_TO_ITS_FIDELITY = Work(
    _runs_to_its_fidelity,
    Command(
        (
            "sh",
            "-c",
            'at=$(cat "$TRIALIST_CHECKPOINT/step" || echo 0); while [ $at -lt "$TRIALIST_FIDELITY" ]; do '
            'at=$((at + 1)); echo step=$at loss=$(({x} + at)); echo $at > "$TRIALIST_CHECKPOINT/step"; done',
        )
    ),
)
GOES_ON = Work(
    _goes_on, Command(("sh", "-c", "i=0; while :; do i=$((i + 1)); echo step=$i loss={x}; sleep 0.01; done"))
)


def every_assignment_ends_exactly_once(make: Maker, folder: Path) -> None:
    heard = _run(make(RETURNS), [_assignment(folder, number) for number in range(5)])
    ends = sorted(message.number for message in heard if isinstance(message, Finished | Failed))
    assert ends == [0, 1, 2, 3, 4], f"the ends of 0 to 4 came as {ends}"


def a_result_carries_its_number_attempt_and_value(make: Maker, folder: Path) -> None:
    (message,) = _run(make(RETURNS), [_assignment(folder, 7, attempt=2)])
    assert isinstance(message, Finished), f"{message} is no Finished"
    assert (message.number, message.attempt) == (7, 2), f"{message} is of another trial"
    assert message.metrics == {"loss": (7.0,)}, f"{message.metrics} is not what the objective gave"
    assert message.seconds >= 0.0


def constraints_and_cost_come_with_the_result(make: Maker, folder: Path) -> None:
    (message,) = _run(make(MEASURES), [_assignment(folder, 1)])
    assert isinstance(message, Finished), f"{message} is no Finished"
    assert message.constraints == {"ms": -2.0}, f"{message.constraints} is not what was measured"
    assert message.cost == 0.25, f"{message.cost} is not what it cost"


def an_error_fails_its_trial_with_a_reason(make: Maker, folder: Path) -> None:
    heard = _run(make(RAISES), [_assignment(folder, 0), _assignment(folder, 1)])
    for message in heard:
        assert isinstance(message, Failed), f"{message} is no Failed"
        assert message.failure.cause is Cause.OBJECTIVE, f"{message.failure.cause} is not the objective's"
        assert "ValueError: no such thing" in message.failure.message, f"{message.failure.message!r} hides the error"
    assert len(heard) == 2, f"{len(heard)} messages came for two trials"


def reports_come_in_order_and_before_the_end(make: Maker, folder: Path) -> None:
    heard = _run(make(REPORTS), [_assignment(folder, 4)])
    steps = [(message.step, message.value) for message in heard if isinstance(message, Reported)]
    assert steps == [(1, 5.0), (2, 6.0), (3, 7.0)], f"reports came as {steps}"
    last = heard[-1]
    assert isinstance(last, Finished), f"{last} came last"
    assert last.metrics == {"loss": (7.0,)}, f"the last report is not the score: {last.metrics}"


def a_stop_or_pause_ends_a_trial_with_its_last_value(make: Maker, folder: Path) -> None:
    for number, action in ((5, Action.STOP), (6, Action.PAUSE)):
        halt = Decision(action, "rank 3 of 3")
        answer = partial(_halting, halt)
        heard = _run(make(GOES_ON), [_assignment(folder, number)], answer)
        last = heard[-1]
        assert isinstance(last, Finished), f"{last} came last"
        assert last.metrics == {"loss": (float(number),)}, f"{last.metrics} is not the last value"


def a_run_goes_as_far_as_its_fidelity_and_on_from_a_checkpoint(make: Maker, folder: Path) -> None:
    first = replace(_assignment(folder, 2), fidelity=3)
    heard = _run(make(RUNS_TO_ITS_FIDELITY), [first])
    assert _stretches(heard) == [(0, 1), (1, 2), (2, 3)], f"the first run told of {_stretches(heard)}"
    assert isinstance(heard[-1], Finished) and heard[-1].since == 3, f"{heard[-1]} is no run to 3"
    heard = _run(make(RUNS_TO_ITS_FIDELITY), [replace(first, attempt=1, fidelity=5, reached=3.0, last=5.0)])
    assert _stretches(heard) == [(3, 4), (4, 5)], f"the second run told of {_stretches(heard)}"
    assert isinstance(heard[-1], Finished) and heard[-1].metrics == {"loss": (7.0,)}, f"{heard[-1]} is no run to 5"


def a_cancelled_trial_fails_as_told(make: Maker, folder: Path) -> None:
    executor = make(GOES_ON)
    failure = Failure(Cause.PREEMPTED, "not needed any more")

    def answer(message: Message) -> Decision:
        if _step(message) == 2:
            executor.cancel(message.number, failure)
        return GO_ON

    heard = _run(executor, [_assignment(folder, 3)], answer)
    ends = [message for message in heard if isinstance(message, Finished | Failed)]
    assert len(ends) == 1 and isinstance(ends[0], Failed), f"a cancelled trial ended as {ends}"
    assert ends[0].failure == failure, f"{ends[0].failure} is not the failure that was given"


def cancelling_what_does_not_run_changes_nothing(make: Maker, folder: Path) -> None:
    executor = make(RETURNS)
    executor.cancel(99, Failure(Cause.PREEMPTED, "nobody"))
    (message,) = _run(executor, [_assignment(folder, 99)])
    assert isinstance(message, Finished), f"{message} is no Finished"


def places_are_taken_and_given_back(make: Maker, folder: Path) -> None:
    executor = make(RETURNS)
    places = executor.free
    assert places >= 1, "a fresh executor has no place"
    executor.submit(_assignment(folder, 0))
    assert executor.free == places - 1, f"{executor.free} of {places} places are free after one submit"
    _listen(executor, 1, lambda message: GO_ON)
    assert executor.free == places, f"{executor.free} of {places} places are free after the end"
    executor.close()
    assert executor.free == 0, "a closed executor takes assignments"


def polling_without_trials_tells_nothing(make: Maker, folder: Path) -> None:
    executor = make(RETURNS)
    heard: list[Message] = []
    assert executor.poll(lambda message: heard.append(message) or GO_ON, 0.0) == 0  # type: ignore[func-returns-value]
    assert heard == [], f"{heard} came out of nothing"
    executor.close()


def closing_ends_what_runs_and_may_be_repeated(make: Maker, folder: Path) -> None:
    executor = make(GOES_ON)
    executor.submit(_assignment(folder, 0))
    executor.close()
    executor.close()
    assert executor.free == 0, "a closed executor takes assignments"


EXECUTOR_CLAIMS: tuple[Callable[[Maker, Path], None], ...] = (
    every_assignment_ends_exactly_once,
    a_result_carries_its_number_attempt_and_value,
    constraints_and_cost_come_with_the_result,
    an_error_fails_its_trial_with_a_reason,
    reports_come_in_order_and_before_the_end,
    a_stop_or_pause_ends_a_trial_with_its_last_value,
    a_run_goes_as_far_as_its_fidelity_and_on_from_a_checkpoint,
    a_cancelled_trial_fails_as_told,
    cancelling_what_does_not_run_changes_nothing,
    places_are_taken_and_given_back,
    polling_without_trials_tells_nothing,
    closing_ends_what_runs_and_may_be_repeated,
)


def _assignment(folder: Path, number: int, attempt: int = 0) -> Assignment:
    return Assignment(
        number=number,
        attempt=attempt,
        params={"x": number},
        seed=number,
        stage=Stage.SEARCH,
        study_seed=0,
        objectives=("loss",),
        directory=str(folder / str(number)),
    )


def _run(
    executor: Executor, assignments: list[Assignment], answer: Callable[[Message], Decision] = lambda message: GO_ON
) -> list[Message]:
    """Run them all to their ends and close; every message, in the order in which they came."""
    heard: list[Message] = []
    waiting = list(assignments)
    try:
        while waiting:
            while waiting and executor.free:
                executor.submit(waiting.pop(0))
            heard += _listen(executor, 1, answer)
        ended = sum(isinstance(message, Finished | Failed) for message in heard)
        heard += _listen(executor, len(assignments) - ended, answer)
        return heard
    finally:
        executor.close()


def _listen(executor: Executor, ends: int, answer: Callable[[Message], Decision]) -> list[Message]:
    """Poll until that many trials have ended."""
    heard: list[Message] = []

    def listening(message: Message) -> Decision:
        heard.append(message)
        return answer(message)

    until = time.monotonic() + _PATIENCE
    while sum(isinstance(message, Finished | Failed) for message in heard) < ends:
        assert time.monotonic() < until, f"nothing ended within {_PATIENCE:g} s; heard {heard}"
        before = len(heard)
        handled = executor.poll(listening, 0.1)
        assert handled == len(heard) - before, f"poll says {handled} messages, but gave {len(heard) - before}"
    return heard


def _step(message: Message) -> float | None:
    return message.step if isinstance(message, Reported) else None


def _stretches(heard: list[Message]) -> list[tuple[float, float]]:
    return [(message.since, message.step) for message in heard if isinstance(message, Reported)]


def _halting(halt: Decision, message: Message) -> Decision:
    return halt if _step(message) == 3 else GO_ON
