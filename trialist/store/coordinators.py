"""The leases of the coordinators of a SQL store: one row for each study that one works on."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from trialist.protocols import Owner
from trialist.store import statements
from trialist.store.leases import Lease, Process, Sightings, seconds_alive, this_process
from trialist.store.records import text_of
from trialist.store.sqlite import Database

# A coordinator that claims and tells all the time need not say each time that it lives.
BEAT_SECONDS = 1.0
CLOSING_BEAT_SECONDS = 0.1  # where a trial closes: up to there the time of a study counts as spent


class Coordinators:
    """Who holds leases. All but `confirm` belong into the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beats: dict[tuple[int, str], float] = {}  # what is committed, by study and token
        self._looked: dict[int, float] = {}
        self._sightings = Sightings()

    def keep(self, study: int, owner: Owner, within: float = BEAT_SECONDS) -> float | None:
        """Write the lease where there is none, renew it where the last beat is that old; the beat, if written."""
        now = time.monotonic()
        last = self._beats.get((study, owner.token))
        if last is None:
            return self._begin(study, owner, now)
        if now - last < min(within, owner.lease_seconds / 3):
            return None
        self._database.change(statements.BEAT, {"the_study": study, "the_token": owner.token, "the_beat": now})
        return now

    def confirm(self, study: int, owner: Owner, beat: float | None) -> None:
        """The transaction that wrote the beat is committed."""
        if beat is not None:
            self._beats[study, owner.token] = beat

    def renew(self, owner: Owner) -> None:
        values = {"the_token": owner.token, "the_beat": time.monotonic()}
        self._database.change(statements.BEAT_ALL, values)

    def excuse(self, since: float) -> None:
        """Nobody could renew a lease since then, for the transaction was open: that silence does not count."""
        held = time.monotonic() - since
        if held > BEAT_SECONDS:
            values = {"the_boot": this_process().boot, "the_since": since, "the_held": held}
            self._database.change(statements.EXCUSE, values)

    def is_time_to_look(self, study: int) -> bool:
        """Whether the last look for dead owners is a second ago; true at most once a second."""
        now = time.monotonic()
        if now - self._looked.get(study, float("-inf")) < BEAT_SECONDS:
            return False
        self._looked[study] = now
        return True

    def dead(self, study: int, tokens: Iterable[str]) -> dict[str, str]:
        """Those of the tokens whose lease has run out, or was never written, each with its owner's description."""
        leases = {lease.token: lease for lease in self._leases(study)}
        found = {}
        for token in tokens:
            lease = leases.get(token)
            if lease is None or self._sightings.is_dead(lease):
                found[token] = "" if lease is None else lease.describes
        return found

    def alive(self, study: int) -> tuple[str, ...]:
        """Descriptions of those whose lease holds, in order of their start."""
        held = [lease for lease in self._leases(study) if not self._sightings.is_dead(lease)]
        return tuple(lease.describes for lease in sorted(held, key=lambda lease: (lease.started, lease.token)))

    def seconds(self, study: int) -> float:
        """Seconds during which at least one coordinator of the study was alive."""
        return seconds_alive(self._leases(study))

    def _begin(self, study: int, owner: Owner, now: float) -> float:
        known = {"the_study": study, "the_token": owner.token, "the_beat": now}
        if not self._database.change(statements.BEAT, known):
            process = this_process()
            row: dict[str, Any] = {
                "study": study,
                "token": owner.token,
                "boot": process.boot,
                "namespace": process.namespace,
                "pid": process.pid,
                "process_start": process.start,
                "started": now,
                "beat": now,
                "beats": 1,
                "lease_seconds": owner.lease_seconds,
                "describes": text_of(owner.describes),
            }
            self._database.change(statements.ADD_LEASE, row)
        return now

    def _leases(self, study: int) -> list[Lease]:
        return [
            Lease(token, Process(boot, namespace, pid, start), started, beat, beats, lease_seconds, describes)
            for _, token, boot, namespace, pid, start, started, beat, beats, lease_seconds, describes in (
                self._database.rows(statements.LEASES, the_study=study)
            )
        ]
