"""The working time of a study: wall clock with long gaps cut out, in which nothing ran."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

GAP = 30.0  # seconds without any run: a study that was resumed, not a pause between two trials
SHARE = 0.2  # of the working time: of quick studies, shorter gaps are pauses too


@dataclass(frozen=True, slots=True)
class Clock:
    """Maps wall clock to seconds of working time since the first trial was opened.

    spells: when anything ran, (from, until) in wall clock, in order, long gaps between them.
    """

    spells: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, runs: Iterable[tuple[float, float]]) -> Clock:
        """Of runs, (from, until) each.

        >>> clock = Clock.of([(100.0, 110.0), (105.0, 120.0), (9_000.0, 9_010.0)])
        >>> clock.at(104.0), clock.at(9_004.0), clock.breaks
        (4.0, 24.0, ((20.0, 8880.0),))
        """
        merged: list[tuple[float, float]] = []
        for start, end in sorted(runs):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(merged[-1][1], end)
            else:
                merged.append((start, max(start, end)))
        least = max(GAP, SHARE * sum(end - start for start, end in merged))
        spells: list[tuple[float, float]] = []
        for start, end in merged:
            if spells and start - spells[-1][1] < least:
                spells[-1] = spells[-1][0], end
            else:
                spells.append((start, end))
        return cls(tuple(spells))

    def at(self, moment: float) -> float:
        """Seconds of working time until then; within a gap, those at its beginning."""
        place = bisect_right(self.spells, (moment, float("inf"))) - 1
        if place < 0:
            return 0.0
        before = sum(end - start for start, end in self.spells[:place])
        start, end = self.spells[place]
        return before + min(moment, end) - start

    @property
    def seconds(self) -> float:
        """The whole working time."""
        return sum(end - start for start, end in self.spells)

    @property
    def breaks(self) -> tuple[tuple[float, float], ...]:
        """The gaps: after how many seconds of working time, and how long."""
        found, gone = [], 0.0
        for (start, end), (following, _) in zip(self.spells, self.spells[1:], strict=False):
            gone += end - start
            found.append((gone, following - end))
        return tuple(found)
