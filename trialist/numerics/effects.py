"""What a process of effects says of them, given the trials: draws of all at once, leave-one-out, a chance.

Symbols as in `anova`; S draws.  A draw is the coefficients of each effect in its dials' orthonormal functions: its
variance over the space is the sum of their squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from trialist.numerics.anova import WIDE, Kernel, Terms, prior, spread, third, unbounded, within
from trialist.numerics.orthonormal import Array, root
from trialist.numerics.posterior import drawn

RANK = 5  # of the M directions of each dial of a pair, the strongest ones: the others have hardly any variance
_PART = 512  # points at a time: what is between the two dials of a pair has M values at each point and draw
_NOTHING = 1e-3  # of the losses' variance: less is not looked for


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
        if F and len(F[0]) > _PART:
            some = [slice(at, at + _PART) for at in range(0, len(F[0]), _PART)]
            return np.concatenate(
                [self.values([f[part] for f in F], [(A[part], B[part]) for A, B in pairs]) for part in some]
            )
        found = np.repeat(self.constant[None], len(F[0]) if F else 1, axis=0)
        for functions, b in zip(F, self.dials, strict=True):
            found = found + functions @ b
        for (A, B), b in zip(pairs, self.pairs, strict=True):
            found = found + np.einsum("na,nb,abs->ns", A, B, b, optimize=True)
        return found

    def mean(self) -> Draws:
        """The mean of the draws, as the only one."""
        dials, pairs = (tuple(b.mean(axis=-1, keepdims=True) for b in found) for found in (self.dials, self.pairs))
        return Draws(self.constant.mean(keepdims=True), dials, pairs, self.rest.mean(keepdims=True))

    def scaled(self, unit: float, centre: float) -> Draws:
        """Of unit times the function, plus centre."""
        dials, pairs = (tuple(unit * b for b in found) for found in (self.dials, self.pairs))
        return Draws(unit * self.constant + centre, dials, pairs, unit**2 * self.rest)


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
        self.kernel.release()

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
        rest.flat[:: n + 1] += 1e-9 + 1e-7 * float(np.trace(rest)) / n  # it may have no full rank
        own = np.linalg.cholesky(rest) @ rng.standard_normal((n, count))
        own += np.sqrt(kernel.noise) * rng.standard_normal((n, count))
        Z = rng.standard_normal((Phi.shape[1], count))
        Z += Phi.T @ linalg.cho_solve(self._factor, self.y[:, None] - Phi @ Z - own, check_finite=False)
        edges = np.cumsum([0, *(block.shape[1] for block in blocks)])
        found = [R @ Z[a:b] for R, a, b in zip(back, edges, edges[1:], strict=False)]
        sizes = [(terms.factors[p.a].F.shape[1], terms.factors[p.b].F.shape[1]) for p in terms.pairs]
        pairs = [b.reshape(*size, count) for b, size in zip(found[1 + terms.d :], sizes, strict=True)]
        of_rest = np.full(count, self.variance_of_rest)
        return Draws(found[0][0], tuple(found[1 : 1 + terms.d]), tuple(pairs), of_rest)

    @cached_property
    def variance_of_rest(self) -> float:
        """Over the space, of what is expected of the rest."""
        parts = [
            w * w * f.F @ C @ C @ f.F.T
            for w, f, C in zip(self.terms.weights, self.terms.factors, self.kernel.C, strict=False)
        ]
        return max(self.kernel.tau_rest**2 * float(self.alpha @ third(parts, self.terms.background) @ self.alpha), 0.0)

    def rest_at(self, F: Sequence[Array]) -> Array:
        """(q,) what is expected of the rest at q points with functions F (q, M) of each dial."""
        if self.variance_of_rest < _NOTHING:
            return np.zeros(len(F[0]))
        own = zip(self.terms.weights, F, self.terms.factors, self.kernel.C, strict=False)
        parts = [w * (at @ C @ f.F.T) for w, at, f, C in own]
        return np.asarray(self.kernel.tau_rest * third(parts, self.terms.background) @ self.alpha)

    def left_out(self) -> tuple[Array, Array]:
        """(n,) means and (n,) variances of each value, noise included, as foretold by all the others.

        Source: Rasmussen & Williams 2006, eq. 5.12.
        """
        precision = np.diagonal(linalg.cho_solve(self._factor, np.eye(len(self.y)), check_finite=False))
        return self.y - self.alpha / precision, 1.0 / precision


def ensemble(at: Effects, few: NDArray[np.intp], rng: np.random.Generator, members: int, count: int) -> Draws:
    """Draws of the process at hyperparameters that are drawn from their posterior: `count` of each of the members.

    few: the trials that tell of hyperparameters.
    """
    terms = at.terms.at(few)
    energy = partial(unbounded, terms=terms, y=at.y[few], means=prior(terms)[0], sds=prior(terms)[1])
    thetas = drawn(energy, at.theta, spread(terms, at.theta), rng, members)
    return joined([Effects(at.terms, within(terms, theta), at.y).draws(rng, count) for theta in thetas])


def chance(ratio: float) -> float:
    """How often twice the log of the likelihood ratio of an effect would be so high where there is none.

    A variance is never below 0: half of the time it is 0 at its likeliest and the ratio with it, else that is a
    chi-square of one degree of freedom.  Source: Self & Liang 1987, "Asymptotic properties of maximum likelihood
    estimators and likelihood ratio tests under nonstandard conditions", JASA 82, case 5.

    >>> chance(0.0), round(chance(2.7055), 3)
    (1.0, 0.05)
    """
    return 1.0 if ratio <= 0.0 else 0.5 * float(special.erfc(np.sqrt(0.5 * ratio)))
