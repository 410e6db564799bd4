"""What a study of settings may spend: the purse that no call exceeds, and the study's budget within it.

The purse refuses a call that could exceed it, by the most that the call can take; the study's budget is lower by the
most that any single call can take, so that trials end between two blocks of items and none is cut inside one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import TYPE_CHECKING

from trialist.errors import InputError, PlanError, shown
from trialist.llm.dials import SHOT_ORDER, SHOTS, Dial
from trialist.llm.evaluate import CALLS, MONEY, TOKENS, in_unit
from trialist.llm.judge import Judge
from trialist.llm.purse import Amount, Purse
from trialist.llm.request import Request
from trialist.trials.amounts import duration
from trialist.trials.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialist.llm.client import Client
    from trialist.llm.item import Item
    from trialist.llm.recipe import Recipe
    from trialist.llm.scorer import Scorer

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_TRIALS = re.compile(r"(\d+)(?:\s*trials?)?")
_REMEDY = 'Write such as "$5", "3000 calls", "200k tokens", "40 trials", "10m", or several with commas between them.'
_MOST_REQUESTS = 4000  # that are looked at for the dearest one
_BYTES_OF_TOKEN = 8  # of an answer that a judge reads: a long answer of long tokens


@dataclass(frozen=True, slots=True)
class Means:
    """purse: of money, tokens, calls.  trials, seconds: of the study; None is no limit.

    counted_in: the unit of costs, where the one that is likely used up first is known.
    """

    purse: Purse = field(default_factory=Purse)
    trials: int | None = None
    seconds: float | None = None
    counted_in: str | None = None

    @staticmethod
    def of(given: Means | Purse | Budget | str | int, name: str = "") -> Means:
        """From a budget as it is written, or as an object; name: of the purse.

        >>> Means.of("$5, 40 trials, 10m")
        Means(purse=Purse(money=5.0, tokens=None, calls=None, name=''), trials=40, seconds=600.0, counted_in=None)
        """
        if isinstance(given, Means):
            return replace(given, purse=replace(given.purse, name=name))
        if isinstance(given, Purse):
            return Means(replace(given, name=name))
        if isinstance(given, Budget):
            return Means(Purse(money=given.cost, name=name), given.trials, given.seconds)
        if isinstance(given, int) and not isinstance(given, bool):
            return Means(Purse(name=name), Budget(trials=given).trials)
        if not isinstance(given, str):
            raise InputError("budget", f"{shown(given)} is no budget", _REMEDY)
        trials, seconds, rest = None, None, []
        # Commas stand between thousands too, in "3,000 calls".
        for part in (part.strip() for part in re.split(r",(?!\d{3}\b)", given)):
            if found := _TRIALS.fullmatch(part):
                trials = int(found[1])
            elif found := _DURATION.fullmatch(part):
                seconds = float(found[1]) * _SECONDS[found[2]]
            else:
                rest.append(part.replace(",", ""))
        purse = Purse.of(", ".join(rest), name) if rest else Purse(name=name)
        return Means(purse, trials, seconds)

    @property
    def unit(self) -> str:
        """What costs are counted in: the first of money, tokens, calls that is limited, unless told otherwise."""
        if self.counted_in is not None:
            return self.counted_in
        return next((unit for unit in (MONEY, TOKENS, CALLS) if getattr(self.purse, unit) is not None), MONEY)

    def counted(self, sample: Amount) -> Means:
        """The same, counted in what calls like the sample would use up first: of "$5, 3000 calls", money or calls.

        A study keeps back what the verification takes in that unit; by another one it would end before it.
        """
        limits = {unit: getattr(self.purse, unit) for unit in (MONEY, TOKENS, CALLS)}
        used = {unit: in_unit(sample, unit) / limit for unit, limit in limits.items() if limit}
        return replace(self, counted_in=max(used, key=lambda unit: used[unit])) if len(used) > 1 else self

    @property
    def is_unlimited(self) -> bool:
        limits = (self.purse.money, self.purse.tokens, self.purse.calls, self.trials, self.seconds)
        return all(limit is None for limit in limits)

    def budget(self, dearest: Amount) -> Budget:
        """The study's budget; dearest: the most that one call can take."""
        if self.is_unlimited:
            raise PlanError("budget", "none is given", _REMEDY)
        limit = getattr(self.purse, self.unit)
        if limit is None:
            return Budget(self.trials, seconds=self.seconds)
        cost = limit - in_unit(dearest, self.unit)
        if cost <= 0:
            problem = f"{told(limit, self.unit)} do not pay for one call, which could take {_one(dearest, self.unit)}"
            raise PlanError("budget", problem, "Raise it, or limit the tokens of a reply: max_tokens.")
        return Budget(self.trials, seconds=self.seconds, cost=cost)

    def __str__(self) -> str:
        parts = [told(getattr(self.purse, u), u) for u in (MONEY, TOKENS, CALLS) if getattr(self.purse, u) is not None]
        parts += [f"{self.trials} trials"] if self.trials is not None else []
        parts += [duration(self.seconds)] if self.seconds is not None else []
        return ", ".join(parts)


def dearest_call(client: Client, recipe: Recipe, items: Sequence[Item], scorer: Scorer | None = None) -> Amount:
    """The most of each that one call can take, over all items, prompts and models, with the longest replies.

    InputError where a reply, of a judge too, has no limit and one call could take any budget.
    """
    names, levels, most, longest = [], [], Amount(), 0
    for name, dial in recipe.dials.dials.items():
        names.append(name)
        levels.append(_extremes(name, dial))
    for values in islice(product(*levels), max(1, _MOST_REQUESTS // max(1, len(items)))):
        params = dict(zip(names, values, strict=True))
        for item in items:
            request = recipe.requests(params, item)[0]
            most = _larger(most, client.at_most(request))
            longest = max(longest, request.max_output or client.output_ceiling or 0)
    if isinstance(scorer, Judge):
        answer = "x" * (_BYTES_OF_TOKEN * longest)
        for item in items:
            graded = Request(scorer.model, scorer.messages(item, answer), scorer.settings)
            most = _larger(most, client.at_most(graded))
    return most


def _larger(a: Amount, b: Amount) -> Amount:
    return Amount(max(a.money, b.money), max(a.tokens, b.tokens), max(a.calls, b.calls))


def told(amount: float, unit: str) -> str:
    """An amount in its unit, for people."""
    return f"${amount:,.4g}" if unit == MONEY else f"{amount:,.0f} {unit}"


def _one(amount: Amount, unit: str) -> str:
    return told(in_unit(amount, unit), unit)


def _extremes(name: str, dial: Dial) -> list[object]:
    """The levels of a dial that can make a call dearer."""
    numbers = [each for each in dial.levels if isinstance(each, (int, float))]
    numbers += [] if dial.span is None else [dial.span.high]
    if name == SHOT_ORDER:
        return [int(level) for level in numbers[:8]] or [0]
    if name == SHOTS or (numbers and len(numbers) == len(dial.levels) + (dial.span is not None)):
        return [max(numbers)]
    return [*dial.levels, *([] if dial.span is None else [dial.span.high])]
