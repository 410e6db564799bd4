"""What the store asks of the database, each statement once. Parameters carry names that no column has ("the_study")."""

from __future__ import annotations

from sqlalchemy import Insert, Table, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.sql.elements import BindParameter

from trialist.store.records import COLUMNS
from trialist.store.schema import instruction, lease, ledger, marker, report, revision, stage, study, trial


def _the(name: str) -> BindParameter[object]:
    return bindparam(f"the_{name}")


def _adding(table: Table, numbered: str = "") -> Insert:
    """An insert of all columns but the one that the database numbers."""
    return insert(table).values({column.name: bindparam(column.name) for column in table.c if column.name != numbered})


# Studies

_study = (study.c.id, study.c.name, study.c.created_at, study.c.revision, study.c.trials, study.c.changes)
STUDY = select(*_study).where(study.c.name == _the("name"))
# The two busiest calls ask for what they need beside the study in one statement: others wait at the gate meanwhile.
STUDY_TO_OPEN = select(
    *_study,
    select(trial.c.number)
    .where(trial.c.study == study.c.id, trial.c.closed_at.is_(None), trial.c.state == "waiting")
    .order_by(trial.c.number)
    .limit(1)
    .scalar_subquery(),
).where(study.c.name == _the("name"))
STUDY_TO_TELL = select(
    *_study,
    select(trial.c.changed).where(trial.c.study == study.c.id, trial.c.number == _the("number")).scalar_subquery(),
).where(study.c.name == _the("name"))
NAMES = select(study.c.name).order_by(study.c.id)
ADD_STUDY = _adding(study, numbered="id")
ADVANCE = (
    update(study)
    .where(study.c.id == _the("study"))
    .values(
        changes=study.c.changes + 1,
        trials=study.c.trials + _the("opened"),
        closed=study.c.closed + _the("closed"),
        compute_seconds=study.c.compute_seconds + _the("seconds"),
        cost=study.c.cost + _the("cost"),
    )
    .returning(study.c.changes)
)
SET_REVISION = update(study).where(study.c.id == _the("study")).values(revision=_the("revision"))
ADD_REVISION = _adding(revision)
REVISION = select(revision.c.plan_json, revision.c.space_json).where(
    revision.c.study == _the("study"), revision.c.number == _the("number")
)
REVISIONS = select(revision).where(revision.c.study == _the("study")).order_by(revision.c.number)
FORGET = (
    delete(study).where(study.c.id == _the("study")),
    *(
        delete(table).where(table.c.study == _the("study"))
        for table in (revision, trial, report, stage, instruction, lease)
    ),
)

# Trials

