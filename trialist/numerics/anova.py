"""A Gaussian process that is a sum of effects: of single dials, of pairs of them, and a rest of three and more.

    y = c + sum_j f_j(x_j) + sum_jk f_jk(x_j, x_k) + r(x) + e

Every effect has mean 0 over each of its dials, so they are uncorrelated over the space and their variances add up: the
functional analysis of variance (Sobol 1993) of whatever the process takes the function for, exact and without sampling.
Covariances: tau_j K_j of a dial, tau_jk K_j K_k of a pair, tau_3 e_3(w_1 K_1, ..., w_d K_d) of the rest, e_3 the third
elementary symmetric polynomial; K_j = F_j C(l_j) F_j^T with orthonormal functions F_j (n, M) of the dial, 0 where it
is inactive, and C as in `orthonormal`.  The constant c has a wide prior.

Symbols: n trials, d dials, p pairs; theta = ln tau (d), ln l (d), ln tau_jk (p), ln tau_3, ln noise; y standardised.
Sources: Durrande et al. 2013 (kernels of mean zero); Duvenaud et al. 2011, "Additive Gaussian processes" (e_3 by
Newton and Girard); Lu et al. 2022, "Additive Gaussian processes revisited" (why effects must be orthogonal).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.linalg import lapack

from trialist.numerics.orthonormal import LENGTHS, Array, blended

WIDE = 25.0  # variance of the constant
# Means and deviations of the normal priors of theta, by kind.  A pair is not there unless the data speak for it: with
# ln tau_jk round -4 noise became interactions on trials that lie close together (Friedman's and Ishigami's functions,
# adaptive trials: largest errors of shares 0.15 on average, 0.13 with -7; Matérn 3/2 or 5/2 0.12, polynomials 0.13).
PRIOR = {"dial": (-3.0, 2.5), "length": (0.0, 0.7), "pair": (-7.0, 2.5), "rest": (-6.0, 2.5), "noise": (-7.0, 2.5)}
_BOUNDS = {"dial": (-14.0, 4.0), "pair": (-14.0, 4.0), "rest": (-14.0, 3.0), "noise": (-13.0, 1.0)}
_BOUNDS["length"] = (math.log(LENGTHS[0]), math.log(LENGTHS[-1]))
_BIG = 1e25


@dataclass(frozen=True, slots=True)
class Factor:
    """A dial's functions at the trials: F (n, M), 0 where it is inactive; table (L, M, M) of `covariances`."""

    dial: int
    F: Array
    table: Array


