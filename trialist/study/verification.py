"""Verification: default and selected configuration, trained anew on several seeds, are scored once on sealed data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from trialist.errors import ExecutionError, PlanError, SealedError, StateError
from trialist.execute.command import Command
from trialist.protocols import Look
from trialist.scoring.verdict import Verdict
from trialist.study.checking import check_test
from trialist.study.events import Event, StageEnded, StageStarted, Told
from trialist.study.foresight import foresight
from trialist.study.seal import check_seal, fingerprint_of, sketch_of
from trialist.study.session import Session, describe_self
from trialist.study.summary import constraint_note
from trialist.study.testbudget import OVER, TestBudget
from trialist.study.trainings import Test, Trainings, work_of
from trialist.study.work import is_in_process
from trialist.trials.trial import TrialRecord


def verify(
    session: Session, baseline: TrialRecord, selected: TrialRecord, test: Test | None, workers: int, again: bool
) -> Iterator[Event]:
    """Open the sealed data, judge, and write verdict and ledger.

    A look that broke off half-way is taken up again as the same look; after a finished one, another needs `again`.
    Raises SealedError without it, and ExecutionError where a test run fails.
    """
    if test is None:
        raise PlanError(
            "test", "nothing was given to verify with", "Give test=, a function of (params, seed), or --test."
        )
    check_test(test, session.space)
    yield from (Told(words) for words in check_seal(session, test))
    look = _opened(session, test, selected, again)
    reached = session.stage("verified")
    if reached is not None and reached["look"] == look.digest:
        # The verdict was written, and then something broke off before the ledger said so.
        _close(session, look, Verdict.from_json(dict(session.stage("verdict") or {})))
        return
    can_kill = not is_in_process(work_of(test), workers, session.plan.limits)
    # Where the default itself was selected, one training of it for each seed tells all.
    trained = (0,) if baseline.number == selected.number else (0, 1)
    is_bounded = getattr(test, "is_bounded", False)
    budget = TestBudget(
        session, (baseline, selected), trained, workers, can_kill, is_bounded, isinstance(test, Command)
    )
    seeds = budget.seeds()
    yield StageStarted(
        "verify",
        f"default (trial {baseline.number}) against selected (trial {selected.number}), "
        f"{seeds} seed{'s' if seeds > 1 else ''} each, look {look.number} at these data",
    )
    if before := _before(look):
        yield Told(before)
    if note := constraint_note(baseline, selected):
        yield Told(f"{note}; the verdict is on {session.plan.objective.name} alone")
    runs = Trainings(session, (baseline, selected), trained, look, budget, seeds)
    if len(trained) == 2:
        ahead = foresight(session, baseline, selected, test, seeds, look.number)
        runs.detectable = ahead.detectable
        yield Told(ahead.words)
    yield from runs.run(test, workers)
    if runs.failure is None and not runs.pairs:
        session.store.close_look(look, {"failed": OVER})
        yield Told(f"no verdict: {OVER}; extend the budget and verify again")
        return
    if runs.failure is not None:
        session.store.close_look(look, {"failed": runs.failure.message})
        raise ExecutionError(f"verification failed, the verdict is open: {runs.failure.message}")
    verdict = runs.verdict()
    session.store.write_stage(session.name, "verdict", verdict.to_json(), time.time())
    session.store.write_stage(session.name, "verified", {"trial": selected.number, "look": look.digest}, time.time())
    _close(session, look, verdict)
    yield StageEnded("verify", verdict.sentence)


def _close(session: Session, look: Look, verdict: Verdict) -> None:
    try:
        session.store.close_look(look, {"outcome": verdict.outcome.value, "difference": verdict.difference})
    except StateError:
        # Another coordinator took up the same look and was first; the same seeds gave it the same verdict.
        return


def _before(look: Look) -> str:
    """In words, what was seen of these rows before, and what follows."""
    if look.number == 1:
        return ""
    times, studies = look.number - 1, f", {look.elsewhere} of them in other studies" if look.elsewhere else ""
    part = "" if look.overlap >= 1 else f" in part, {100 * look.overlap:.0f} % of the rows at most,"
    return (
        f"these test data were looked at{part} {times} time{'s' if times > 1 else ''} before{studies}: this is look "
        f"{look.number}, and the interval is widened for {look.number}"
    )


def _opened(session: Session, test: Test, selected: TrialRecord, again: bool) -> Look:
    fingerprint = fingerprint_of(test)
    mine = [look for look in session.store.looks(study=session.name) if not _is_failed(look)]
    half = [look for look in mine if look.outcome is None and look.fingerprint == fingerprint]
    if half:
        return half[-1]
    if mine and not again:
        raise SealedError(
            f"the test data of study {session.name!r} were opened already, "
            f"{datetime.fromtimestamp(mine[-1].at):%d %B %Y at %H:%M} by {mine[-1].who}. A second look is weaker "
            "evidence; ask for it by name, --again or again=True, and it is recorded."
        )
    what = f"trial {selected.number} against the default"
    return session.store.open_look(session.name, fingerprint, describe_self(), what, time.time(), sketch_of(test))


def _is_failed(look: Look) -> bool:
    outcome: Mapping[str, Any] = look.outcome or {}
    return "failed" in outcome
