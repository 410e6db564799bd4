"""Before the sealed data are opened: about the smallest difference that they can show, by what is known so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trialist.execute.command import Command
from trialist.scoring.digits import in_digits
from trialist.scoring.power import smallest_difference
from trialist.study.session import Session
from trialist.study.splits import splits_of
from trialist.trials.trial import Stage, TrialRecord
from trialist.trials.validation import Folds, Holdout, Items

_FAR = 0.5  # a gain of half of what the test shows four times of five it shows about once in four times
_ROUNDING = 1e-9
_SHARES = {"accuracy", "zero_one_loss", "error_rate", "error"}  # of rows: their noise follows from their size


@dataclass(frozen=True, slots=True)
class Foresight:
    """detectable: a true difference that the test shows four times of five; None where the noise is not known."""

    detectable: float | None
    words: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """Differences of two configurations unit by unit, better is positive; rows: that each unit was scored on."""

    differences: tuple[float, ...]
    rows: float | None
    where: str


def foresight(
    session: Session, baseline: TrialRecord, selected: TrialRecord, test: Any, seeds: int, looks: int
) -> Foresight:
    """What the test can show, and whether the gain that was seen so far is of that size.

    Scores on declared folds vary by the choice of rows and by training; how much by which is not known, so the test's
    noise is taken as the larger of what either alone would make it. Scores of whole runs on the same rows tell of
    training alone.
    """
    splits = () if isinstance(test, Command) else tuple(splits_of(test).values())
    sizes = splits[0].sizes if len(splits) == 1 else None
    rows = sizes["test"] if sizes else None
    size = f"{rows:,} sealed rows, {_seeds(seeds)}" if rows else _seeds(seeds)
    seen = _seen(session, baseline, selected, sizes)
    unknown = f"how small a difference this test can show is not known beforehand ({size})"
    if len(seen.differences) < 2:
        return Foresight(None, f"{unknown}: {_TOO_FEW}")
    gain = math.fsum(seen.differences) / len(seen.differences)
    sd = math.hypot(*(d - gain for d in seen.differences)) / math.sqrt(len(seen.differences) - 1)
    if sd <= _ROUNDING * max(map(abs, seen.differences)):
        return Foresight(None, f"{unknown}: the difference {seen.where} is the same every time")
    error = _error(session, baseline)
    sd_examples, sd_seeds = 0.0, sd / math.sqrt(2)
    if rows and seen.rows and (seeds < 2 or seen.rows / rows > 1 / seeds):
        sd_examples, sd_seeds = sd * math.sqrt(seen.rows), 0.0
    elif rows and not seen.rows and error is not None:
        sd_examples = math.sqrt(error * (1 - error))  # two models that share half of their errors
    least = smallest_difference(seeds=seeds, sd_seeds=sd_seeds, examples=rows, sd_examples=sd_examples, looks=looks)
    if not 0 < least < math.inf:
        return Foresight(None, f"{unknown}: what is seen {seen.where} tells of seeds, and the test has a single one")
    left_out = "" if seen.rows or sd_examples else "; what the choice of test rows adds is not known"
    words = f"this test likely shows a true difference of about {in_digits(least)} or more ({size}{left_out})"
    if gain < _FAR * least:
        found = f"is {in_digits(gain)}" if gain > 0 else "is none"
        words += f"; the gain seen {seen.where} {found}: this test will probably not show it"
    return Foresight(least, words)


_TOO_FEW = "the two configurations were not scored on the same seeds or folds at least twice"


def _seen(session: Session, baseline: TrialRecord, selected: TrialRecord, sizes: dict[str, int] | None) -> _Seen:
    """Of the fresh scores; where there are none, of the search, if its units are the same for all."""
    plan = session.plan
    name, validation = plan.objective.name, plan.validation
    rows = None
    if sizes is not None and isinstance(validation, Folds | Holdout):
        open_rows = sizes["train"] + sizes["validation"]
        rows = open_rows / validation.k if isinstance(validation, Folds) else open_rows * validation.share
    elif sizes is not None and isinstance(validation, Items):
        rows = (sizes["train"] + sizes["validation"]) / validation.blocks
    fresh: dict[int, dict[int, tuple[float, ...]]] = {baseline.number: {}, selected.number: {}}
    for record in session.history():
        if record.stage is Stage.SELECT and record.repeats in fresh and record.is_scored and name in record.metrics:
            fresh[record.repeats][record.seed] = record.metrics[name].replicates
    of, to = fresh[baseline.number], fresh[selected.number]
    pairs = [(of[seed], to[seed]) for seed in of if seed in to]
    where = "on fresh scores"
    if not pairs and validation is not None and validation.is_shared:
        both = [record.metrics[name].replicates for record in (baseline, selected) if name in record.metrics]
        pairs, where = [(both[0], both[1])] if len(both) == 2 else [], "in the search"
    sign = plan.objective.direction.sign
    differences: list[float] = []
    for old, new in pairs:
        if validation is not None and len(old) == len(new):
            differences += [sign * (u - v) for u, v in zip(old, new, strict=True)]
        else:  # what replicates of an undeclared kind share is not known
            differences.append(sign * (math.fsum(old) / len(old) - math.fsum(new) / len(new)))
    return _Seen(tuple(differences), rows, where)


def _error(session: Session, baseline: TrialRecord) -> float | None:
    """The share of rows that the default gets wrong, where the metric is such a share."""
    name = session.plan.objective.name
    if name not in _SHARES or name not in baseline.metrics:
        return None
    value = baseline.metrics[name].mean
    return value if 0 < value < 1 else None


def _seeds(seeds: int) -> str:
    return f"{seeds} seed{'s' if seeds > 1 else ''}"
