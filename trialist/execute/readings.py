"""What a command says of itself: metrics, read from the lines that it prints or writes into its metrics file.

A line counts if it holds an objective's name with a number: `{"step": 3, "val_loss": 0.41}`, `step=3 val_loss=0.41`,
`Epoch 3/10 - val_loss: 0.41`. With a step (epoch, iteration) it is a report; the last value of a metric is its score.
How many steps a full run has is told as there, or by `"of": 10` in JSON.
Beside that, `trial_cost=0.12` in a line of either kind is what the trial cost, unless that is an objective's name, and
`{"constraints": {"latency": -3.5}}` in a line of JSON are measured constraints; neither needs an objective in its line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COST = "trial_cost"  # not "cost", which half of all scripts call their loss
CONSTRAINTS = "constraints"
_STEPS = ("step", "epoch", "iteration")
_OF = "of"
_NUMBER = r"(?i:[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?))"
_END = r"(?!\w|\.\d)"  # a full stop may follow, as in a sentence
_STEP = re.compile(
    rf"(?<![\w.])(?:{'|'.join(_STEPS)})\s*[=:]?\s*(\d+){_END}(?:\s*(?:/|{_OF}\b\s*[=:]?)\s*(\d+){_END})?", re.IGNORECASE
)
_LONGEST = 1 << 20  # bytes of a line that are kept; a longer one is no line of metrics
_MOST_SEEN = 20  # names kept for a message


@dataclass(frozen=True, slots=True)
class Line:
    """The metrics of a report.  of: steps of a full run, where the line tells."""

    values: Mapping[str, float]
    step: int
    of: int | None = None


@dataclass(slots=True)
class Readings:
    """All that was read of a command so far: the last value of each metric, and the names that were seen at all.

    limit: how far it was to run; what it says of steps beyond that does not count, and is_beyond tells of it.
    """

    objectives: tuple[str, ...]
    limit: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    seen: dict[str, None] = field(default_factory=dict)
    steps: set[int] = field(default_factory=set)
    constraints: dict[str, float] = field(default_factory=dict)
    cost: float | None = None
    is_beyond: bool = False
    _pair: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self._pair = _pairs(self.objectives)

    def read(self, text: str) -> Line | None:
        """Take a line in: its Line if it is the first report of its step with the first objective, else None."""
        values, step, of = self._of_json(text) or self._of_text(text)
        if COST in values and COST not in self.objectives:
            self.cost = values.pop(COST)
        for name in values:
            if len(self.seen) < _MOST_SEEN:
                self.seen[name] = None
        if not any(name in values for name in self.objectives):
            return None
        if step is not None and self.limit is not None and step > self.limit:
            self.is_beyond = True
            return None
        self.values.update(values)
        if step is None or step in self.steps or self.objectives[0] not in values:
            return None
        self.steps.add(step)
        return Line(values, step, None if of is None or of < step else of)

    @property
    def missing(self) -> tuple[str, ...]:
        """Objectives that have no value yet."""
        return tuple(name for name in self.objectives if name not in self.values)

    @property
    def complaint(self) -> str:
        """That the first missing objective is missing, and what was there instead."""
        missing = self.missing[0]
        if not self.seen:
            return (
                f"no {missing} was printed. Print a line such as {missing}=0.41, or use trialist.report({missing}=...)"
            )
        seen = [name for name in self.seen if name not in self.objectives]
        if not seen:
            return f"no {missing} was printed, only {', '.join(self.seen)}. Print {missing}=... as well"
        return f"no {missing} was printed; seen: {', '.join(seen)}. Print {missing}=... or give --minimize {seen[0]}"

    def _of_json(self, text: str) -> tuple[dict[str, float], int | None, int | None] | None:
        found = _json_object(text)
        if found is None:
            return None
        try:
            values = {_whole(name): float(item) for name, item in found.items() if type(item) in (int, float)}
        except OverflowError:
            return None
        measured = found.get(CONSTRAINTS)
        if isinstance(measured, dict):
            self.constraints.update((_whole(name), _measured(item)) for name, item in measured.items() if name)
        steps = [values.pop(name) for name in _STEPS if name in values]
        return values, _first_count(steps), _first_count([values.pop(_OF)] if _OF in values else [])

    def _of_text(self, text: str) -> tuple[dict[str, float], int | None, int | None]:
        values = {name: float(n) for name, n in self._pair.findall(text) if name.lower() not in (*_STEPS, _OF)}
        step = _STEP.search(text) if values else None
        if step is None:
            return values, None, None
        return values, int(step.group(1)), None if step.group(2) is None else int(step.group(2))


class Lines:
    """Bytes in pieces, lines out; a carriage return ends a line too, as progress bars write them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that the piece completes."""
        *whole, self._rest = re.split(rb"[\r\n]", self._rest + piece)
        if len(self._rest) > _LONGEST:
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in whole if line]

    def last(self) -> list[str]:
        """What stands after the last end of a line, once no more will come."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest else []


def _pairs(objectives: Sequence[str]) -> re.Pattern[str]:
    # Objectives first, longest first: their names may hold characters that no other name does, spaces for one.
    names = [re.escape(name) for name in sorted(objectives, key=len, reverse=True)]
    return re.compile(rf"(?<![\w./-])({'|'.join(names)}|[A-Za-z_][\w./-]*)\s*[=:]\s*({_NUMBER}){_END}")


def _json_object(text: str) -> dict[str, Any] | None:
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    try:
        found: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _first_count(numbers: Sequence[float]) -> int | None:
    return next((int(number) for number in numbers if number >= 0 and number.is_integer()), None)


def _whole(name: str) -> str:
    # JSON can spell half a character, which no store can hold.
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode("utf-8")


def _measured(item: Any) -> float:
    """A constraint's value; NaN, which counts as violated, for what is no number: null, where it was not measured."""
    try:
        return float(item) if type(item) in (int, float) else math.nan
    except OverflowError:
        return math.inf if item > 0 else -math.inf
