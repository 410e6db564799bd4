"""Rows of JSONL, JSON and CSV as items: which keys mean what, and what stands in metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.formats.reading import id_of, messages_of
from trialist.llm.item import Item, Message

# The names of Inspect's samples come first; the others are what people call the same thing.
INPUT = ("input", "question", "prompt", "messages")
TARGET = ("target", "expected", "answer", "ideal")
_OWN = {"id", "group", "metadata"}


def item_of(place: str, row: Mapping[str, Any], number: int) -> Item:
    """The item of a row; one without an id has its number among the items."""
    named = _named(place, row)
    asked, right = _one_of(place, named, INPUT), _one_of(place, named, TARGET)
    if asked is None:
        remedy = f"Give one of the keys {', '.join(INPUT)}; there are: {_keys(row)}."
        raise SuiteError(place, "nothing is asked", remedy)
    value = row[named[asked]]
    if isinstance(value, str) and not value.strip():
        raise SuiteError(place, f"{named[asked]} is empty", "Write the question, or remove the row.")
    messages = messages_of(place, value)
    if asked == "input" and is_asked_by_system(messages):
        messages = (*messages[:-1], Message("user", messages[-1].content))
    target = None if right is None else target_of(place, row[named[right]])
    known = {named[key] for key in named if key in _OWN or key in (asked, right)}
    return Item(
        id=id_of(place, row[named["id"]]) if is_given(row, named.get("id")) else str(number),
        messages=messages,
        target=target,
        group=group_of(place, row[named["group"]]) if is_given(row, named.get("group")) else None,
        metadata=_metadata(place, row, named.get("metadata"), known),
        place=place,
    )


def is_asked_by_system(messages: Sequence[Message]) -> bool:
    """Whether there is no user who asks, as in many evals of OpenAI's registry: the last system message does."""
    return bool(messages) and all(message.role in ("system", "developer") for message in messages)


def target_of(place: str, value: Any) -> Any:
    """The target, if it is one: text, number, true or false, mapping, or a list of these; None where it is empty."""
    if value is None or value == [] or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, Sequence) and not isinstance(value, str):
        if any(each is None or isinstance(each, (list, tuple)) for each in value):
            raise SuiteError(place, f"the target {shown(value)} holds what is none", "List texts or numbers.")
        return tuple(value)
    return value


def group_of(place: str, value: Any) -> str:
    """A group's name as text: from text or a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise SuiteError(place, f"the group {shown(value)} is no text and no number", "Give one, or leave it out.")
    return str(value)


def is_given(row: Mapping[str, Any], key: str | None) -> bool:
    return key is not None and row[key] is not None and row[key] != ""


def _named(place: str, row: Mapping[str, Any]) -> dict[str, str]:
    """The key as we know it, and as it stands in the row: "Question " is a question."""
    named: dict[str, str] = {}
    for key in row:
        name = key.strip().lower()
        if name in _OWN or name in INPUT or name in TARGET:
            if name in named:
                raise SuiteError(place, f"{shown(named[name])} and {shown(key)} are the same key", "Remove one.")
            named[name] = key
    return named


def _one_of(place: str, named: Mapping[str, str], names: Sequence[str]) -> str | None:
    found = [name for name in names if name in named]
    if len(found) > 1:
        both = " and ".join(named[name] for name in found)
        raise SuiteError(place, f"{both} mean the same", "Keep one under that name; rename what else you need.")
    return found[0] if found else None


def _metadata(place: str, row: Mapping[str, Any], key: str | None, known: set[str]) -> dict[str, Any]:
    given = row[key] if is_given(row, key) and key is not None else {}
    if not isinstance(given, Mapping):
        raise SuiteError(place, f"metadata {shown(given)} is no mapping", 'Write {"name": value}.')
    rest = {name: value for name, value in row.items() if name not in known}
    twice = sorted(given.keys() & rest.keys())
    if twice:
        raise SuiteError(place, f"{shown(twice[0])} stands in metadata and beside it", "Keep one of them.")
    return {**given, **rest}


def _keys(row: Mapping[str, Any]) -> str:
    return ", ".join(map(shown, list(row)[:12])) or "none"
