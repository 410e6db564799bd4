"""Amounts as people type them: durations ("1h30m"), memory ("2GiB"), budgets ("20", "40 trials, 1h"), folds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trialist.cli.literals import literal
from trialist.errors import PlanError, shown
from trialist.trials.budget import Budget
from trialist.trials.fidelity import Fidelity
from trialist.trials.validation import Folds, Holdout, Seeds, Validation
from trialist.yamlfile import NUMBER

_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"b": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_PART = re.compile(rf"\s*({_NUMBER})\s*(ms|sec|s|min|m|hours?|h|days?|d)(?![a-z])", re.IGNORECASE)
_MEMORY = re.compile(rf"({_NUMBER})\s*([kmgt]i?)?b?", re.IGNORECASE)
_TRIALS = re.compile(r"(\d+)\s*(?:trials?)?", re.IGNORECASE)
_MONEY = re.compile(rf"(?:cost|[$€£])\s*({_NUMBER})|({_NUMBER})\s*[$€£]", re.IGNORECASE)
_FIDELITY = re.compile(
    rf"\s*(\S.*?)\s+({NUMBER.pattern})\s*\.\.\s*({NUMBER.pattern})(?:\s+factor\s+({NUMBER.pattern}))?\s*"
)
_FULL_RUNS = re.compile(rf"({_NUMBER})\s*full runs?", re.IGNORECASE)


def seconds_of(field: str, value: object) -> float:
    """A duration in seconds: a number of seconds, or text such as "90s", "5m", "1h30m".

    >>> [seconds_of("trial_seconds", text) for text in ("90s", "5m", "1h30m", 20)]
    [90.0, 300.0, 5400.0, 20.0]
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        if re.fullmatch(_NUMBER, value.strip()):
            return float(value)
        # Letters stick to the next number in "1h30m", so a part ends where no letter follows.
        parts = list(_PART.finditer(value))
        if parts and "".join(part.group(0) for part in parts) == value.rstrip():
            return sum(float(part.group(1)) * _SECONDS[_unit(part.group(2))] for part in parts)
    raise PlanError(field, f"{shown(value)} is not a duration", 'Give seconds, or text such as "90s", "5m" or "1h30m".')


