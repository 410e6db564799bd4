"""The units of a trial: folds, draws, seeds, blocks of items, each scored by a report; together they are its score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from trialist.errors import ResultError, shown
from trialist.numerics.keys import Key
from trialist.trials.validation import Folds, Holdout, Items, Seeds, Validation

Block = TypeVar("Block")


@runtime_checkable
class HasFolds(Protocol):
    """Data that can be divided: a Split, or anything else with such a method."""

    def folds(self, validation: Folds | Holdout, seed: int) -> Iterable[Any]:
        """The units in their order, each with `train`, `validation`, `seed` and `index` (from 1)."""
        ...


@dataclass(slots=True)
class Units:
    """What was reported of each unit so far: by index, the metrics by name."""

    whole: int = 0
    found: dict[int, Mapping[str, float]] = field(default_factory=dict)

    def replicates(self) -> dict[str, list[float]]:
        """Values by metric, in the order of the units; a metric that some unit did not report is left out."""
        rows = [self.found[index] for index in sorted(self.found)]
        names = [name for name in rows[0] if all(name in row for row in rows)]
        return {name: [row[name] for row in rows] for name in names}

    def check(self) -> None:
        """ResultError where a whole trial did not report each of its units."""
        missing = [index for index in range(1, self.whole + 1) if index not in self.found]
        if missing:
            problem = f"unit {missing[0]} of {self.whole} was not reported"
            raise ResultError("report", problem, "Call trial.report(loss) once for each fold, seed or block.")


def folds_of(data: object, validation: Validation | None, seed: int) -> Iterator[Any]:
    """The folds of the declared validation; ResultError where none is declared, or data cannot be divided."""
    if not isinstance(validation, (Folds, Holdout)):
        problem = "the study declares no folds" if validation is None else f"the study declares {validation}"
        remedy = "Give validation=tl.Folds(5) or tl.Holdout(0.25) where the study is declared."
        raise ResultError("folds", problem, remedy)
    if not isinstance(data, HasFolds):
        remedy = "Give a tl.Split, or an object with folds(validation, seed)."
        raise ResultError("folds", f"{shown(data)} cannot be divided into folds", remedy)
    yield from data.folds(validation, seed)


def seeds_of(validation: Validation | None, seed: int) -> list[int]:
    """A seed for each declared run; ResultError where none is declared."""
    if not isinstance(validation, Seeds):
        problem = "the study declares no seeds" if validation is None else f"the study declares {validation}"
        raise ResultError("seeds", problem, "Give validation=tl.Seeds(5) where the study is declared.")
    return [Key(seed, -1).child_seed(f"unit {unit.seed}") for unit in validation.sampling]


def blocks_of(blocks: Sequence[Block], validation: Validation | None) -> Sequence[Block]:
    """The blocks as they are; ResultError where none are declared, or as many as there are not."""
    if not isinstance(validation, Items):
        problem = "the study declares no blocks" if validation is None else f"the study declares {validation}"
        raise ResultError("blocks", problem, "Give validation=tl.Items(10) where the study is declared.")
    if len(blocks) != validation.blocks:
        problem = f"{len(blocks)} blocks are given, and the study declares {validation.blocks}"
        raise ResultError("blocks", problem, "Give the same blocks, in the same order, to every trial.")
    return blocks


def overlap_of(validation: Validation | None, result: Mapping[str, Sequence[float]]) -> float:
    """Of the declared validation, where there is a score for each of its units; else nothing is known of it."""
    first = next(iter(result.values()), ())
    return validation.overlap if validation is not None and len(first) == validation.units > 1 else 0.0
