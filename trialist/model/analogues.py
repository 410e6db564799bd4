"""Analogues: moments of full runs at which these had come down as far as a run has, and moved as fast.

When in its course a full run was there does not matter, only what it gained in as long a time as the run has left: so
runs that fall early and others that fall late tell of each other, and of what both may still do.

n full runs; smaller is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from trialist.model.curves import Curves, Floats

STEPS = 40  # of a grid over a full run
LATELY = 0.1  # of a full run: how fast a run moves is told over that time
FEWEST = 3  # full runs, before they are asked, of which
ALIKE = 2  # ... so many must have been alike,
MOMENTS = 10  # ... at so many moments in all
LATEST = 96  # of them that are asked
FARTHER = 2.0  # alike is who has come down up to so many times as far, or as little, and moved so, in proportion,
SLACK = 0.1  # ... give or take this part of how far the run has come down
MARGIN = 1.5  # times what they gained at most, a run may gain
CHECKED = 24  # of the latest full runs, by which it is checked whether that has been right, at these shares of a run
CHECKS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Analogues:
    """starts (n,): first reported losses; grid (n, STEPS): losses after each step, NaN where nothing was reported."""

    starts: Floats
    grid: Floats

    @classmethod
    def of(cls, curves: Curves) -> Self | None:
        """By the latest full runs of these curves; None where there are fewer than FEWEST."""
        rows = curves.full_rows[-LATEST:]
        if len(rows) < FEWEST:
            return None
        grid = curves.along(np.arange(1, STEPS + 1) / STEPS, curves.scores_best, rows)[:, :, 0]
        return cls(curves.first(rows)[:, 0], np.column_stack([grid[:, :-1], curves.final[rows, 0]]))

    def gains(self, share: float, start: float, before: float, here: float, without: int | None = None) -> Floats:
        """What full runs gained from moments alike in as long as is left after `share`; empty where too few were alike.

        start, before, here: first reported loss of the run, LATELY before, and at that share.  without: which of the
        full runs is not asked.
        """
        step, back = round(share * STEPS), round(LATELY * STEPS)
        come, lately = start - here, before - here
        if not (np.isfinite(come + lately) and come > 0):
            return np.empty(0)  # a run that has not come down: when it will is not told by those that have
        at = np.arange(back, step)  # columns of the grid, so that the time left fits in
        then = self.grid[:, at]
        came, moved = self.starts[:, None] - then, self.grid[:, at - back] - then
        slack = SLACK * come
        alike = (came >= come / FARTHER) & (came <= come * FARTHER)
        alike &= (moved >= min(lately, lately / FARTHER) - slack) & (moved <= FARTHER * max(lately, 0.0) + slack)
        gained = then - self.grid[:, at + STEPS - step]
        alike &= np.isfinite(gained)
        if without is not None:
            alike[without] = False
        found: Floats = gained[alike]
        is_enough = len(found) >= MOMENTS and np.count_nonzero(alike.any(axis=1)) >= ALIKE
        return found if is_enough else found[:0]

    @cached_property
    def have_erred(self) -> bool:
        """Whether some full run ended below what others had on its way made out to be the least that it may come to."""
        return any(self._erred(share, i) for i in range(len(self.grid))[-CHECKED:] for share in CHECKS)

    def _erred(self, share: float, i: int) -> bool:
        column = round(share * STEPS) - 1
        here, before = float(self.grid[i, column]), float(self.grid[i, column - round(LATELY * STEPS)])
        gains = self.gains(share, float(self.starts[i]), before, here, without=i)
        return bool(len(gains) and self.grid[i, -1] < least(here, gains))


def least(here: float, gains: Floats) -> float:
    """The lowest loss that a run which stands at `here` may come to, by what its analogues gained."""
    return here - MARGIN * max(0.0, float(gains.max()))
