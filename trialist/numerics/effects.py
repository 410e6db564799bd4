"""What a process of effects says of them, given the trials: draws of all at once, leave-one-out, a test of pairs.

Symbols as in `anova`; S draws.  A draw is the coefficients of each effect in its dials' orthonormal functions: its
variance over the space is the sum of their squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from trialist.numerics.anova import WIDE, Kernel, Pair, Terms, moved, spread, third
from trialist.numerics.orthonormal import Array, root

RANK = 5  # of the M directions of each dial of a pair, the strongest ones: the others have hardly any variance
_LEAST = 1e-10


@dataclass(frozen=True, slots=True)
class Draws:
    """constant (S,), dials: (M_j, S) each, pairs: (M_a, M_b, S) each, rest (S,): variance of three dials and more."""

    constant: Array
    dials: tuple[Array, ...]
    pairs: tuple[Array, ...]
    rest: Array

    def variances(self, dials: Array, pairs: Array) -> tuple[Array, Array, Array]:
        """(d, S), (p, S) and (S,) variances over the space: of dials, of pairs, in all.

        dials (d,), pairs (p,): how often each is active.
        """
        of_dials = np.array([q * (b**2).sum(axis=0) for q, b in zip(dials, self.dials, strict=True)])
        of_pairs = np.array([q * (b**2).sum(axis=(0, 1)) for q, b in zip(pairs, self.pairs, strict=True)])
        of_pairs = of_pairs.reshape(len(self.pairs), len(self.constant))
        return of_dials, of_pairs, of_dials.sum(axis=0) + of_pairs.sum(axis=0) + self.rest

    def values(self, F: Sequence[Array], pairs: Sequence[tuple[Array, Array]]) -> Array:
        """(n, S) of functions F (n, M) of the dials and of the dials of each pair, at n points."""
        found = np.repeat(self.constant[None], len(F[0]) if F else 1, axis=0)
        for functions, b in zip(F, self.dials, strict=True):
            found = found + functions @ b
        for (A, B), b in zip(pairs, self.pairs, strict=True):
            found = found + np.einsum("na,nb,abs->ns", A, B, b, optimize=True)
        return found


def joined(draws: Sequence[Draws]) -> Draws:
    """The draws of several processes with the same effects, all of equal weight."""
    return Draws(
        np.concatenate([each.constant for each in draws]),
        tuple(np.concatenate(parts, axis=-1) for parts in zip(*(each.dials for each in draws), strict=True)),
        tuple(np.concatenate(parts, axis=-1) for parts in zip(*(each.pairs for each in draws), strict=True)),
        np.concatenate([each.rest for each in draws]),
    )


class Effects:
    """A process of effects at theta, given y (n,)."""

    def __init__(self, terms: Terms, theta: Array, y: Array) -> None:
        self.terms, self.theta, self.y = terms, theta, y
        self.kernel = Kernel(terms, theta)
        self._factor = linalg.cho_factor(self.kernel.total, lower=True, check_finite=False)
        self.alpha = linalg.cho_solve(self._factor, y, check_finite=False)

    def draws(self, rng: np.random.Generator, count: int) -> Draws:
        """Matheron's rule: a draw of the prior, corrected by what it would take to pass through the trials.

        Source: Wilson et al. 2021, "Pathwise conditioning of Gaussian processes", eq. 12.
        """
        terms, kernel, n = self.terms, self.kernel, len(self.y)
        roots = [root(C) for C in kernel.C]
        low = [R[:, -RANK:] for R in roots]
        blocks = [np.full((n, 1), np.sqrt(WIDE))]
        back: list[Array] = [np.full((1, 1), np.sqrt(WIDE))]
        for j in range(terms.d):
            back.append(np.sqrt(kernel.tau[j]) * roots[j])
            blocks.append(terms.factors[j].F @ back[-1])
        for t, pair in zip(kernel.tau_pair, terms.pairs, strict=True):
            A, B = terms.factors[pair.a].F @ low[pair.a], terms.factors[pair.b].F @ low[pair.b]
            blocks.append(np.sqrt(t) * (A[:, :, None] * B[:, None, :]).reshape(n, -1))
            back.append(np.sqrt(t) * np.kron(low[pair.a], low[pair.b]))
        Phi = np.hstack(blocks)  # (n, R)
        rest = kernel.tau_rest * kernel.rest
        values, vectors = np.linalg.eigh(rest)
        own = vectors @ (np.sqrt(np.maximum(values, 0.0))[:, None] * rng.standard_normal((n, count)))
        own += np.sqrt(kernel.noise) * rng.standard_normal((n, count))
        Z = rng.standard_normal((Phi.shape[1], count))
        Z += Phi.T @ linalg.cho_solve(self._factor, self.y[:, None] - Phi @ Z - own, check_finite=False)
        edges = np.cumsum([0, *(block.shape[1] for block in blocks)])
        found = [R @ Z[a:b] for R, a, b in zip(back, edges, edges[1:], strict=False)]
        sizes = [(terms.factors[p.a].F.shape[1], terms.factors[p.b].F.shape[1]) for p in terms.pairs]
        pairs = [b.reshape(*size, count) for b, size in zip(found[1 + terms.d :], sizes, strict=True)]
        of_rest = np.full(count, self._variance_of_rest())
        return Draws(found[0][0], tuple(found[1 : 1 + terms.d]), tuple(pairs), of_rest)

    def _variance_of_rest(self) -> float:
        """Over the space, of what is expected of the rest."""
        parts = [
            w * w * f.F @ C @ C @ f.F.T
            for w, f, C in zip(self.terms.weights, self.terms.factors, self.kernel.C, strict=False)
        ]
        return max(self.kernel.tau_rest**2 * float(self.alpha @ third(parts, self.terms.background) @ self.alpha), 0.0)

    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and (n,) variances of each value, noise included, as foretold by all the others.

        Source: Rasmussen & Williams 2006, eq. 5.12.
        """
        precision = np.diagonal(linalg.cho_solve(self._factor, np.eye(len(self.y)), check_finite=False))
        return self.y - self.alpha / precision, 1.0 / precision

    def evidence(self, pair: Pair) -> float:
        """The chance of so strong a sign of an effect of that pair where there is none: a variance component's score.

        With K without the pair, q = a^T K_jk a, a = K^-1 y, is a sum of chi-squares weighed by the eigenvalues of
        Phi^T K^-1 Phi, K_jk = Phi Phi^T; its scale is that of y^T K^-1 y.  Source: Lin 1997, "Variance component
        testing in generalised linear models with random effects", Biometrika 84.
        """
        terms, kernel, n = self.terms, self.kernel, len(self.y)
        K = kernel.total.copy()
        for t, other, covariance in zip(kernel.tau_pair, terms.pairs, kernel.of_pair, strict=True):
            if (other.j, other.k) == (pair.j, pair.k):
                K -= t * covariance
        A = terms.factors[pair.a].F @ root(kernel.C[pair.a])[:, -RANK:]
        B = terms.factors[pair.b].F @ root(kernel.C[pair.b])[:, -RANK:]
        Phi = (A[:, :, None] * B[:, None, :]).reshape(n, -1)
        solved = linalg.cho_solve(linalg.cho_factor(K, lower=True), np.column_stack([self.y, Phi]))
        scale = max(float(self.y @ solved[:, 0]) / n, _LEAST)
        q = float(((Phi.T @ solved[:, 0]) ** 2).sum()) / scale
        weights = np.maximum(np.linalg.eigvalsh(Phi.T @ solved[:, 1:]), 0.0)
        return beyond(q, weights)


