"""promptfoo's assertions as checks; a type that is not supported is refused by its name, at its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from trialist.errors import SuiteError, shown
from trialist.llm.formats.spot import FILE, Spot
from trialist.llm.grading.text import compiled, text_of
from trialist.llm.item import Check
from trialist.llm.templates import render
from trialist.yamlfile import read_yaml

_KEYS = ("type", "value", "threshold", "weight", "metric", "metricOnly", "provider")
_REFUSED = {
    "transform": "it is JavaScript or Python that changes the answer",
    "rubricPrompt": "the judge's own prompt is used",
    "contextTransform": "it is JavaScript",
    "config": "assertions take no configuration",
}
_JAVASCRIPT = "JavaScript is not run. Write it as a deterministic assertion, or as `python` in a suite that you trust."
_CSV = re.compile(r"\s*(?P<type>(?:not-)?[a-z-]+)\s*(?:\((?P<threshold>\d*\.?\d+)\))?\s*(?::(?P<value>.*))?", re.DOTALL)
_CSV_NAMES = {"grade": "llm-rubric", "fn": "javascript", "eval": "javascript"}


def check_of(spot: Spot, assertion: Any, variables: Mapping[str, Any]) -> Check:
    """The check that an assertion is, its value filled in with the test's variables."""
    given = spot.mapping(assertion, "the assertion")
    kind = given.get("type")
    if kind == "assert-set":
        return _set_of(spot, given, variables)
    spot.known_keys(given, _KEYS, _REFUSED)
    if not isinstance(kind, str):
        spot.refuse(f"the assertion's type is {shown(kind)}", f"Give one of {', '.join(TYPES)}.")
    negated = kind.startswith("not-")
    make = _MAKERS.get(kind.removeprefix("not-"))
    if make is None:
        _refuse_type(spot.at("type"), kind)
    value = _filled(spot.at("value"), given.get("value"), variables, kind)
    threshold = None if given.get("threshold") is None else spot.at("threshold").number(given["threshold"], "threshold")
    name, options, threshold = make(spot, value, threshold)
    return Check(name, options, _weight(spot, given), threshold, negated, spot.where)


def check_of_cell(spot: Spot, text: str, variables: Mapping[str, Any]) -> Check:
    """The check in a cell of a column `__expected`: "contains: x", "llm-rubric(0.8): ...", or the answer itself."""
    if re.match(r"file://.*\.py(:|$)", text.strip()):
        return check_of(spot, {"type": "python", "value": text.strip()}, variables)
    found = _CSV.fullmatch(text)
    kind = _CSV_NAMES.get(found["type"], found["type"]) if found else ""
    looks_typed = kind.removeprefix("not-") in _MAKERS or kind.removeprefix("not-") in _KNOWN_ELSEWHERE
    if found is None or not looks_typed or (found["value"] is None and not kind.endswith("-json")):
        return check_of(spot, {"type": "equals", "value": text}, variables)
    assertion: dict[str, Any] = {"type": kind}
    if found["value"] is not None and found["value"].strip():
        assertion["value"] = found["value"].strip()
    if found["threshold"]:
        assertion["threshold"] = float(found["threshold"])
    if kind.removeprefix("not-") in ("cost", "latency") and "value" in assertion:
        assertion["threshold"] = _float(spot, assertion.pop("value"))
    return check_of(spot, assertion, variables)


def _set_of(spot: Spot, given: Mapping[str, Any], variables: Mapping[str, Any]) -> Check:
    spot.known_keys(given, ("type", "assert", "threshold", "weight", "metric"), {})
    listed = given.get("assert")
    if not isinstance(listed, list) or not listed:
        spot.refuse("an assert-set without assertions", "List them under `assert`.")
    checks = tuple(check_of(spot.at("assert", n), each, variables) for n, each in enumerate(listed))
    if not any(check.weight > 0 for check in checks):
        spot.refuse("all assertions of the set weigh nothing", "Give one a weight above 0.")
    threshold = None if given.get("threshold") is None else spot.at("threshold").number(given["threshold"], "threshold")
    return Check("all", {"checks": checks}, _weight(spot, given), threshold, place=spot.where)


def _weight(spot: Spot, given: Mapping[str, Any]) -> float:
    if given.get("metricOnly") is True:
        return 0.0  # told beside the score, no part of it
    return spot.at("weight").number(given.get("weight", 1), "weight")


def _filled(spot: Spot, value: Any, variables: Mapping[str, Any], kind: str) -> Any:
    """The value with its variables filled in, and with what a file holds in place of its name."""
    if isinstance(value, list):
        return [_filled(spot, each, variables, kind) for each in value]
    if not isinstance(value, str) or kind.removeprefix("not-") == "python":
        return value
    if value.startswith(FILE):
        value = spot.content(spot.files(value)[0])
        return render(value, variables, where=spot.where) if isinstance(value, str) else value
    return render(value, variables, where=spot.where)


_Made = tuple[str, dict[str, Any], float | None]


def _equals(spot: Spot, value: Any, threshold: float | None) -> _Made:
    if value is None:
        spot.refuse("equals without a value", "Give the answer that is right.")
    return "exact", {"value": value, "normalise": "strict"}, threshold


