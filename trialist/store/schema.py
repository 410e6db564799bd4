"""The tables, as SQLAlchemy Core objects: one study, trial, report, stage outcome, instruction, lease or
ledger line is one row.

Times are wall clock seconds since 1970 where they end in _at, and only shown; decisions go by the monotonic columns of
`lease`. Text columns that hold JSON say so. `trial.changed` is the study's
`changes` at the trial's last change, `trial.reported` the attempt that reported last, `trial.violated` how many of its
measured constraints are not satisfied.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, Table, Text

metadata = MetaData()

# Marks the file as ours. Keys: "schema", the version; "ledger", the digest of the last line.
marker = Table(
    "trialist",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# AUTOINCREMENT: what is cached under a study's id must never meet another study that was given the same id.
study = Table(
    "study",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("trials", BigInteger, nullable=False),
    Column("changes", BigInteger, nullable=False),
    Column("closed", BigInteger, nullable=False),
    Column("compute_seconds", Double, nullable=False),
    Column("cost", Double, nullable=False),
    sqlite_autoincrement=True,
)

revision = Table(
    "revision",
    metadata,
    Column("study", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("plan_json", Text, nullable=False),
    Column("space_json", Text, nullable=False),
)

trial = Table(
    "trial",
    metadata,
    Column("study", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("params_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("repeats", BigInteger),
    Column("metrics_json", Text),
    Column("loss", Double),
    Column("cost", Double),
    Column("seconds", Double),
    Column("opened_at", Double),
    Column("closed_at", Double),
    Column("failure_json", Text),
    Column("earlier_json", Text),
    Column("stop_reason", Text, nullable=False),
    Column("notes_json", Text),
    Column("revision", Integer, nullable=False),
    Column("owner", Text),
    Column("reported", Integer, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("constraints_json", Text),
    Column("violated", Integer, nullable=False, server_default="0"),
    Column("fidelity", Double),
    Column("length", BigInteger),
    Column("course_json", Text),
    Column("inherits", BigInteger),
    Column("used", Double, nullable=False, server_default="0"),
    Column("runs_json", Text),
    Column("foretold_json", Text),
    sqlite_with_rowid=False,
)
Index("trial_changed", trial.c.study, trial.c.changed)
# Owner and closed_at are there so that the index alone answers who runs: SQLite would rather scan the whole study.
_is_open = trial.c.closed_at.is_(None)
_open_columns = (trial.c.study, trial.c.state, trial.c.number, trial.c.owner, trial.c.closed_at)
Index("trial_open", *_open_columns, sqlite_where=_is_open, postgresql_where=_is_open)
_has_loss = trial.c.loss.is_not(None)
_loss_columns = (trial.c.study, trial.c.violated, trial.c.loss, trial.c.number)
Index("trial_loss", *_loss_columns, sqlite_where=_has_loss, postgresql_where=_has_loss)

# value NULL is NaN, which SQLite cannot keep.
report = Table(
    "report",
    metadata,
    Column("study", Integer, primary_key=True),
    Column("trial", BigInteger, primary_key=True),
    Column("step", Double, primary_key=True),
    Column("value", Double),
    Column("metrics_json", Text),
    sqlite_with_rowid=False,
)

stage = Table(
    "stage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", Integer, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("outcome_json", Text, nullable=False),
    sqlite_autoincrement=True,
)

instruction = Table(
    "instruction",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", Integer, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("trial", BigInteger),
    sqlite_autoincrement=True,
)

# A coordinator at work on a study: started and beat are seconds of its machine's monotonic clock since `boot`.
lease = Table(
    "lease",
    metadata,
    Column("study", Integer, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("boot", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("process_start", Text, nullable=False),
    Column("started", Double, nullable=False),
    Column("beat", Double, nullable=False),
    Column("beats", BigInteger, nullable=False),
    Column("lease_seconds", Double, nullable=False),
    Column("describes", Text, nullable=False),
    sqlite_with_rowid=False,
)
Index("lease_token", lease.c.token)

ledger = Table(
    "ledger",
    metadata,
    Column("line", Integer, primary_key=True),
    Column("content_json", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
