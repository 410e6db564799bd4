"""What changed, pushed to the browser: server-sent events whose id is the store's own cursor.

A browser that comes back tells the id of the last event that it has (Last-Event-ID), to this server or to the next one
on the same store, and is told all that changed since: nothing is missed, for nothing is kept here.
Source: HTML standard, 9.2 Server-sent events.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool

from trialist.errors import TrialistError
from trialist.protocols import Moment, Store
from trialist.study.summary import best_against_default
from trialist.trials.trial import State
from trialist.web.serve.board import Board

LOOK_SECONDS = 0.4  # between two looks at the store
ALIVE_SECONDS = 15.0  # a line that says nothing, so that proxies keep the connection
MOST_NAMED = 1_000  # trials that are named in one event; of more it is said that there are


@dataclass(frozen=True, slots=True)
class Seen:
    """What one visitor knows: the moment, and which computations."""

    moment: Moment
    version: int = -1
    panels: int = -1


def id_of(moment: Moment) -> str:
    """An event's id.

    >>> id_of(Moment(1.5, 12, 0, 3, 1)), moment_of("1.5-12-0-3-1"), moment_of("x")
    ('1.5-12-0-3-1', Moment(created_at=1.5, changes=12, revision=0, stages=3, instructions=1), None)
    """
    return f"{moment.created_at!r}-{moment.changes}-{moment.revision}-{moment.stages}-{moment.instructions}"


def moment_of(text: str) -> Moment | None:
    """The moment that an id stands for; None where it stands for none."""
    parts = text.rsplit("-", 4)
    try:
        created_at, counters = float(parts[0]), [int(part) for part in parts[1:]]
    except ValueError:
        return None
    if len(counters) != 4 or min(counters) < 0:
        return None
    return Moment(created_at, *counters)


def made_of(text: str) -> tuple[int, int] | None:
    """The computations that a page's address of events names; None where it names none.

    >>> made_of("3.12"), made_of(""), made_of("x.1")
    ((3, 12), None, None)
    """
    version, _, panels = text.partition(".")
    return (int(version), int(panels)) if version.isdecimal() and panels.isdecimal() else None


async def stream(
    board: Board, last: str, is_over: Callable[[], bool], made: tuple[int, int] | None = None
) -> AsyncIterator[str]:
    """The events of a study for one visitor, from what `last` says that it knows; ends where the study is gone.

    made: of which computations the visitor's page was made, by default the newest; what was computed between the page
    and this is told at once.
    """
    now = await run_in_threadpool(board.moment)
    known = moment_of(last)
    if known is None:
        known = now  # it has just read the page
    if known.created_at != now.created_at or known.changes > now.changes:
        known = Moment(now.created_at, 0, 0, 0, 0)  # another study of that name: all of it is news
    seen = Seen(known, *(made or board.versions))
    yield "retry: 1000\n\n" + _event("hello", now if known == now else known, {})
    silent = 0.0
    while not is_over():
        try:
            await run_in_threadpool(board.refresh)
            now = await run_in_threadpool(board.moment)
            if now != seen.moment:
                told = await run_in_threadpool(news, board, seen.moment, now)
                # Of the cursor that was read with the news: what came after that is told next time.
                seen = Seen(Moment(now.created_at, told.pop("cursor"), now.revision, now.stages, now.instructions))
                seen = Seen(seen.moment, *board.versions)
                yield _event("change", seen.moment, told)
                silent = 0.0
            elif board.versions != (seen.version, seen.panels):
                seen = Seen(seen.moment, *board.versions)
                yield _event("computed", seen.moment, {})
                silent = 0.0
        except TrialistError as problem:
            yield _event("gone", seen.moment, {"why": str(problem)})
            return
        await asyncio.sleep(LOOK_SECONDS)
        silent += LOOK_SECONDS
        if silent >= ALIVE_SECONDS:
            yield ": still here\n\n"
            silent = 0.0


def all_moments(store: Store) -> str:
    """The moments of all studies, as an event's id: names and counters, short."""
    told = [(name, id_of(store.moment(name)), len(store.coordinators(name))) for name in store.studies()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


async def stream_of_all(store: Store, last: str, is_over: Callable[[], bool]) -> AsyncIterator[str]:
    """Tells one who looks at the list of studies that something changed in any of them."""
    seen, silent = last or await run_in_threadpool(all_moments, store), 0.0
    yield f"retry: 1000\n\nid: {seen}\nevent: hello\ndata: {{}}\n\n"
    while not is_over():
        try:
            now = await run_in_threadpool(all_moments, store)
        except TrialistError:  # a study went while it was looked at
            now = seen
        if now != seen:
            seen, silent = now, 0.0
            yield f"id: {seen}\nevent: change\ndata: {{}}\n\n"
        await asyncio.sleep(2 * LOOK_SECONDS)
        silent += 2 * LOOK_SECONDS
        if silent >= ALIVE_SECONDS:
            yield ": still here\n\n"
            silent = 0.0


def news(board: Board, since: Moment, now: Moment) -> dict[str, Any]:
    """What changed between two moments, as plain JSON, and the cursor up to which that is."""
    changes = board.changes(since.changes)
    numbers = [record.number for record in changes.records]
    told: dict[str, Any] = {
        "cursor": changes.cursor,
        "trials": numbers if len(numbers) <= MOST_NAMED else None,
        "states": dict(Counter(record.state.value for record in changes.records)),
        "closed": sum(record.state.is_closed or record.state is State.PAUSED for record in changes.records),
        "plan": now.revision != since.revision,
        "stages": now.stages != since.stages,
        "instructions": now.instructions != since.instructions,
        "progress": progress(board),
    }
    return told


def progress(board: Board) -> str:
    """One sentence for the line that a screen reader reads out."""
    line = best_against_default(board.study().history)
    return line[:1].upper() + line[1:] + "."


def _event(kind: str, moment: Moment, told: dict[str, Any]) -> str:
    return f"id: {id_of(moment)}\nevent: {kind}\ndata: {json.dumps(told)}\n\n"
