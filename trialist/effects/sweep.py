"""What a sweep of one dial shows: the response at each level, paired with the incumbent's, and its shape in words.

A run is a trial of the stage "sweep": its configuration says the level, and its seed which runs it is paired with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trialist.effects.levels import Design, is_ordered, label_of, seeds
from trialist.space.categorical import Categorical
from trialist.space.number import Int
from trialist.trials.history import History
from trialist.trials.trial import Cause, Stage, State, TrialRecord
from trialist.trials.validation import Folds, Items

if TYPE_CHECKING:
    from trialist.effects.shape import Finding
    from trialist.numerics.crossed import Floats

Cell = tuple[int, int]  # of a level and a seed, by index


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the dial, and what runs at it came to, in the metric's own sign and unit.

    at: where it lies on the dial's scale, 0 to 1.  values: the score of each of its runs, by seed; None where there is
    none.  mean: of these.  difference: from the incumbent's level on the same seeds, positive where this level is
    better; low, high: its interval at 95 %, which holds for this level by itself.  response: the incumbent's mean with
    that difference, and the ends of the interval.  fails: most of its runs failed; error: what the last one said.
    """

    value: Any
    label: str
    at: float
    runs: int
    failed: int
    values: tuple[float | None, ...]
    mean: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    response: tuple[float, float, float] | None = None
    is_incumbent: bool = False
    is_default: bool = False
    fails: bool = False
    error: str = ""

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Level:
        response = None if obj["response"] is None else tuple(obj["response"])
        return cls(**{**obj, "values": tuple(obj["values"]), "response": response})


