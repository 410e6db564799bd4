"""Trialist in the search harness's multi-fidelity mode: `make(space, seed, max_fidelity, workers, variant)`.

It stands alone, so that it can lie in the harness's folder of optimizers or be found on PYTHONPATH.  A variant is a
scheduler, "auto" by default; "none" runs every trial in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness_trialist import space_of

import trialist as tl

BUDGET = 20  # full trainings, as in the harness


class Trialist:
    """A study in memory whose trials have a fidelity, asked and told."""

    def __init__(self, space: tl.Space, seed: int, high: int, scheduler: str, budget: float = BUDGET) -> None:
        self.study = tl.Study.create(
            space,
            minimize="loss",
            budget=tl.Budget(full_runs=budget),
            fidelity=tl.Fidelity("epoch", 1, high),
            scheduler=scheduler,
            store="memory",
            name="bench",
            seed=seed,
        )

    def ask(self) -> tuple[Any, dict[str, Any], float]:
        trial = self.study.ask()
        return trial, dict(trial.params), trial.fidelity

    def report(self, trial: Any, fidelity: int, loss: float) -> bool:
        trial.report(loss, step=fidelity)
        return not trial.should_stop

    def tell(self, trial: Any, fidelity: int, loss: float) -> None:
        self.study.tell(trial, loss)


def make(space: Sequence[Any], seed: int, high: int, workers: int, variant: str = "auto") -> Trialist:
    return Trialist(space_of(space), seed, high, variant)
