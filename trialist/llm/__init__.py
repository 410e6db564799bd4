"""Dials of language models: a suite of items, an endpoint, settings searched and verified as in every study."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trialist.llm.agreement import Agreement, Labelled
    from trialist.llm.cache import Cache
    from trialist.llm.client import Client
    from trialist.llm.declare import Tuned, prepare, tune
    from trialist.llm.endpoint import CallError, Endpoint
    from trialist.llm.item import Check, Item, Measured, Message
    from trialist.llm.judge import Judge
    from trialist.llm.pace import Pace
    from trialist.llm.preflight import Effort, Finding, Treatment
    from trialist.llm.prices import Price, Prices
    from trialist.llm.purse import Amount, Purse
    from trialist.llm.request import Reply, Request, Usage
    from trialist.llm.scorer import Scorer, check_suite
    from trialist.llm.scorers import scorer_of
    from trialist.llm.suite import Suite, read_suite
    from trialist.llm.templates import render

# Each public name and its home, which is loaded on first use, as in `trialist` itself.
_HOMES = {
    "trialist.llm.agreement": "Agreement Labelled",
    "trialist.llm.cache": "Cache",
    "trialist.llm.client": "Client",
    "trialist.llm.declare": "Tuned prepare tune",
    "trialist.llm.endpoint": "CallError Endpoint",
    "trialist.llm.item": "Check Item Measured Message",
    "trialist.llm.judge": "Judge",
    "trialist.llm.pace": "Pace",
    "trialist.llm.preflight": "Effort Finding Treatment",
    "trialist.llm.prices": "Price Prices",
    "trialist.llm.purse": "Amount Purse",
    "trialist.llm.request": "Reply Request Usage",
    "trialist.llm.scorer": "Scorer check_suite",
    "trialist.llm.scorers": "scorer_of",
    "trialist.llm.suite": "Suite read_suite",
    "trialist.llm.templates": "render",
}
# Rooms within this one that are used by their own names: `trialist.llm.presets.lora()`.
_ROOMS = ("presets", "trainer")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Agreement",
    "Amount",
    "Cache",
    "CallError",
    "Check",
    "Client",
    "Effort",
    "Endpoint",
    "Finding",
    "Item",
    "Judge",
    "Labelled",
    "Measured",
    "Message",
    "Pace",
    "Price",
    "Prices",
    "Purse",
    "Reply",
    "Request",
    "Scorer",
    "Suite",
    "Treatment",
    "Tuned",
    "Usage",
    "check_suite",
    "prepare",
    "read_suite",
    "render",
    "scorer_of",
    "tune",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in _ROOMS:
        return import_module(f"trialist.llm.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'trialist.llm' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