def beyond(q: float, weights: Array) -> float:
    """The chance that a sum of independent chi-squares of one degree of freedom, so weighed, exceeds q.

    Matched in its first four cumulants. Source: Liu, Tang & Zhang 2009, "A new chi-square approximation to the
    distribution of non-negative definite quadratic forms in non-central normal variables", CSDA 53.
    """
    c1, c2, c3, c4 = (float((weights**k).sum()) for k in (1, 2, 3, 4))
    if c2 <= 0.0:
        return 1.0
    s1, s2 = c3 / c2**1.5, c4 / c2**2
    if s1**2 > s2:
        a = 1.0 / (s1 - np.sqrt(s1**2 - s2))
        delta = s1 * a**3 - a**2
        freedom = a**2 - 2.0 * delta
    else:
        a, delta, freedom = 1.0 / s1, 0.0, 1.0 / s1**2
    x = (q - c1) / np.sqrt(2.0 * c2) * np.sqrt(2.0) * a + freedom + delta
    if x <= 0.0:
        return 1.0
    return float(special.chdtrc(freedom, x) if delta == 0.0 else 1.0 - special.chndtr(x, freedom, delta))


def ensemble(terms: Terms, theta: Array, y: Array, rng: np.random.Generator, members: int, count: int) -> Draws:
    """Draws of the process at hyperparameters that are drawn round theta: `count` of each of the members."""
    S = spread(terms, theta)
    found = []
    for m in range(members):
        at = theta if m == 0 else moved(terms, theta, S @ rng.standard_normal(len(theta)))
        found.append(Effects(terms, at, y).draws(rng, count))
    return joined(found)