@dataclass(frozen=True, slots=True)
class Pair:
    """An effect of two dials: j < k; a, b: which factors it is made of, in that order."""

    j: int
    k: int
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the process is made of. The first d factors are those of the single dials.

    weights (d,): how much each dial takes part in the rest.  background: a rest of pairs too, where they are not told
    apart yet.
    """

    factors: tuple[Factor, ...]
    d: int
    pairs: tuple[Pair, ...]
    weights: Array
    background: bool = False

    @property
    def kinds(self) -> list[str]:
        """What each entry of theta is."""
        return ["dial"] * self.d + ["length"] * self.d + ["pair"] * len(self.pairs) + ["rest", "noise"]

    def at(self, rows: np.ndarray) -> Terms:
        """The same of some of the trials."""
        factors = tuple(Factor(f.dial, f.F[rows], f.table) for f in self.factors)
        return Terms(factors, self.d, self.pairs, self.weights, self.background)


class Kernel:
    """All covariances (n, n) at hyperparameters theta."""

    def __init__(self, terms: Terms, theta: Array) -> None:
        d, p = terms.d, len(terms.pairs)
        self.terms = terms
        self.tau, self.tau_pair = np.exp(theta[:d]), np.exp(theta[2 * d : 2 * d + p])
        self.tau_rest, self.noise = math.exp(theta[-2]), math.exp(theta[-1])
        blends = [blended(f.table, theta[d + f.dial]) for f in terms.factors]
        self.C, self.slopes = [C for C, _ in blends], [slope for _, slope in blends]
        self.K = [f.F @ C @ f.F.T for f, C in zip(terms.factors, self.C, strict=True)]
        self.of_pair = [self.K[pair.a] * self.K[pair.b] for pair in terms.pairs]
        self.rest = third([w * K for w, K in zip(terms.weights, self.K, strict=False)], terms.background)
        n = len(self.rest)
        total = WIDE + self.tau_rest * self.rest
        for t, K in zip(self.tau, self.K, strict=False):
            total += t * K
        for t, K in zip(self.tau_pair, self.of_pair, strict=True):
            total += t * K
        total.flat[:: n + 1] += self.noise + 1e-9
        self.total = total

    def release(self) -> None:
        """Let go of what only fitting needs, the covariances of each dial and pair: with 15 pairs 14 MB of 15."""
        self.K, self.of_pair = [], []


def third(parts: Sequence[Array], with_pairs: bool = False) -> Array:
    """e_3 of matrices, elementwise, or e_2 + e_3; scaled so that many dials have no more of it than few."""
    p1, p2, p3 = np.zeros_like(parts[0]), np.zeros_like(parts[0]), np.zeros_like(parts[0])
    for part in parts:  # products, for powers take five times as long
        square = part * part
        p1 += part
        p2 += square
        p3 += square * part
    squared = p1 * p1
    found = (squared * p1 - 3 * p1 * p2 + 2 * p3) / 6
    return np.asarray(found + (squared - p2) / 2 if with_pairs else found)


def neg_log_posterior(theta: Array, terms: Terms, y: Array, means: Array, sds: Array) -> tuple[float, Array]:
    """The negative log of likelihood times prior (without constants), and its gradient."""
    d, p = terms.d, len(terms.pairs)
    kernel = Kernel(terms, theta)
    L, info = lapack.dpotrf(kernel.total, lower=1, clean=0)
    if info:
        return _BIG, np.zeros_like(theta)
    inverse, _ = lapack.dpotri(L, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    alpha = inverse @ y
    z = (theta - means) / sds
    value = 0.5 * float(y @ alpha) + float(np.log(np.diagonal(L)).sum()) + 0.5 * float(z @ z)
    G = 0.5 * (inverse - np.outer(alpha, alpha))
    gradient = z / sds
    through: list[Array | float] = [t * G for t in kernel.tau] + [0.0] * (len(terms.factors) - d)  # of each K_j
    for j in range(d):
        gradient[j] += kernel.tau[j] * float((G * kernel.K[j]).sum())
    for i, pair in enumerate(terms.pairs):
        t = kernel.tau_pair[i] * G
        gradient[2 * d + i] += float((t * kernel.of_pair[i]).sum())
        through[pair.a] = through[pair.a] + t * kernel.K[pair.b]
        through[pair.b] = through[pair.b] + t * kernel.K[pair.a]
    # The rest is small: that it changes with the lengthscales too is left out of their gradient.
    for factor, slope, W in zip(terms.factors, kernel.slopes, through, strict=True):
        if len(factor.table) > 1 and not isinstance(W, float):
            gradient[d + factor.dial] += float(((factor.F.T @ (W @ factor.F)) * slope).sum())
    gradient[2 * d + p] += kernel.tau_rest * float((G * kernel.rest).sum())
    gradient[-1] += kernel.noise * float(np.trace(G))
    return value, gradient


def fit(terms: Terms, y: Array, start: Array | None = None, iterations: int = 60) -> tuple[Array, float]:
    """Maximum a posteriori theta and minus the log posterior there. A function of its arguments alone."""
    means, sds = prior(terms)
    theta = means.copy() if start is None else start
    if start is None:
        d = terms.d
        theta[:d], theta[2 * d : -2] = -math.log(max(d, 1)), math.log(0.1 / max(d, 1))
        theta[-2], theta[-1] = math.log(0.02), math.log(0.01)
    bounds = [_BOUNDS[kind] for kind in terms.kinds]
    found = optimize.minimize(
        neg_log_posterior,
        theta,
        args=(terms, y, means, sds),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": iterations, "ftol": 1e-6, "gtol": 1e-2},
    )
    # Rounded far below any meaning, so that the last bits of a matrix product do not show.
    return np.round(found.x, 4), float(found.fun)


def prior(terms: Terms) -> tuple[Array, Array]:
    """Means and standard deviations of theta."""
    means, sds = zip(*(PRIOR[kind] for kind in terms.kinds), strict=True)
    return np.array(means), np.array(sds)


def spread(terms: Terms, theta: Array) -> Array:
    """(P, P) S: theta + S z, z standard normal, are draws of Laplace's approximation.

    The curvature is Fisher's expected information, 1/2 tr(K^-1 K_a K^-1 K_b), which never bends the wrong way, and the
    prior's.
    """
    d = terms.d
    kernel = Kernel(terms, theta)
    slopes = [kernel.tau[j] * kernel.K[j] for j in range(d)]
    by_length = [np.zeros_like(kernel.total) for _ in range(d)]
    for i, factor in enumerate(terms.factors):
        if len(factor.table) == 1:
            continue
        dK = factor.F @ kernel.slopes[i] @ factor.F.T
        if i < d:
            by_length[factor.dial] += kernel.tau[i] * dK
        for t, pair in zip(kernel.tau_pair, terms.pairs, strict=True):
            if i in (pair.a, pair.b):
                by_length[factor.dial] += t * dK * kernel.K[pair.b if i == pair.a else pair.a]
    slopes += by_length
    slopes += [t * K for t, K in zip(kernel.tau_pair, kernel.of_pair, strict=True)]
    slopes += [kernel.tau_rest * kernel.rest, kernel.noise * np.eye(len(kernel.total))]
    L, _ = lapack.dpotrf(kernel.total, lower=1, clean=1)
    inverse, _ = lapack.dpotri(L, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    P, n = len(slopes), len(inverse)
    turned = np.stack([inverse @ K for K in slopes])  # (P, n, n)
    flat = turned.reshape(P, n * n)
    information = 0.5 * flat @ turned.transpose(0, 2, 1).reshape(P, n * n).T
    _, sds = prior(terms)
    values, vectors = np.linalg.eigh(0.5 * (information + information.T) + np.diag(1.0 / sds**2))
    return np.asarray(vectors / np.sqrt(np.maximum(values, 1e-12)))


def within(terms: Terms, theta: Array) -> Array:
    """theta, kept within bounds."""
    low, high = np.array([_BOUNDS[kind] for kind in terms.kinds]).T
    return np.asarray(np.clip(theta, low, high))


def unbounded(theta: Array, terms: Terms, y: Array, means: Array, sds: Array) -> tuple[float, Array]:
    """The negative log of the posterior and its gradient, for any theta: beyond a bound the likelihood stays as there.

    The prior goes on, so what it holds beyond a bound counts as being there.
    """
    inside = within(terms, theta)
    value, gradient = neg_log_posterior(inside, terms, y, means, sds)
    z, there = (theta - means) / sds, (inside - means) / sds
    value += 0.5 * float(z @ z - there @ there)
    return value, np.where(theta == inside, gradient, z / sds)
