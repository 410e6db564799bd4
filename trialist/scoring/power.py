"""What a test can show: the smallest difference that its size lets stand out, before it is opened."""

from __future__ import annotations

import math

from trialist.scoring.verdict import CONFIDENCE


def smallest_difference(
    *,
    seeds: int,
    sd_seeds: float,
    examples: int | None = None,
    sd_examples: float = 0.0,
    looks: int = 1,
    power: float = 0.8,
) -> float:
    """The smallest true difference that a test of this size would show in `power` of all cases, before it is opened.

    sd_seeds: standard deviation of one configuration's mean test score from seed to seed.  sd_examples: of the paired
    difference of the two configurations from example to example.  Infinite with a single seed and no examples.

    >>> round(smallest_difference(seeds=5, sd_seeds=0.01, examples=360, sd_examples=0.3), 3)
    0.048
    """
    from trialist.numerics.gaussian import student_quantile

    over_examples = sd_examples**2 / examples if examples and examples > 1 else 0.0
    over_seeds = 2 * sd_seeds**2 / seeds if seeds > 1 else 0.0
    if not (examples and examples > 1) and seeds < 2:
        return math.inf
    total = over_examples + over_seeds
    if total == 0:
        return 0.0
    # Satterthwaite's degrees of freedom of the sum
    freedom = (over_examples**2 / (examples - 1) if over_examples and examples else 0.0) + (
        over_seeds**2 / (2 * seeds - 2) if over_seeds else 0.0
    )
    df = total**2 / freedom
    level = 1 - (1 - CONFIDENCE) / looks
    return (student_quantile((1 + level) / 2, df) + student_quantile(power, df)) * math.sqrt(total)
