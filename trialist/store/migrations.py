"""Files of earlier versions, brought up to date by numbered steps; a file of a later version is refused politely.

Step n turns schema n - 1 into schema n and never changes once released. A new file is made whole, at SCHEMA_VERSION.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trialist.errors import StoreDamagedError, StoreVersionError, shown

SCHEMA_VERSION = 6

Run = Callable[[str], object]  # executes one SQL statement


def _measured_constraints(run: Run) -> None:
    """2: trials keep their measured constraints, and the best is sought among those that violate none."""
    run("ALTER TABLE trial ADD COLUMN constraints_json TEXT")
    run("ALTER TABLE trial ADD COLUMN violated INTEGER DEFAULT '0' NOT NULL")
    run("DROP INDEX trial_loss")
    run("CREATE INDEX trial_loss ON trial (study, violated, loss, number) WHERE loss IS NOT NULL")


def _fidelity(run: Run) -> None:
    """3: trials keep their fidelity and the decisions on them; steps are amounts, and need not be whole."""
    for column in ("fidelity DOUBLE", "length BIGINT", "course_json TEXT", "inherits BIGINT"):
        run(f"ALTER TABLE trial ADD COLUMN {column}")
    run("ALTER TABLE trial ADD COLUMN used DOUBLE DEFAULT '0' NOT NULL")
    # What a trial of a study without fidelity used is how far it came.
    run(
        "UPDATE trial SET used = coalesce("
        "(SELECT max(step) FROM report WHERE report.study = trial.study AND report.trial = trial.number), 0)"
    )
    run(
        "CREATE TABLE report_3 (study INTEGER NOT NULL, trial BIGINT NOT NULL, step DOUBLE NOT NULL, value DOUBLE, "
        "metrics_json TEXT, PRIMARY KEY (study, trial, step)) WITHOUT ROWID"
    )
    run("INSERT INTO report_3 SELECT study, trial, step, value, metrics_json FROM report")
    run("DROP TABLE report")
    run("ALTER TABLE report_3 RENAME TO report")


def _instructions(run: Run) -> None:
    """4: what people ask of a study while it runs."""
    run(
        "CREATE TABLE instruction (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, study INTEGER NOT NULL, "
        "at DOUBLE NOT NULL, who TEXT NOT NULL, act TEXT NOT NULL, words TEXT NOT NULL, trial BIGINT)"
    )
    run("CREATE INDEX ix_instruction_study ON instruction (study)")


def _runs(run: Run) -> None:
    """5: which worker ran a trial when; of trials before that it is not known."""
    run("ALTER TABLE trial ADD COLUMN runs_json TEXT")


def _foretold(run: Run) -> None:
    """6: what a model foretold of a trial before it ran; of trials before that it is not known."""
    run("ALTER TABLE trial ADD COLUMN foretold_json TEXT")


# Schema 1 is the first.
STEPS: Mapping[int, Callable[[Run], None]] = {
    2: _measured_constraints,
    3: _fidelity,
    4: _instructions,
    5: _runs,
    6: _foretold,
}


def version_of(written: str, place: str) -> int:
    """The schema version that a file states, or StoreVersionError where it is a later one than ours."""
    try:
        version = int(written)
    except ValueError:
        raise StoreDamagedError(
            f"{place}: its schema version reads {shown(written)}. Restore the file from a copy."
        ) from None
    if version > SCHEMA_VERSION:
        raise StoreVersionError(
            f"{place}: it was written by a newer Trialist (schema {version}); this one knows schema {SCHEMA_VERSION}. "
            "Upgrade Trialist, or choose another file."
        )
    return version


def migrate(run: Run, version: int, steps: Mapping[int, Callable[[Run], None]] = STEPS) -> int:
    """Take the steps after `version`, in order, within the caller's transaction; the version that is reached."""
    for number in sorted(steps):
        if number > version:
            steps[number](run)
            version = number
    return version
