"""Files of earlier versions, brought up to date by numbered steps; a file of a later version is refused politely.

Step n turns schema n - 1 into schema n and never changes once released. A new file is made whole, at SCHEMA_VERSION.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trialist.errors import StoreDamagedError, StoreVersionError, shown

SCHEMA_VERSION = 2

Run = Callable[[str], object]  # executes one SQL statement


def _measured_constraints(run: Run) -> None:
    """2: trials keep their measured constraints, and the best is sought among those that violate none."""
    run("ALTER TABLE trial ADD COLUMN constraints_json TEXT")
    run("ALTER TABLE trial ADD COLUMN violated INTEGER DEFAULT '0' NOT NULL")
    run("DROP INDEX trial_loss")
    run("CREATE INDEX trial_loss ON trial (study, violated, loss, number) WHERE loss IS NOT NULL")


STEPS: Mapping[int, Callable[[Run], None]] = {2: _measured_constraints}  # schema 1 is the first


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
