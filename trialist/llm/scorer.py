"""The seam between answers and scores: what every scorer does, and the check of a suite before money is spent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from trialist.errors import SuiteError
from trialist.llm.item import Item, Measured

if TYPE_CHECKING:
    from trialist.llm.request import Reply, Request

# How a scorer that needs a model calls it: through the client, which counts, caches and paces every call.
Ask = Callable[["Request"], Awaitable["Reply"]]

UNMEASURED = Measured()


class Scorer(Protocol):
    """Scores an answer from 0, wrong, to 1, right."""

    @property
    def name(self) -> str:
        """The short name, as `scorer_of` knows it."""

    @property
    def said(self) -> str:
        """How it scores, in a sentence with every option: it belongs to what a study declares."""

    def check(self, item: Item) -> None:
        """SuiteError where the item lacks what this scorer needs, such as a target."""

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        """The answer's score, in 0..1; ScoringError where the scorer itself fails, which says nothing of the answer."""


def check_suite(items: Iterable[Item], scorer: Scorer) -> None:
    """SuiteError for the first item that the scorer cannot score; the message tells how many there are."""
    failed: list[SuiteError] = []
    count = 0
    for item in items:
        count += 1
        try:
            scorer.check(item)
        except SuiteError as error:
            failed.append(error)
    if failed:
        first = failed[0]
        rest = f" (so are {len(failed) - 1} others of {count} items)" if len(failed) > 1 else ""
        raise SuiteError(first.field, first.problem + rest, first.remedy)


def targets_of(name: str, item: Item, value: Any = None) -> tuple[Any, ...]:
    """What is right: the scorer's own value if it has one, else the item's targets; SuiteError where there is none."""
    if value is not None:
        return value if isinstance(value, tuple) else (value,)
    if not item.targets:
        remedy = "Give one, or score with a Python function, JSON without a target, or a judge."
        raise SuiteError(item.where, f"no target, which the scorer {name!r} needs", remedy)
    return item.targets
