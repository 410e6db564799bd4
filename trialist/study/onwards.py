"""How a study goes on: by the command line where a command is tuned, else by the script that tunes a function.

Only a command can be run by `trialist run`, `rerun` and `verify`: a function is its script's to call.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from trialist.study.prose import named
from trialist.trials.plan import Plan

_MODEL = "tune-llm "  # what the source of a study of a language model's settings begins with


def is_command(plan: Plan) -> bool:
    """Whether a command is tuned: it holds at least one dial in braces, and no function's name does."""
    return "{" in plan.source and not is_of_model(plan)


def is_of_model(plan: Plan) -> bool:
    """Whether a language model's settings are tuned."""
    return plan.source.startswith(_MODEL)


def to_start(plan: Plan) -> str:
    """What runs the first trial."""
    if is_of_model(plan):
        return "trialist tune-llm starts it, or its script"
    return "trialist run starts it" if is_command(plan) else "study.optimize(objective) starts it, in its script"


def to_go_on(plan: Plan, line: str = "", objective: Mapping[str, Any] | None = None) -> str:
    """What goes on with it.  line: of the shell, for a command.  objective: where the function was seen to stand."""
    if is_of_model(plan):
        return "the same trialist tune-llm again, or the same script, goes on where it stopped"
    if is_command(plan):
        return "the same trialist run again goes on where it stopped" + (f" (or: {line})" if line else "")
    where = "" if objective is None else f" ({named(objective['name'])} stands in {_short(objective['file'])})"
    return f"run its script again: tl.tune, or study.optimize(objective), goes on where it stopped{where}"


def to_try_again(plan: Plan) -> str:
    """What tries failed trials again."""
    if is_command(plan):
        return "trialist rerun --failed tries again"
    return "study.rerun_failed() queues it again, and running its script tries it"


def to_verify(plan: Plan) -> str:
    """What opens the test data."""
    if is_of_model(plan):
        return "running it again opens the sealed items, once"
    if is_command(plan):
        return "trialist verify opens the test data, once"
    return "study.verify(test), or running its script again, opens the test data, once"


def _short(file: str) -> str:
    """A path as short as it is still found from here."""
    beside = os.path.relpath(file)
    return named(beside if len(beside) < len(file) else file)
