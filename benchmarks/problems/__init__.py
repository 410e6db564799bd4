"""Problems for optimizers that need nothing beside this folder: formulas, and scikit-learn models really trained.

`get("synthetic:branin")` gives a Problem; `reference.json` says what its regret is measured by.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import trialist as tl

REFERENCE = Path(__file__).parent / "reference.json"


@dataclass(frozen=True)
class Problem:
    """A loss over a space, to be minimised. noise: standard deviation of what is added to each observed loss."""

    name: str  # family:function
    space: tl.Space
    loss: Callable[[dict[str, Any]], float]
    noise: float = 0.0

    def observed(self, config: dict[str, Any], rng: np.random.Generator) -> tuple[float, float]:
        """(what an optimizer is told, the true loss)."""
        true = self.loss(config)
        return (true + self.noise * float(rng.standard_normal()) if self.noise else true), true


@cache
def get(name: str) -> Problem:
    """The problem of that name, `family:function`."""
    family, _, function = name.partition(":")
    if family == "synthetic":
        from problems import synthetic

        return synthetic.make(function)
    if family == "trained":
        from problems import trained

        return trained.make(function)
    if family == "drawn":
        from problems import drawn

        return drawn.make(function)
    raise KeyError(f"{name}: families are synthetic, drawn and trained")


@cache
def references() -> dict[str, dict[str, float]]:
    """By problem, in the order in which a suite runs them: "best", the lowest loss known, where regret is 0; "median",
    the median loss of random configurations, where it is 1.
    """
    return dict(json.loads(REFERENCE.read_text()))
