"""The two systems as the benchmarks see them: a study in a SQLite file, a random strategy, five dials.

Each is used as its own guide says: Trialist with a declared space, Optuna with suggestions on the way.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any


class TrialistStudy:
    """`create` and `open` belong to the process that uses the study; nothing is carried across a fork."""

    name = "Trialist"

    def create(self, path: str) -> None:
        import trialist as tl

        space = tl.Space(
            a=tl.Float(0, 1),
            b=tl.Float(-5, 5),
            c=tl.Int(1, 64),
            lr=tl.Float(1e-5, 1e-1, log=True),
            k=tl.Categorical(["x", "y", "z"]),
        )
        self.study = tl.Study.create(space, minimize="loss", name="bench", store=path, strategy="random")

    def open(self, path: str) -> None:
        import trialist as tl

        self.study = tl.Study.load("bench", store=path)

    def one(self) -> None:
        """A trial without work: ask, five values, tell."""
        trial = self.study.ask()
        params = trial.params
        self.study.tell(trial, params["a"] + params["b"] + params["c"] + params["lr"] + len(params["k"]))

    def loop(self, seconds: float, trials: int) -> None:
        """The system's own loop over objectives that take so long."""

        def objective(trial: Any) -> float:
            time.sleep(seconds)
            return float(trial.params["a"])

        self.study.optimize(objective, trials=trials)

    def fill(self, trials: int) -> None:
        for _ in range(trials):
            self.one()

    def best(self) -> float:
        return float(self.study.best.value)

    def all(self) -> int:
        """Reads every trial as an object; their number."""
        self.kept = self.study.trials
        return len(self.kept)

    def close(self) -> None:
        self.study.close()


class OptunaStudy:
    name = "Optuna"

    def _storage(self, path: str) -> Any:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        return optuna.storages.RDBStorage(f"sqlite:///{path}")

    def create(self, path: str) -> None:
        import optuna

        self.path = path
        self.study = optuna.create_study(
            study_name="bench", storage=self._storage(path), sampler=optuna.samplers.RandomSampler()
        )

    def open(self, path: str) -> None:
        import optuna

        self.path = path
        self.study = optuna.load_study(
            study_name="bench", storage=self._storage(path), sampler=optuna.samplers.RandomSampler()
        )

    def _five(self, trial: Any) -> float:
        return float(
            trial.suggest_float("a", 0, 1)
            + trial.suggest_float("b", -5, 5)
            + trial.suggest_int("c", 1, 64)
            + trial.suggest_float("lr", 1e-5, 1e-1, log=True)
            + len(trial.suggest_categorical("k", ["x", "y", "z"]))
        )

    def one(self) -> None:
        trial = self.study.ask()
        self.study.tell(trial, self._five(trial))

    def loop(self, seconds: float, trials: int) -> None:
        def objective(trial: Any) -> float:
            time.sleep(seconds)
            return self._five(trial)

        self.study.optimize(objective, n_trials=trials)

    def fill(self, trials: int) -> None:
        """Some trials through the API, the rest as copies by SQL: the API alone would need minutes."""
        made = 50
        for _ in range(made):
            self.one()
        self.close()
        with sqlite3.connect(self.path) as db:
            # The columns that a copy must not repeat, and what they hold instead.
            tables = {"trials": ("trial_id", "number"), "trial_params": ("trial_id",), "trial_values": ("trial_id",)}
            keys = {"trials": "trial_id", "trial_params": "param_id", "trial_values": "trial_value_id"}
            for table, moved in tables.items():
                columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
                same = [c for c in columns if c not in moved and c != keys[table]]
                for offset in range(made, trials, made):
                    fresh = ", ".join(f"{c} + {offset}" for c in moved)
                    db.execute(
                        f"insert into {table} ({', '.join((*moved, *same))}) "
                        f"select {fresh}, {', '.join(same)} from {table} where trial_id <= {made}"
                    )
            # Copies would all be equally good: values of their own make "best" a search.
            draw = random.Random(0)
            ids = [row[0] for row in db.execute("select trial_value_id from trial_values")]
            db.executemany(
                "update trial_values set value = ? where trial_value_id = ?", [(draw.random(), i) for i in ids]
            )
        db.close()

    def best(self) -> float:
        return float(self.study.best_value)

    def all(self) -> int:
        self.kept = self.study.get_trials(deepcopy=False)
        return len(self.kept)

    def close(self) -> None:
        self.study._storage.remove_session()
        getattr(self.study._storage, "_backend", self.study._storage).engine.dispose()


Make = Callable[[], TrialistStudy | OptunaStudy]
SYSTEMS: tuple[Make, Make] = (TrialistStudy, OptunaStudy)
