"""Optimizers by name on a Trialist space: `trialist:auto`, `trialist:gp`, ..., and the peers.

Each has ask() -> (token, configuration), tell(token, configuration, loss), chosen() -> configuration, close(), and
fill([(configuration, loss)]), which tells trials that it did not ask for. Several asks may come before their tells.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

from harness_trialist import Trialist

import trialist as tl
from trialist.numerics.keys import Key

OURS = "trialist:"
PEERS = ("random", "optuna-tpe", "optuna-gp")


def make(name: str, space: tl.Space, seed: int, budget: int) -> Any:
    """The optimizer of that name."""
    if name == "random":
        return Random(space, seed)
    if name.startswith("optuna-"):
        return Optuna(space, seed, name.removeprefix("optuna-"))
    if name.startswith(OURS):
        return Trialist(space, seed, budget, name.removeprefix(OURS))
    raise ValueError(f"{name!r} is none of {', '.join(PEERS)}, {OURS}STRATEGY")


def ours_of(strategies: str) -> list[str]:
    """Our strategies, comma-separated, as optimizers; "none" is none."""
    return [OURS + name for name in strategies.split(",") if name != "none"]


def missing(name: str) -> str | None:
    """What is not installed that the optimizer needs, or None."""
    needs = {"optuna-tpe": ("optuna",), "optuna-gp": ("optuna", "torch")}.get(name, ())
    return next((package for package in needs if importlib.util.find_spec(package) is None), None)


def available(names: list[str]) -> list[str]:
    """The names whose packages are there, a line for each of the others; "none" is none."""
    names = [name for name in names if name != "none"]
    for name in names:
        if missing(name):
            print(f"{name} is skipped: {missing(name)} is not installed (see benchmarks/README.md)")
    return [name for name in names if not missing(name)]


class Random:
    """Independent draws by the priors, without the baseline."""

    def __init__(self, space: tl.Space, seed: int) -> None:
        self.space, self.seed, self.number = space, seed, 0
        self.best: tuple[float, dict[str, Any]] = (float("inf"), {})

    def ask(self) -> tuple[int, dict[str, Any]]:
        self.number += 1
        return self.number, self.space.draw(Key(self.seed, self.number))

    def tell(self, token: int, config: dict[str, Any], loss: float) -> None:
        self.best = min(self.best, (loss, config), key=lambda pair: pair[0])

    def fill(self, trials: Sequence[tuple[dict[str, Any], float]]) -> None:
        for config, loss in trials:
            self.tell(0, config, loss)

    def chosen(self) -> dict[str, Any]:
        return self.best[1]

    def close(self) -> None:
        pass


class Optuna:
    """Optuna as its guide has it: suggestions on the way, conditions as branches.

    Known constraints are no part of its spaces, so it is helped: a configuration outside is told to its constraint
    function at once and another is asked for, and only the last one counts as an evaluation.
    """

    REPEATS = 50  # asks before the constraint is given up and a random configuration inside is evaluated

    def __init__(self, space: tl.Space, seed: int, sampler: str) -> None:
        import warnings

        import optuna

        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space, self.seed, self.optuna = space, seed, optuna
        constraints = {"constraints_func": lambda trial: trial.user_attrs["outside"]} if space.constraints else {}
        make_sampler = {"tpe": optuna.samplers.TPESampler, "gp": optuna.samplers.GPSampler}[sampler]
        self.study = optuna.create_study(sampler=make_sampler(seed=seed, **constraints))

    def ask(self) -> tuple[Any, dict[str, Any]]:
        for _ in range(self.REPEATS):
            trial = self.study.ask()
            config = suggested(trial, self.space)
            inside = self.space.allows(config)
            trial.set_user_attr("outside", (0.0,) if inside else (1.0,))
            if inside:
                return trial, config
            self.study.tell(trial, state=self.optuna.trial.TrialState.PRUNED)
        self.study.enqueue_trial(self.space.draw(Key(self.seed, len(self.study.trials))))
        trial = self.study.ask()
        trial.set_user_attr("outside", (0.0,))
        return trial, suggested(trial, self.space)

    def tell(self, trial: Any, config: dict[str, Any], loss: float) -> None:
        self.study.tell(trial, loss)

    def fill(self, trials: Sequence[tuple[dict[str, Any], float]]) -> None:
        distributions = {name: self._distribution(dial) for name, dial in self.space.items()}
        self.study.add_trials(
            self.optuna.trial.create_trial(params=c, distributions={n: distributions[n] for n in c}, value=loss)
            for c, loss in trials
        )

    def _distribution(self, dial: Any) -> Any:
        made = self.optuna.distributions
        if isinstance(dial, tl.Categorical):
            return made.CategoricalDistribution(list(dial.choices))
        kind = made.IntDistribution if isinstance(dial, tl.Int) else made.FloatDistribution
        return kind(dial.low, dial.high, log=dial.log)

    def chosen(self) -> dict[str, Any]:
        return dict(self.study.best_params)

    def close(self) -> None:
        pass


def suggested(trial: Any, space: tl.Space) -> dict[str, Any]:
    """An Optuna trial's values for the space's dials, parents first, those that are active alone."""
    config: dict[str, Any] = {}
    for name, condition in space.order:
        if condition is not None and not condition.holds(config):
            continue
        dial = space[name]
        if isinstance(dial, tl.Categorical):
            config[name] = trial.suggest_categorical(name, list(dial.choices))
        elif isinstance(dial, tl.Int):
            config[name] = trial.suggest_int(name, dial.low, dial.high, log=dial.log)
        else:
            config[name] = trial.suggest_float(name, dial.low, dial.high, log=dial.log)
    return config
