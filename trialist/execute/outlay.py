"""What a run has cost so far, as its objective tells it: amounts of money, and tokens at the budget's prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialist.errors import ResultError
from trialist.trials.outcome import cost as as_cost


def spent(before: float | None, amount: Any, tokens: Mapping[str, Any], prices: Mapping[str, float]) -> float:
    """The cost with an amount and tokens by kind on top.

    Without prices tokens cost nothing; ResultError where others have a price, and a kind has none.
    """
    total = as_cost(amount)
    for kind, count in tokens.items():
        if prices and kind not in prices:
            remedy = f"Use {' or '.join(prices)}, or give its price to the budget, per_token={{{kind!r}: ...}}."
            raise ResultError("spend", f"{kind} has no price", remedy)
        total += as_cost(count) * prices.get(kind, 0.0)
    return as_cost((before or 0.0) + total)
