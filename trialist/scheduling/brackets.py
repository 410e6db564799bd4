"""The brackets of Hyperband: how many trials begin at which rung, in turn by their number.

Successive halving does not know how early it may look. Hyperband hedges: some trials begin at the lowest rung, where
most are halted, fewer begin at the next one, and a few run in full whatever they look like.

Source: Li et al. 2018, "Hyperband", algorithm 1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def bracket_of(numbers: NDArray[np.int64], rungs: int, eta: float) -> NDArray[np.int64]:
    """(n,) the index of the rung, of `rungs`, at which each trial is first looked at; `rungs` itself for a full run.

    >>> bracket_of(np.arange(8), rungs=1, eta=3).tolist()
    [0, 1, 0, 1, 0, 0, 1, 0]
    """
    turns = np.array(_turns(rungs, eta))
    return turns[numbers % len(turns)]


def _turns(rungs: int, eta: float) -> list[int]:
    """One round of all brackets, spread evenly: each time the one that is furthest behind its part."""
    sizes = [math.ceil((rungs + 1) / (s + 1) * eta**s) for s in range(rungs, -1, -1)]
    total, given = sum(sizes), [0] * len(sizes)
    turns = []
    for turn in range(1, total + 1):
        behind = [turn * size / total - had for size, had in zip(sizes, given, strict=True)]
        turns.append(behind.index(max(behind)))
        given[turns[-1]] += 1
    return turns
