"""Trialist as an adapter of the reliability harness, which measures many systems by one set of scripts.

Run a script of the harness with this folder on PYTHONPATH:  python fuzz_inputs.py --adapter adapter_trialist:Trialist
It only translates: what the harness asks for becomes one call of the public API; no retry, no caught error.
"""

from __future__ import annotations

from typing import Any

from adapters import Adapter  # the harness's own module: its scripts put it on the path

import trialist as tl
import trialist.execute.local  # the harness loads a library before it forks, and ours is loaded on first use
import trialist.store.sql
from trialist.study.events import TrialClosed
from trialist.trials.plan import Objective, Plan
from trialist.trials.trial import State

FOR_EVER = 10**9  # trials: a loop has an end

STATES = {
    State.WAITING: "WAITING",
    State.RUNNING: "RUNNING",
    State.PAUSED: "RUNNING",
    State.COMPLETE: "COMPLETE",
    State.STOPPED: "PRUNED",
    State.FAILED: "FAIL",
}


class Trialist(Adapter):
    """A study without a declared space: the harness's objectives name their dials on the way."""

    name = "trialist"
    kinds = ("memory", "sqlite")

    def _store(self) -> str:
        kind, _, path = self.url.partition(":")
        return "memory" if kind == "memory" else path

    def _plan(self, study: str) -> dict[str, Any]:
        return {"name": study, "seed": self.seed or 0, "strategy": "random"}

    def create(self, study: str) -> None:
        self.study = tl.Study.create(minimize="value", store=self._store(), **self._plan(study))

    def open(self, study: str) -> None:
        self.study = tl.Study.load(study, store=self._store())

    def create_or_open(self, study: str) -> None:
        plan = Plan(objectives=(Objective("value"),), **self._plan(study))
        self.study = tl.Study.open(plan, tl.Space(), self._store())

    def close(self) -> None:
        self.study.close()

    def enqueue(self, params: dict[str, Any]) -> None:
        """A point is checked when it is queued, so its dials are declared before."""
        dials = {"a": tl.Float(0, 1), "p": tl.Float(0, 1)}
        self.study.grow(tl.Space({name: dials[name] for name in params if name in dials}))
        self.study.enqueue(params)

    def ask(self) -> Any:
        return self.study.ask()

    def suggest5(self, trial: Any) -> dict[str, Any]:
        return {
            "a": trial.suggest_float("a", 0, 1),
            "b": trial.suggest_float("b", -5, 5),
            "c": trial.suggest_int("c", 1, 64),
            "lr": trial.suggest_float("lr", 1e-5, 1e-1, log=True),
            "k": trial.suggest_categorical("k", ["x", "y", "z"]),
        }

    def number(self, trial: Any) -> int:
        return int(trial.number)

    def tell(self, trial: Any, value: float) -> None:
        self.study.tell(trial, value)

    def tell_number(self, number: int, value: float) -> None:
        self.study.tell(number, value)

    def rows(self) -> list[tuple[int, str, float | None, dict[str, Any]]]:
        return [
            (r.number, STATES[r.state], r.value if r.is_scored else None, dict(r.params)) for r in self.study.history
        ]

    def durations(self) -> list[float | None]:
        return [record.seconds for record in self.study.history]

    def loop(self, objective: Any, acked: Any, n: int | None = None) -> None:
        for event in self.study.run(lambda trial: objective(trial, self.suggest5(trial)), trials=n or FOR_EVER):
            if isinstance(event, TrialClosed) and event.record.is_scored:
                acked(event.record.number, event.record.value)

    def add_many(self, n: int, rng: Any) -> None:
        for _ in range(n):
            trial = self.study.ask()
            self.suggest5(trial)
            self.study.tell(trial, rng.random())

    def optimize(self, objective: Any, n_trials: Any = None, timeout: Any = None) -> None:
        self.study.optimize(objective, trials=n_trials, timeout=timeout)

    def p_float(self, trial: Any, name: Any, low: Any, high: Any, **how: Any) -> Any:
        return trial.suggest_float(name, low, high, **how)

    def p_int(self, trial: Any, name: Any, low: Any, high: Any, **how: Any) -> Any:
        return trial.suggest_int(name, low, high, **how)

    def p_cat(self, trial: Any, name: Any, choices: Any) -> Any:
        return trial.suggest_categorical(name, choices)

    def report(self, trial: Any, step: Any, value: Any) -> None:
        trial.report(value, step=step)

    def attr(self, trial: Any, key: Any, value: Any) -> None:
        trial.note(key, value)

    def last(self) -> dict[str, Any]:
        records = self.study.trials
        if not records:
            return {"state": None}
        record = records[-1]
        return {
            "state": STATES[record.state],
            "params": dict(record.params),
            "value": record.value if record.is_scored else None,
            "report": {report.step: report.value for report in record.reports},
            "attr": dict(record.notes),
            "states": [STATES[r.state] for r in records],
            "kept": {"failure": str(record.failure)[:200]} if record.failure else {},
        }