def _contains(case: bool, every: bool | None) -> Callable[[Spot, Any, float | None], _Made]:
    def make(spot: Spot, value: Any, threshold: float | None) -> _Made:
        values = _listed(spot, value) if every is not None else [_text(spot, value)]
        return "contains", {"value": tuple(values), "case": case, "every": bool(every)}, threshold

    return make


def _starts(spot: Spot, value: Any, threshold: float | None) -> _Made:
    return "starts-with", {"value": _text(spot, value)}, threshold


def _regex(spot: Spot, value: Any, threshold: float | None) -> _Made:
    pattern = _text(spot, value)
    compiled(pattern, spot.where)
    return "regex", {"pattern": pattern}, threshold


def _json(contained: bool) -> Callable[[Spot, Any, float | None], _Made]:
    def make(spot: Spot, value: Any, threshold: float | None) -> _Made:
        schema = read_yaml(spot.where, value, SuiteError).content if isinstance(value, str) else value
        if schema is not None and not isinstance(schema, (Mapping, bool)):
            spot.refuse(f"the schema {shown(schema)} is no mapping", "Give a JSON schema, or leave the value out.")
        return "json", {"schema": schema, "contained": contained, "by_target": False, "fence": False}, threshold

    return make


def _cost(spot: Spot, value: Any, threshold: float | None) -> _Made:
    if threshold is None:
        spot.refuse("cost without a threshold", "Give the most that an answer may cost.")
    return "cost", {"limit": threshold}, None


def _latency(spot: Spot, value: Any, threshold: float | None) -> _Made:
    if threshold is None:
        spot.refuse("latency without a threshold", "Give the most milliseconds that an answer may take.")
    return "latency", {"seconds": threshold / 1000}, None


def _python(spot: Spot, value: Any, threshold: float | None) -> _Made:
    if not spot.trust:
        remedy = "Declare trust in the suite (trust=True) once you have read its code, or remove the assertion."
        spot.refuse("`python` would run code of the suite", remedy)
    code = _text(spot, value)
    options: dict[str, Any] = {"source": code, "place": spot.where}
    if code.startswith(FILE):
        name, colon, function = code.rpartition(":")
        is_named = bool(colon) and not function.startswith("//") and function.isidentifier()
        from_file = spot.files(name if is_named else code)[0]
        from trialist.llm.formats.reading import read_text

        options = {"source": read_text(from_file), "function": function if is_named else "get_assert"}
        options["place"] = str(from_file)
    return "python", options, threshold


def _rubric(spot: Spot, value: Any, threshold: float | None) -> _Made:
    return "judge", {"rubric": _text(spot, value)}, threshold


_MAKERS: dict[str, Callable[[Spot, Any, float | None], _Made]] = {
    "equals": _equals,
    "contains": _contains(True, None),
    "icontains": _contains(False, None),
    "contains-any": _contains(True, False),
    "contains-all": _contains(True, True),
    "icontains-any": _contains(False, False),
    "icontains-all": _contains(False, True),
    "starts-with": _starts,
    "regex": _regex,
    "is-json": _json(False),
    "contains-json": _json(True),
    "cost": _cost,
    "latency": _latency,
    "python": _python,
    "llm-rubric": _rubric,
}
TYPES = (*_MAKERS, "assert-set")
# Types that promptfoo knows beside ours: in a cell, text that begins with another word and a colon is the answer.
_KNOWN_ELSEWHERE = frozenset(
    re.findall(
        r"\S+",
        """agent-rubric answer-relevance bleu classifier contains-html contains-sql contains-xml context-faithfulness
        context-recall context-relevance conversation-relevance factuality finish-reason g-eval gleu guardrails human
        is-html is-refusal is-sql is-valid-function-call is-valid-openai-function-call is-valid-openai-tools-call is-xml
        javascript levenshtein max-score meteor model-graded-closedqa model-graded-factuality moderation perplexity
        perplexity-score pi rouge-l rouge-n rouge-s ruby search-rubric select-best similar skill-used tool-call-f1
        webhook word-count""",
    )
)


def _refuse_type(spot: Spot, kind: str) -> NoReturn:
    if kind.removeprefix("not-") == "javascript":
        spot.refuse(f"the assertion {shown(kind)} is not supported", _JAVASCRIPT)
    near = get_close_matches(kind, TYPES, 1)
    meant = f"Did you mean {near[0]}? " if near else ""
    spot.refuse(f"the assertion {shown(kind)} is not supported", f"{meant}Supported are {', '.join(TYPES)}.")


def _text(spot: Spot, value: Any) -> str:
    if value is None or isinstance(value, (list, Mapping)) or not text_of(value):
        spot.refuse(f"the value {shown(value)} is no text", "Give the text that is meant.")
    return text_of(value)


def _listed(spot: Spot, value: Any) -> list[str]:
    """A list, or a text whose entries are separated by commas, those that hold one in quotes."""
    entries = next(csv.reader([value], skipinitialspace=True)) if isinstance(value, str) else value
    if not isinstance(entries, list) or not entries:
        spot.refuse(f"the value {shown(value)} is no list", "List what may be contained.")
    return [_text(spot, entry.strip() if isinstance(value, str) else entry) for entry in entries]


def _float(spot: Spot, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        spot.refuse(f"{shown(text)} is no number", "Give one.")