_later = report.alias("later")
_TRIAL = tuple(trial.c[name] for name in COLUMNS)
_this_trial = (trial.c.study == _the("study"), trial.c.number == _the("number"))
ADD_TRIAL = _adding(trial)
TRIAL = select(*_TRIAL, trial.c.owner, trial.c.reported).where(*_this_trial)
TRIAL_REPORTS = (
    select(report.c.step, report.c.value, report.c.metrics_json)
    .where(report.c.study == _the("study"), report.c.trial == _the("number"))
    .order_by(report.c.step)
)
TOUCH = update(trial).where(*_this_trial).values({n: bindparam(n) for n in ("changed", "reported", "length", "used")})
_MOVED = (
    "state",
    "owner",
    "attempt",
    "metrics_json",
    "loss",
    "cost",
    "seconds",
    "opened_at",
    "closed_at",
    "failure_json",
    "earlier_json",
    "stop_reason",
    "constraints_json",
    "violated",
    "fidelity",
    "length",
    "used",
    "runs_json",
    "reported",
    "changed",
)
MOVE = update(trial).where(*_this_trial, trial.c.state == _the("state")).values({n: bindparam(n) for n in _MOVED})
NOTE = (
    update(trial)
    .where(*_this_trial)
    .values({name: bindparam(name) for name in ("params_json", "notes_json", "course_json", "revision")})
)
RUNNING = (
    select(trial.c.number, trial.c.owner)
    .where(trial.c.study == _the("study"), trial.c.closed_at.is_(None), trial.c.state == "running")
    .order_by(trial.c.number)
)
# By number through the index of changes; asked otherwise, SQLite would read the whole study in order of numbers.
_changed = select(trial.c.number).where(trial.c.study == _the("study"), trial.c.changed > _the("since"))
CHANGED = select(*_TRIAL).where(trial.c.study == _the("study"), trial.c.number.in_(_changed)).order_by(trial.c.number)
CHANGED_REPORTS = (
    select(report.c.trial, report.c.step, report.c.value, report.c.metrics_json)
    .where(report.c.study == _the("study"), report.c.trial.in_(_changed))
    .order_by(report.c.trial, report.c.step)
)
ALL = select(*_TRIAL).where(trial.c.study == _the("study")).order_by(trial.c.number)
ALL_REPORTS = (
    select(report.c.trial, report.c.step, report.c.value, report.c.metrics_json)
    .where(report.c.study == _the("study"))
    .order_by(report.c.trial, report.c.step)
)
# Each trial's last report is found by its key; of a million reports ten thousand are read.
_last_reports = (
    select(report.c.trial, report.c.step, report.c.value, report.c.metrics_json)
    .join(trial, and_(trial.c.study == report.c.study, trial.c.number == report.c.trial))
    .where(
        trial.c.study == _the("study"),
        report.c.study == _the("study"),
        report.c.step
        == select(func.max(_later.c.step))
        .where(_later.c.study == trial.c.study, _later.c.trial == trial.c.number)
        .scalar_subquery(),
    )
)
ALL_LAST_REPORTS = _last_reports
CHANGED_LAST_REPORTS = _last_reports.where(trial.c.changed > _the("since"))
_placed = (
    select(
        report.c.step,
        report.c.value,
        report.c.metrics_json,
        (func.row_number().over(order_by=report.c.step) - 1).label("place"),
        func.count().over().label("reports"),
    )
    .where(report.c.study == _the("study"), report.c.trial == _the("number"))
    .subquery()
)
# Every k-th of n reports, k the least number that leaves no more than `most`.
_stride = (_placed.c.reports + _the("most") - 1) // _the("most")
CURVE = (
    select(_placed.c.step, _placed.c.value, _placed.c.metrics_json)
    .where(or_(_placed.c.place % _stride == 0, _placed.c.place == _placed.c.reports - 1))
    .order_by(_placed.c.step)
)
REPORTS = select(func.count()).select_from(
    select(report.c.trial).where(report.c.study == _the("study")).limit(_the("most")).subquery()
)
_explored = (
    trial.c.study == _the("study"),
    trial.c.loss.is_not(None),
    trial.c.state == "complete",
    trial.c.stage != "select",
    trial.c.stage != "sweep",
)
BEST = select(*_TRIAL).where(*_explored, trial.c.violated == 0).order_by(trial.c.loss, trial.c.number).limit(1)
INFEASIBLE = select(*_TRIAL).where(*_explored, trial.c.violated > 0)
ADD_REPORT = _adding(report)
DROP_REPORT = delete(report).where(
    report.c.study == _the("study"), report.c.trial == _the("number"), report.c.step == _the("step")
)

# Stages, leases, ledger

ADD_STAGE = _adding(stage, numbered="id")
STAGES = select(stage.c.name, stage.c.outcome_json).where(stage.c.study == _the("study")).order_by(stage.c.id)
STAGE = select(stage.c.id).where(stage.c.study == _the("study"), stage.c.name == _the("stage")).limit(1)
ADD_INSTRUCTION = _adding(instruction, numbered="id").returning(instruction.c.id)
INSTRUCTIONS = (
    select(*(column for column in instruction.c if column.name != "study"))
    .where(instruction.c.study == _the("study"), instruction.c.id > _the("since"))
    .order_by(instruction.c.id)
)
MOMENT = select(
    study.c.created_at,
    study.c.changes,
    study.c.revision,
    select(func.coalesce(func.max(stage.c.id), 0)).where(stage.c.study == study.c.id).scalar_subquery(),
    select(func.coalesce(func.max(instruction.c.id), 0)).where(instruction.c.study == study.c.id).scalar_subquery(),
).where(study.c.name == _the("name"))
ADD_LEASE = _adding(lease)
BEAT = (
    update(lease)
    .where(lease.c.study == _the("study"), lease.c.token == _the("token"))
    .values(beat=_the("beat"), beats=lease.c.beats + 1)
)
BEAT_ALL = update(lease).where(lease.c.token == _the("token")).values(beat=_the("beat"), beats=lease.c.beats + 1)
# No lease of this machine that had not run out at `since` could be renewed for the `held` seconds that followed.
EXCUSE = (
    update(lease)
    .where(lease.c.boot == _the("boot"), lease.c.beat > _the("since") - lease.c.lease_seconds)
    .values(beat=lease.c.beat + _the("held"))
)
LEASES = select(lease).where(lease.c.study == _the("study"))
SPENT = select(study.c.closed, study.c.compute_seconds, study.c.cost).where(study.c.id == _the("study"))
LEDGER = select(ledger.c.line, ledger.c.content_json, ledger.c.digest).order_by(ledger.c.line)
LEDGER_LENGTH = select(func.count()).select_from(ledger)
LEDGER_HEAD = select(marker.c.value).where(marker.c.key == "ledger")
SET_LEDGER_HEAD = update(marker).where(marker.c.key == "ledger").values(value=_the("digest"))
ADD_LINE = _adding(ledger)
