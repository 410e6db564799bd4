"""Expected hypervolume improvement in closed form, for up to three objectives.  Smaller is better.

What the front leaves undominated, up to the reference, is cut into k boxes (l, u], unbounded below where the front
is: strips for two objectives, about 2 n boxes for three (Yang et al. 2019; Lacour, Klamroth & Fonseca 2017).  A point y
adds to each the product over objectives of (u - y)+ - (l - y)+.  For independent Y_j ~ N(mu_j, sd_j^2), E (a - Y_j)+
is sd_j h((a - mu_j) / sd_j) with h(z) = phi(z) + z Phi(z), so that

    EHVI = sum_k prod_j sd_j (h(z_u) - h(z_l)).

Shapes: q candidates, mu and sd (q, m).  Where all of it underflows, logarithms of h take over (Ament et al. 2023):
also far behind the front, a candidate that is nearer has the larger value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from trialist.numerics.hypervolume import front_within, swept

Floats = NDArray[np.float64]

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
_UNDERFLOW = 1e-250  # below, products may have lost digits to denormal numbers
_THIN = 1e-4  # of a box in units of h's own scale: the mean slope is exact to nine digits, a difference is not
_LEAST_SD = 1e-10  # of the span of the edges


@dataclass(frozen=True, slots=True)
class Boxes:
    """The undominated part of objective space.

    edges: for each objective its distinct bounds, ascending.  lower, upper (k, m): each box's bounds, as indices.
    """

    edges: tuple[Floats, ...]
    lower: NDArray[np.intp]
    upper: NDArray[np.intp]


def undominated(front: ArrayLike, reference: ArrayLike) -> Boxes:
    """The boxes that no point of the front dominates, up to the reference; ValueError beyond three objectives.

    front (n, m): points that are dominated, or no better than the reference, change nothing; n may be 0.
    """
    r = np.asarray(reference, dtype=float)
    points = front_within(front, r)
    match len(r):
        case 1:
            lower, upper = np.array([[-np.inf]]), np.minimum(r, points.min(axis=0, initial=np.inf))[None]
        case 2:
            x, y = points.T
            lower = np.column_stack([np.append(-np.inf, x), np.full(len(x) + 1, -np.inf)])
            upper = np.column_stack([np.append(x, r[0]), np.append(r[1], y)])
        case 3:
            boxes = [((x0, y0, -np.inf), (x1, y1, z)) for x0, x1, y0, y1, z in swept(points, r)]
            x, y = front_within(points[:, :2], r[:2]).T  # what is not even reached at the last point
            steps = zip(np.append(-np.inf, x), np.append(x, r[0]), np.append(r[1], y), strict=True)
            boxes += [((x0, -np.inf, -np.inf), (x1, y1, r[2])) for x0, x1, y1 in steps]
            lower, upper = np.array(boxes).transpose(1, 0, 2)
        case m:
            raise ValueError(f"{m} objectives have no closed form here: at most 3")
    edges, low, high = [], [], []
    for j in range(len(r)):
        values, places = np.unique(np.append(lower[:, j], upper[:, j]), return_inverse=True)
        edges.append(values)
        low.append(places[: len(lower)])
        high.append(places[len(lower) :])
    return Boxes(tuple(edges), np.column_stack(low), np.column_stack(high))


def ehvi(mu: Floats, sd: Floats, boxes: Boxes) -> Floats:
    """Expected hypervolume improvement, (q,), not negative."""
    product = np.ones((len(mu), 1))
    for j, (edges, spread) in enumerate(zip(boxes.edges, _positive(mu, sd, boxes).T, strict=True)):
        z = (edges - mu[:, j, None]) / spread[:, None]  # (q, e)
        expected = spread[:, None] * _h(z)
        product = product * (expected[:, boxes.upper[:, j]] - expected[:, boxes.lower[:, j]])  # (q, k)
    total: Floats = np.maximum(product.sum(axis=1), 0.0)
    return total


def log_ehvi(mu: Floats, sd: Floats, boxes: Boxes) -> Floats:
    """The logarithm of `ehvi`, (q,), finite also where that is 0 in floating point."""
    value = ehvi(mu, sd, boxes)
    far = value < _UNDERFLOW
    with np.errstate(divide="ignore"):
        log = np.log(value)
    if far.any():
        log[far] = special.logsumexp(_log_gains(mu[far], sd[far], boxes).sum(axis=2), axis=1)
    return log


def log_ehvi_gradient(mu: Floats, sd: Floats, boxes: Boxes) -> tuple[Floats, Floats, Floats]:
    """`log_ehvi` (q,), and its derivatives by mu and by sd, (q, m) each."""
    spread = _positive(mu, sd, boxes)
    gains = _log_gains(mu, sd, boxes)  # (q, k, m)
    logs = gains.sum(axis=2)  # (q, k)
    total = special.logsumexp(logs, axis=1)
    weights = np.exp(logs - total[:, None])  # (q, k), each row sums to 1
    by_mu, by_sd = np.empty_like(spread), np.empty_like(spread)
    for j, edges in enumerate(boxes.edges):
        s = spread[:, j, None]
        z = (edges - mu[:, j, None]) / s  # (q, e)
        log_cdf, log_pdf = special.log_ndtr(z), -0.5 * z**2 - _LOG_SQRT_2PI
        gain = gains[:, :, j]
        cdf, pdf = (_ratio(logs_, boxes, j, gain) for logs_ in (log_cdf, log_pdf))
        by_mu[:, j] = -(weights * cdf).sum(axis=1)
        by_sd[:, j] = (weights * pdf).sum(axis=1)
    return total, by_mu, by_sd


def _ratio(logs: Floats, boxes: Boxes, j: int, gain: Floats) -> Floats:
    """(exp(logs at upper) - exp(logs at lower)) / exp(gain), (q, k)."""
    return np.exp(logs[:, boxes.upper[:, j]] - gain) - np.exp(logs[:, boxes.lower[:, j]] - gain)


def _log_gains(mu: Floats, sd: Floats, boxes: Boxes) -> Floats:
    """log E[(u - Y)+ - (l - Y)+] of each candidate, box and objective, (q, k, m)."""
    gains = np.empty((len(mu), *boxes.lower.shape))
    for j, (edges, spread) in enumerate(zip(boxes.edges, _positive(mu, sd, boxes).T, strict=True)):
        z = (edges - mu[:, j, None]) / spread[:, None]  # (q, e)
        logs, _ = log_h(z)
        low, high = boxes.lower[:, j], boxes.upper[:, j]
        with np.errstate(invalid="ignore", divide="ignore"):
            fall = logs[:, low] - logs[:, high]  # (q, k), at most 0
            gain = logs[:, high] + np.log(-np.expm1(fall))
        apart = edges[high] - edges[low]  # not of z, where far edges fall together
        width = apart / spread[:, None]
        middle = np.where(np.isfinite(width), 0.5 * (z[:, high] + z[:, low]), 0.0)
        thin = width * np.maximum(np.abs(middle), 1.0) < _THIN
        if thin.any():
            # Of the least numbers that there are, the width may be 0; its logarithm is not.
            log_width = np.log(apart) - np.log(spread)[:, None]
            gain[thin] = log_width[thin] + special.log_ndtr(middle[thin])
        gains[:, :, j] = np.log(spread)[:, None] + gain
    return gains


def _positive(mu: Floats, sd: Floats, boxes: Boxes) -> Floats:
    """Standard deviations kept from 0, where z would have no value, and so large that the square of z has one."""
    finite = [edges[np.isfinite(edges)] for edges in boxes.edges]
    spans = np.array([np.ptp(edges) for edges in finite])
    sizes = np.array([np.abs(edges).max() for edges in finite])
    least = np.where(spans > 0, spans, sizes) * _LEAST_SD
    floor: Floats = np.maximum(least, 1e-100 * (np.abs(mu) + sizes) + 1e-200)
    return np.maximum(sd, floor)


def _h(z: Floats) -> Floats:
    """phi(z) + z Phi(z); 0 at -inf."""
    with np.errstate(invalid="ignore", over="ignore"):
        value = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI) + z * special.ndtr(z)
    value[np.isneginf(z)] = 0.0
    # Both terms nearly cancel far below; what is left may be negative by a rounding.
    positive: Floats = np.maximum(value, 0.0)
    return positive


def log_h(z: Floats) -> tuple[Floats, Floats]:
    """ln h(z), without underflow and -inf at -inf alone, and its slope Phi(z) / h(z), up to |z| = 1e100.

    Source: Ament et al. 2023, "Unexpected improvements to expected improvement", eq. 9.
    """
    log, slope = np.empty_like(z), np.empty_like(z)
    near, far = z > -1.0, z < -100.0
    log[near] = np.log(_h(z[near]))
    slope[near] = special.ndtr(z[near]) / _h(z[near])
    t = -z[~near & ~far]
    mills = np.sqrt(np.pi / 2) * special.erfcx(t / np.sqrt(2))  # Phi / phi
    left = 1.0 - t * mills  # h / phi
    log[~near & ~far] = np.log(left) - 0.5 * t**2 - _LOG_SQRT_2PI
    slope[~near & ~far] = mills / left
    # Asymptotic series of Mills' ratio, where 1 - t R(t) would cancel.
    t = np.minimum(-z[far], 1e100)
    t2 = t**2
    log[far] = np.log1p((-3 + (15 - 105 / t2) / t2) / t2) - np.log(t2) - 0.5 * t2 - _LOG_SQRT_2PI
    log[np.isneginf(z)] = -np.inf
    slope[far] = t * (1.0 + (2.0 - 6.0 / t2) / t2)
    return log, slope
