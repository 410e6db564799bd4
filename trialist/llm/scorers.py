"""Scorers by name: exact, contains, starts-with, regex, number, json, choice, f1, python, judge, checks."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.grading.checks import Checks, Cost, Latency
from trialist.llm.grading.code import Code, Function
from trialist.llm.grading.extracted import Choice, Number
from trialist.llm.grading.structure import JsonSchema
from trialist.llm.grading.text import F1, Contains, Exact, Normalise, Regex, StartsWith
from trialist.llm.judge import Judge
from trialist.llm.scorer import Scorer

_BY_NAME: dict[str, Callable[..., Scorer]] = {
    "exact": Exact,
    "contains": Contains,
    "starts-with": StartsWith,
    "regex": Regex,
    "number": Number,
    "json": JsonSchema,
    "choice": Choice,
    "f1": F1,
    "judge": Judge,
    "cost": Cost,
    "latency": Latency,
}
NAMES = (*_BY_NAME, "checks", "python")


def scorer_of(scorer: str | Callable[..., Any] | Scorer, **options: Any) -> Scorer:
    """The scorer of that name with these options, or one that calls your function.

    `scorer_of("number", absolute=0.5)`; `scorer_of(lambda text, item: len(text) < 200)`;
    `scorer_of("checks", judge=Judge("gpt-4.1-2025-04-14"))` scores by the checks that a promptfoo suite brings.
    SuiteError names an unknown scorer or option and the nearest one that there is.
    """
    if isinstance(scorer, str):
        return _named(scorer, options)
    if all(hasattr(scorer, name) for name in ("score", "check", "said")):
        _refuse(options)
        return scorer  # type: ignore[return-value]
    if callable(scorer):
        _refuse(options)
        return Function(scorer)
    raise SuiteError("scorer", f"{shown(scorer)} is no scorer", f"Give a function, or one of {', '.join(NAMES)}.")


def _named(name: str, options: dict[str, Any]) -> Scorer:
    if name == "checks":
        return _made(name, lambda **given: Checks(_named_check, **given), options, ("judge", "every"))
    if name == "python":
        remedy = "Give the function itself in place of its name."
        raise SuiteError("scorer", "'python' says nothing of which function", remedy)
    kind = _BY_NAME.get(name)
    if kind is None:
        near = get_close_matches(name, NAMES, 1)
        meant = f"Did you mean {near[0]!r}? There are: " if near else "There are: "
        raise SuiteError("scorer", f"{shown(name)} is unknown", f"{meant}{', '.join(NAMES)}.")
    if isinstance(options.get("normalise"), str):
        options = {**options, "normalise": _normalise(options["normalise"])}
    return _made(name, kind, options, tuple(f for f in kind.__dataclass_fields__ if f not in ("name", "_memory")))  # type: ignore[attr-defined]


def _named_check(name: str, **options: Any) -> Scorer:
    return Code(**options) if name == "python" else _named(name, options)


def _made(name: str, make: Callable[..., Scorer], options: dict[str, Any], known: tuple[str, ...]) -> Scorer:
    for option in options:
        if option not in known:
            near = get_close_matches(option, known, 1)
            meant = f"Did you mean {near[0]!r}? " if near else ""
            remedy = f"{meant}There are: {', '.join(known) or 'none'}."
            raise SuiteError("scorer", f"{name} has no option {shown(option)}", remedy)
    try:
        return make(**options)
    except TypeError as error:
        raise SuiteError("scorer", f"{name} cannot be made ({error})", f"Its options: {', '.join(known)}.") from None


def _normalise(word: str) -> Normalise:
    try:
        return Normalise(word)
    except ValueError:
        words = ", ".join(each.value for each in Normalise)
        raise SuiteError("normalise", f"{shown(word)} is unknown", f"Use one of {words}.") from None


def _refuse(options: dict[str, Any]) -> None:
    if options:
        raise SuiteError("scorer", f"options {shown(sorted(options))} are for scorers by name", "Leave them out.")
