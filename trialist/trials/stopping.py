"""When a study should end before its budget is used, as it is declared: rules, and what another hour is worth.

Each rule has a text, which is how plans, study files and command lines say it: "plateau 20 0.001".  What becomes of a
rule is the business of the room `stopping`.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from trialist.errors import PlanError, shown

UNITS = ("second", "minute", "hour", "trial", "cost")
_BY = "by"  # "target 0.05 by 3": three trials


@dataclass(frozen=True, slots=True, init=False)
class Target:
    """Ends a study once a trial reaches a level: of the first objective, or of several by name, all in one trial.

    trials: so many have to reach it; among several that do, fresh scores can tell merit from luck.

    >>> Target(0.05), Target(val_loss=0.05, latency_ms=20), Target(0.05, 3)
    (Target(0.05), Target(val_loss=0.05, latency_ms=20.0), Target(0.05, 3))
    """

    name: ClassVar[str] = "target"
    levels: tuple[tuple[str, float], ...]  # by metric; "" stands for the first objective
    trials: int

    def __init__(self, level: float | Mapping[str, float] | None = None, trials: int = 1, /, **levels: float) -> None:
        """A dict for names that are no Python names."""
        if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
            raise PlanError("target.trials", f"{shown(trials)} is no number of trials", "Give 1 or more.")
        given = {} if level is None else dict(level) if isinstance(level, Mapping) else {"": level}
        given |= levels
        if not given:
            raise PlanError("target", "no level is given", "Give one: Target(0.05), or Target(val_loss=0.05).")
        checked = [(metric, _number(f"target.{metric}".rstrip("."), value)) for metric, value in given.items()]
        object.__setattr__(self, "levels", tuple(checked))
        object.__setattr__(self, "trials", trials)

    def __repr__(self) -> str:
        named = {metric: value for metric, value in self.levels if metric}
        words = [f"{value!r}" for metric, value in self.levels if not metric]
        if self.trials > 1:
            words = [*(words if not named else [repr(dict(self.levels))]), f"{self.trials}"]
        elif all(metric.isidentifier() for metric in named):
            words += [f"{metric}={value!r}" for metric, value in named.items()]
        else:
            words += [repr(named)]
        return f"Target({', '.join(words)})"

    def __str__(self) -> str:
        levels = [f"{metric}={value!r}" if metric else f"{value!r}" for metric, value in self.levels]
        return shlex.join([self.name, *levels, *([] if self.trials == 1 else [_BY, f"{self.trials}"])])


@dataclass(frozen=True, slots=True)
class Plateau:
    """Ends a study when `trials` full runs in a row improved its best by no more than `delta`, in the metric's unit.

    Of several objectives, `delta` is a share of the volume that the front dominates.
    """

    name: ClassVar[str] = "plateau"
    trials: int = 20
    delta: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.trials, bool) or not isinstance(self.trials, int) or self.trials < 1:
            raise PlanError("plateau.trials", f"{shown(self.trials)} is no number of trials", "Give 1 or more.")
        delta = _number("plateau.delta", self.delta)
        if delta < 0:
            raise PlanError("plateau.delta", f"{delta:g} is negative", "Give 0 or more.")
        object.__setattr__(self, "delta", delta)

    def __str__(self) -> str:
        return f"{self.name} {self.trials} {self.delta!r}"


@dataclass(frozen=True, slots=True)
class Regret:
    """Ends a study when what the best may still be short of the optimum is below the objective's own noise."""

    name: ClassVar[str] = "regret"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Emmr:
    """Ends a study when the expected minimum simple regret hardly changes any more."""

    name: ClassVar[str] = "emmr"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Worth:
    """Ends a study when one more hour (or second, minute, trial, unit of cost) is expected to gain less than `amount`.

    amount: of the first objective's own unit, whichever way is better.

    >>> str(Worth(0.001, per="hour"))
    'worth 0.001 per hour'
    """

    name: ClassVar[str] = "worth"
    amount: float
    per: str = "hour"

    def __post_init__(self) -> None:
        amount = _number("worth", self.amount)
        if amount <= 0:
            raise PlanError("worth", f"{amount:g} is not above 0", "Give a gain that would be worth it, such as 0.001.")
        object.__setattr__(self, "amount", amount)
        if self.per not in UNITS:
            raise PlanError("worth.per", f"{shown(self.per)} is no unit", f"Use one of {', '.join(UNITS)}.")

    def __str__(self) -> str:
        return f"{self.name} {self.amount!r} per {self.per}"


Rule = Target | Plateau | Regret | Emmr | Worth
Stops = str | Rule | Sequence[str | Rule]  # what a user may give: names, texts, objects
ADVISE, NOTHING = "auto", "none"


