"""The events of a study of settings, and between them what the evaluator has to say."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from trialist.errors import TrialistError
from trialist.llm.evaluate import Evaluator
from trialist.study.events import Event, Told


def with_news(events: Iterator[Event], evaluator: Evaluator) -> Iterator[Event]:
    """The events as they come; raises what is fatal to the evaluator, whatever the study makes of it."""
    try:
        with closing(_closable(events)) as open_events:
            for event in open_events:
                yield event
                yield from _told(evaluator.news)
                if evaluator.fatal is not None:
                    raise evaluator.fatal
    except TrialistError:
        # The server's own words count for more than what the study makes of them.
        if evaluator.fatal is not None:
            raise evaluator.fatal from None
        raise
    yield from _told(evaluator.news)


def _closable(events: Iterator[Event]) -> Generator[Event]:
    yield from events


def _told(news: list[str]) -> Iterator[Event]:
    while news:
        yield Told(news.pop(0))
