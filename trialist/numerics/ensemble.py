"""Several posteriors of the same data at once: hyperparameters are uncertain, and their draws share most of the work.

Shapes: M members, n points, F feature columns, q points to predict.  The members differ in lengthscales, signal and
noise; the warp is the same for all, so features are warped once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import linalg

from trialist.numerics.gp import Array, Fit, cholesky, matern, matern_with_slope, warp_slopes, warped


class Ensemble:
    """Posteriors of (X, y) at several hyperparameters. Immutable."""

    def __init__(self, fits: Sequence[Fit], X: Array, y: Array) -> None:
        """fits: of one layout and with one warp; X (n, F), y (n,)."""
        self.fit, self.size = fits[0], len(fits)
        layout = self.fit.layout
        self._inverse_lengths = 1.0 / np.array([f.lengthscales for f in fits])[:, None, layout.group]  # (M, 1, F)
        self._signal = np.array([f.signal for f in fits])
        self.noise = np.array([f.noise for f in fits])  # (M,)
        self._A = self._scaled(X)
        K = self._kernel(self._A, self._A)
        self._inverse = np.array([self._inverse_factor(K[m], m) for m in range(self.size)])  # (M, n, n)
        ones = self._inverse.sum(axis=2)  # (M, n)
        white = self._inverse @ y
        self.mean = (ones * white).sum(1) / (ones * ones).sum(1)  # (M,)
        rest = white - self.mean[:, None] * ones
        self._alpha = (self._inverse.transpose(0, 2, 1) @ rest[:, :, None])[:, :, 0]

    def conditioned(self, X: Array) -> Ensemble:
        """With the points X (p, F) known as well, at the values that are expected there: only the variance shrinks."""
        if not len(X):
            return self
        A = self._scaled(X)
        K = self._kernel(A, A)
        side = self._kernel(A, self._A) @ self._inverse.transpose(0, 2, 1)
        rest = K - side @ side.transpose(0, 2, 1)
        corner = np.array([self._inverse_factor(rest[m], m) for m in range(self.size)])
        n, p = self._A.shape[1], len(X)
        inverse = np.zeros((self.size, n + p, n + p))
        inverse[:, :n, :n] = self._inverse
        inverse[:, n:, n:] = corner
        inverse[:, n:, :n] = -corner @ (side @ self._inverse)
        new: Ensemble = object.__new__(Ensemble)
        new.fit, new.size, new.mean = self.fit, self.size, self.mean
        new._inverse_lengths, new._signal, new.noise = self._inverse_lengths, self._signal, self.noise
        new._A, new._inverse = np.concatenate([self._A, A], axis=1), inverse
        new._alpha = np.concatenate([self._alpha, np.zeros((self.size, p))], axis=1)
        return new

    def predict(self, X: Array) -> tuple[Array, Array]:
        """(M, q) means and (M, q) variances of f at X (q, F), noise not included."""
        k = self._kernel(self._scaled(X), self._A)
        V = k @ self._inverse.transpose(0, 2, 1)
        return self._means(k), self._variances(V)

    def predict_with_slopes(self, X: Array) -> tuple[Array, Array, Array, Array]:
        """`predict`, and the derivatives of both by the columns of X, (M, q, F) each."""
        layout = self.fit.layout
        A = self._scaled(X)
        k, slope = matern_with_slope(_distances(A, self._A), layout.smoothness)
        k *= self._signal[:, None, None]
        slope *= self._signal[:, None, None]
        V = k @ self._inverse.transpose(0, 2, 1)
        by_mean = slope * self._alpha[:, None, :]
        by_variance = slope * (V @ self._inverse)
        chain = np.broadcast_to(self._inverse_lengths, A.shape).copy()
        if len(layout.warped):
            chain[:, :, layout.warped] *= warp_slopes(X, self.fit.theta, layout)[0]
        d_mean = 2.0 * (by_mean.sum(2)[:, :, None] * A - by_mean @ self._A)
        d_variance = -4.0 * (by_variance.sum(2)[:, :, None] * A - by_variance @ self._A)
        return self._means(k), self._variances(V), d_mean * chain, d_variance * chain

    def _scaled(self, X: Array) -> Array:
        """(M, q, F) warped features in units of each member's lengthscales."""
        scaled: Array = warped(X, self.fit.theta, self.fit.layout)[None] * self._inverse_lengths
        return scaled

    def _kernel(self, A: Array, B: Array) -> Array:
        kernel: Array = self._signal[:, None, None] * matern(_distances(A, B), self.fit.layout.smoothness)
        return kernel

    def _means(self, k: Array) -> Array:
        means: Array = self.mean[:, None] + (k @ self._alpha[:, :, None])[:, :, 0]
        return means

    def _variances(self, V: Array) -> Array:
        signal = self._signal[:, None]
        left: Array = signal - np.einsum("mqn,mqn->mq", V, V)
        return np.maximum(left, 1e-12 * signal)

    def _inverse_factor(self, K: Array, m: int) -> Array:
        n = len(K)
        K = K.copy()
        K.flat[:: n + 1] += self.noise[m]
        L = cholesky(K, self._signal[m])
        inverse: Array = linalg.solve_triangular(L, np.eye(n), lower=True, check_finite=False)
        return inverse


def _distances(A: Array, B: Array) -> Array:
    """(M, q, n) squared distances."""
    r2: Array = (A * A).sum(2)[:, :, None] + (B * B).sum(2)[:, None, :] - 2.0 * (A @ B.transpose(0, 2, 1))
    return np.maximum(r2, 0.0)
