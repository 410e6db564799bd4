"""Round one configuration: what the metric does where one dial alone is moved, and how far it can be moved unharmed.

L positions along a dial; losses: smaller is better.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trialist.effects.along import places
from trialist.effects.findings import Local, Nearby
from trialist.effects.learnt import Learnt
from trialist.effects.words import local_words
from trialist.numerics.orthonormal import Array
from trialist.space.parameter import Categorical
from trialist.space.space import Space

_FINE = 401  # places along a dial: how far it can be moved is told to a quarter of a per cent of its scale


def local(learnt: Learnt, space: Space, around: Mapping[str, Any], metric: str) -> Local:
    """How much each dial matters round a configuration, and its reach."""
    base = {key: value for key, value in around.items() if key in space}
    found, noise = [], 0.0
    for j, dial in enumerate(learnt.ground.names):
        if dial not in base:
            continue
        at = places(learnt, j, _FINE)
        losses, here = _moved(learnt, space, base, dial, at)
        noise = learnt.noise_at(here)
        spread = float(np.average((losses - losses.mean()) ** 2))
        within = losses <= here + noise
        found.append((dial, spread, _reach(space, dial, at, within)))
    whole = sum(spread for _, spread, _ in found) or 1.0
    shares = tuple(
        Nearby(dial, spread / whole, low, high, near)
        for dial, spread, (low, high, near) in sorted(found, key=lambda each: -each[1])
    )
    return Local(metric, dict(base), noise, shares, bool(shares), local_words(shares, space))


def _moved(learnt: Learnt, space: Space, base: Mapping[str, Any], dial: str, at: Array) -> tuple[Array, float]:
    """(L,) expected losses where the dial alone is moved, and that of the configuration itself.

    What a moved choice makes active has its default, what it makes inactive goes.
    """
    cube = learnt.ground.cube
    configurations: list[Mapping[str, Any]] = []
    for value in [base[dial], *(space[dial].decode(float(u)) for u in at)]:
        wanted = {**space.baseline(), **base, dial: value}
        names = space.active(wanted)
        configurations.append({name: wanted[name] for name in names if name in wanted})
    rows, active = cube.canonical(cube.encode(configurations))
    losses = learnt.expected(rows, active)
    return losses[1:], float(losses[0])


def _reach(space: Space, dial: str, at: Array, within: np.ndarray) -> tuple[Any, Any, tuple[Any, ...]]:
    """From where to where the dial can be moved, and for choices, which are near."""
    parameter = space[dial]
    values = [parameter.decode(float(u)) for u, near in zip(at, within, strict=True) if near]
    if isinstance(parameter, Categorical):
        return None, None, tuple(values)
    return (min(values), max(values), ()) if values else (None, None, ())
