"""Dials of a running trial: those it was given, and those that a define-by-run objective declares on the way."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialist.errors import SpaceError, shown
from trialist.execute.failures import as_text
from trialist.numerics.keys import Key
from trialist.space.condition import Condition
from trialist.space.parameter import Float, Int, Parameter, declare
from trialist.trials.messages import Assignment, Declared

if TYPE_CHECKING:
    from trialist.space.space import Space


class Dials:
    """`params` is the configuration so far; `news` holds declarations that nobody was told of yet."""

    __slots__ = ("_assignment", "_declared", "_space", "news", "params")

    def __init__(
        self, assignment: Assignment, space: Space | None, declared: MutableMapping[str, Parameter] | None
    ) -> None:
        self._assignment, self._space = assignment, space
        self._declared: MutableMapping[str, Parameter] = {} if declared is None else declared
        self.params: dict[str, Any] = dict(assignment.params)
        self.news: list[Declared] = []

    def suggest(self, name: str, parameter: Parameter) -> Any:
        """The dial's value: the one proposed, else its default in the baseline, else a draw keyed by the trial.

        Raises SpaceError where another declaration of that name is known, the proposed value lies outside this one, or
        its condition does not hold.
        """
        known = self._declared.get(name)
        if known is None and self._space is not None and name in self._space:
            known = self._space[name]
        if known is not None and known is not parameter and known != parameter:
            remedy = "Give every dial one declaration, or use another name for the other."
            raise SpaceError(name, f"declared as {parameter!r} here, but as {known!r} before", remedy)
        condition = Condition.of(name, parameter.when)
        if condition is not None and not condition.holds(self.params):
            problem = f"it is asked for, but active only when {condition}"
            raise SpaceError(name, problem, "Ask for it under an `if` that says the same.")
        is_proposed = name in self.params
        if is_proposed:
            value = parameter.check(name, self.params[name])
        elif self._assignment.defaults:
            value = parameter.baseline
        else:
            value = parameter.draw(Key(self._assignment.study_seed, self._assignment.number), name)
        self.params[name] = value
        self._declared[name] = parameter
        if known is None or not is_proposed:
            self.news.append(Declared(self._assignment.number, self._assignment.attempt, name, parameter, value))
        return value

    def unknown(self, name: object) -> SpaceError:
        """The error of asking for a dial that is not there, with the nearest name."""
        from difflib import get_close_matches

        if not self.params:
            problem = f"this trial has no dial {shown(name)}, and the study has no space"
            remedy = f"Declare it there, or in the objective: trial.suggest_float({shown(name)}, low, high)."
            return SpaceError(as_text(str(name)), problem, remedy)
        nearest = get_close_matches(str(name), self.params, n=1)
        names = f"the nearest is {nearest[0]!r}" if nearest else f"it has {', '.join(map(repr, self.params))}"
        remedy = "Use one of its names, or trial.params.get(name) where a dial may be inactive."
        return SpaceError(as_text(str(name)), f"this trial has no dial {shown(name)}; {names}", remedy)


# A trial declares what the trial before declared. Typed, since 1, 1.0 and True are three bounds.
@lru_cache(maxsize=1024, typed=True)
def float_dial(
    name: str, low: float, high: float, log: bool, step: float | None, default: float | None, when: Condition | None
) -> Parameter:
    """A Float by that name."""
    return declare(name, Float, low, high, log=log, step=step, default=default, when=when)


@lru_cache(maxsize=1024, typed=True)
def int_dial(
    name: str, low: int, high: int, log: bool, step: int, default: int | None, when: Condition | None
) -> Parameter:
    """An Int by that name."""
    return declare(name, Int, low, high, log=log, step=step, default=default, when=when)
