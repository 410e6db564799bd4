"""Keyed randomness: a draw is a function of (study seed, trial number, name), never of what was drawn before.

So any number of workers draws the same designs, in any order, and a resumed study goes on as if never interrupted.
The hash is BLAKE2b, read as one large binary fraction; no NumPy is needed for single draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

_BITS = 512  # the width of a BLAKE2b digest


@dataclass(frozen=True, slots=True)
class Key:
    """Where a draw stands: `seed` of the study, `number` of the trial (-1 for what belongs to no trial).

    >>> Key(0, 3).uniform("lr") == Key(0, 3).uniform("lr") != Key(0, 4).uniform("lr")
    True
    """

    seed: int
    number: int

    def bits(self, name: str, attempt: int = 0) -> int:
        """A uniform integer in [0, 2**512) for that name; `attempt` counts rejected draws."""
        text = f"{self.seed}\x1f{self.number}\x1f{attempt}\x1f{name}"
        return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass")).digest(), "big")

    def uniform(self, name: str, attempt: int = 0) -> float:
        """A uniform float in [0, 1), a multiple of 2**-53."""
        return (self.bits(name, attempt) >> (_BITS - 53)) * 2.0**-53

    def integer(self, name: str, count: int, attempt: int = 0) -> int:
        """A uniform integer in [0, count), exact also beyond 2**53 (bias below count / 2**512)."""
        return (self.bits(name, attempt) * count) >> _BITS

    def generator(self, name: str) -> Generator:
        """A NumPy generator of its own for that name, for draws that come as arrays."""
        from numpy.random import Generator, Philox

        return Generator(Philox(key=self.bits(name) >> (_BITS - 128)))

    def child_seed(self, name: str) -> int:
        """A seed in [0, 2**31) for foreign random sources: `trial.seed`, for one."""
        return self.bits(name) >> (_BITS - 31)