def bytes_of(field: str, value: object) -> int:
    """Memory in bytes: a number of bytes, or text such as "512MB" (10**6) or "2GiB" (2**30).

    >>> bytes_of("trial_memory", "2GiB"), bytes_of("trial_memory", "1.5 kB")
    (2147483648, 1500)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (found := _MEMORY.fullmatch(value.strip())):
        return round(float(found.group(1)) * _BYTES[(found.group(2) or "b").lower()])
    problem = f"{shown(value)} is not an amount of memory"
    raise PlanError(field, problem, 'Give bytes, or text such as "512MB" or "2GiB".')


def budget_of(value: object) -> Budget:
    """A Budget: trials as a number, time and money as text, several with commas, or a mapping of Budget's own fields.

    >>> budget_of("20"), budget_of("40 trials, 5m"), budget_of({"trials": 60, "minutes": 10})
    (Budget(trials=20), Budget(trials=40, seconds=300.0), Budget(trials=60, seconds=600.0))
    >>> budget_of("cost 5"), budget_of("1h, $2.50"), budget_of("20 full runs")
    (Budget(cost=5.0), Budget(seconds=3600.0, cost=2.5), Budget(full_runs=20.0))
    """
    if isinstance(value, Mapping):
        return _budget_of_mapping(value)
    if isinstance(value, int):
        return Budget(trials=value)
    if not isinstance(value, str):
        raise _not_a_budget(value)
    given: dict[str, Any] = {}
    for part in value.split(","):
        try:
            name, amount = _limit(part.strip())
        except PlanError:
            raise _not_a_budget(value) from None
        if name in given:
            raise PlanError("budget", f"{shown(value)} gives its {name} twice", "Give each limit once.")
        given[name] = amount
    return Budget(**given)


def fidelity_of(field: str, value: object) -> Fidelity:
    """A Fidelity: its name and its ends, or a mapping of its fields.

    >>> fidelity_of("fidelity", "epochs 1..81"), fidelity_of("fidelity", "share of data 0.1..1 factor 2").factor
    (Fidelity(name='epochs', low=1, high=81, factor=3.0), 2)
    """
    if isinstance(value, Fidelity):
        return value
    if isinstance(value, Mapping) and {"name", "low", "high"} <= set(value) <= {"name", "low", "high", "factor"}:
        return Fidelity(**value)
    found = _FIDELITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        remedy = 'Give a name, the least that says anything and a full run, such as "epochs 1..81".'
        raise PlanError(field, f"{shown(value)} is no fidelity", remedy)
    name, low, high, factor = found.groups()
    return Fidelity(name, literal(low), literal(high), 3.0 if factor is None else literal(factor))


def validation_of(field: str, value: object) -> Validation:
    """A Validation: how each configuration is scored, in words or as a mapping of its fields.

    >>> print(validation_of("validation", "10 folds x 3"))
    10-fold cross-validation, 3 divisions
    >>> print(validation_of("validation", "holdout 0.25"), "or", validation_of("validation", "4 seeds"))
    25% held out or 4 seeds
    """
    if isinstance(value, Mapping):
        given = dict(value)
        kinds: Mapping[str, Any] = {"folds": Folds, "holdout": Holdout, "seeds": Seeds}
        for key, kind in kinds.items():
            if key in given and (len(given) == 1 or (kind is not Seeds and set(given) <= {key, *_REST})):
                made: Validation = kind(given.pop(key), **given)
                return made
    text = value if isinstance(value, str) else ""
    if found := _UNITS.fullmatch(text):
        count, what, repeats = int(found.group(1)), found.group(2), int(found.group(3) or 1)
        if what == "fold":
            return Folds(count, repeats=repeats)
        if repeats == 1:
            return Seeds(count)
    if found := _HOLDOUT.fullmatch(text):
        return Holdout(float(found.group(1)), repeats=int(found.group(2) or 1))
    remedy = 'Give "5 folds", "5 folds x 3", "holdout 0.25" or "4 seeds".'
    raise PlanError(field, f"{shown(value)} is no way to score a configuration", remedy)


_UNITS = re.compile(r"\s*(\d+)\s*(fold|seed)s?(?:\s*x\s*(\d+))?\s*")
_HOLDOUT = re.compile(r"\s*holdout\s+(0?\.\d+)(?:\s*x\s*(\d+))?\s*")
_REST = ("repeats", "seeds", "reshuffle", "orders")


def _limit(text: str) -> tuple[str, float]:
    """One limit by its name in Budget."""
    if found := _TRIALS.fullmatch(text):
        return "trials", int(found.group(1))
    if found := _MONEY.fullmatch(text):
        return "cost", float(found.group(1) or found.group(2))
    if found := _FULL_RUNS.fullmatch(text):
        return "full_runs", float(found.group(1))
    return "seconds", seconds_of("budget", text)


_LIMITS = ("trials", "seconds", "minutes", "hours", "compute_seconds", "cost", "full_runs")
_FIELDS = (*_LIMITS, "per_second", "per_token", "stages")


def _budget_of_mapping(value: Mapping[Any, Any]) -> Budget:
    unknown = [key for key in value if key not in _FIELDS]
    if unknown:
        remedy = f"Use {', '.join(_FIELDS[:-1])} or {_FIELDS[-1]}."
        raise PlanError("budget", f"{shown(unknown[0])} is no limit", remedy)
    # Times may be text with a unit where the unit is not in the name: {seconds: 5m} is five minutes.
    given: dict[str, Any] = {}
    for key, item in value.items():
        is_text = key in ("seconds", "compute_seconds") and isinstance(item, str)
        given[key] = seconds_of(f"budget.{key}", item) if is_text else item
    return Budget(**given)


def _not_a_budget(value: object) -> PlanError:
    problem = f"{shown(value)} is neither trials nor time nor money"
    return PlanError("budget", problem, 'Give "20" (trials), "5m" (time), "cost 5" (money), or several: "20, 5m".')


def _unit(text: str) -> str:
    lower = text.lower()
    return lower if lower in _SECONDS else lower[0]
