"""The line from a running trial to its coordinator: declarations go first, and a broken line is remembered."""

from __future__ import annotations

from collections.abc import Callable

from trialist.errors import InputError
from trialist.trials.messages import Declared, Message
from trialist.trials.trial import Decision

Channel = Callable[[Message], Decision]


class Line:
    """news: declarations that nobody was told of yet.  broken: what the channel itself raised, or None."""

    __slots__ = ("_channel", "broken", "news")

    def __init__(self, channel: Channel, news: list[Declared]) -> None:
        self._channel, self.news = channel, news
        self.broken: BaseException | None = None

    def send(self, message: Message) -> Decision:
        """Send what is new of the dials, then the message; the answer to the message."""
        try:
            # Not before: a trial with ten dials would be ten transactions.
            while self.news:
                self._channel(self.news.pop(0))
            return self._channel(message)
        except (InputError, KeyboardInterrupt):
            raise  # the objective's own misuse, or the user's wish: the trial's outcome
        except BaseException as error:
            # The store failed, or the other end is gone: no outcome of the objective, even if it catches this.
            self.broken = error
            raise
