"""What ends a search of settings early: the rules of every study, and "flawless 3", which knows of suites."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from trialist.errors import PlanError, shown
from trialist.trials.stopping import ADVISE, NOTHING, Rule, Stops, Target

FLAWLESS = 3  # trials without a wrong answer, among which fresh answers choose
_NAME = "flawless"


def stops_of(given: Stops, flawless: int) -> list[str | Rule]:
    """Stopping rules as a plan knows them; flawless: by which "auto" is ended where nothing else is said of it.

    >>> stops_of("auto", 3), stops_of(["auto", "flawless 0"], 3), stops_of("flawless 5", 3), stops_of("none", 3)
    (['auto', Target(1.0, 3)], ['auto'], [Target(1.0, 5)], ['none'])
    """
    listed: list[Any] = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    said = [each for each in listed if isinstance(each, str) and each.split()[:1] == [_NAME]]
    for each in listed:
        if isinstance(each, str) and each not in said and get_close_matches(each.partition(" ")[0], [_NAME]):
            raise PlanError("stopping", f"{shown(each)} is not a stopping rule", f'Write "{_NAME} {FLAWLESS}".')
    rules = [each for each in listed if each not in said]
    counts = [_trials_of(each) for each in said]
    if not said and ADVISE in rules:
        counts = [flawless]
    return [*rules, *(Target(1.0, count) for count in counts if count)] or [NOTHING]


def _trials_of(text: str) -> int:
    words = text.split()[1:]
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        remedy = 'Write such as "flawless 3", or "flawless 0" for never.'
        raise PlanError("stopping", f"{shown(text)} is no rule", remedy)
    return int(words[0]) if words else FLAWLESS
