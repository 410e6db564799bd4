"""Do two settings answer differently? A permutation test on answers to the same items, and what it would have noticed.

Symbols: n items, each answered r times under each of two settings, a and b; m = 2 r answers of an item.
D (n, m, m): distances of an item's answers, 0 for equal ones, up to 1.  L (n, m): their lengths.
labels (k, n, m): which of them are called a's, in k relabellings; the first is the true one.

Were the settings alike, any r of an item's answers might as well have been a's. Three things are looked at: how far
a's answers lie from b's beyond how far they lie from each other (the energy distance: Székely & Rizzo 2013), which of
the two varies more (what temperature does, and a fixed seed), and which is longer. The largest of them, each measured
in its own spread over the relabellings, is the statistic, so that one p-value holds for all three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from trialist.numerics.keys import Key

if TYPE_CHECKING:
    from numpy import bool_, float64
    from numpy.random import Generator
    from numpy.typing import NDArray

RELABELLINGS = 999
_PLANTED_RELABELLINGS, _PLANTED_RUNS = 199, 100
_SHINGLE = 3  # characters


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and its length in tokens."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """Answers of n items, r under each setting: a's first. distances (n, 2 r, 2 r); lengths (n, 2 r)."""

    distances: NDArray[float64]
    lengths: NDArray[float64]

    @staticmethod
    def of(answers: Sequence[tuple[Sequence[Answered], Sequence[Answered]]]) -> Pairs:
        import numpy as np

        rows = [[*a, *b] for a, b in answers]
        distances = [[[distance(x.text, y.text) for y in row] for x in row] for row in rows]
        return Pairs(np.array(distances), np.array([[float(x.tokens) for x in row] for row in rows]))

    @property
    def agreement(self) -> tuple[float, float]:
        """The share of equal pairs among a's answers to an item, and among b's."""
        r = self.lengths.shape[1] // 2
        blocks = (self.distances[:, :r, :r], self.distances[:, r:, r:])
        a, b = (float(((block == 0).sum((1, 2)) - r).mean() / (r * (r - 1))) for block in blocks)
        return a, b


def p_value(pairs: Pairs, key: Key, relabellings: int = RELABELLINGS) -> float:
    """How often a relabelling looks as different as the truth; where all is alike, below alpha as often as alpha."""
    n, m = pairs.lengths.shape
    return _p_value(pairs.distances, pairs.lengths, _labels(relabellings, n, m, key.generator("relabel")))


class Plant(Enum):
    """An effect that a dial could have, to be planted into answers that chance alone tells apart."""

    CHANGES = "changes"  # answers of one setting are others: for each item a new one
    REPEATS = "repeats"  # answers of one setting are the same one: for each item one of those seen


def power(pairs: Pairs, plant: Plant, share: float, alpha: float, key: Key) -> float:
    """How often the test would notice, with p at most alpha, such an effect on that share of a setting's answers.

    The answers are relabelled, so that nothing but chance is between a and b; then each of b's is changed with
    probability `share`.
    """
    import numpy as np

    random = key.generator(f"{plant.value} {share}")
    n, m = pairs.lengths.shape
    rows, noticed = np.arange(n).reshape(n, 1, 1), 0
    for _ in range(_PLANTED_RUNS):
        labels = _labels(_PLANTED_RELABELLINGS, n, m, random)
        source = random.random((n, m)).argsort(axis=1)  # some relabelling: its a's first
        changed = (random.random((n, m)) < share) & ~labels[0]
        if plant is Plant.REPEATS:
            source = np.where(changed, random.integers(m, size=(n, 1)), source)
        distances = pairs.distances[rows, source[:, :, None], source[:, None, :]]
        lengths = pairs.lengths[rows[:, :, 0], source]
        if plant is Plant.CHANGES:
            distances = np.where(changed[:, :, None] != changed[:, None, :], 1.0, distances)
            distances = np.where(changed[:, :, None] & changed[:, None, :], 0.0, distances)
            lengths = np.where(changed, lengths.mean(1, keepdims=True), lengths)
        noticed += _p_value(distances, lengths, labels) <= alpha
    return noticed / _PLANTED_RUNS


def distance(x: str, y: str) -> float:
    """0 for equal texts; others from 1/2 up to 1, the more of their pieces of three characters differ (Jaccard)."""
    if x == y:
        return 0.0
    one, other = (
        {text[k : k + _SHINGLE] for k in range(max(1, len(text) - _SHINGLE + 1))} for text in (x.strip(), y.strip())
    )
    return 1.0 - 0.5 * len(one & other) / len(one | other)


def _labels(relabellings: int, n: int, m: int, random: Generator) -> NDArray[bool_]:
    """(1 + relabellings, n, m): half of each item's answers, the first half in the first one."""
    import numpy as np

    drawn = random.random((1 + relabellings, n, m)).argsort(axis=2) < m // 2
    drawn[0] = np.arange(m) < m // 2
    return np.asarray(drawn)


def _p_value(distances: NDArray[float64], lengths: NDArray[float64], labels: NDArray[bool_]) -> float:
    import numpy as np

    r = lengths.shape[1] // 2
    a, b = labels.astype(float), (~labels).astype(float)
    at = np.einsum("knj,njl->knl", a, distances)  # summed distances to a's answers
    bt = np.einsum("knj,njl->knl", b, distances)
    within_a = (at * a).sum(2) / (r * (r - 1))
    within_b = (bt * b).sum(2) / (r * (r - 1))
    between = (at * b).sum(2) / (r * r)
    spread = lengths.std(1)
    scaled = lengths / np.where(spread > 0, spread, 1.0)[:, None]
    seen = np.stack(
        [
            (between - within_a).sum(1),
            (between - within_b).sum(1),
            np.abs((within_a - within_b).sum(1)),
            np.abs(((a - b) * scaled).sum((1, 2))),
        ]
    )  # (4, k)
    centred = seen - seen.mean(1, keepdims=True)
    deviation = seen.std(1, keepdims=True)
    # What never differs says nothing, up to rounding.
    standing = np.where(deviation > 1e-9, centred / np.maximum(deviation, 1e-9), 0.0).max(0)  # (k,)
    return float((standing >= standing[0] - 1e-9).mean())
