"""Refinement: after the coarse search the space narrows round the best few, and the next trials are drawn there.

The best few of a dial are the best fifth of the trials in which it was active, at least three; where replicates tell
the noise, also those within one standard error of them, up to half of the trials.  In units u of the dial's own scale
(0 to 1) the new range is

    [min(u) - gap, max(u) + gap],  gap = half the mean distance of neighbouring trials, 1 / (2 n),

and never narrower than WIDTH of the scale.  An end of the old range stays where the best trial is within EDGE of it;
the best trial is never excluded; steps and integers keep three values where they had them.  A dial that does not
matter has its best few everywhere, so it stays wide by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from trialist.errors import SpaceError
from trialist.numerics.keys import Key
from trialist.space.parameter import Categorical, Float, Int, Parameter
from trialist.space.plain import identity
from trialist.space.space import Space
from trialist.trials.feasibility import ranked
from trialist.trials.history import History
from trialist.trials.trial import TrialRecord

FEW, SHARE = 3, 0.2
LEAST = 5  # scored trials with the dial active; with fewer it is left as it is
WIDTH = 0.15  # of the scale
EDGE = 0.05  # of the scale: so close to an end, the best trial sits on it
OUTER = 0.25  # of the scale: where half of the best few must lie before widening is advised
KEPT_VALUES = 3


@dataclass(frozen=True, slots=True)
class Refinement:
    """The part of the space where the next trials are drawn.

    words: what changed, a line for each dial.  edges: dials whose range should be widened, and on which side.
    """

    space: Space
    words: tuple[str, ...]
    edges: tuple[str, ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {
            "space": self.space.to_json(),
            "words": list(self.words),
            "edges": list(self.edges),
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, obj: Mapping[str, Any], callables: Sequence[Callable[..., object]] = ()) -> Refinement:
        """The refinement that `to_json` wrote; `callables` as in `Space.from_json`."""
        space = Space.from_json(obj["space"], callables)
        return cls(space, tuple(obj["words"]), tuple(obj["edges"]), obj["reason"])


def refine(history: History, share: float = SHARE) -> Refinement:
    """The space narrowed round the best `share` of the scored trials, by the rules at the head of this file."""
    space, scored = history.space, history.scored
    if len(scored) < LEAST:
        return Refinement(space, (), (), f"only {len(scored)} scored trials: too few to narrow by")
    order = ranked(scored)
    noise, best = _noise(scored), order[0]
    choices: dict[str, list[Any]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    words, edges = [], []
    # Categorical dials first: a dial that needs a choice which goes is not worth a word.
    for name, dial in sorted(space.items(), key=lambda item: not isinstance(item[1], Categorical)):
        active = [r for r in order if name in r.params]
        if len(active) < LEAST or not _can_be_active(dial, choices):
            continue
        few = _best_few(active, share, noise)
        if isinstance(dial, Categorical):
            kept = _kept_choices(name, dial, active, few)
            if len(kept) < len(dial.choices):
                choices[name] = kept
                words.append(_choices_in_words(name, dial, kept))
            continue
        edge = _edge(name, dial, few) if name in best.params else None
        if edge:
            edges.append(edge)
        low, high = _range(name, dial, few, len(active))
        if (low, high) != (dial.low, dial.high):
            ranges[name] = low, high
            words.append(f"{name}: {_span(dial.low, dial.high)} is now {_span(low, high)}")
    bounds = {**choices, **ranges}
    if not bounds:
        return Refinement(space, (), tuple(edges), f"the best of {len(scored)} trials lie all over the space")
    try:
        narrowed = space.narrowed(bounds)
        narrowed.draw(Key(history.plan.seed, -1))
    except SpaceError as error:
        # Hard constraints can leave hardly anything of the box: then the whole space serves on.
        return Refinement(space, (), tuple(edges), f"the space stays as it is, since {error.problem}")
    count = len(_best_few(order, share, noise))
    reason = f"{len(bounds)} of {len(space)} dials narrowed round the best {count} of {len(scored)} trials"
    return Refinement(narrowed, tuple(words), tuple(edges), reason)


def _noise(scored: Sequence[TrialRecord]) -> float:
    """The typical standard error of a score; 0 where no trial has replicates."""
    errors = [s.stderr for r in scored if (s := r.score) is not None and s.stderr is not None]
    return median(errors) if errors else 0.0


def _can_be_active(dial: Parameter, kept: Mapping[str, Sequence[Any]]) -> bool:
    """Whether the choices kept so far leave one under which the dial is active."""
    parts = (dial.when or {}).items()
    return all(any(part.holds(choice) for choice in kept[parent]) for parent, part in parts if parent in kept)


def _best_few(order: Sequence[TrialRecord], share: float, noise: float) -> Sequence[TrialRecord]:
    count = max(FEW, math.ceil(share * len(order)))
    limit = order[count - 1].loss
    if noise and limit is not None and order[count - 1].is_feasible:
        within = sum(r.is_feasible and r.loss is not None and r.loss <= limit + noise for r in order)
        count = max(count, min(within, len(order) // 2))
    return order[:count]


def _range(name: str, dial: Float | Int, few: Sequence[TrialRecord], n: int) -> tuple[float, float]:
    """(low, high) of the narrowed dial, in its own values."""
    positions = [dial.encode(r.params[name]) for r in few]
    gap = 0.5 / n
    low, high = min(positions) - gap, max(positions) + gap
    if high - low < WIDTH:
        # Inside the scale as a whole: what would stick out at one end is added at the other.
        low = min(max((low + high - WIDTH) / 2, 0.0), 1.0 - WIDTH)
        high = low + WIDTH
    if positions[0] <= EDGE:
        low = 0.0
    if positions[0] >= 1.0 - EDGE:
        high = 1.0
    low_value, high_value = dial.decode(max(low, 0.0)), dial.decode(min(high, 1.0))
    if dial.size is None:
        return _rounded_outwards(dial, low_value, high_value)
    return _with_enough_values(dial, low_value, high_value)


def _rounded_outwards(dial: Float | Int, low: float, high: float) -> tuple[float, float]:
    """Bounds that read well: two digits on a log scale, else a hundredth of the width."""
    if high <= low:
        return low, high
    width = _exponent(high - low) - 1
    places = [-min(_exponent(x) - 1, width) if dial.log else -width for x in (low, high)]
    down, up = round(low, places[0]), round(high, places[1])
    down = down if down <= low else round(down - 10.0 ** -places[0], places[0])
    up = up if up >= high else round(up + 10.0 ** -places[1], places[1])
    return max(down, dial.low), min(up, dial.high)


def _exponent(x: float) -> int:
    return math.floor(math.log10(abs(x)))


def _with_enough_values(dial: Float | Int, low: float, high: float) -> tuple[float, float]:
    step = dial.step or 1
    while high - low < (KEPT_VALUES - 1.5) * step and (low > dial.low or high < dial.high):
        low, high = (dial.decode(dial.encode(x)) for x in (low - step, high + step))
    return low, high


def _edge(name: str, dial: Float | Int, few: Sequence[TrialRecord]) -> str | None:
    """Advice to widen the range, where the best trial sits at its end and half of the best few lie near."""
    if dial.size is not None and dial.size <= KEPT_VALUES:
        return None
    positions = [dial.encode(r.params[name]) for r in few]
    best = few[0].params[name]
    near_low = sum(p <= OUTER for p in positions) >= len(few) / 2
    near_high = sum(p >= 1 - OUTER for p in positions) >= len(few) / 2
    if near_low and (positions[0] <= EDGE or best == dial.low):
        return f"{name}: the best trial lies at the lower end {dial.low:.6g}: widen this range downwards if it can be"
    if near_high and (positions[0] >= 1 - EDGE or best == dial.high):
        return f"{name}: the best trial lies at the upper end {dial.high:.6g}: widen this range upwards if it can be"
    return None


def _kept_choices(name: str, dial: Categorical, active: Sequence[TrialRecord], few: Sequence[TrialRecord]) -> list[Any]:
    """All choices but the clearly bad: tried at least LEAST times, and not once in the better half of the trials.

    For a choice that does not matter the odds of that are 1 in 32.
    """
    tried = [identity(r.params[name]) for r in active]
    better = {*tried[: (len(tried) + 1) // 2], *(identity(r.params[name]) for r in few)}
    return [c for c in dial.choices if identity(c) in better or tried.count(identity(c)) < LEAST]


def _choices_in_words(name: str, dial: Categorical, kept: list[Any]) -> str:
    left = {identity(choice) for choice in kept}
    dropped = [choice for choice in dial.choices if identity(choice) not in left]
    shown = ", ".join(str(choice) for choice in dropped[:4]) + (", ..." if len(dropped) > 4 else "")
    return f"{name}: without {shown}, none of whose trials is in the better half; {len(kept)} left"


def _span(low: Any, high: Any) -> str:
    return f"{low:.6g}..{high:.6g}"
