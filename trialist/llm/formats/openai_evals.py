"""Exports of OpenAI's Evals: rows of a data source, and an eval's graders beside them.

Rows, JSONL: {"item": {...}} to a line, perhaps with a "sample" that a model gave; output items of a run hold the same
as "datasource_item". A whole export, JSON: {"testing_criteria": [grader, ...], "data": [row, ...]}; the data may also
stand in a file beside it, EXPORT.jsonl; the messages that a run asked with are its "input_messages".
Source: the API reference of Evals and of graders, as it stood before the service ended on 30 November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trialist.errors import SuiteError, shown
from trialist.llm.formats.reading import Reading, messages_of, named, parse_json, read_text
from trialist.llm.formats.rows import INPUT, item_of
from trialist.llm.formats.tables import json_rows
from trialist.llm.item import Check, Item
from trialist.llm.templates import render

_OUTPUT = re.compile(r"\s*\{\{\s*sample\.output_text\s*\}\}\s*")
_DATA = ("data", "items", "rows", "output_items")


def read_evals_rows(path: Path) -> Reading:
    """Rows alone: `item` is what a row of JSONL is elsewhere, so a scorer has to be named."""
    return _with_graders([(f"{named(path)} line {line}", row) for line, row in json_rows(path)], {}, named(path))


def read_evals(path: Path) -> Reading:
    """An eval with its graders, its rows in the file or in one of the same name that ends in .jsonl."""
    content = parse_json(named(path), read_text(path))
    if not is_evals(content):
        raise SuiteError(named(path), "no export of OpenAI Evals: it has no `testing_criteria`", "Name another format.")
    key = next((key for key in _DATA if isinstance(content.get(key), list)), None)
    if key is not None:
        rows = [(f"{named(path)} {key} {n}", row) for n, row in enumerate(content[key], 1)]
    else:
        beside = path.with_suffix(".jsonl")
        if not beside.exists():
            remedy = f"Put them into `data`, or into {beside.name} beside it."
            raise SuiteError(named(path), "the export has no rows", remedy)
        rows = [(f"{named(beside)} line {line}", row) for line, row in json_rows(beside)]
    return _with_graders(rows, content, named(path))


def is_evals(content: Any) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get("testing_criteria"), list)


def is_evals_row(row: Mapping[str, Any]) -> bool:
    return any(isinstance(row.get(key), Mapping) for key in ("item", "datasource_item"))


def _with_graders(rows: list[tuple[str, Any]], export: Mapping[str, Any], path: str) -> Reading:
    graders = export.get("testing_criteria", [])
    for place, row in rows:
        if not isinstance(row, Mapping) or not is_evals_row(row):
            raise SuiteError(place, "no row of OpenAI Evals: it has no `item`", 'Write {"item": {...}}.')
    items: dict[str, Item] = {}
    for number, (place, row) in enumerate(rows, 1):
        item = _item(place, row, number, export, path)
        if row.get("datasource_item") is not None and item.id in items:
            continue  # output items of several runs: the same rows again
        checks = tuple(_check(f"{path} grader {n}", grader, item) for n, grader in enumerate(graders, 1))
        items[item.id if item.id not in items else f"{item.id} ({number})"] = Item(
            item.id, item.messages, item.target, item.group, item.metadata, checks, place=place
        )
    notes = ["Answers that the export holds are not read."] if any("sample" in row for _, row in rows) else []
    return Reading(tuple(items.values()), tuple(notes))


def _item(place: str, row: Mapping[str, Any], number: int, export: Mapping[str, Any], path: str) -> Item:
    values = row["item"] if isinstance(row.get("item"), Mapping) else row["datasource_item"]
    number = row.get("datasource_item_id", number)
    asked = export.get("input_messages")
    template = asked.get("template") if isinstance(asked, Mapping) else asked
    if template is None:
        return _with_vars(item_of(place, values, number), values)
    rest = {name: value for name, value in values.items() if name.strip().lower() not in INPUT}
    rendered = [
        {**message, "content": render(_text(path, message), {"item": values}, where=f"{path} input_messages")}
        for message in template
    ]
    made = item_of(place, {**rest, "messages": rendered}, number)
    return _with_vars(made, values)


def _with_vars(item: Item, values: Mapping[str, Any]) -> Item:
    metadata = {**item.metadata, "vars": {"item": dict(values)}}
    return Item(item.id, item.messages, item.target, item.group, metadata, place=item.place)


def _text(path: str, message: Any) -> str:
    if not isinstance(message, Mapping):
        raise SuiteError(path, f"{shown(message)} in input_messages is no message", "Give role and content.")
    return messages_of(path, [{"role": "user", "content": message.get("content")}])[0].content


def _check(place: str, grader: Any, item: Item) -> Check:
    kind = grader.get("type") if isinstance(grader, Mapping) else None
    variables = item.metadata["vars"]
    if kind == "string_check":
        _refuse_input(place, grader)
        return _string_check(place, grader, render(str(grader.get("reference", "")), variables, where=place))
    if kind in ("score_model", "label_model"):
        remedy = "Write its instructions as the rubric of a judge, and remove the grader."
        raise SuiteError(place, f"the grader {shown(kind)} has a prompt of its own", remedy)
    remedy = "Supported: string_check. Remove it, and name a scorer in its place."
    raise SuiteError(place, f"the grader {shown(kind)} is not supported", remedy)


def _string_check(place: str, grader: Mapping[str, Any], reference: str) -> Check:
    operation = grader.get("operation")
    if operation in ("eq", "ne"):
        options = {"value": reference, "normalise": "strict"}
        return Check("exact", options, negated=operation == "ne", place=place)
    if operation in ("like", "ilike"):
        return Check("contains", {"value": reference, "case": operation == "like"}, place=place)
    raise SuiteError(place, f"operation {shown(operation)} is unknown", "Use eq, ne, like or ilike.")


def _refuse_input(place: str, grader: Mapping[str, Any]) -> None:
    if not isinstance(grader.get("input"), str) or not _OUTPUT.fullmatch(grader["input"]):
        remedy = "Only `{{ sample.output_text }}`, the answer itself, is checked."
        raise SuiteError(place, f"its input is {shown(grader.get('input'))}", remedy)
