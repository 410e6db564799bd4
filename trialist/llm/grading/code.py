"""Scores by Python: a function of yours, or code of a suite that you declare trust in."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import math
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trialist.errors import ScoringError, SuiteError, shown
from trialist.llm.item import Item, Measured
from trialist.llm.scorer import UNMEASURED, Ask


@dataclass(frozen=True, slots=True)
class Function:
    """The score is what a Python function returns for (text) or (text, item): True, False, or a number in 0..1.

    Plain functions are called in a thread of their own, one answer after the other, so that slow ones hold up no calls;
    a coroutine function is awaited.
    """

    function: Callable[..., Any]
    name: str = "python"

    def __post_init__(self) -> None:
        _takes_item(self.function)

    @property
    def said(self) -> str:
        function = self.function
        named = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"
        return f"python: {named}, source {_source_mark(function)}"

    def check(self, item: Item) -> None:
        """Every item will do: what the function needs is the function's own."""

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        return await _called(self.function, item, *((text, item) if _takes_item(self.function) else (text,)))


@dataclass(frozen=True, slots=True)
class Code:
    """Python code of a suite, as promptfoo calls it: `output` and `context` in, a bool, a number or a mapping out.

    source: an expression, or lines that return; with `function`, a module that defines it.  It runs with all that this
    process may do: only a suite that is read with trust=True holds any.
    """

    source: str
    function: str | None = None
    place: str = ""
    name: str = "python"

    @property
    def said(self) -> str:
        return f"python: code of the suite, source {hashlib.sha256(self.source.encode()).hexdigest()[:12]}"

    def check(self, item: Item) -> None:
        called(self.source, self.function, self.place or item.where)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        context = {"vars": item.metadata.get("vars", {}), "prompt": item.question}
        return await _called(called(self.source, self.function, self.place or item.where), item, text, context)


async def _called(function: Callable[..., Any], item: Item, *given: Any) -> float:
    try:
        if inspect.iscoroutinefunction(function):
            result = await function(*given)
        else:
            result = await asyncio.get_running_loop().run_in_executor(_thread(), function, *given)
            if inspect.isawaitable(result):
                result = await result
    except (SuiteError, ScoringError):
        raise
    except Exception as error:
        problem = f"the scorer raised {type(error).__name__}: {error}"
        raise ScoringError(f"{item.where}: {problem}. Mend the scorer; scoring again costs nothing.") from error
    return number_of(item, result)


@lru_cache(maxsize=256)
def called(source: str, function: str | None, place: str) -> Callable[[str, dict[str, Any]], Any]:
    """The function of (output, context) that the source is or defines; SuiteError where it is no Python."""
    scope: dict[str, Any] = {"__name__": "suite_code", "json": json}
    lines = textwrap.dedent(source).strip()
    try:
        if function is not None:
            exec(compile(source, place, "exec"), scope)
        elif "\n" not in lines and not lines.startswith("return"):
            body = f"def get_assert(output, context):\n    return (\n{textwrap.indent(lines, '        ')}\n    )\n"
            exec(compile(body, place, "exec"), scope)
        else:
            body = f"def get_assert(output, context):\n{textwrap.indent(lines, '    ')}\n"
            exec(compile(body, place, "exec"), scope)
    except Exception as error:
        problem = f"its Python cannot be read ({type(error).__name__}: {error})"
        raise SuiteError(place, problem, "Mend it: an expression, or lines that return.") from error
    found = scope.get(function or "get_assert")
    if not callable(found):
        raise SuiteError(place, f"the file defines no function {shown(function)}", "Define it, or name another.")
    return found  # type: ignore[no-any-return]


def number_of(item: Item, result: Any) -> float:
    """A score from what a scorer returned; ScoringError where that is none."""
    if isinstance(result, dict):  # promptfoo's GradingResult
        result = result.get("score", result.get("pass", result.get("pass_")))
    if hasattr(result, "item") and not isinstance(result, (bool, int, float)):
        result = result.item()  # a NumPy scalar
    is_number = isinstance(result, (bool, int, float)) and math.isfinite(result)
    if not is_number or not 0 <= result <= 1:
        raise ScoringError(
            f"{item.where}: the scorer returned {shown(result)}. Return True, False or a number in 0..1."
        )
    return float(result)


def _takes_item(function: Callable[..., Any]) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of C say nothing of theirs
        return True
    for count in (2, 1):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count == 2
    raise SuiteError("scorer", f"{shown(function)} takes neither (text, item) nor (text)", "Define score(text, item).")


def _source_mark(function: Any) -> str:
    """Twelve digits of its source's hash: another function under the same name is another scorer."""
    try:
        text = inspect.getsource(function if inspect.isroutine(function) else type(function))
    except (OSError, TypeError):
        return "unknown"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="scorer")
