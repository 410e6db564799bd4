"""A suite: the items that answers are measured on, read from the formats that people have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.formats.chat import is_chat, read_chat
from trialist.llm.formats.inspect_logs import is_inspect, read_inspect
from trialist.llm.formats.openai_evals import is_evals, is_evals_row, read_evals, read_evals_rows
from trialist.llm.formats.promptfoo import is_promptfoo, read_promptfoo
from trialist.llm.formats.reading import Reading, lines_of, named, parse_json, read_text
from trialist.llm.formats.tables import read_csv, read_json, read_jsonl
from trialist.llm.item import Item, Message

_READERS: dict[str, Callable[[Path], Reading]] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "chat": read_chat,
    "inspect": read_inspect,
    "openai-evals": read_evals,
    "openai-evals-rows": read_evals_rows,
}
FORMATS = (*_READERS, "promptfoo")
_BY_ENDING = {".csv": "csv", ".tsv": "csv", ".eval": "inspect", ".yaml": "promptfoo", ".yml": "promptfoo"}


@dataclass(frozen=True, slots=True)
class Suite:
    """Items under a name.

    notes: sentences on what was not taken as it stands in the file, for the user.  prompts: templates that the suite
    brings, the first of which made the items' messages; each item's variables are its metadata["vars"].  settings: what
    the suite asks its model with, as defaults of dials.
    """

    name: str
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.items:
            raise SuiteError(self.name, "the suite has no items", "Give at least one.")
        seen: dict[str, Item] = {}
        for item in self.items:
            if item.id in seen:
                first = seen[item.id].where
                raise SuiteError(item.where, f"the id {shown(item.id)} is taken ({first})", "Give each item its own.")
            seen[item.id] = item

    @property
    def groups(self) -> tuple[str, ...]:
        """(n,) what each item belongs to: its group, or itself where it has none."""
        return tuple(f"group {item.group}" if item.group is not None else f"item {item.id}" for item in self.items)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that is asked and all that is right: neither the file's name nor its layout counts."""
        from trialist.scoring.fingerprint import fingerprint

        return fingerprint([item.plain() for item in self.items])


def read_suite(path: str | Path, *, format: str | None = None, trust: bool = False) -> Suite:
    """The suite in that file; its format is seen from the ending and the content, or named: one of FORMATS.

    trust: whether Python code of the suite (promptfoo's `python` assertions) may be run by this process.
    SuiteError names the file, the line, the key and the remedy.
    """
    place = Path(path)
    if format is not None and format not in FORMATS:
        raise SuiteError("format", f"{shown(format)} is unknown", f"Use one of {', '.join(FORMATS)}.")
    kind = format or _format_of(place)
    reading = read_promptfoo(place, trust=trust) if kind == "promptfoo" else _READERS[kind](place)
    if not reading.items:
        raise SuiteError(named(place), "the file holds no items", "Give at least one.")
    items, notes = _repeats_together(reading.items)
    return Suite(place.name, items, (*reading.notes, *notes), reading.prompts, reading.settings)


def _format_of(path: Path) -> str:
    ending = path.suffix.lower()
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    if ending in (".jsonl", ".ndjson"):
        return _format_of_rows(path)
    if ending == ".json":
        return _format_of_json(path)
    if ending == "" and not path.exists():
        read_text(path)  # tells that there is none
    known = ", ".join(sorted({*_BY_ENDING, ".json", ".jsonl", ".ndjson"}))
    remedy = f"Name its format: one of {', '.join(FORMATS)}."
    raise SuiteError(named(path), f"the ending {shown(ending)} is none of {known}", remedy)


def _format_of_rows(path: Path) -> str:
    for line, text in lines_of(path, read_text(path)):
        row = parse_json(named(path), text, line)
        if isinstance(row, dict) and is_evals_row(row):
            return "openai-evals-rows"
        has_target = isinstance(row, dict) and any(key in row for key in ("target", "expected", "answer", "ideal"))
        return "chat" if isinstance(row, dict) and is_chat(row) and not has_target else "jsonl"
    raise SuiteError(named(path), "the file is empty", "Write one JSON object to a line.")


def _format_of_json(path: Path) -> str:
    content = parse_json(named(path), read_text(path))
    for name, is_it in (("inspect", is_inspect), ("openai-evals", is_evals), ("promptfoo", is_promptfoo)):
        if is_it(content):
            return name
    return "json"


def _repeats_together(items: tuple[Item, ...]) -> tuple[tuple[Item, ...], list[str]]:
    """Items that ask the very same are put into one group: else one could be searched on and the other held out."""
    asked: dict[tuple[Message, ...], list[Item]] = {}
    for item in items:
        asked.setdefault(item.messages, []).append(item)
    again = {messages: same for messages, same in asked.items() if len(same) > 1}
    if not again:
        return items, []
    count = sum(len(same) for same in again.values())
    alone = {messages for messages, same in again.items() if all(item.group is None for item in same)}
    notes = [f"{count} items ask what another one asks too, {_examples(again)}."]
    if alone:
        notes[0] += " They count as one group, so that none is searched on and held out at once."
    if len({*again} - alone):
        notes.append("Some of them have groups, which stay as they are given.")
    names = {messages: f"same as {again[messages][0].id}" for messages in alone}
    return tuple(replace(item, group=names.get(item.messages, item.group)) for item in items), notes


def _examples(again: Mapping[Any, list[Item]]) -> str:
    same = next(iter(again.values()))
    return " and ".join(shown(item.id) for item in same[:2]) + " for one"
