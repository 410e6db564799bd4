"""Optimizers that train in part, by name on a Trialist space: `trialist:auto`, `random`, `asha`, `top10@3`, ...

  trialist:SCHEDULER   ours; `trialist:none` trains every trial in full
  random               random configurations in full
  asha                 random configurations, each stopped at epoch 1, 3, 9, ... unless among the best third there
  top10@C              random configurations to epoch C, then the best ten of them to the end, so that all is spent
  optuna               Optuna's TPE with its Hyperband pruner

Each has ask, report and tell as simulation.py wants them.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from harness_mf_trialist import Trialist

import trialist as tl
from trialist.numerics.keys import Key

OURS = "trialist:"
FULL = "trialist:none"
ETA = 3
KEPT = 10


def make(name: str, space: tl.Space, seed: int, high: int, workers: int, full_runs: int) -> Any:
    """The optimizer of that name, for trainings of `high` epochs and a budget of so many full ones."""
    if name.startswith(OURS):
        return Within(Trialist(space, seed, high, name.removeprefix(OURS), full_runs), full_runs * high)
    if name == "random":
        return Random(space, seed, high)
    if name == "asha":
        return Asha(space, seed, high)
    if name == "optuna":
        return Optuna(space, seed, high, workers)
    if name.startswith(f"top{KEPT}@"):
        return TopTen(space, seed, high, int(name.partition("@")[2]), full_runs * high)
    raise ValueError(f"{name!r} is none of {OURS}SCHEDULER, random, asha, top{KEPT}@EPOCH, optuna")


def missing(name: str) -> str | None:
    """The package that an optimizer needs and that is not installed, or None."""
    module = name.partition(":")[0]
    package = {"optuna": "optuna", "optuna_": "optuna", "smac_": "smac", "dehb_": "dehb", "syne_": "syne_tune"}.get(
        module
    )
    return package if package and importlib.util.find_spec(package) is None else None


class Within:
    """Ours as a study runs it: nothing begins that would not come to its end within `limit` epochs."""

    def __init__(self, search: Trialist, limit: float) -> None:
        self.search, self.left = search, limit
        self.reached: dict[int, float] = {}  # epochs by trial
        self.waiting: tuple[Any, dict[str, Any], float] | None = None

    def ask(self) -> tuple[Any, dict[str, Any], float] | None:
        trial, params, upto = self.waiting or self.search.ask()
        need = upto - self.reached.get(trial.number, 0)
        if need > self.left:
            self.waiting = trial, params, upto
            return None
        self.waiting, self.left = None, self.left - need
        self.reached[trial.number] = upto
        return trial, params, upto

    def report(self, trial: Any, epoch: int, loss: float) -> bool:
        return self.search.report(trial, epoch, loss)

    def tell(self, trial: Any, epoch: int, loss: float) -> None:
        self.left += self.reached[trial.number] - epoch  # it was ended early
        self.reached[trial.number] = epoch
        self.search.tell(trial, epoch, loss)


class Random:
    """Independent draws by the priors."""

    def __init__(self, space: tl.Space, seed: int, high: int) -> None:
        self.space, self.seed, self.high, self.number = space, seed, high, 0

    def draw(self) -> dict[str, Any]:
        self.number += 1
        return self.space.draw(Key(self.seed, self.number))

    def ask(self) -> tuple[Any, dict[str, Any], int] | None:
        return self.number, self.draw(), self.high

    def report(self, token: Any, epoch: int, loss: float) -> bool:
        return True

    def tell(self, token: Any, epoch: int, loss: float) -> None:
        pass


class Asha(Random):
    """Asynchronous successive halving by stopping (Li 2020, as Syne Tune's and Ray's default has it)."""

    def __init__(self, space: tl.Space, seed: int, high: int) -> None:
        super().__init__(space, seed, high)
        self.rungs: dict[int, list[float]] = {}
        rung = 1
        while rung < high:
            self.rungs[rung] = []
            rung *= ETA

    def report(self, token: Any, epoch: int, loss: float) -> bool:
        if epoch not in self.rungs:
            return True
        seen = self.rungs[epoch]
        seen.append(loss)
        better = sum(other < loss for other in seen)
        return len(seen) < ETA or better < len(seen) / ETA


class TopTen(Random):
    """What a careful user does by hand: train many briefly, keep the top ten, finish those."""

    def __init__(self, space: tl.Space, seed: int, high: int, cut: int, limit: int) -> None:
        super().__init__(space, seed, high)
        self.cut, self.briefly = cut, (limit - KEPT * (high - cut)) // cut
        self.seen: list[tuple[float, int, dict[str, Any]]] = []
        self.finished = 0

    def ask(self) -> tuple[Any, dict[str, Any], int] | None:
        if self.number < self.briefly:
            config = self.draw()
            return config, config, self.cut
        if len(self.seen) < self.briefly:
            return None  # the last ones are still on their way
        if self.finished == KEPT:
            return None
        self.seen.sort(key=lambda seen: seen[:2])
        self.finished += 1
        return None, self.seen[self.finished - 1][2], self.high

    def tell(self, token: Any, epoch: int, loss: float) -> None:
        if token is not None:
            self.seen.append((loss, len(self.seen), token))


class Optuna:
    """TPE and Hyperband as Optuna's guide has them; told of running trials where there are several workers."""

    def __init__(self, space: tl.Space, seed: int, high: int, workers: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space, self.high, self.states = space, high, optuna.trial.TrialState
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=workers > 1)
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=high, reduction_factor=ETA)
        # Brackets are dealt by the study's name and the trial's number.
        self.study = optuna.create_study(sampler=sampler, pruner=pruner, study_name=f"seed{seed}")

    def ask(self) -> tuple[Any, dict[str, Any], int]:
        from optimizers import suggested  # here, for a harness has a module of that name

        trial = self.study.ask()
        return trial, suggested(trial, self.space), self.high

    def report(self, trial: Any, epoch: int, loss: float) -> bool:
        trial.report(loss, epoch)
        return epoch == self.high or not trial.should_prune()

    def tell(self, trial: Any, epoch: int, loss: float) -> None:
        if epoch < self.high:
            self.study.tell(trial, state=self.states.PRUNED)
        else:
            self.study.tell(trial, loss)
