"""Trialist as one optimizer of the library-neutral search harness: `make(space, seed, budget, variant)`, ask, tell.

It stands alone, so that it can lie in the harness's folder of optimizers or be found on PYTHONPATH. `space` is the
harness's list of parameters (name, type, low, high, log, choices, parent, parent_values); a variant is a strategy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trialist as tl


class Trialist:
    """A study in memory, asked and told."""

    def __init__(self, space: tl.Space, seed: int, budget: int, strategy: str = "auto") -> None:
        self.study = tl.Study.create(
            space, minimize="loss", budget=budget, strategy=strategy, store="memory", name="bench", seed=seed
        )

    def ask(self) -> tuple[Any, dict[str, Any]]:
        trial = self.study.ask()
        return trial, dict(trial.params)

    def tell(self, trial: Any, config: dict[str, Any], loss: float) -> None:
        self.study.tell(trial, loss)

    def fill(self, trials: Sequence[tuple[dict[str, Any], float]]) -> None:
        """Tell trials that were not asked for."""
        for config, _ in trials:
            self.study.enqueue(config)
        baseline = trials[0][1]  # trial 0, which goes first; any plausible loss will do
        for loss in [baseline, *(loss for _, loss in trials)]:
            self.study.tell(self.study.ask(), loss)

    def chosen(self) -> dict[str, Any]:
        """The configuration that the study would recommend now."""
        best = self.study.incumbent
        assert best is not None, "nothing was told yet"
        return dict(best.params)

    def close(self) -> None:
        self.study.close()


def make(space: Sequence[Any], seed: int, budget: int, variant: str = "auto") -> Trialist:
    return Trialist(space_of(space), seed, budget, variant)


def space_of(params: Sequence[Any]) -> tl.Space:
    """The harness's parameters as a space."""
    return tl.Space({p.name: _dial(p) for p in params})


def _dial(p: Any) -> tl.Float | tl.Int | tl.Categorical:
    when = None if p.parent is None else {p.parent: list(p.parent_values)}
    if p.type == "cat":
        return tl.Categorical(list(p.choices), when=when)
    if p.type == "int":
        return tl.Int(int(p.low), int(p.high), log=p.log, when=when)
    return tl.Float(p.low, p.high, log=p.log, when=when)
