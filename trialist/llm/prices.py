"""What tokens cost: prices per million of them, for one model or for several, and the cost of a call by them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from trialist.errors import InputError, shown
from trialist.llm.request import Request, Usage

_MILLION = 1_000_000
_UNITS = {"M": 1.0, "K": 1000.0}
_PART = re.compile(r"(?P<name>\w+)\s*=\s*\$?(?P<number>[0-9.eE+-]+)\s*(?:/\s*(?P<unit>\w+))?")
_NAMES = {"in": "input", "input": "input", "out": "output", "output": "output", "cached": "cached"}
_NAMES |= {"reasoning": "reasoning", "call": "call"}
_REMEDY = 'Write such as "in=0.15/M,out=0.60/M,cached=0.075/M": money for a million tokens.'
ANY_MODEL = "*"


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens; call: for each call besides.

    Input that the server had in its own cache costs `cached`, hidden reasoning costs `reasoning`; by default as much as
    other input and output, which is what servers charge that do not tell them apart.
    """

    input: float
    output: float
    cached: float | None = None
    reasoning: float | None = None
    call: float = 0.0

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached", "reasoning", "call"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InputError(f"price.{name}", f"{value} is no price", "Give a number from 0 up.")

    @staticmethod
    def of(text: str) -> Price:
        """A price as people write it.

        >>> Price.of("in=0.15/M, out=0.60/M").cost(Usage(input=1000, output=500))
        0.00045
        """
        amounts: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            match = _PART.fullmatch(part)
            name = _NAMES.get(match["name"]) if match else None
            unit = match["unit"] if match else None
            if match is None or name is None or (name == "call") is not (unit is None) or name in amounts:
                raise InputError("price", f"{shown(part)} cannot be read", _REMEDY)
            if unit is not None and unit not in _UNITS:
                raise InputError("price", f"{shown(part)}: the unit is neither M nor K", _REMEDY)
            try:
                amounts[name] = float(match["number"]) * (1.0 if unit is None else _UNITS[unit])
            except ValueError:
                raise InputError("price", f"{shown(part)} holds no number", _REMEDY) from None
        missing = [word for word in ("input", "output") if word not in amounts]
        if missing:
            raise InputError("price", f"{shown(text)} does not say what {' and '.join(missing)} cost", _REMEDY)
        return Price(**amounts)

    def cost(self, usage: Usage) -> float:
        """What such a call costs; where the usage is estimated, the most that it can."""
        if usage.estimated:
            return self.at_most(usage.input, usage.output)
        cached = self.input if self.cached is None else self.cached
        reasoning = self.output if self.reasoning is None else self.reasoning
        tokens = (
            (usage.input - usage.cached) * self.input
            + usage.cached * cached
            + (usage.output - usage.reasoning) * self.output
            + usage.reasoning * reasoning
        )
        return tokens / _MILLION + self.call

    def at_most(self, tokens_in: int, tokens_out: int) -> float:
        """The most that a call of so many tokens can cost, whichever of them are cached or hidden."""
        dearest_in = max(self.input, self.cached or 0.0)
        dearest_out = max(self.output, self.reasoning or 0.0)
        return (tokens_in * dearest_in + tokens_out * dearest_out) / _MILLION + self.call


@dataclass(frozen=True, slots=True)
class Prices:
    """The price of each model; "*" stands for all that are not named."""

    of_model: Mapping[str, Price]

    @staticmethod
    def of(written: Prices | Price | str | Mapping[str, str | Price] | None) -> Prices:
        """One price for all models, as text or not; or a mapping of models to prices; None: nothing costs money."""
        if isinstance(written, Prices):
            return written
        if written is None:
            return Prices({ANY_MODEL: Price(0.0, 0.0)})
        if isinstance(written, Mapping):
            prices = {model: price if isinstance(price, Price) else Price.of(price) for model, price in written.items()}
            return Prices(prices)
        return Prices({ANY_MODEL: written if isinstance(written, Price) else Price.of(written)})

    @property
    def are_nothing(self) -> bool:
        """Whether no call costs anything."""
        return all(price == Price(0.0, 0.0) for price in self.of_model.values())

    def price(self, model: str) -> Price:
        found = self.of_model.get(model) or self.of_model.get(ANY_MODEL)
        if found is None:
            known = ", ".join(sorted(self.of_model)) or "none"
            raise InputError(
                "prices", f"model {shown(model)} has no price (those that have: {known})", "Name its price."
            )
        return found

    def cost(self, model: str, usage: Usage) -> float:
        return self.price(model).cost(usage)

    def at_most(self, request: Request, output_ceiling: int) -> float:
        """The most that the request can cost when its reply has at most so many tokens."""
        return self.price(request.model).at_most(request.max_input, output_ceiling)
