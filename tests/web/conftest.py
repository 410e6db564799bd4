"""The effects of a known function: the odd studies' bowl of rate and width, one solver ahead, no interaction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from statistics import fmean, pvariance
from types import SimpleNamespace
from typing import Any

import pytest

from trialist.space.space import Space
from trialist.trials.history import History

_EVEN = [(k + 0.5) / 64 for k in range(64)]


class KnownEffects:
    """Exact, by averages over each dial's scale: what charts of effects are tried with, without any model."""

    def __init__(self, history: History) -> None:
        self.history, self.space = history, history.space
        self.parts = {
            "rate": lambda v: (math.log10(v) + 2) ** 2 / 4,
            "width": lambda v: (math.log2(v) - 6) ** 2 / 20,
            "solver": lambda v: 0.15 * (v == "sgd"),
        }

    def _values(self, dial: str) -> list[float]:
        return [self.parts[dial](self.space[dial].decode(u)) for u in _EVEN]

    def importance(self) -> Any:
        found = {dial: pvariance(self._values(dial)) for dial in self.parts}
        whole = sum(found.values())
        shares = [
            SimpleNamespace(dial=d, share=v / whole, low=0.9 * v / whole, high=min(1.1 * v / whole, 1.0), ped=v / whole)
            for d, v in sorted(found.items(), key=lambda item: -item[1])
        ]
        words = f"{shares[0].dial} matters most"
        return SimpleNamespace(metric="loss", shares=tuple(shares), enough=True, words=words)

    def local(self) -> Any:
        return SimpleNamespace(shares=self.importance().shares, enough=True)

    def interactions(self) -> Any:
        pairs = tuple(
            SimpleNamespace(a=a, b=b, strength=0.0, low=0.0, high=0.01, is_real=False, p=0.6)
            for a, b in combinations(self.parts, 2)
        )
        return SimpleNamespace(dials=tuple(self.parts), pairs=pairs, enough=True, words="no two dials act together")

    def slice(self, dial: str, given: Mapping[str, Any] | None = None) -> Any:
        space: Space = self.space
        parameter = space[dial]
        at = list(parameter.values()) if (parameter.size or 999) < 20 else [parameter.decode(k / 40) for k in range(41)]
        rest = sum(
            self.parts[d](given[d]) if given and d in given else fmean(self._values(d)) for d in self.parts if d != dial
        )
        mean = [self.parts[dial](value) + rest for value in at]
        points = tuple((r.number, r.params[dial], r.value) for r in self.history.scored)
        return SimpleNamespace(
            dial=dial, at=tuple(at), mean=mean, low=[m - 0.05 for m in mean], high=[m + 0.05 for m in mean],
            points=points, enough=True, words=f"{dial}: lowest at {at[mean.index(min(mean))]}",
        )  # fmt: skip

    def calibration(self) -> Any:
        points = tuple(
            (r.number, sum(part(r.params[dial]) for dial, part in self.parts.items()), 0.02, r.value)
            for r in self.history.scored
        )
        return SimpleNamespace(points=points, enough=True, words="95 % of the scores lie in their 95 % intervals")


@pytest.fixture(scope="session")
def known_effects() -> type[KnownEffects]:
    """Of a history over the odd studies' space."""
    return KnownEffects