@dataclass(frozen=True, slots=True)
class Sweep:
    """One dial at several levels, all else at the incumbent's values.

    kind: "float", "int" or "choice".  is_log: whether the dial's scale is.  around: the configuration looked round.
    replicates: seeds that every level was to be run on.  runs: trials that were.  findings: what asks for something
    first.  noise: of one run, once what its seed does to all levels is out.  bound: how much the levels differ at most,
    as a multiple of it (root mean square, about 95 %); None where runs have no noise.  matters: as declared.
    note: of other dials that this one depends on.  seconds: run time of all its trials.  enough: whether the runs tell
    anything.
    """

    dial: str
    kind: str
    is_log: bool
    metric: str
    direction: str
    around: Mapping[str, Any]
    replicates: int
    runs: int
    levels: tuple[Level, ...]
    findings: tuple[Finding, ...]
    noise: float | None = None
    bound: float | None = None
    matters: float | None = None
    seconds: float = 0.0
    left_out: tuple[tuple[str, str], ...] = ()
    enough: bool = True
    note: str = ""

    @property
    def verdict(self) -> str:
        """In two or three words: "cliff", "edge", "flat", "better level found", ..."""
        return self.findings[0].shape.value

    @property
    def words(self) -> str:
        """All findings, as one sentence, and what the intervals are worth."""
        told = "; ".join(finding.words for finding in self.findings)
        return f"{self.dial}: {told}" + (f"; {self.note}" if self.note else "")

    @property
    def incumbent(self) -> Level:
        return next(level for level in self.levels if level.is_incumbent)

    @property
    def better(self) -> Level | None:
        """A level that is shown to be better than the incumbent's, or None."""
        found = next((f for f in self.findings if f.shape == "better level found"), None)
        return None if found is None or found.level is None else self.levels[found.level]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; `from_json` reads them."""
        return {
            **asdict(self),
            "verdict": self.verdict,
            "words": self.words,
            "around": dict(self.around),
            "levels": [
                {**asdict(level), "response": None if level.response is None else list(level.response)}
                for level in self.levels
            ],
            "findings": [finding.to_json() for finding in self.findings],
            "left_out": [list(each) for each in self.left_out],
        }

    @classmethod
    def from_json(cls, obj: Mapping[str, Any]) -> Sweep:
        from trialist.effects.shape import Finding

        known = {name: value for name, value in obj.items() if name not in ("verdict", "words")}
        levels = tuple(Level.from_json(level) for level in obj["levels"])
        findings = tuple(Finding.from_json(finding) for finding in obj["findings"])
        left_out = tuple((label, why) for label, why in obj["left_out"])
        return cls(**{**known, "levels": levels, "findings": findings, "left_out": left_out})


def missing(history: History, design: Design) -> tuple[Cell, ...]:
    """The runs that are not there yet, seed by seed: wherever a limit ends them, all levels have had the same seeds."""
    cells = _cells(history, design)
    shape = range(design.replicates), range(len(design.values))
    wanted = [(level, seed) for seed in shape[0] for level in _incumbent_first(design)]
    return tuple(cell for cell in wanted if cell not in cells or _was_cut(cells[cell]))


def runs_of(history: History, design: Design) -> tuple[TrialRecord, ...]:
    """The trials of a sweep, by number; the incumbent's may be those of another dial's sweep."""
    return tuple(sorted(_cells(history, design).values(), key=lambda record: record.number))


def read(history: History, design: Design, note: str = "") -> Sweep:
    """What the runs of a sweep show, as far as they are there."""
    from trialist.effects.shape import Response, Shape, findings

    plan, parameter, cells = history.plan, history.space[design.dial], _cells(history, design)
    objective, middle = plan.objective, design.middle
    Y, overlap = _losses(history, design, cells)
    kind = "choice" if isinstance(parameter, Categorical) else "int" if isinstance(parameter, Int) else "float"
    ends = (False, False)
    if not isinstance(parameter, Categorical):
        ends = design.values[0] == parameter.low, design.values[-1] == parameter.high
    elif parameter.ordered:
        ends = design.values[0] == parameter.choices[0], design.values[-1] == parameter.choices[-1]
    rows = [_closed(cells, level, design.replicates) for level in range(len(design.values))]
    failed = [sum(_has_failed(record) for record in row if record is not None) for row in rows]
    closed = [sum(1 for record in row if record is not None) for row in rows]
    fails = [i for i, (bad, all_) in enumerate(zip(failed, closed, strict=True)) if bad >= 2 and 2 * bad > all_]
    response = Response(
        Y,
        [label_of(value) for value in design.values],
        middle,
        default=design.default,
        is_ordered=is_ordered(parameter),
        ends=ends,
        fails=fails,
        metric=objective.name,
        sign=objective.direction.sign,
        overlap=overlap,
        replicates=design.replicates,
        matters=plan.matters,
    )
    told, spread, against = findings(response), response.spread, response.against(middle)
    values = [tuple(None if r is None or not r.is_scored or r.value is None else r.value for r in row) for row in rows]
    means = [_mean(each) for each in values]
    levels = []
    for i, (value, row) in enumerate(zip(design.values, rows, strict=True)):
        estimate, at_middle, sign = against.get(i), means[middle], objective.direction.sign
        difference = low = high = around = None
        if estimate is not None:
            difference, (low, high) = 0.0 - estimate.value, (0.0 - end for end in reversed(estimate.interval()))
            if at_middle is not None:
                ends_of = sorted(at_middle + sign * end for end in estimate.interval())
                around = (at_middle + sign * estimate.value, ends_of[0], ends_of[1])
        elif i == middle and at_middle is not None:
            difference, around = 0.0, (at_middle, at_middle, at_middle)
        error = next((r.failure.message for r in row if r is not None and r.failure is not None), "")
        levels.append(
            Level(
                value,
                label_of(value),
                parameter.encode(value),
                closed[i],
                failed[i],
                values[i],
                means[i],
                difference,
                low,
                high,
                around,
                i == middle,
                i == design.default,
                i in fails,
                error,
            )
        )
    done = [record for record in cells.values() if record.state.is_closed]
    return Sweep(
        design.dial,
        kind,
        bool(getattr(parameter, "log", False)),
        objective.name,
        objective.direction.value,
        design.around,
        design.replicates,
        len(done),
        tuple(levels),
        told,
        noise=None if spread is None else spread.noise,
        bound=None if spread is None or not math.isfinite(spread.bound) else spread.bound,
        matters=plan.matters,
        seconds=math.fsum(record.seconds or 0.0 for record in done),
        left_out=design.left_out,
        enough=told[0].shape is not Shape.TOO_FEW,
        note=note,
    )


def _cells(history: History, design: Design) -> dict[Cell, TrialRecord]:
    """The run of each level and seed; a scored one before a failed one, which was run again."""
    space = history.space
    levels = {space.identity(params): i for i, params in enumerate(design.configurations(space))}
    places = {seed: j for j, seed in enumerate(seeds(history.plan.seed, design.replicates))}
    found: dict[Cell, TrialRecord] = {}
    for record in history.swept:
        level, place = levels.get(space.identity(record.params)), places.get(record.seed)
        if level is None or place is None:
            continue
        known = found.get((level, place))
        if known is None or not known.is_scored:
            found[level, place] = record
    return found


def _closed(cells: Mapping[Cell, TrialRecord], level: int, replicates: int) -> list[TrialRecord | None]:
    row = [cells.get((level, place)) for place in range(replicates)]
    return [r if r is not None and r.state.is_closed and not _was_cut(r) else None for r in row]


def _losses(history: History, design: Design, cells: Mapping[Cell, TrialRecord]) -> tuple[Floats, float]:
    """(k, J) losses by level, and by seed or by each unit of each seed; and the overlap of the units."""
    import numpy as np

    objective, validation = history.plan.objective, history.plan.validation
    scores = [record.score for record in cells.values() if record.is_scored and record.score is not None]
    units = 1 if validation is None else validation.units
    if any(len(score.replicates) != units for score in scores):
        units = 1
    Y = np.full((len(design.values), design.replicates, units), np.nan)
    for (level, place), record in cells.items():
        if record.is_scored and record.score is not None:
            told = record.score.replicates if units > 1 else (record.score.mean,)
            Y[level, place] = [objective.loss(value) for value in told]
    overlap = validation.overlap if validation is not None and units > 1 else 0.0
    if units > 1 and isinstance(validation, Items):  # every seed has the same items, which no seed adds to
        overlap = 1 / units - 1 / (units * design.replicates)
    if units > 1 and isinstance(validation, Folds):
        from trialist.numerics.divisions import overlap_of

        by_division = Y.reshape(len(Y), -1, validation.k)  # all folds of a division stand side by side
        others = np.delete(by_division, design.middle, axis=0) - by_division[design.middle]
        found = overlap_of(others)
        overlap = overlap if found is None else found
    return Y.reshape(len(Y), -1), overlap


def _incumbent_first(design: Design) -> Sequence[int]:
    """All else is compared with the incumbent's level."""
    return sorted(range(len(design.values)), key=lambda level: (level != design.middle, level))


def _has_failed(record: TrialRecord) -> bool:
    return record.state is State.FAILED and not (record.failure is not None and record.failure.cause.is_blameless)


def _was_cut(record: TrialRecord) -> bool:
    """Whether a limit ended it, or something else that tells nothing of its level."""
    if not record.state.is_closed:
        return False
    blameless = record.failure is not None and record.failure.cause in (Cause.BUDGET, Cause.PREEMPTED)
    return record.state is State.STOPPED or (record.state is State.FAILED and blameless)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def stage_of(dial: str) -> str:
    """The name of the stage that keeps the last sweep of a dial."""
    return f"{Stage.SWEEP.value} {dial}"
