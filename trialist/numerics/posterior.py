"""Parameters drawn from their posterior: Hamiltonian moves from starts that lie apart.

One long chain finds one hill and stays on it, and 24 draws of it are worth few: of noisy functions the shares that they
gave differed by 0.07 to 0.13 from one chain to the next.  Here each draw has a start of its own, from Student's t round
the likeliest parameters, and a few moves, each accepted by its energy: 0.01 to 0.05 for the same number of gradients.

Symbols: P parameters theta; U minus the log of the posterior; S (P, P) with S S^T about the posterior's covariance, so
that in z, theta = centre + S z, all directions are about alike.
Sources: Neal 2011, "MCMC using Hamiltonian dynamics"; step sizes by a stochastic approximation after Andrieu & Thoms
2008, "A tutorial on adaptive MCMC".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Energy = Callable[[Array], tuple[float, Array]]  # theta (P,) to U and its gradient (P,)

LEAPS = 5  # steps of a move: with 8 many moves come back to where they started
MOVES = 6  # of each draw
FREEDOM = 3.0  # of Student's t
_ADAPTED = 12  # moves by which the step is found
_RATES = (0.35, 0.2)  # of that: in its first half and then
_ACCEPTED = 0.75  # of the moves, as wanted
_FAR = 2.0  # nats for each parameter by which a start may be less likely than the centre
_LOST = 1e20


@dataclass(frozen=True, slots=True)
class _Place:
    """z (P,), U there, and its gradient by z."""

    z: Array
    energy: float
    slope: Array


def drawn(energy: Energy, centre: Array, S: Array, rng: np.random.Generator, count: int) -> list[Array]:
    """`count` draws (P,) of theta from exp(-U).

    There are no walls: where some of theta lie at theirs, nearly all moves would end outside.
    """

    def at(z: Array) -> _Place:
        value, gradient = energy(centre + S @ z)
        return _Place(z, value, S.T @ gradient)

    middle = at(np.zeros(len(centre)))
    step, place = 0.5 * len(centre) ** -0.25, middle
    for i in range(_ADAPTED):
        after = _moved(place, at, step, rng)
        step *= float(np.exp(_RATES[i >= _ADAPTED // 2] * ((after is not place) - _ACCEPTED)))
        place = after
    found = []
    for _ in range(count):
        place = at(rng.standard_normal(len(centre)) * np.sqrt(FREEDOM / rng.chisquare(FREEDOM)))
        while place.energy > middle.energy + _FAR * len(centre) and np.abs(place.z).max() > 1e-3:
            place = at(place.z / 2)
        for _ in range(MOVES):
            place = _moved(place, at, step, rng)
        found.append(centre + S @ place.z)
    return found


def _moved(start: _Place, at: Callable[[Array], _Place], step: float, rng: np.random.Generator) -> _Place:
    """Where a move of leapfrog steps ends; the start itself where that is not accepted."""
    momentum = rng.standard_normal(len(start.z))
    size, chance = step * rng.uniform(0.7, 1.3), rng.random()
    before = start.energy + 0.5 * float(momentum @ momentum)
    place = start
    momentum = momentum - 0.5 * size * start.slope
    for leap in range(LEAPS):
        place = at(place.z + size * momentum)
        if not place.energy < _LOST:
            return start
        momentum = momentum - (1.0 if leap < LEAPS - 1 else 0.5) * size * place.slope
    after = place.energy + 0.5 * float(momentum @ momentum)
    return place if np.log(chance) < before - after else start
