"""JSONL, JSON lists and CSV: one item to a row."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.formats.reading import MAX_LINE_CHARS, Reading, lines_of, messages_of, named, parse_json, read_text
from trialist.llm.formats.rows import INPUT, TARGET, is_asked_by_system, item_of

_FIELD_LIMIT = Lock()  # the limit of the csv module holds for the whole process


def read_jsonl(path: Path) -> Reading:
    """One JSON object to a line."""
    rows = [(f"{named(path)} line {line}", row) for line, row in json_rows(path)]
    return _reading(rows)


def read_json(path: Path) -> Reading:
    """One JSON list of objects."""
    content = parse_json(named(path), read_text(path))
    if not isinstance(content, list):
        raise SuiteError(named(path), f"{type(content).__name__} where a list of items is expected", "Give a list.")
    return _reading(
        [(f"{named(path)} item {n}", _object(f"{named(path)} item {n}", row)) for n, row in enumerate(content, 1)]
    )


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of a JSONL file."""
    for line, text in lines_of(path, read_text(path)):
        place = f"{named(path)} line {line}"
        row = parse_json(named(path), text, line)
        if isinstance(row, list) and line == 1:
            raise SuiteError(place, "this is a JSON list", "Name the file .json, or write one object to a line.")
        yield line, _object(place, row)


def read_csv(path: Path) -> Reading:
    """A table with a header; commas separate columns, or tabs or semicolons where the header has no comma."""
    text = read_text(path)
    notes = []
    delimiter = _delimiter(path, text)
    if delimiter != ",":
        notes.append(f"Columns are separated by {'tabs' if delimiter == chr(9) else 'semicolons'}.")
    rows = ((f"{named(path)} line {line}", row) for line, row in csv_rows(path, text, delimiter))
    reading = _reading([(place, _row_of(place, row)) for place, row in rows])
    return Reading(reading.items, (*notes, *reading.notes))


def csv_rows(path: Path, text: str, delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """(line, values by column) of a table; SuiteError for a ragged row, a column without a name or with one twice."""
    header: list[str] = []
    for line, values in _records(path, text, delimiter):
        if not header:
            header = [name.strip() for name in values]
            _check_header(path, line, header)
        elif any(value.strip() for value in values):
            if len(values) != len(header):
                problem = f"line {line} has {len(values)} values, the header has {len(header)} columns"
                raise SuiteError(named(path), problem, "Put values that hold a separator into double quotes.")
            yield line, dict(zip(header, values, strict=True))


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line of its end, values) of each record, however long its values are."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    with _FIELD_LIMIT:
        before = csv.field_size_limit(MAX_LINE_CHARS)
        try:
            records = []
            start = 1
            for values in reader:
                records.append((start, values))
                start = reader.line_num + 1
        except csv.Error as error:
            problem = f"line {reader.line_num}: {error}"
            raise SuiteError(named(path), problem, "Write a table as spreadsheets export it, in UTF-8.") from None
        finally:
            csv.field_size_limit(before)
    yield from records


def _check_header(path: Path, line: int, header: list[str]) -> None:
    for place, name in enumerate(header, 1):
        if not name:
            raise SuiteError(named(path), f"line {line}: column {place} has no name", "Name it in the first row.")
        if name in header[: place - 1]:
            raise SuiteError(named(path), f"line {line}: the column {shown(name)} comes twice", "Rename one.")


def _delimiter(path: Path, text: str) -> str:
    header = text.lstrip().partition("\n")[0]
    if path.suffix.lower() == ".tsv" or ("," not in header and "\t" in header):
        return "\t"
    return ";" if "," not in header and ";" in header else ","


def _row_of(place: str, row: Mapping[str, str]) -> dict[str, Any]:
    """Values of a table: empty ones are left out, messages and metadata are JSON."""
    read: dict[str, Any] = {}
    for name, value in row.items():
        key = name.lower()
        if not value.strip():
            if key in INPUT:
                read[name] = value  # told as empty
            continue
        if key in TARGET and value.strip().lower() == "nan":
            remedy = "Leave the cell empty where nothing is given; write JSONL where the word is meant."
            raise SuiteError(place, f"{name} is {shown(value)}, as programs write a missing value", remedy)
        is_json = key == "messages" or (key == "metadata" and value.lstrip().startswith("{"))
        read[name] = parse_json(f"{place}, {name}", value) if is_json else value
    return read


def _object(place: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise SuiteError(place, f"{shown(row)} is no JSON object", 'Write {"input": "...", "target": "..."}.')
    return row


def _reading(rows: list[tuple[str, dict[str, Any]]]) -> Reading:
    items = tuple(item_of(place, row, number) for number, (place, row) in enumerate(rows, 1))
    notes = []
    if any("choices" in item.metadata and not _shows_choices(item.question, item.metadata) for item in items):
        notes.append("Choices stand in metadata alone: a template has to put them into the question.")
    if turned := sum(_is_asked_by_system(row) for _, row in rows):
        notes.append(f"{turned} items are asked by system messages alone: the last one is sent as the user's.")
    return Reading(items, tuple(notes))


def _is_asked_by_system(row: Mapping[str, Any]) -> bool:
    asked = next((value for key, value in row.items() if key.strip().lower() == "input"), None)
    return isinstance(asked, list) and is_asked_by_system(messages_of("", asked))


def _shows_choices(question: str, metadata: Mapping[str, Any]) -> bool:
    choices = metadata["choices"]
    texts = choices if isinstance(choices, list) else [choices]
    return all((each if isinstance(each, str) else json.dumps(each)) in question for each in texts)
