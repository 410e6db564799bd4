"""What has to be known before anything is asked: where requests go, their most cost, and what the suite can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialist.llm.dials import MODEL
from trialist.llm.evaluate import MONEY
from trialist.llm.means import told
from trialist.scoring.power import smallest_difference

if TYPE_CHECKING:
    from trialist.llm.tuning import Tuning

_DIFFER = 0.2  # share of items that two settings answer differently, as a guess before anything is asked


def notice(tuning: Tuning) -> list[str]:
    """In lines, for whoever has to say yes to it."""
    sizes, n, client = tuning.split.sizes, len(tuning.suite.items), tuning.client
    groups = len(set(tuning.suite.groups))
    grouped = f" in {groups} groups" if groups < n else ""
    clusters = max(2, round(groups * sizes["test"] / n))
    least = smallest_difference(seeds=1, sd_seeds=0.0, examples=clusters, sd_examples=_DIFFER**0.5)
    cost = "no prices are given" if client.prices.are_nothing else f"at most {told(most_money(tuning), MONEY)} in all"
    return [
        *tuning.suite.notes,
        f"endpoint: {client.name}, model {', '.join(_models(tuning))}",
        f"budget: {tuning.means}; {cost}, {tuning.work.calls_of_trial(tuning.asked):,} calls for a setting that is "
        "asked in full",
        f"suite: {n} items{grouped}, {sizes['train']} to search with, {sizes['test']} sealed; scored by "
        f"{tuning.scorer.said}",
        *fewer(tuning.asked, sizes["train"]),
        f"the sealed items show a difference of about {100 * least:.0f} points or more four times of five, if two "
        "settings answer a fifth of them differently",
        *(f"{name} is left out: {reason}" for name, reason in tuning.dials.dropped.items()),
    ]


def fewer(asked: int, items: int) -> list[str]:
    """That fewer items than all are asked, where it is so."""
    if asked >= items:
        return []
    return [
        f"each setting is asked {asked} of the {items} items, so that more settings can be tried; finalists are asked "
        "others"
    ]


def most_money(tuning: Tuning) -> float:
    """The most money that all of it can take."""
    purse, dearest = tuning.means.purse, tuning.dearest
    if purse.money is not None:
        return purse.money
    calls = [float(purse.calls)] if purse.calls is not None else []
    if purse.tokens is not None and dearest.tokens:
        calls.append(purse.tokens / dearest.tokens)
    if tuning.means.trials is not None:
        each = tuning.means.trials * tuning.work.calls_of_trial(tuning.asked) + tuning.work.calls_of_test
        calls.append(float(tuning.client.pace.tries * each))
    return min(calls, default=float("inf")) * dearest.money


def _models(tuning: Tuning) -> list[str]:
    dial = tuning.dials.dials.get(MODEL)
    if dial is not None:
        return [*map(str, dial.levels)]
    return [str(tuning.dials.fixed.get(MODEL) or tuning.declared.model)]