@dataclass(frozen=True, slots=True)
class Stopping:
    """The rules that end a study, and whether models advise as well; failures in a row end it unless there is neither.

    >>> Stopping.of("auto", worth="0.001 per hour")
    Stopping(rules=(Worth(amount=0.001, per='hour'),), advises=True)
    """

    rules: tuple[Rule, ...] = ()
    advises: bool = True

    @classmethod
    def of(cls, given: Stops | Stopping = ADVISE, worth: Worth | str | None = None) -> Stopping:
        """From what a user gives: "auto", "none", a rule as object or text, or several of these; else PlanError."""
        if isinstance(given, Stopping):
            return given
        listed = [given] if isinstance(given, (str, Rule)) or not isinstance(given, Sequence) else list(given)
        rules = [item if isinstance(item, Rule) else rule_of(item) for item in listed if item not in (ADVISE, NOTHING)]
        if worth is not None:
            rules.append(worth_of(worth))
        if NOTHING in listed and len(listed) > 1:
            raise PlanError("stopping", "'none' stands beside other rules", "Remove it, or the others.")
        return cls(tuple(dict.fromkeys(rules)), ADVISE in listed)

    def check(self, objectives: Sequence[str]) -> None:
        """PlanError where a rule does not suit the objectives, given by name."""
        for rule in self.rules:
            if isinstance(rule, Target):
                for metric, _ in rule.levels:
                    if metric and metric not in objectives:
                        remedy = f"Use {' or '.join(map(repr, objectives))}."
                        raise PlanError("target", f"{shown(metric)} is no objective", remedy)
            elif not isinstance(rule, Plateau) and len(objectives) > 1:
                remedy = "Use a target or a plateau, which know several."
                raise PlanError("stopping", f"the rule {rule.name!r} is for one objective", remedy)

    @property
    def is_none(self) -> bool:
        """The budget alone ends the study."""
        return not (self.rules or self.advises)

    def to_json(self) -> str | list[str]:
        """ "auto", "none", or the texts of the rules."""
        rules = [str(rule) for rule in self.rules]
        if not rules:
            return ADVISE if self.advises else NOTHING
        return [ADVISE, *rules] if self.advises else rules

    def __str__(self) -> str:
        told = self.to_json()
        return told if isinstance(told, str) else ", ".join(told)


def rule_of(text: object) -> Rule:
    """The rule that a text says: "target 0.05", "plateau 20 0.001", "regret", "emmr", "worth 0.001 per hour"."""
    words = _words(text)
    if words[0] not in _READERS:
        from difflib import get_close_matches

        near = get_close_matches(words[0], (ADVISE, NOTHING, *_READERS), n=1, cutoff=0.5)
        use = f"Use {near[0]!r}; there are" if near else "Use one of"
        names = ", ".join((ADVISE, NOTHING, *_READERS))
        raise PlanError("stopping", f"{shown(text)} is not a stopping rule", f"{use} {names}.")
    return _READERS[words[0]](words[1:])


def worth_of(given: Worth | str) -> Worth:
    """From "0.001 per hour"."""
    return given if isinstance(given, Worth) else _worth(_words(given))


def target_of(given: object) -> Target:
    """From a number, "val_loss=0.05", or a mapping of levels by metric."""
    if isinstance(given, Target):
        return given
    if isinstance(given, Mapping):
        return Target(given)
    return Target(_number("target", given)) if not isinstance(given, str) else _target(_words(given))


def _words(text: object) -> list[str]:
    try:
        words = shlex.split(text) if isinstance(text, str) else []
    except ValueError:
        words = []
    if not words:
        remedy = f"Give a rule, such as {ADVISE!r}, 'regret' or 'plateau 20 0.001'."
        raise PlanError("stopping", f"{shown(text)} is not a stopping rule", remedy)
    return words


def _target(words: list[str]) -> Target:
    levels, trials = {}, 1.0
    if len(words) > 2 and words[-2] == _BY:
        trials = _read("target.trials", words[-1])
        words = words[:-2]
    for word in words:
        metric, _, value = word.rpartition("=")
        levels[metric] = _read("target", value)
    return Target(levels, int(trials) if trials == int(trials) else trials)  # type: ignore[arg-type]


def _plateau(words: list[str]) -> Plateau:
    if len(words) > 2:
        raise PlanError("plateau", f"{shown(' '.join(words))} is too much", "Give trials and delta: plateau 20 0.001.")
    trials = _read("plateau.trials", words[0]) if words else 20.0
    whole = int(trials) if trials == int(trials) else trials
    return Plateau(whole, _read("plateau.delta", words[1]) if len(words) > 1 else 0.0)  # type: ignore[arg-type]


def _worth(words: list[str]) -> Worth:
    if len(words) not in (1, 3) or (len(words) == 3 and words[1] != "per"):
        raise PlanError("worth", f"{shown(' '.join(words))} is no worth", 'Give one such as "0.001 per hour".')
    return Worth(_read("worth", words[0]), words[2] if len(words) == 3 else "hour")


def _alone(rule: Callable[[], Rule]) -> Callable[[list[str]], Rule]:
    def read(words: list[str]) -> Rule:
        if words:
            raise PlanError("stopping", f"{shown(' '.join(words))} is too much", "Give the rule's name alone.")
        return rule()

    return read


_READERS: Mapping[str, Callable[[list[str]], Rule]] = {
    Target.name: _target,
    Plateau.name: _plateau,
    Regret.name: _alone(Regret),
    Emmr.name: _alone(Emmr),
    Worth.name: _worth,
}


def _read(field_name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise PlanError(field_name, f"{shown(text)} is not a number", "Give one such as 0.05.") from None
    return _number(field_name, value)


def _number(field_name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise PlanError(field_name, f"{shown(value)} is not a finite number", "Give one such as 0.05.")
    return float(value)
