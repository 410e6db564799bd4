"""Gaussian process regression: maximum a posteriori fit with analytic gradients, prediction, conditioning.

Model: y = m + f(x) + e, e ~ N(0, noise), f ~ GP(0, signal * Matern(r)), r^2 = sum_j |w(x)_j - w(x')_j|^2 / l_j^2.
The features of a dial are one or more columns that share its lengthscale l_j; numeric columns in [0, 1] may be warped
by Kumaraswamy's distribution function, w = 1 - (1 - u^a)^b (Snoek 2014).  The mean m is that of generalised least
squares.

Shapes: n points, F feature columns, D lengthscales, W warped columns, q points to predict.
Sources: Rasmussen & Williams 2006; lengthscale prior: Hvarfner 2024, "Vanilla Bayesian optimization performs great in
high dimensions"; LAPACK's potrf and potri for the inverse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize
from scipy.linalg import lapack

Array = NDArray[np.float64]

_SQRT3, _SQRT5 = math.sqrt(3.0), math.sqrt(5.0)
_JITTER = 1e-8  # of the signal variance, times 10 until the factor exists
_EDGE = 1e-6  # warped positions keep that distance from 0 and 1
_BIG = 1e25


@dataclass(frozen=True, slots=True)
class Layout:
    """What the columns mean: group (F,) the lengthscale of each column, warped (W,) the columns that are warped."""

    group: NDArray[np.intp]
    warped: NDArray[np.intp]
    smoothness: float = 2.5  # of the Matern kernel: 1.5 or 2.5

    @property
    def lengths(self) -> int:
        """D."""
        return int(self.group.max(initial=-1)) + 1

    @property
    def size(self) -> int:
        """How many hyperparameters: D + 2 + 2 W."""
        return self.lengths + 2 + 2 * len(self.warped)


@dataclass(frozen=True, slots=True)
class Prior:
    """Normal priors of the logarithms, (mean, sd) each; lengthscales lie round sqrt(D) times a constant."""

    length: tuple[float, float] = (math.sqrt(2.0), math.sqrt(3.0))  # the mean grows by ln(D) / 2
    signal: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] = (-6.0, 2.0)
    warp: tuple[float, float] = (0.0, 0.5)

    def arrays(self, layout: Layout) -> tuple[Array, Array]:
        """(P,) means and (P,) standard deviations, in the order of `Hyper.vector`."""
        D, W = layout.lengths, len(layout.warped)
        length = self.length[0] + 0.5 * math.log(max(D, 1))
        means = [*[length] * D, self.signal[0], self.noise[0], *[self.warp[0]] * (2 * W)]
        sds = [*[self.length[1]] * D, self.signal[1], self.noise[1], *[self.warp[1]] * (2 * W)]
        return np.array(means), np.array(sds)


LOWEST, HIGHEST = (-4.0, -5.0, -12.0, -2.0), (6.0, 4.0, 1.0, 2.0)  # of ln l, ln signal, ln noise, ln a and ln b


def _bounds(layout: Layout) -> list[tuple[float, float]]:
    D, W = layout.lengths, len(layout.warped)
    return (
        [(LOWEST[0], HIGHEST[0])] * D
        + [(LOWEST[1], HIGHEST[1]), (LOWEST[2], HIGHEST[2])]
        + [(LOWEST[3], HIGHEST[3])] * (2 * W)
    )


def matern(r2: Array, smoothness: float) -> Array:
    """The kernel of squared distances r2 >= 0, for a smoothness of 1.5 or 2.5."""
    r = np.sqrt(r2)
    if smoothness == 1.5:
        s = _SQRT3 * r
        return (1.0 + s) * np.exp(-s)
    s = _SQRT5 * r
    return (1.0 + s + (5.0 / 3.0) * r2) * np.exp(-s)


def matern_with_slope(r2: Array, smoothness: float) -> tuple[Array, Array]:
    """The kernel and its derivative by r2, finite also at 0."""
    r = np.sqrt(r2)
    if smoothness == 1.5:
        s = _SQRT3 * r
        e = np.exp(-s)
        return (1.0 + s) * e, -1.5 * e
    s = _SQRT5 * r
    e = np.exp(-s)
    return (1.0 + s + (5.0 / 3.0) * r2) * e, (-5.0 / 6.0) * (1.0 + s) * e


def _squared_distances(A: Array, B: Array) -> Array:
    r2: Array = (A * A).sum(1)[:, None] + (B * B).sum(1) - 2.0 * (A @ B.T)
    return np.maximum(r2, 0.0)


def _scaled(X: Array, theta: Array, layout: Layout) -> Array:
    """(n, F) warped features, each in units of its lengthscale."""
    scaled: Array = warped(X, theta, layout) / np.exp(theta[: layout.lengths])[layout.group]
    return scaled


def warped(X: Array, theta: Array, layout: Layout) -> Array:
    """(n, F) features with the warp."""
    D, W = layout.lengths, len(layout.warped)
    A = X.copy()
    if W:
        u = np.clip(X[:, layout.warped], _EDGE, 1.0 - _EDGE)
        a, b = np.exp(theta[D + 2 : D + 2 + W]), np.exp(theta[D + 2 + W :])
        A[:, layout.warped] = -np.expm1(b * np.log1p(-np.exp(a * np.log(u))))
    return A


def warp_slopes(X: Array, theta: Array, layout: Layout) -> tuple[Array, Array, Array]:
    """(n, W) each: derivatives of the warped positions by u, by ln a and by ln b."""
    D, W = layout.lengths, len(layout.warped)
    u = np.clip(X[:, layout.warped], _EDGE, 1.0 - _EDGE)
    a, b = np.exp(theta[D + 2 : D + 2 + W]), np.exp(theta[D + 2 + W :])
    log_u = np.log(u)
    ua = np.exp(a * log_u)
    rest = -np.expm1(a * log_u)  # 1 - u^a
    log_rest = np.log(np.maximum(rest, 1e-300))
    power = np.exp(b * log_rest)
    common = b * power / np.maximum(rest, 1e-300) * ua
    return common * a / u, common * a * log_u, -power * b * log_rest


def neg_log_posterior(
    theta: Array, X: Array, y: Array, layout: Layout, means: Array, sds: Array
) -> tuple[float, Array]:
    """The negative log of likelihood times prior (without constants), and its gradient (P,).

    The mean is profiled out: at its optimum its own derivative is zero, so it adds nothing to the gradient.
    """
    n, D, W = len(y), layout.lengths, len(layout.warped)
    signal, noise = math.exp(theta[D]), math.exp(theta[D + 1])
    A = _scaled(X, theta, layout)
    k, slope = matern_with_slope(_squared_distances(A, A), layout.smoothness)
    K = signal * k
    K.flat[:: n + 1] = signal * (1.0 + _JITTER) + noise
    L, info = lapack.dpotrf(K, lower=1, clean=0)
    if info:
        return _BIG, np.zeros_like(theta)
    inverse, _ = lapack.dpotri(L, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    ones = inverse.sum(1)
    m = float(ones @ y) / float(ones.sum())
    alpha = inverse @ (y - m)
    z = (theta - means) / sds
    value = 0.5 * float((y - m) @ alpha) + float(np.log(np.diagonal(L)).sum()) + 0.5 * float(z @ z)
    G = 0.5 * (inverse - np.outer(alpha, alpha))
    gradient = z / sds
    gradient[D] += signal * (float((G * k).sum()) + _JITTER * float(np.trace(G)))
    gradient[D + 1] += noise * float(np.trace(G))
    H = (signal * G) * slope
    np.fill_diagonal(H, 0.0)
    h = H.sum(1)
    HA = H @ A
    by_column = 2.0 * (h @ (A * A)) - 2.0 * (A * HA).sum(0)  # (F,) sum_ij H_ij (a_i - a_j)^2
    gradient[:D] += -2.0 * np.bincount(layout.group, by_column, minlength=D)
    if W:
        by_feature = (4.0 * (h[:, None] * A - HA))[:, layout.warped] / np.exp(theta[:D])[layout.group[layout.warped]]
        _, by_a, by_b = warp_slopes(X, theta, layout)
        gradient[D + 2 : D + 2 + W] += (by_feature * by_a).sum(0)
        gradient[D + 2 + W :] += (by_feature * by_b).sum(0)
    return value, gradient


@dataclass(frozen=True, slots=True)
class Fit:
    """Hyperparameters theta (P,): ln l (D), ln signal, ln noise, ln a (W), ln b (W); value: the objective there."""

    theta: Array
    value: float
    layout: Layout

    @property
    def signal(self) -> float:
        return math.exp(self.theta[self.layout.lengths])

    @property
    def noise(self) -> float:
        return math.exp(self.theta[self.layout.lengths + 1])

    @property
    def lengthscales(self) -> Array:
        """(D,)."""
        return np.exp(self.theta[: self.layout.lengths])


def fit(
    X: Array,
    y: Array,
    layout: Layout,
    prior: Prior | None = None,
    starts: tuple[Array, ...] = (),
    iterations: int = 40,
) -> Fit:
    """Maximum a posteriori hyperparameters, from the prior's middle with long lengthscales, and from `starts`.

    X (n, F), y (n,), standardised.  A function of its arguments alone; hyperparameters are rounded to 1e-4, far below
    any meaning, so that the last bits of a matrix product (which depend on the number of threads) do not show.
    """
    means, sds = (prior or Prior()).arrays(layout)
    D = layout.lengths
    first = means.copy()
    first[:D] = math.log(0.5) + 0.5 * math.log(max(D, 1))
    bounds = _bounds(layout)
    best: tuple[float, Array] | None = None
    for start in (first, *starts):
        found = optimize.minimize(
            neg_log_posterior,
            start,
            args=(X, y, layout, means, sds),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": iterations, "gtol": 1e-2, "ftol": 1e-7},
        )
        if best is None or found.fun < best[0]:
            best = float(found.fun), found.x
    assert best is not None
    return Fit(np.round(best[1], 4), best[0], layout)


def spread(fit: Fit, X: Array, y: Array, prior: Prior | None = None) -> Array:
    """How uncertain lengthscales, signal and noise are: (D + 2, D + 2) S, so that their logs + S z, z standard normal,
    are draws of Laplace's approximation.

    The curvature is taken from differences of the gradient, in units of the prior's deviations; where the likelihood
    says less than the prior, or bends the wrong way, the prior's own width stands.
    """
    means, sds = (prior or Prior()).arrays(fit.layout)
    count = fit.layout.lengths + 2
    step = 1e-3
    here = neg_log_posterior(fit.theta, X, y, fit.layout, means, sds)[1]
    curvature = np.empty((count, count))
    for i in range(count):
        ahead = fit.theta.copy()
        ahead[i] += step * sds[i]
        slope = neg_log_posterior(ahead, X, y, fit.layout, means, sds)[1]
        curvature[i] = ((slope - here) * sds)[:count] / step
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    scaled: Array = sds[:count, None] * vectors / np.sqrt(np.maximum(values, 1.0))
    return scaled


def moved(fit: Fit, theta: Array) -> Fit:
    """The same process at other hyperparameters, kept within bounds."""
    low, high = np.array(_bounds(fit.layout)).T
    return replace(fit, theta=np.asarray(np.clip(theta, low, high).round(4), dtype=np.float64))


class Posterior:
    """What a fitted process says, given (X, y): predictions at features of new points. Immutable."""

    def __init__(self, fit: Fit, X: Array, y: Array) -> None:
        self.fit = fit
        self._A = _scaled(X, fit.theta, fit.layout)
        n = len(y)
        K = fit.signal * matern(_squared_distances(self._A, self._A), fit.layout.smoothness)
        K.flat[:: n + 1] = fit.signal + fit.noise
        L = cholesky(K, fit.signal)
        self._inverse = linalg.solve_triangular(L, np.eye(n), lower=True, check_finite=False)  # of the factor
        self._learn(y)

    def _learn(self, y: Array) -> None:
        white = self._inverse @ np.stack([np.ones_like(y), y], axis=1)
        self.mean = float(white[:, 0] @ white[:, 1]) / float(white[:, 0] @ white[:, 0])
        self._alpha = self._inverse.T @ (white[:, 1] - self.mean * white[:, 0])

    def told(self, y: Array) -> Posterior:
        """The same points with other values y (n,): their transform changes with each new result. O(n^2)."""
        new = self._like(self._A, self._inverse)
        new._learn(y)
        return new

    def conditioned(self, X: Array) -> Posterior:
        """With the points X (p, F) known as well, at the values that are expected there: only the variance shrinks.

        The factor grows by a block, O(n^2 p); `told` then gives the points their values, where they have some.
        """
        if not len(X):
            return self
        fit, layout = self.fit, self.fit.layout
        A = _scaled(X, fit.theta, layout)
        cross = fit.signal * matern(_squared_distances(A, self._A), layout.smoothness)
        K = fit.signal * matern(_squared_distances(A, A), layout.smoothness)
        K.flat[:: len(A) + 1] = fit.signal + fit.noise
        side = cross @ self._inverse.T
        L = cholesky(K - side @ side.T, fit.signal)
        corner = linalg.solve_triangular(L, np.eye(len(A)), lower=True, check_finite=False)
        n, p = len(self._A), len(A)
        inverse = np.zeros((n + p, n + p))
        inverse[:n, :n] = self._inverse
        inverse[n:, n:] = corner
        inverse[n:, :n] = -corner @ (side @ self._inverse)
        new = self._like(np.concatenate([self._A, A]), inverse)
        new.mean, new._alpha = self.mean, np.concatenate([self._alpha, np.zeros(p)])
        return new

    def _like(self, A: Array, inverse: Array) -> Posterior:
        new = object.__new__(Posterior)
        new.fit, new._A, new._inverse = self.fit, A, inverse
        return new

    def left_out(self, y: Array) -> tuple[Array, Array]:
        """(n,) means and (n,) variances of each value of y, noise included, as foretold by all the others.

        Source: Rasmussen & Williams 2006, eq. 5.12.
        """
        precision = (self._inverse * self._inverse).sum(0)
        return y - self._alpha / precision, 1.0 / precision

    def whitened(self, V: Array) -> Array:
        """V (n, k), columns of values at the points, with the process's and the noise's correlations taken out."""
        white: Array = self._inverse @ V
        return white

    def predict(self, X: Array) -> tuple[Array, Array]:
        """(q,) means and (q,) variances of f at X (q, F), noise not included."""
        A = _scaled(X, self.fit.theta, self.fit.layout)
        k = self.fit.signal * matern(_squared_distances(A, self._A), self.fit.layout.smoothness)
        V = k @ self._inverse.T
        return self.mean + k @ self._alpha, np.maximum(self.fit.signal - (V * V).sum(1), 1e-12 * self.fit.signal)

    def predict_with_slopes(self, X: Array) -> tuple[Array, Array, Array, Array]:
        """`predict`, and the derivatives of both by the columns of X, (q, F) each."""
        fit, layout = self.fit, self.fit.layout
        A = _scaled(X, fit.theta, layout)
        k, slope = matern_with_slope(_squared_distances(A, self._A), layout.smoothness)
        k *= fit.signal
        slope *= fit.signal
        V = k @ self._inverse.T
        variance = np.maximum(fit.signal - (V * V).sum(1), 1e-12 * fit.signal)
        by_mean = slope * self._alpha
        by_variance = slope * (V @ self._inverse)
        d_mean = 2.0 * (by_mean.sum(1)[:, None] * A - by_mean @ self._A)
        d_variance = -4.0 * (by_variance.sum(1)[:, None] * A - by_variance @ self._A)
        chain = np.broadcast_to(1.0 / fit.lengthscales[layout.group], A.shape).copy()
        if len(layout.warped):
            chain[:, layout.warped] *= warp_slopes(X, fit.theta, layout)[0]
        return self.mean + k @ self._alpha, variance, d_mean * chain, d_variance * chain

    def covariance(self, X: Array) -> tuple[Array, Array]:
        """(q,) means and the (q, q) covariance of f at X (q, F)."""
        A = _scaled(X, self.fit.theta, self.fit.layout)
        k = self.fit.signal * matern(_squared_distances(A, self._A), self.fit.layout.smoothness)
        V = k @ self._inverse.T
        return self.mean + k @ self._alpha, self.fit.signal * matern(
            _squared_distances(A, A), self.fit.layout.smoothness
        ) - V @ V.T

    def between(self, X: Array, Z: Array) -> Array:
        """(q, r) covariances of f at X (q, F) with f at Z (r, F)."""
        fit = self.fit
        A, B = (_scaled(points, fit.theta, fit.layout) for points in (X, Z))
        V, W = (
            fit.signal * matern(_squared_distances(points, self._A), fit.layout.smoothness) @ self._inverse.T
            for points in (A, B)
        )
        found: Array = fit.signal * matern(_squared_distances(A, B), fit.layout.smoothness) - V @ W.T
        return found


def cholesky(K: Array, scale: float) -> Array:
    """The lower factor of K (n, n), with as much jitter, in units of `scale`, as it takes."""
    n = len(K)
    jitter = _JITTER
    while True:
        tried = K.copy()
        tried.flat[:: n + 1] += jitter * scale
        L, info = lapack.dpotrf(tried, lower=1, clean=1)
        if info == 0:
            return L  # type: ignore[no-any-return]
        if jitter > 1e4:
            raise np.linalg.LinAlgError("the covariance is not positive definite at any jitter")
        jitter *= 10.0
