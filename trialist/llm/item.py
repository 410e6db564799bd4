"""One item of a suite: what is asked, what is right, what it belongs to, and how its answers are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trialist.errors import SuiteError, shown

ROLES = ("system", "developer", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat, in text."""

    role: str
    content: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise SuiteError("role", f"{shown(self.role)} is no role of a chat", f"Use one of {', '.join(ROLES)}.")
        if not isinstance(self.content, str):
            raise SuiteError("content", f"{shown(self.content)} is no text", "Give each message's content as text.")


@dataclass(frozen=True, slots=True)
class Check:
    """One condition on an answer, scored from 0 to 1: a kind such as "contains", its options, its weight.

    A check with a threshold scores 1 where its own score reaches it, else 0; a negated one is turned round after that.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    threshold: float | None = None
    negated: bool = False
    place: str = field(default="", compare=False)  # "suite.yaml line 12", for messages

    def __post_init__(self) -> None:
        for name, value in (("weight", self.weight), ("threshold", self.threshold)):
            if value is None and name == "threshold":
                continue
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not 0 <= float(value or 0) < float("inf"):
                raise SuiteError(self.place or self.kind, f"{name} {shown(value)} is no number from 0", f"Mend {name}.")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a suite.

    messages: the chat as it is sent, before any dial changes it; the item's own question is its last user message.
    target: what is right; a list means that each of its entries is; None where nothing is given.
    group: items of one group (a document, a conversation) are kept together and counted as one cluster.
    checks: where the suite brings its own (promptfoo, graders); the score is their weighted mean, or with `threshold`
    1 where that reaches it, else 0.
    """

    id: str
    messages: tuple[Message, ...]
    target: Any = None
    group: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    threshold: float | None = None
    place: str = field(default="", compare=False)  # "suite.jsonl line 12", for messages

    def __post_init__(self) -> None:
        if not any(message.role == "user" for message in self.messages):
            raise SuiteError(self.where, "no user message, so that nothing is asked", "Give one.")

    @property
    def question(self) -> str:
        """The item's own question: its last user message."""
        return next(message.content for message in reversed(self.messages) if message.role == "user")

    @property
    def targets(self) -> tuple[Any, ...]:
        """All that is right: none, one, or any of several."""
        if self.target is None:
            return ()
        return tuple(self.target) if isinstance(self.target, (list, tuple)) else (self.target,)

    @property
    def where(self) -> str:
        """The item, in a message: its file and line, or its id."""
        return self.place or f"item {shown(self.id)}"

    def plain(self) -> list[Any]:
        """What makes it this item, as plain values: for a fingerprint."""
        return [
            self.id,
            [[message.role, message.content] for message in self.messages],
            self.target,
            self.group,
            dict(self.metadata),
            [_plain(check) for check in self.checks],
            self.threshold,
        ]


@dataclass(frozen=True, slots=True)
class Measured:
    """What an answer cost and how long it took, where that is known: for checks on either."""

    cost: float | None = None
    seconds: float | None = None


def _plain(check: Check) -> list[Any]:
    options = {
        name: [_plain(each) for each in value] if name == "checks" else value for name, value in check.options.items()
    }
    return [check.kind, options, check.weight, check.threshold, check.negated]
