"""Findings of effects as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trialist.effects.findings import Best, Nearby, Pair, Share
from trialist.space.parameter import Categorical
from trialist.space.space import Space
from trialist.trials.plan import Direction, Objective

SMALL = 0.01  # a share that is hardly one


def importance_words(shares: Sequence[Share], metric: str, explained: float, *, is_constrained: bool) -> str:
    """Who matters most, what is left to interactions, and how much the model knows.

    is_constrained: shares are of an allowed part of the space, where they need not add up.
    """
    part = "what is allowed of the space" if is_constrained else "the space"
    first = [share for share in shares if share.share >= SMALL][:3]
    if not first:
        return f"No dial alone moves {metric} over {part}."
    named = ", ".join(f"{share.dial} {share.share:.0%} ({share.low:.0%} to {share.high:.0%})" for share in first)
    rest = 0.0 if is_constrained else max(0.0, 1.0 - sum(share.share for share in shares))
    together = f" {rest:.0%} is what dials do together." if rest >= 0.05 else ""
    return f"Of what moves {metric} over {part}: {named}.{together} The model explains {explained:.0%} of the trials."


def interaction_words(pairs: Sequence[Pair]) -> str:
    """Which pairs are real."""
    real = [pair for pair in pairs if pair.is_real]
    if real:
        named = ", ".join(f"{pair.a} and {pair.b} ({pair.strength:.0%})" for pair in real[:3])
        more = f" and {len(real) - 3} more" if len(real) > 3 else ""
        return f"What one does depends on the other: {named}{more}."
    if pairs and pairs[0].strength >= SMALL:
        strongest = pairs[0]
        return (
            f"No interaction is shown. The strongest sign is of {strongest.a} and {strongest.b}: "
            f"{strongest.strength:.0%} ({strongest.low:.0%} to {strongest.high:.0%})."
        )
    return "No interaction is shown: the dials can be read one by one."


def slice_words(
    dial: str,
    at: Sequence[Any],
    mean: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    objective: Objective,
) -> str:
    """Where the best value lies, and whether that can be told from the rest."""
    is_less = objective.direction is Direction.MINIMIZE
    pick = min if is_less else max
    i = pick(range(len(at)), key=lambda k: mean[k])
    worst = max(range(len(at)), key=lambda k: objective.loss(mean[k]))
    found = f"{dial}: {objective.name} is expected to be best, {mean[i]:.4g}, at {_value(at[i])}"
    is_clear = high[i] < low[worst] if is_less else low[i] > high[worst]
    if not is_clear:
        return f"{found}, but the band tells no value from another."
    if not isinstance(at[i], (str, bool)) and len(at) > 2 and i in (0, len(at) - 1):
        return f"{found}, the {'lower' if i == 0 else 'upper'} end of its range: consider widening it."
    return f"{found}, and worst, {mean[worst]:.4g}, at {_value(at[worst])}."


def best_at_words(dial: str, by: str, rows: Sequence[Best]) -> str:
    """Whether the best value moves."""
    if not rows:
        return f"{dial} and {by} are never active together." if dial != by else "Name two dials."
    apart = any(_apart(a, b) for a in rows for b in rows)
    told = ", ".join(f"{_value(row.value)} at {_value(row.given)}" for row in (rows[0], rows[-1]))
    if apart:
        return f"The best {dial} moves with {by}: {told}."
    return f"The best {dial} is not shown to move with {by}: {told}."


def local_words(shares: Sequence[Nearby], space: Space) -> str:
    """What matters near the configuration, and how far it can be moved."""
    if not shares:
        return "No dial of this configuration is known to the study."
    first = shares[0]
    if isinstance(space[first.dial], Categorical):
        reach = (
            f"near it are {', '.join(_value(value) for value in first.near[:5])}" if first.near else "no other is near"
        )
    elif first.low == first.high:
        reach = "it cannot be moved unharmed"
    else:
        reach = f"from {_value(first.low)} to {_value(first.high)} it costs no more than noise"
    return f"Round the best, {first.dial} matters most ({first.share:.0%}); {reach}."


def calibration_words(coverage: float, r2: float, count: int) -> str:
    """Whether the model knows, and knows how much it knows."""
    return (
        f"Foretold by all the others, {coverage:.0%} of {count} scores lie in their 95 % intervals;"
        f" the predictions explain {max(r2, 0.0):.0%} of how the scores differ."
    )


def _apart(a: Best, b: Best) -> bool:
    if isinstance(a.low, (int, float)) and isinstance(b.low, (int, float)) and not isinstance(a.low, bool):
        return bool(a.high < b.low or b.high < a.low)
    return bool(a.value != b.value and a.low == a.high and b.low == b.high)


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
