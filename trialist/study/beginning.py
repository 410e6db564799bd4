"""Before the first trial: what is sealed is written down, and leaks are looked for, told, and kept for the report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from trialist.errors import StoreError
from trialist.execute.command import Command
from trialist.scoring.leaks import check_leaks
from trialist.study.events import Event, Told
from trialist.study.objective import keep_objective
from trialist.study.seal import Looked, keep_seal
from trialist.study.session import Session
from trialist.study.splits import splits_of

LEAKS = "leaks"  # the stage: {"checked": fingerprints, "found": [{"split", "kind", "words", "where", "severity"}]}


def begun(session: Session, objective: Looked, test: Looked | None = None) -> Iterator[Event]:
    """Write down where the objective stands, seal the test data that both look at, and tell what leaks."""
    keep_objective(session, objective)
    try:
        changed = keep_seal(session, objective, test)
    except StoreError:
        raise
    except Exception as problem:  # noqa: BLE001 - data of any make; a seal is worth less than the study
        yield Told(f"the data have no seal ({type(problem).__name__}: {problem})")
        return
    yield from (Told(f"{words}; what was scored so far was scored on the old data") for words in changed)
    yield from leaks_told(session, objective, test)


def leaks_told(session: Session, *functions: Looked | None) -> Iterator[Event]:
    """What leaks in the Splits that the functions look at: told once for each, when first seen, and kept.

    A check that fails is told, and the study goes on.
    """
    kept = session.stage(LEAKS) or {}
    checked, found, told = list(kept.get("checked", ())), list(kept.get("found", ())), []
    for function in functions:
        if function is None or isinstance(function, Command):
            continue
        for name, split in splits_of(function).items():
            try:
                data = split.fingerprint
                if data in checked:
                    continue
                checked.append(data)
                leaks = check_leaks(split)
            except Exception as problem:  # noqa: BLE001 - as above; what cannot be checked can still be tuned
                told.append(f"{name} could not be looked through for leaks ({type(problem).__name__}: {problem})")
                continue
            found += [{"split": name, **leak.to_json()} for leak in leaks]
            told += [f"{name}: {leak}" for leak in leaks]
    if checked != list(kept.get("checked", ())):
        outcome: dict[str, Any] = {"checked": checked, "found": found}
        session.store.write_stage(session.name, LEAKS, outcome, time.time())
    yield from map(Told, told)
