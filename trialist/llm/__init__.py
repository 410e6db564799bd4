"""Dials of language models: a suite of items, an endpoint, settings searched and verified as in every study."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialist.llm.agreement import Agreement, Labelled
    from trialist.llm.item import Check, Item, Measured, Message
    from trialist.llm.judge import Judge
    from trialist.llm.scorer import Scorer, check_suite
    from trialist.llm.scorers import scorer_of
    from trialist.llm.suite import Suite, read_suite
    from trialist.llm.templates import render

# Each public name and its home, which is loaded on first use, as in `trialist` itself.
_HOMES = {
    "trialist.llm.agreement": "Agreement Labelled",
    "trialist.llm.item": "Check Item Measured Message",
    "trialist.llm.judge": "Judge",
    "trialist.llm.scorer": "Scorer check_suite",
    "trialist.llm.scorers": "scorer_of",
    "trialist.llm.suite": "Suite read_suite",
    "trialist.llm.templates": "render",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Agreement",
    "Check",
    "Item",
    "Judge",
    "Labelled",
    "Measured",
    "Message",
    "Scorer",
    "Suite",
    "check_suite",
    "read_suite",
    "render",
    "scorer_of",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'trialist.llm' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
