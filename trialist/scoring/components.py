"""Where the noise of a score comes from: which rows are held out, and which seed trains; and how many scores it takes.

Random effects by the method of moments.  Of two scores of one configuration half the squared difference is, on average,
the sum of the variances of what they differ in (Hoeffding's; Searle, Casella & McCulloch 1992, chapter 4).  Two
trainings on the same rows differ in their seed alone, with all that it rules: first weights, the order of data.  Other
rows come with another seed.  What a unit does to all configurations alike is no noise in a comparison: half the
variance over configurations of the difference of two units is the part that each has for itself.

Smaller is better.  Only the better half of the configurations is asked: poor ones vary more, and nobody chooses them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from trialist.numerics.gaussian import student_quantile
from trialist.numerics.keys import Key
from trialist.trials.history import History
from trialist.trials.plan import Plan
from trialist.trials.trial import Stage, TrialRecord
from trialist.trials.validation import Seeds, Unit, unit_of

FEWEST = 3  # configurations with more than one score
ENOUGH = 6  # that are asked where there are so many, before poor ones are left out
MOST_CONFIGURATIONS, MOST_UNITS = 60, 60  # that are looked at: pairs grow with the square
DRAWS = 400  # of the bootstrap over configurations
LEVEL, POWER = 0.05, 0.8

SEED, ORDER, ROWS, BOTH = "seed", "data order", "split", "split and seed"
# Of one score: the rows that it is scored on, the seed that trains, the order in which it does.
_Which = tuple[Hashable, Hashable, Hashable]
_Row = Mapping[_Which, float]  # losses of one configuration
_Moments = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Component:
    """One source of noise.  name: "split", "seed", or "split and seed" where the two never differ apart.

    sd: standard deviation of a single score by it.  share: of the variance of all noise, with interval, at 90 %.
    own_sd: the same of that part which does not strike all configurations alike.
    """

    name: str
    sd: float
    share: float
    interval: tuple[float, float]
    own_sd: float


@dataclass(frozen=True, slots=True)
class Components:
    """The sources of noise, and what they say of the two best configurations.

    configurations: that this was learnt from.  unit: what one score is called.  overlap: of the rows of two units, held
    out over trained on.  difference: of the two best, by their mean scores; None with one configuration.
    """

    parts: tuple[Component, ...]
    configurations: int
    unit: str
    overlap: float
    difference: float | None

    @property
    def sd(self) -> float:
        """Standard deviation of a single score."""
        return math.hypot(*(part.sd for part in self.parts))

    @property
    def own_sd(self) -> float:
        """The same without what strikes all configurations alike."""
        return math.hypot(*(part.own_sd for part in self.parts))

    @property
    def needed(self) -> int | None:
        """Scores of each that tell the two best apart, as `replicates_needed`; None where no number does.

        Rows are what scores have in common, and not the seeds: what is known to come of those averages out.
        """
        if self.difference is None or self.own_sd == 0.0:
            return None
        by_rows = math.hypot(*(part.own_sd for part in self.parts if part.name not in (SEED, ORDER))) / self.own_sd
        return replicates_needed(self.difference, self.own_sd, self.overlap * by_rows**2)

    @property
    def words(self) -> str:
        """In sentences: what the noise is made of, and what the two best would need."""
        if self.sd == 0.0:
            # Of the best alone, whose answers may all be right: what is worse may well vary.
            return f"The best configurations score alike from {self.unit} to {self.unit}: no noise shows in them."
        if len(self.parts) > 1:
            told = " and ".join(f"{_share(part)} due to the {part.name}" for part in self.parts)
            head = f"Of the variance of a score from {self.unit} to {self.unit} {told}"
        else:
            head = f"Scores of a configuration vary by {self.sd:.2g} from {self.unit} to {self.unit}"
        alike = 1 - (self.own_sd / self.sd) ** 2
        common = f"; {100 * alike:.0f} % of it strikes all configurations alike, and cancels in a comparison"
        found = f"{head}{common if alike >= 0.05 else ''}."
        return found if self.difference is None else f"{found} {self._apart()}"

    def _apart(self) -> str:
        if not self.difference:
            return "The two best score the same: no number of scores tells them apart."
        best = f"The two best are {self.difference:.2g} apart"
        if self.own_sd == 0.0:
            return f"{best}, on every {self.unit}."
        if (count := self.needed) is None:
            return f"{best}: too little to tell on these rows, whatever the number of {self.unit}s."
        return f"{best}: to tell that with {100 * POWER:.0f} % power takes about {count:,} fresh {self.unit}s of each."


def components(history: History) -> Components | None:
    """The sources of noise of the first objective; None with too few configurations of several scores.

    By scores on the units of a declared validation; where none is declared, by runs with several seeds, as finalists
    have them.
    """
    plan = history.plan
    several = _scores(history)
    if len(several) < FEWEST:
        return None
    # Squares of scores near 1e300 would have no room.
    scale = max(abs(loss) for row in several for loss in row.values()) or 1.0
    each = [_pairs({which: loss / scale for which, loss in row.items()}) for row in several]
    total = _total(each)
    if not total:
        return None
    own = _own(_tables(several, scale))
    draws = [_total([each[i] for i in picks]) for picks in _picks(len(each))]
    found = _split(total)
    noise = math.fsum(found.values())
    shares = [_shares(_split(draw)) for draw in draws if draw.keys() == total.keys()]
    alone = _split({kind: min(own.get(kind, value), value) for kind, value in total.items()})
    parts = []
    for name, variance in found.items():
        low, high = np.quantile([share[name] for share in shares], [0.05, 0.95])
        share = variance / noise if noise else 0.0
        sd, own_sd = (scale * math.sqrt(v) for v in (variance, min(alone[name], variance)))
        parts.append(Component(name, sd, share, (float(low), float(high)), own_sd))
    overlap = 0.0 if plan.validation is None else plan.validation.overlap
    return Components(tuple(parts), len(several), _unit(plan), overlap, _difference(history))


def replicates_needed(
    difference: float, sd: float, overlap: float = 0.0, level: float = LEVEL, power: float = POWER
) -> int | None:
    """Scores of each of two configurations that tell a difference, paired, with that power; None where no number does.

    sd: of a score, without what strikes both alike.  overlap: rows held out over rows trained on, which scores on the
    same data have in common and no number of them makes up for (Nadeau & Bengio 2003).  level: two-sided.

    >>> replicates_needed(1.0, 1.0), replicates_needed(0.1, 1.0), replicates_needed(0.1, 1.0, overlap=0.25)
    (18, 1572, None)
    """
    if difference == 0.0 or not math.isfinite(difference):
        return None
    if sd <= 1e-9 * abs(difference):
        return 2
    ratio = (difference / sd) ** 2 / 2

    def tells(n: float) -> bool:
        quantiles = student_quantile(1 - level / 2, n - 1) + student_quantile(power, n - 1)
        return quantiles**2 * (1 / n + overlap) <= ratio

    if not tells(math.inf):
        return None
    low, high = 1, 2
    while not tells(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tells(middle) else (middle, high)
    return high


def _scores(history: History) -> list[_Row]:
    """Of the better half of the configurations with several scores: losses by what they were scored with, best first.

    Only those that are asked are laid out score by score: of ten thousand trials with sixty scores each that alone
    would take seconds.
    """
    plan, found = history.plan, defaultdict[Hashable, list[TrialRecord]](list)
    for record in history.records:
        if record.is_scored and record.is_feasible and _is_told(plan, record):
            found[history.space.identity(record.params)].append(record)
    units = () if plan.validation is None else plan.validation.sampling

    def row_of(records: Sequence[TrialRecord]) -> _Row:
        return {which: loss for record in records for which, loss in _of_record(plan, record, units).items()}

    means: list[tuple[float, list[TrialRecord]]] = []
    for records in found.values():
        if len(records) == 1:
            if len(units) > 1 and records[0].loss is not None:
                means.append((records[0].loss, records))
        elif len(row := row_of(records)) > 1:
            means.append((math.fsum(row.values()) / len(row), records))
    means.sort(key=lambda told: told[0])
    asked = means[: max(ENOUGH, min(len(means) // 2, MOST_CONFIGURATIONS))]
    return [row_of(records) for _, records in asked]


def _is_told(plan: Plan, record: TrialRecord) -> bool:
    """Whether it has a loss, and a score for each unit where these are declared."""
    score, validation = record.score, plan.validation
    if score is None or record.loss is None or not math.isfinite(record.loss):
        return False
    return validation is None or len(score.replicates) == validation.units


def _of_record(plan: Plan, record: TrialRecord, units: Sequence[Unit]) -> dict[_Which, float]:
    objective, validation, score = plan.objective, plan.validation, record.score
    assert score is not None and record.loss is not None, "only what is told is laid out"
    is_fresh = not record.stage.is_explored
    if validation is None:
        return {((), record.seed, 0): record.loss}
    drawn = "search" if validation.is_shared and not is_fresh else record.seed

    def which(unit: Unit) -> _Which:
        rows: Hashable = () if isinstance(validation, Seeds) else (drawn, unit.split, unit.part)
        return rows, (drawn, unit.split, unit.part, unit.seed), (drawn, unit.split, unit.part, unit.order)

    scored = zip(units, score.replicates, strict=True)
    return {which(unit): objective.loss(value) for unit, value in scored}


def _kind(a: _Which, b: _Which) -> str:
    """What two scores differ in; empty where seed and order both do on the same rows, which tells neither apart."""
    if a[0] != b[0]:
        return BOTH
    if a[1] == b[1]:
        return ORDER
    return SEED if a[2] == b[2] else ""


def _pairs(row: _Row) -> dict[str, tuple[float, int]]:
    """Of one configuration, by what two scores differ in: the sum of half the squared differences, and how many."""
    found: dict[str, tuple[float, int]] = {}
    for (a, x), (b, y) in combinations(list(row.items())[:MOST_UNITS], 2):
        total, count = found.get(kind := _kind(a, b), (0.0, 0))
        found[kind] = total + (x - y) ** 2 / 2, count + 1
    return found


def _total(each: Sequence[Mapping[str, tuple[float, int]]]) -> dict[str, float]:
    """By kind, the mean over configurations."""
    found = {}
    for kind in (SEED, ORDER, BOTH):
        means = [sums[kind][0] / sums[kind][1] for sums in each if kind in sums]
        if means:
            found[kind] = math.fsum(means) / len(means)
    return found


def _tables(rows: Sequence[_Row], scale: float) -> list[tuple[list[_Which], np.ndarray]]:
    """Units that several configurations share, and losses (configurations, units) on them."""
    users = defaultdict[Hashable, Counter[_Which]](Counter)
    for row in rows:
        for which in row:
            users[_drawn(which)][which] += 1
    found = []
    for counts in users.values():
        units = [which for which, count in counts.items() if count >= FEWEST][:MOST_UNITS]
        table = [[row[u] / scale for u in units] for row in rows if all(u in row for u in units)]
        if len(table) >= FEWEST and len(units) > 1:
            found.append((units, np.array(table)))
    return found


def _drawn(which: _Which) -> Hashable:
    """What a unit was drawn with: units of one draw were run together."""
    seed = which[1]
    return seed[0] if isinstance(seed, tuple) else "run"


def _own(tables: Sequence[tuple[list[_Which], np.ndarray]]) -> dict[str, float]:
    """By kind, half the variance over configurations of the difference of two units."""
    found: dict[str, list[float]] = defaultdict(list)
    for units, losses in tables:
        for (i, a), (j, b) in combinations(enumerate(units), 2):
            found[_kind(a, b)].append(float((losses[:, i] - losses[:, j]).var(ddof=1)) / 2)
    return {kind: math.fsum(values) / len(values) for kind, values in found.items()}


def _split(by_kind: _Moments) -> dict[str, float]:
    """Variances by source, from what pairs differ in: other rows come with another seed and another order."""
    alone = {kind: by_kind[kind] for kind in (SEED, ORDER) if kind in by_kind}
    if BOTH not in by_kind:
        return alone
    rows = ROWS if SEED in alone else BOTH
    return {rows: max(by_kind[BOTH] - math.fsum(alone.values()), 0.0), **alone}


def _shares(found: Mapping[str, float]) -> dict[str, float]:
    noise = math.fsum(found.values())
    return {name: variance / noise if noise else 0.0 for name, variance in found.items()}


def _picks(n: int) -> np.ndarray:
    """(DRAWS, n) configurations drawn with replacement, the same each time."""
    return Key(0, -1).generator("components").integers(n, size=(DRAWS, n))


def _difference(history: History) -> float | None:
    """Of the two best distinct configurations: by fresh scores where finalists have some, else by the search's."""
    for stages in ((Stage.SELECT,), (Stage.BASELINE, Stage.SEARCH, Stage.REFINE)):
        losses = defaultdict[Hashable, list[float]](list)
        for record in history.records:
            if record.stage in stages and record.is_scored and record.is_feasible and record.loss is not None:
                losses[history.space.identity(record.params)].append(record.loss)
        means = sorted(math.fsum(each) / len(each) for each in losses.values())
        if len(means) > 1:
            return means[1] - means[0]
    return None


def _unit(plan: Plan) -> str:
    """What one score is called."""
    if plan.validation is None:
        return "run"
    return unit_of(plan.validation)


def _share(part: Component) -> str:
    low, high = part.interval
    if part.share in (0.0, 1.0):
        return "all is" if part.share else "none is"
    return f"{100 * part.share:.0f} % ({100 * low:.0f} to {100 * high:.0f} %) is"
