"""What may be spent in all: money, tokens, calls; and whether one more call could exceed it.

A call begins only where what is spent, what calls under way may yet take, and the most that this one can take stay
within every limit together. So nothing is overspent by any call that keeps to the most that it can take.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from trialist.errors import BudgetUsedError, InputError, shown

TOLERANCE = 1e-9  # of a limit: rounding of sums is no overspending
_PART = re.compile(
    r"(?P<money>\$)?\s*(?P<number>[0-9][0-9_.]*(?:e-?[0-9]+)?)\s*(?P<unit>[kKM]?)\s*(?P<of>tokens?|calls?)?"
)
_UNITS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6}
_REMEDY = 'Write such as "$5", "200k tokens", "3000 calls", or several with commas between them.'


@dataclass(frozen=True, slots=True)
class Amount:
    """What calls took, or can take: money, tokens of input and output, requests sent (attempts, each one)."""

    money: float = 0.0
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.money + other.money, self.tokens + other.tokens, self.calls + other.calls)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.money - other.money, self.tokens - other.tokens, self.calls - other.calls)


@dataclass(frozen=True, slots=True)
class Purse:
    """The limits; None is no limit. name: whose spending is summed in the cache's file, over interruptions too."""

    money: float | None = None
    tokens: int | None = None
    calls: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for field in ("money", "tokens", "calls"):
            limit = getattr(self, field)
            if limit is not None and not (limit >= 0 and math.isfinite(limit)):
                raise InputError(f"budget.{field}", f"{limit} is no budget", "Give a number from 0 up.")

    @staticmethod
    def of(text: str, name: str = "") -> Purse:
        """A budget as people write it.

        >>> Purse.of("$5, 200k tokens")
        Purse(money=5.0, tokens=200000, calls=None, name='')
        """
        limits: dict[str, float] = {}
        for part in (part.strip() for part in text.split(",")):
            match = _PART.fullmatch(part)
            if match is None or (match["money"] is None) is (match["of"] is None):
                raise InputError("budget", f"{shown(part)} cannot be read", _REMEDY)
            field = "money" if match["money"] else match["of"].rstrip("s") + "s"
            try:
                limit = float(match["number"]) * _UNITS[match["unit"]]
            except ValueError:
                raise InputError("budget", f"{shown(part)} holds no number", _REMEDY) from None
            if field in limits:
                raise InputError("budget", f"{field} are limited twice", "Leave one of them out.")
            limits[field] = limit
        tokens, calls = (None if limits.get(f) is None else math.floor(limits[f]) for f in ("tokens", "calls"))
        return Purse(limits.get("money"), tokens, calls, name)

    def exceeded_by(self, total: Amount) -> str | None:
        """The limit that so much in all would exceed: "money", "tokens" or "calls"."""
        for field in ("money", "tokens", "calls"):
            limit = getattr(self, field)
            if limit is not None and getattr(total, field) > limit * (1 + TOLERANCE):
                return field
        return None

    def share(self, amount: Amount, field: str) -> float:
        """What an amount takes of the limit that it takes most of, told in another limit's unit.

        >>> Purse(tokens=10_000, calls=500).share(Amount(tokens=2_000, calls=50), "calls")
        100.0
        """
        own, taken = getattr(self, field), float(getattr(amount, field))
        others = ((getattr(self, f), getattr(amount, f)) for f in ("money", "tokens", "calls") if f != field)
        return taken if not own else max(taken, *(own * used / limit if limit else 0.0 for limit, used in others))

    def used(self, field: str, spent: Amount, need: Amount) -> BudgetUsedError:
        """The error that says so. spent: with all calls ended."""
        limit, so_far, more = (_told(field, getattr(amount, field)) for amount in (self, spent, need))
        what = f"budget: {so_far} of {limit} is spent, and the next call could take {more}"
        lower = "" if field == "calls" else ", or lower the limit of a reply's tokens (max_tokens)"
        return BudgetUsedError(f"{what}. Raise the budget{lower}.")


def _told(field: str, amount: float) -> str:
    return f"${amount:.6g}" if field == "money" else f"{amount:,.0f} {field}"
