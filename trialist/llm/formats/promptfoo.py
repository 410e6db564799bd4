"""promptfoo's YAML: prompts, tests with variables and assertions, default tests, the settings of its first provider.

What would change an answer or a score and is not read is refused by name, with its line; what only concerns how
promptfoo runs is passed over, and told.
Source: promptfoo's configuration reference; of JavaScript, nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from trialist.errors import shown
from trialist.llm.formats.assertions import check_of, check_of_cell
from trialist.llm.formats.prompts import chat_of, prompts_of
from trialist.llm.formats.reading import Reading, read_text
from trialist.llm.formats.rows import group_of
from trialist.llm.formats.spot import FILE, Spot, open_document
from trialist.llm.formats.tables import csv_rows, json_rows
from trialist.llm.item import Check, Item, Message
from trialist.yamlfile import Document

_PASSED_OVER = {
    "$schema", "commandLineOptions", "derivedMetrics", "description", "env", "evaluateOptions", "metadata",
    "outputPath", "sharing", "tags", "writeLatestResults",
}  # fmt: skip
_TOP = {"prompts", "tests", "defaultTest", "providers", "targets", "assertionTemplates", *_PASSED_OVER}
_TOP_REFUSED = {
    "scenarios": "write their tests out",
    "nunjucksFilters": "they are JavaScript",
    "extensions": "they are programs",
    "redteam": "a red team is no suite",
}
_TEST = {"vars", "assert", "description", "threshold", "metadata", "options"}
_TEST_REFUSED = {
    "assertScoringFunction": "it is a program",
    "provider": "a suite asks one model, which is a dial",
    "providers": "a suite asks one model, which is a dial",
    "prompts": "every test is asked with every prompt",
}
_OPTIONS = {"disableVarExpansion", "disableDefaultAsserts", "prefix", "suffix", "provider", "runSerially"}
_OPTIONS_REFUSED = {
    "transform": "it is a program that changes the answer",
    "postprocess": "it is a program that changes the answer",
    "transformVars": "it is a program that changes the variables",
    "storeOutputAs": "no test may need the answer to another",
    "rubricPrompt": "the judge's own prompt is used",
}
# A provider's settings that are dials; names of keys and addresses among the others, which are never read.
_SETTINGS = {
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "frequency_penalty",
    "presence_penalty", "repetition_penalty", "stop", "seed", "reasoning_effort",
}  # fmt: skip
_MAX_TESTS = 1_000_000


def is_promptfoo(content: Any) -> bool:
    return isinstance(content, Mapping) and "tests" in content and "prompts" in content


def read_promptfoo(path: Path, *, trust: bool = False) -> Reading:
    """The tests of a configuration; trust: whether its Python may be run and files outside of its folder be read."""
    top = open_document(path, path.parent, trust)
    config = top.mapping(top.document.content, "the file")
    top.known_keys(config, _TOP, _TOP_REFUSED)
    prompts = prompts_of(top.at("prompts"), config.get("prompts", []))
    default = _default(top, config)
    tests = [
        test for spot, given in _given(top.at("tests"), config.get("tests")) for test in _tests(spot, given, default)
    ]
    if len(tests) > _MAX_TESTS:
        top.at("tests").refuse(f"{len(tests):,} tests", "Give fewer values to some variables.")
    items = tuple(_item(number, test, prompts, default, top) for number, test in enumerate(tests, 1))
    notes = []
    if passed := sorted(set(config) & _PASSED_OVER):
        notes.append(f"Not read, since it concerns how promptfoo runs: {', '.join(passed)}.")
    if len(prompts) > 1:
        notes.append(f"{len(prompts)} prompts: the first makes the items' messages, all of them are levels of a dial.")
    if any("provider" in test.options or any(map(_names_provider, test.asserts)) for test in tests):
        notes.append("Providers of assertions are not read: the judge that you declare grades.")
    settings = _settings(top, config, notes)
    return Reading(items, tuple(notes), prompts, settings)


@dataclass(frozen=True, slots=True)
class _Test:
    """One test with one value for each of its variables, the defaults put in."""

    spot: Spot
    variables: Mapping[str, Any]
    asserts: Sequence[Any]
    cells: Sequence[str]  # assertions as a CSV file writes them
    options: Mapping[str, Any]
    threshold: float | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Default:
    """What holds for every test."""

    spot: Spot
    test: Mapping[str, Any]
    templates: Mapping[str, Any]


def _default(top: Spot, config: Mapping[str, Any]) -> _Default:
    spot, given = top.at("defaultTest"), config.get("defaultTest") or {}
    if isinstance(given, str):
        spot = open_document(spot.files(given)[0], top.home, top.trust)
        given = spot.document.content
    templates = top.at("assertionTemplates").mapping(config.get("assertionTemplates") or {}, "assertionTemplates")
    return _Default(spot, _checked(spot, given), templates)


def _checked(spot: Spot, given: Any) -> Mapping[str, Any]:
    test = spot.mapping(given, "the test")
    spot.known_keys(test, _TEST, _TEST_REFUSED)
    for key, known, refused in (("vars", None, {}), ("metadata", None, {}), ("options", _OPTIONS, _OPTIONS_REFUSED)):
        part = test.get(key) or {}
        if key == "vars" and isinstance(part, (str, list)):
            continue
        below = spot.at(key).mapping(part, key)
        if known is not None:
            spot.at(key).known_keys(below, known, refused)
    if not isinstance(test.get("assert") or [], list):
        spot.at("assert").refuse(f"assert {shown(test['assert'])} is no list", "List the assertions.")
    return test


def _given(spot: Spot, tests: Any) -> Iterator[tuple[Spot, Mapping[str, Any]]]:
    """Every test as it is written: here, or in the files that are named."""
    if tests is None:
        spot.refuse("there are no tests", "List them under `tests`, or name their file.")
    for n, test in enumerate(tests if isinstance(tests, list) else [tests]):
        here = spot.at(n) if isinstance(tests, list) else spot
        if isinstance(test, Mapping) and set(test) <= {"path", "config"} and "path" in test:
            test = test["path"]
        if isinstance(test, str):
            if test.startswith(("http:", "https:", "huggingface:", "az:")):
                here.refuse(f"tests from {shown(test)} are not fetched", "Save them into a file, and name it.")
            for file in here.files(test):
                yield from _of_file(here, file)
        else:
            yield here, test


def _of_file(spot: Spot, file: Path) -> Iterator[tuple[Spot, Mapping[str, Any]]]:
    ending = file.suffix.lower()
    if ending == ".csv":
        for line, row in csv_rows(file, read_text(file)):
            yield Spot(file, Document(lines={(): line}), spot.home, spot.trust), {_CELLS: row}
    elif ending == ".jsonl":
        for line, test in json_rows(file):
            yield Spot(file, Document(lines={(): line}), spot.home, spot.trust), test
    elif ending in (".yaml", ".yml", ".json"):
        inner = open_document(file, spot.home, spot.trust)
        yield from _given(inner, inner.document.content if inner.document.content is not None else [])
    else:
        spot.refuse(f"tests from {file.name} are not read", "Name a file that ends in .yaml, .json, .jsonl or .csv.")


_CELLS = "cells of a row"  # no key that a file can hold beside its own: told apart by being the only one


def _tests(spot: Spot, given: Mapping[str, Any], default: _Default) -> Iterator[_Test]:
    """The test once for each combination of its variables' values."""
    cells: list[str] = []
    if isinstance(given, Mapping) and _CELLS in given:
        given, cells = _of_row(spot, given[_CELLS])
    test = _checked(spot, given)
    options = {**(default.test.get("options") or {}), **(test.get("options") or {})}
    asserts = list(test.get("assert") or [])
    if not options.get("disableDefaultAsserts"):
        asserts = [*(default.test.get("assert") or []), *asserts]
    threshold = test.get("threshold", default.test.get("threshold"))
    variables = {**_variables(default.spot, default.test), **_variables(spot, test)}
    metadata = {**(default.test.get("metadata") or {}), **(test.get("metadata") or {})}
    if test.get("description"):
        metadata["description"] = test["description"]
    many = {} if options.get("disableVarExpansion") else {n: v for n, v in variables.items() if isinstance(v, list)}
    if prod(map(len, many.values())) > _MAX_TESTS:
        spot.at("vars").refuse("its variables have too many combinations", "Give fewer values to some of them.")
    # A threshold of 0 never fails: what counts then is the score itself.
    number = spot.at("threshold").number(threshold, "threshold") or None if threshold is not None else None
    for values in product(*many.values()):
        one = {**variables, **dict(zip(many, values, strict=True))}
        yield _Test(spot, one, asserts, cells, options, number, metadata)


