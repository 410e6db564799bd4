"""The revisions of the studies of a SQL store: plan and space as they were declared and changed; none ever changes."""

from __future__ import annotations

import json

from trialist.errors import shown
from trialist.protocols import Revision
from trialist.space.space import Space
from trialist.store import faults, statements
from trialist.store.records import space_of, text_of
from trialist.store.sqlite import Database
from trialist.store.trials import StudyRow
from trialist.trials.plan import Plan


class Revisions:
    """Plans and spaces as rows, within the caller's transaction; those that were read are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[tuple[int, int], tuple[Plan, Space]] = {}  # by study and number

    def known(self, study: int, number: int) -> tuple[Plan, Space] | None:
        """As far as this process knows."""
        return self._kept.get((study, number))

    def of(self, study: StudyRow) -> tuple[Plan, Space]:
        """What is declared now."""
        known = self._kept.get((study.id, study.revision))
        if known is None:
            values = {"the_study": study.id, "the_number": study.revision}
            with faults.readable(self._database.path, f"study {shown(study.name)}"):
                plan, space = self._database.rows(statements.REVISION, **values)[0]
                known = Plan.from_json(json.loads(plan)), space_of(space)
            self._kept[study.id, study.revision] = known
        return known

    def all(self, study: StudyRow) -> tuple[Revision, ...]:
        rows = self._database.rows(statements.REVISIONS, the_study=study.id)
        return tuple(
            Revision(number, at, reason, Plan.from_json(json.loads(plan)), space_of(space))
            for _, number, at, reason, plan, space in rows
        )

    def add(self, study: int, number: int, plan: Plan, space: Space, reason: str, at: float) -> None:
        row = {"study": study, "number": number, "at": at, "reason": text_of(reason)}
        written = {"plan_json": json.dumps(plan.to_json()), "space_json": json.dumps(space.to_json())}
        self._database.change(statements.ADD_REVISION, {**row, **written})

    def follow(self, study: StudyRow, plan: Plan, space: Space, reason: str, at: float) -> None:
        """The next one, which is what is declared from now on."""
        number = study.revision + 1
        self.add(study.id, number, plan, space, reason, at)
        self._database.change(statements.SET_REVISION, {"the_study": study.id, "the_revision": number})

    def remember(self, study: int, number: int, plan: Plan, space: Space) -> None:
        """Once the transaction is committed."""
        self._kept[study, number] = plan, space
