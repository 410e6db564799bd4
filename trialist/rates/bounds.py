"""What losses at rising rates say: where they begin to fall, where they no longer do, where training breaks.

The start is the level of the losses at the lowest rates; the fall is what lies between it and the least smoothed loss.
Bounds stand where the smoothed loss crosses levels between the two, by the logarithm of the rate: the lower one where
the fall has begun, the upper one where it is over and the loss rises. Where training breaks beyond that, the upper one
goes half of the way there, since with warm-up and decay a run bears higher peaks than at a rate that only rises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

# Shares of the fall: it has begun once so much is gone, and is over once so much has come back.
_BEGUN, _BACK = 0.1, 0.1
# A fall is one if it is larger than so many standard errors of the smoothed loss, and than this share of the start.
_SURE, _LEAST = 4.0, 1e-3
_FEW = 10  # losses at least, to tell the noise by
# Training has broken where the loss is over its start by so many standard deviations, and by this share of the start.
_CLEAR, _RISE = 10.0, 0.1


@dataclass(frozen=True, slots=True)
class Reading:
    """Bounds and how they came about; see `RangeTest`."""

    low: float | None
    high: float | None
    steepest: float | None
    diverged_at: float | None
    reason: str


def has_broken(losses: Sequence[float]) -> bool:
    """Whether training has broken, seen while it goes on: not for a single loss that stands out."""
    loss = losses[-1]
    if not math.isfinite(loss):
        return True
    return len(losses) >= 5 and loss > _start(losses) and _broken(losses, is_over=False) < len(losses)


def smooth(losses: Sequence[float], weight: float) -> list[float]:
    """A moving average to both sides: weights weight^|i - j|, corrected for what lies beyond the ends, and so no lag.

    Where training has broken, the average ends before, so that it tells of nothing but training.
    """
    broken = _broken(losses)
    ceiling = _ceiling(losses[:broken]) if broken else 0.0
    kept = [min(loss, ceiling) for loss in losses[:broken]]
    if not weight:
        return list(losses)
    ahead, behind = _one_way(kept, weight), _one_way(kept[::-1], weight)[::-1]
    both = [((a[0] + b[0] - x) / (a[1] + b[1] - 1)) for a, b, x in zip(ahead, behind, kept, strict=True)]
    return [*both, *losses[broken:]]


def read(rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float], weight: float) -> Reading:
    """Bounds for the peak rate from losses at rising rates."""
    broken = _broken(losses)
    diverged_at = rates[broken] if broken < len(rates) else None
    if broken < 3:
        return _nothing("training breaks at the lowest rates already: begin lower", diverged_at)
    xs, ys = [math.log(rate) for rate in rates], smoothed[:broken]
    start = _start(losses[:broken])
    bottom = min(range(broken), key=lambda i: ys[i])
    fall = start - ys[bottom]
    if bottom == 0 or not fall > _LEAST * abs(start):
        remedy = "begin lower" if diverged_at is not None else "train for longer, or up to higher rates"
        return _nothing(f"the loss never falls: {remedy}", diverged_at)
    if not fall > _SURE * _error(losses[:broken], bottom, weight):
        return _nothing("the loss does not fall by more than its noise: use larger batches, or more steps", diverged_at)
    begun = _crossing(xs, ys, start - _BEGUN * fall, range(bottom, 0, -1), step=-1)
    back = _crossing(xs, ys, ys[bottom] + _BACK * fall, range(bottom, broken - 1), step=1)
    low = xs[0] if begun is None else begun
    high = xs[broken - 1] if back is None else back
    if diverged_at is not None:
        high = (high + xs[broken]) / 2
    falling = [i for i in range(bottom) if xs[i + 1] > low]
    i = min(falling, key=lambda i: (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]))
    return Reading(
        low=math.exp(low),
        high=math.exp(high),
        steepest=math.exp((xs[i] + xs[i + 1]) / 2),
        diverged_at=diverged_at,
        reason=_told(begun, back, diverged_at, rates[broken - 1]),
    )


def _nothing(reason: str, diverged_at: float | None) -> Reading:
    return Reading(None, None, None, diverged_at, reason)


def _told(begun: float | None, back: float | None, diverged_at: float | None, last: float) -> str:
    parts = [f"the loss falls from {'the lowest rate' if begun is None else f'{math.exp(begun):.2g}'} on"]
    if back is not None:
        parts.append(f"rises again from {math.exp(back):.2g}")
    if diverged_at is not None:
        parts.append(f"training breaks at {diverged_at:.2g}")
    if len(parts) == 1:
        parts.append(f"is still low at {last:.2g}, the highest")
    return ", ".join(parts)


def _crossing(xs: Sequence[float], ys: Sequence[float], level: float, places: range, step: int) -> float | None:
    """The first x, from the bottom outwards, at which ys rises over the level; None where it never does."""
    for i in places:
        j = i + step
        if ys[j] >= level:
            share = (level - ys[i]) / ((ys[j] - ys[i]) or 1.0)
            return xs[i] + (xs[j] - xs[i]) * min(max(share, 0.0), 1.0)
    return None


def _start(losses: Sequence[float]) -> float:
    """The level at the lowest rates."""
    return median(losses[: max(3, len(losses) // 10)])


def _seconds(losses: Sequence[float]) -> list[float]:
    """Second differences: of noise round a smooth curve, their variance is six times that of the noise."""
    return [a - 2 * b + c for a, b, c in zip(losses, losses[1:], losses[2:], strict=False)]


def _noise(losses: Sequence[float]) -> float:
    """The standard deviation of the losses round a smooth curve, whatever their outliers."""
    return 1.4826 * median(map(abs, _seconds(losses))) / math.sqrt(6) if len(losses) > 2 else 0.0


def _error(losses: Sequence[float], bottom: int, weight: float) -> float:
    """The standard error of a smoothed loss.

    Where losses are many and noisy, from their second differences; large noise that is rare counts in a mean, so it
    counts here too. Where each is of a run of its own, from what is left of them once a curve is taken away that only
    falls before the bottom and only rises behind it: they are too few, and too far apart, for differences.
    """
    if not weight:
        sides = losses[: bottom + 1], losses[: bottom - len(losses) : -1]
        blocks = [block for side in sides for block in _falling(side)]
        squares = [(loss - fmean(block)) ** 2 for block in blocks for loss in block]
        return math.sqrt(math.fsum(squares) / max(len(squares) - len(blocks), 1))
    kept = losses[: max(bottom + 1, _FEW)]
    ceiling = _ceiling(kept)
    squares = [second**2 for second in _seconds([min(loss, ceiling) for loss in kept])]
    # Two-sided, the average holds about (1 + weight) / (1 - weight) losses.
    return math.sqrt(fmean(squares) / 6 * (1 - weight) / (1 + weight)) if squares else 0.0


def _falling(losses: Sequence[float]) -> list[list[float]]:
    """Neighbours pooled so that the means of the pools never rise: nearest to the losses by least squares.

    >>> _falling([3.0, 1.0, 2.0, 0.0])
    [[3.0], [1.0, 2.0], [0.0]]
    """
    blocks: list[list[float]] = []
    for loss in losses:
        blocks.append([loss])
        while len(blocks) > 1 and fmean(blocks[-2]) < fmean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    return blocks


def _ceiling(losses: Sequence[float]) -> float:
    """The level beyond which training has broken: over the start by as much as it fell, and clear of the noise."""
    start = _start(losses)
    middles = [median(losses[max(i - 1, 0) : i + 2]) for i in range(len(losses))]
    return start + max(start - min(middles), _CLEAR * _noise(losses), _RISE * abs(start))


def _broken(losses: Sequence[float], is_over: bool = True) -> int:
    """The index at which training broke, their number where it did not.

    That is the first loss that is not finite, or beyond the ceiling with one of the next two, or the last of all where
    no more will come: a single one in the middle is a bad batch.
    """
    finite = next((i for i, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))
    if finite < 3:
        return finite
    ceiling = _ceiling(losses[:finite])
    beyond = [loss > ceiling for loss in losses[:finite]]
    is_over = is_over or finite < len(losses)
    for i in range(finite):
        later = beyond[i + 1 : i + 3]
        if beyond[i] and (any(later) or (not later and is_over)):
            return i
    return finite


def _one_way(losses: Sequence[float], weight: float) -> list[tuple[float, float]]:
    """Sums of losses and of weights, weight^(i - j) for all j <= i."""
    found, total, size = [], 0.0, 0.0
    for loss in losses:
        total, size = weight * total + loss, weight * size + 1
        found.append((total, size))
    return found
