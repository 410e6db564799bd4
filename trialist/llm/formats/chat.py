"""Chat fine-tuning JSONL: conversations whose last answer is the target, and what was said before it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialist.errors import SuiteError
from trialist.llm.formats.reading import Reading, id_of, messages_of, named
from trialist.llm.formats.rows import group_of, is_given
from trialist.llm.formats.tables import json_rows
from trialist.llm.item import Item


def read_chat(path: Path) -> Reading:
    """One conversation to a line, `{"messages": [...]}`, as for fine-tuning; the last message must be an answer."""
    items = []
    longer = 0
    for number, (line, row) in enumerate(json_rows(path), 1):
        place = f"{named(path)} line {line}"
        _refuse(place, row)
        messages = messages_of(place, row.get("messages"))
        if messages[-1].role != "assistant":
            raise SuiteError(place, "the last message is no answer", "End it with the assistant's answer, the target.")
        longer += any(message.role == "assistant" for message in messages[:-1])
        items.append(
            Item(
                id=id_of(place, row["id"]) if is_given(row, "id" if "id" in row else None) else str(number),
                messages=messages[:-1],
                target=messages[-1].content,
                group=group_of(place, row["group"]) if is_given(row, "group" if "group" in row else None) else None,
                metadata={k: v for k, v in row.items() if k not in ("messages", "id", "group")},
                place=place,
            )
        )
    notes = []
    if longer:
        notes.append(f"{longer} conversations have several answers: only the last is asked for, the others are given.")
    return Reading(tuple(items), tuple(notes))


def is_chat(row: Mapping[str, Any]) -> bool:
    """Whether a row is a conversation that ends with an answer."""
    messages = row.get("messages")
    if not isinstance(messages, list) or len(messages) < 2:
        return False
    return isinstance(messages[-1], Mapping) and messages[-1].get("role") == "assistant"


def _refuse(place: str, row: Mapping[str, Any]) -> None:
    for key in ("tools", "functions"):
        if row.get(key):
            raise SuiteError(place, f"{key} are not supported: answers are text", "Remove such conversations.")
    if "preferred_output" in row or "chosen" in row:
        raise SuiteError(place, "pairs of preferred answers are no suite", "Give messages that end with the answer.")