def _of_row(spot: Spot, row: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The test of a CSV row: __expected columns are assertions, other columns without underscores are variables."""
    test: dict[str, Any] = {"vars": {}, "metadata": {}, "options": {}}
    cells = []
    for name, value in row.items():
        if re.fullmatch(r"__expected\d*", name):
            cells += [value] if value.strip() else []
        elif name in ("__description", "__threshold") and value.strip():
            test[name[2:]] = value if name == "__description" else _number(spot, value)
        elif name in ("__prefix", "__suffix"):
            test["options"][name[2:]] = value
        elif name.startswith("__metadata:"):
            key = name.removeprefix("__metadata:")
            listed = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", value)]
            test["metadata"][key.removesuffix("[]")] = listed if key.endswith("[]") else value
        elif name.startswith("__") and value.strip() and name != "__metric":
            spot.refuse(f"the column {shown(name)} is not supported", "Remove it.")
        elif not name.startswith("__"):
            test["vars"][name] = value
    return test, cells


def _number(spot: Spot, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        spot.refuse(f"__threshold {shown(text)} is no number", "Give one.")


def _variables(spot: Spot, test: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with files put in for their names; a pattern gives one value for each file that it finds."""
    given = test.get("vars") or {}
    if isinstance(given, (str, list)):
        named = [given] if isinstance(given, str) else given
        merged: dict[str, Any] = {}
        for name in named:
            for file in spot.at("vars").files(str(name)):
                merged.update(spot.at("vars").mapping(spot.content(file), f"what {file.name} holds"))
        given = merged
    return {name: _value(spot.at("vars", name), value) for name, value in given.items()}


def _value(spot: Spot, value: Any) -> Any:
    if isinstance(value, list):
        return [_value(spot, each) for each in value]
    if not isinstance(value, str) or not value.startswith(FILE):
        return value
    contents = [spot.content(file) for file in spot.files(value)]
    return contents if any(mark in value for mark in "*?[") else contents[0]


def _item(number: int, test: _Test, prompts: tuple[str, ...], default: _Default, top: Spot) -> Item:
    prefix, suffix = str(test.options.get("prefix", "")), str(test.options.get("suffix", ""))
    chats = [_wrapped(chat_of(prompt, test.variables, test.spot.where), prefix, suffix) for prompt in prompts]
    shared = 0 if test.options.get("disableDefaultAsserts") else len(default.test.get("assert") or [])
    checks: list[Check] = []
    for n, assertion in enumerate(test.asserts):
        spot = default.spot.at("assert", n) if n < shared else test.spot.at("assert", n - shared)
        spot, assertion = _resolved(spot, assertion, default, top)
        checks.append(check_of(spot, assertion, test.variables))
    checks += [check_of_cell(test.spot, cell, test.variables) for cell in test.cells]
    if checks and not any(check.weight > 0 for check in checks):
        test.spot.refuse("all of its assertions weigh nothing", "Give one a weight above 0.")
    right = [check.options["value"] for check in checks if check.kind == "exact" and not check.negated]
    group = test.metadata.get("group")
    return Item(
        id=str(number),
        messages=chats[0],
        target=right[0] if len(right) == 1 else None,
        group=None if group is None else group_of(test.spot.where, group),
        metadata={
            **test.metadata,
            "vars": dict(test.variables),
            **({"affixes": [prefix, suffix]} if prefix or suffix else {}),
        },
        checks=tuple(checks),
        threshold=test.threshold,
        place=test.spot.where,
    )


def _names_provider(assertion: Any) -> bool:
    return isinstance(assertion, Mapping) and "provider" in assertion


def _wrapped(chat: tuple[Message, ...], prefix: str, suffix: str) -> tuple[Message, ...]:
    """The chat with a test's prefix and suffix round its last message."""
    last = chat[-1]
    return (*chat[:-1], Message(last.role, f"{prefix}{last.content}{suffix}")) if prefix or suffix else chat


def _resolved(spot: Spot, assertion: Any, default: _Default, top: Spot) -> tuple[Spot, Any]:
    """An assertion in place of a reference to a template: {"$ref": "#/assertionTemplates/name"}."""
    reference = assertion.get("$ref") if isinstance(assertion, Mapping) else None
    if reference is None:
        return spot, assertion
    name = str(reference).removeprefix("#/assertionTemplates/")
    if name not in default.templates:
        known = ", ".join(default.templates) or "none"
        spot.refuse(f"{shown(reference)} names no template", f"There are: {known}.")
    return top.at("assertionTemplates", name), default.templates[name]


def _settings(top: Spot, config: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    """The first provider's settings that are dials, for defaults."""
    key = "providers" if "providers" in config else "targets"
    providers = config.get(key) or []
    first = (providers[0] if providers else None) if isinstance(providers, list) else providers
    given = first.get("config") if isinstance(first, Mapping) else None
    if (
        isinstance(first, Mapping)
        and given is None
        and len(first) == 1
        and isinstance(next(iter(first.values())), Mapping)
    ):
        given = next(iter(first.values())).get("config")
    if not isinstance(given, Mapping):
        return {}
    settings = {name: value for name, value in given.items() if name in _SETTINGS and value is not None}
    others = sorted(str(name) for name in given if name not in _SETTINGS)
    if others:
        notes.append(f"Not read from the first provider: {', '.join(others)}.")
    if isinstance(providers, list) and len(providers) > 1:
        notes.append(f"Of {len(providers)} providers, the first one's settings are taken as defaults.")
    return settings
