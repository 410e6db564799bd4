"""Groups that straddle and times that are mixed: as given, or by columns that show them.

A column is taken for the name of a group where it is called so, or where its rows are alike as those of an entity are:
two rows of one value differ much less, in most other columns, than a row and one of the next value, and the next value
is no nearer than any. An amount fails the last part, a plain category the first.
A column of dates is taken for the time of the rows where target or features go on from one row to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trialist.errors import PlanError
from trialist.numerics.keys import Key
from trialist.scoring.leaks import Kind, Leak, Severity
from trialist.scoring.material import Material
from trialist.scoring.partition import coded, sortable
from trialist.scoring.rows import Column, Scale
from trialist.scoring.table import Table, sampled

Floats = NDArray[np.float64]

ROWS = 20_000
ASTRIDE = 0.2  # the share of sealed rows whose group has others outside that deserves a word
ALIKE, NAMED_ALIKE = 0.5, 0.85  # differences within a group, by those between neighbours
STRANGE = 0.6  # differences between neighbouring values, by those between any
FEWEST_GROUPS = 10
LATER = 0.9  # the chance that a sealed row is later than another, from which on the order of time counts as kept
SERIAL, DEVIATIONS = 0.2, 4.0  # autocorrelation of rows that follow each other; and its standard errors

_ENTITY = re.compile(
    r"(^|[_\s.-])(patient|subject|participant|person|user|customer|client|member|household|family|session|speaker|"
    r"donor|respondent|student|animal|mouse|device)s?([_\s.-]?(id|no|nr|number|key|name|code|index))?$"
)
_ID = re.compile(r"(^|[_\s.-])(id|ids|uid|uuid|guid|group|groups)$")
_BIRTH = re.compile(r"birth|born|dob")
_MOMENT = re.compile(r"(^|[_\s.-])(date|datetime|timestamp)$")


def given_groups(material: Material, groups: Any) -> Iterator[Leak]:
    """Groups that the user names."""
    if groups is None:
        return
    codes = coded("groups", groups)[0]
    _matching("groups", codes, material)
    astride = np.isin(codes[material.sealed], codes[material.opened])
    if astride.any():
        yield _astride("groups", int(astride.sum()), len(astride), "as given")


def given_times(material: Material, time: Any) -> Iterator[Leak]:
    """Times that the user names."""
    if time is None:
        return
    moments = sortable(time)
    _matching("time", moments, material)
    older = moments[material.sealed] < moments[material.opened].max()
    if older.any():
        yield _mixed("time", int(older.sum()), len(older))


def groups_astride(table: Table) -> Iterator[Leak]:
    """Columns that name groups of which sealed rows have some and the others, too."""
    if table.how in ("grouped", "by time"):  # one was asked for; and in time, the same entities come again by design
        return
    rows = np.sort(np.concatenate([sampled(part, ROWS // 2, "groups") for part in (table.opened, table.sealed)]))
    is_sealed = table.is_sealed[rows]
    for column in table.X:
        if column.scale is Scale.DATE or not column.is_whole:
            continue
        codes = column.codes[rows]
        sizes = np.bincount(codes)
        groups = int((sizes > 0).sum())
        astride = np.isin(codes[is_sealed], codes[~is_sealed])
        if groups < 3 or groups > len(rows) / 2 or astride.mean() < ASTRIDE:
            continue
        name = _plain(column.name)
        others = [other for other in table.X if other is not column]
        if not _ENTITY.search(name):
            least = FEWEST_GROUPS, NAMED_ALIKE if _ID.search(name) else ALIKE
            if groups < least[0] or not _are_alike(column.values[rows], others, rows, least[1]):
                continue
        yield _astride(column.name, int(astride.sum()), len(astride), f"{groups:,} different values")


def times_mixed(table: Table) -> Iterator[Leak]:
    """Columns of dates by which sealed rows are older than others, where rows that follow each other are alike."""
    for column in table.X:
        name = _plain(column.name)
        is_moment = column.scale is Scale.DATE or (column.scale is Scale.NUMBER and _MOMENT.search(name))
        if not is_moment or _BIRTH.search(name) or np.isnan(column.values).mean() > 0.1:
            continue
        known = np.flatnonzero(~np.isnan(column.values))
        order = known[np.argsort(column.values[known], kind="stable")]
        place = np.empty(len(column.values))
        place[order] = np.arange(len(order))
        sealed, opened = (part[np.isin(part, known)] for part in (table.sealed, table.opened))
        if not len(sealed) or not len(opened):
            continue
        # The Mann-Whitney statistic: the chance that a sealed row is the later one of two.
        later = (place[sealed].mean() - place[opened].mean()) / len(order) + 0.5
        if later < LATER and _is_serial(table, column, order):
            older = column.values[sealed] < column.values[opened].max()
            yield _mixed(column.name, int(older.sum()), len(older))
            return


def _matching(name: str, values: NDArray[Any], material: Material) -> None:
    n = len(material.opened) + len(material.sealed)
    if len(values) != n:
        raise PlanError(
            name, f"{len(values)} rows do not match the {n} of X", f"Give one entry of {name} for each row."
        )


def _astride(where: str, count: int, of: int, how: str) -> Leak:
    return Leak(
        Kind.GROUPS,
        f"{count:,} of {of:,} sealed rows belong to groups that training or validation rows belong to as well ({how}). "
        "Keep each group on one side, Split(groups=...), unless new rows will come from the same groups",
        where,
        Severity.LEAK,
    )


def _mixed(where: str, count: int, of: int) -> Leak:
    return Leak(
        Kind.TIME,
        f"{count:,} of {of:,} sealed rows are older than the newest training or validation row, so that what comes "
        "later predicts what came before. Test on the latest rows, Split(time=...)",
        where,
        Severity.LEAK,
    )


def _are_alike(values: Floats, others: list[Column], rows: NDArray[np.int64], most: float) -> bool:
    """Whether rows of one value are alike in most of the other columns, and those of the next value strange."""
    rng = Key(0, -1).generator("leaks alike")
    order = np.lexsort((rng.random(len(values)), values))
    here, there = order[:-1], order[1:]
    is_within = values[here] == values[there]
    any_other = rng.permutation(order)
    if is_within.sum() < 10 or (~is_within).sum() < 5:
        return False
    alike = known = 0
    for other in others:
        numbers = other.values[rows]
        within = _difference(other, numbers[here[is_within]], numbers[there[is_within]])
        between = _difference(other, numbers[here[~is_within]], numbers[there[~is_within]])
        anyhow = _difference(other, numbers[order], numbers[any_other])
        if not anyhow > 0:
            continue
        known += 1
        alike += bool(between >= STRANGE * anyhow and within <= most * between)
    return bool(alike >= max(2, known / 2))


def _difference(column: Column, here: Floats, there: Floats) -> float:
    """How much two rows differ in a column on average."""
    if column.scale is Scale.NAME:
        return float(np.mean(here != there))
    gaps = np.abs(here - there)
    gaps = gaps[np.isfinite(gaps)]
    return float(gaps.mean()) if len(gaps) else 0.0


def _is_serial(table: Table, moment: Column, order: NDArray[np.int64]) -> bool:
    """Whether the target, or half of the features, go on from one row to the next in time."""
    features = [column for column in table.X if column is not moment and column.scale is not Scale.DATE]
    serial = [_follows(column.values[order]) for column in features]
    # A feature that only rises with time, such as a row number, is a clock and no evidence.
    of_target = any(_follows(column.values[order]) for column in table.y)
    return of_target or (len(serial) >= 2 and sum(serial) >= len(serial) / 2)


def _follows(values: Floats) -> bool:
    ranked = np.argsort(np.argsort(np.where(np.isnan(values), np.nanmin(values), values), kind="stable")).astype(float)
    if len(np.unique(values)) < 10:  # a few values have no ranks of their own
        ranked = values
    one, next_one = ranked[:-1], ranked[1:]
    if len(one) < 20 or one.std() == 0 or next_one.std() == 0:
        return False
    correlation = float(np.corrcoef(one, next_one)[0, 1])
    return correlation >= SERIAL and correlation * np.sqrt(len(one)) >= DEVIATIONS


def _plain(name: str) -> str:
    """PatientID, patient-id and PATIENT ID as patient_id."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace(" ", "_").replace("-", "_")
