"""What every format of a suite goes through: text from a file, strict JSON, messages and ids that hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.item import ROLES, Item, Message

MAX_FILE_BYTES = 512 * 2**20
MAX_LINE_CHARS = 8 * 2**20  # 8 million characters are more than any model reads
_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a format gives: items; notes, sentences on what was not taken as it stands; prompts and settings, if any."""

    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def named(path: Path) -> str:
    """The path as it stands in a message: so short that a line number after it is never cut off."""
    text = str(path)
    return text if len(text) <= 48 else f"...{text[-45:]}"


def read_text(path: Path) -> str:
    """The file's text, which must be UTF-8; SuiteError names the file and the byte that is not."""
    data = read_bytes(path)
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise SuiteError(named(path), f"the file is written in {name}", "Save it as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = f"byte 0x{data[error.start]:02x}"
        raise SuiteError(named(path), f"line {line}: {byte} is no UTF-8", "Save the file as UTF-8.") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SuiteError(named(path), f"line {line}: a NUL character", "Give a text file, saved as UTF-8.")
    return text


def read_bytes(path: Path) -> bytes:
    """The file's bytes; SuiteError where it is missing, a folder, unreadable or far too large."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise SuiteError(named(path), "this is a folder", "Give a file.")
        if size > MAX_FILE_BYTES:
            raise SuiteError(named(path), f"{size / 2**20:.0f} MiB are too much for a suite", "Split the file.")
        return path.read_bytes()
    except FileNotFoundError:
        raise SuiteError(named(path), "no such file", "Check the path.") from None
    except OSError as error:
        raise SuiteError(named(path), f"cannot be read ({error.strerror})", "Check its permissions.") from None


def lines_of(path: Path, text: str) -> Iterator[tuple[int, str]]:
    """(number from 1, line) of every line that is not blank; SuiteError for one beyond all measure."""
    # Not str.splitlines: it also splits at U+2028, which JSON allows inside a text.
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if len(line) > MAX_LINE_CHARS:
            raise SuiteError(named(path), f"line {number} has {len(line):,} characters", "Write one item to a line.")
        if line.strip():
            yield number, line


def parse_json(place: str, text: str, line: int | None = None) -> Any:
    """Strict JSON: no NaN, no infinity, no key twice; SuiteError names the place and the line or column."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}" if line is None else f"line {line}, column {error.colno}"
        problem = f"this is no JSON ({error.msg})"
    except _Problem as error:
        at, problem = "" if line is None else f"line {line}", str(error)
    except RecursionError:
        at, problem = "" if line is None else f"line {line}", "lists or objects are nested too deeply"
    except ValueError as error:  # an integer of more digits than Python reads
        at, problem = "" if line is None else f"line {line}", str(error).partition(";")[0]
    raise SuiteError(place, f"{at}: {problem}" if at else problem, "Give one JSON value, as RFC 8259 has it.")


class _Problem(ValueError):
    """JSON that Python would read and others would not."""


def _refuse_constant(word: str) -> Any:
    raise _Problem(f"{word} is no JSON; write null, or leave the key out")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key, value in pairs:
        if key in built:
            raise _Problem(f"the key {shown(key)} comes twice")
        built[key] = value
    return built


def messages_of(place: str, value: Any) -> tuple[Message, ...]:
    """Messages from text (one user message) or from a list of {role, content}."""
    if isinstance(value, str):
        return (Message("user", value),)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (Message("user", str(value)),)
    if not isinstance(value, Sequence) or not value:
        raise SuiteError(place, f"the input {shown(value)} is no text and no list of messages", "Give one of them.")
    return tuple(_message(place, each) for each in value)


def _message(place: str, value: Any) -> Message:
    if not isinstance(value, Mapping) or "role" not in value:
        raise SuiteError(place, f"{shown(value)} is no message", 'Write {"role": "user", "content": "..."}.')
    role = value["role"]
    if role not in ROLES or value.get("tool_calls") or value.get("function_call"):
        what = f"a message of role {shown(role)}" if role not in ROLES else "a message that calls tools"
        raise SuiteError(place, f"{what} is not supported", f"Use text messages of the roles {', '.join(ROLES)}.")
    return Message(role, _content(place, value.get("content")))


def _content(place: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and content:
        return "".join(_part(place, part) for part in content)
    raise SuiteError(place, f"the message's content {shown(content)} is no text", "Give text.")


def _part(place: str, part: Any) -> str:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
        return str(part["text"])
    raise SuiteError(place, f"a message's part of type {shown(kind)} is not supported", "Give text parts alone.")


def id_of(place: str, value: Any) -> str:
    """An id as text: from text or a whole number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise SuiteError(place, f"the id {shown(value)} is no text and no whole number", "Give one, or leave it out.")
    return str(value).strip()
