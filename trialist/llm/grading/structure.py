"""Scores by JSON in an answer: that there is some, and that it is of a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trialist.errors import MissingExtraError, SuiteError, shown
from trialist.llm.item import Item, Measured
from trialist.llm.scorer import UNMEASURED, Ask

_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\n(.*?)```", re.DOTALL)
_START = re.compile(r"[{\[]")
_TRIES = 200  # places where JSON might begin: each costs a look at all that follows


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """1 where the answer is JSON, of the schema if there is one; with `contained`, where it contains such JSON.

    schema: a JSON Schema, as a mapping; without one, an item's target that is a mapping is the schema.  What `$ref`
    points to outside the schema is not fetched.  fence: whether a code fence may stand round the whole answer.
    """

    schema: Mapping[str, Any] | bool | None = None
    contained: bool = False
    by_target: bool = True
    fence: bool = True
    name: str = "json"

    def __post_init__(self) -> None:
        if self.schema is not None:
            _validator(self.schema, "schema")

    @property
    def said(self) -> str:
        where = "contains" if self.contained else "is"
        of = "" if self.schema is None else f" of the schema {json.dumps(self.schema, sort_keys=True)}"
        fence = "" if self.fence or self.contained else ", without a code fence round it"
        of = of or (", of the schema that is the target" if self.by_target else "")
        return f"json: the answer {where} JSON{fence}{of}"

    def check(self, item: Item) -> None:
        if (schema := self._schema(item)) is not None:
            _validator(schema, item.where)

    async def score(self, item: Item, text: str, ask: Ask | None = None, measured: Measured = UNMEASURED) -> float:
        schema = self._schema(item)
        validator = None if schema is None else _validator(schema, item.where)
        found = values_in(text) if self.contained else _whole(text, self.fence)
        return float(any(validator is None or _is_valid(validator, value, item.where) for value in found))

    def _schema(self, item: Item) -> Any:
        is_schema = self.by_target and isinstance(item.target, Mapping)
        return self.schema if self.schema is not None else item.target if is_schema else None


def values_in(text: str) -> Iterator[Any]:
    """Every JSON value that a text is, fences or shows as an object or a list, the outermost ones.

    >>> list(values_in('Here: {"a": [1]} and [2]. Done'))
    [{'a': [1]}, [2]]
    """
    whole = list(_whole(text))
    yield from whole
    if whole:
        return
    decoder, place = json.JSONDecoder(parse_constant=_no_constant), 0
    for _ in range(_TRIES):
        start = _START.search(text, place)
        if start is None:
            return
        try:
            value, place = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            place = start.end()
        else:
            yield value


def _whole(text: str, fence: bool = True) -> Iterator[Any]:
    stripped = text.strip()
    fenced = _FENCE.fullmatch(stripped) if fence else None
    try:
        yield json.loads(fenced[1] if fenced else stripped, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _validator(schema: Any, where: str) -> Any:
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import validator_for
        from referencing import Registry
    except ImportError:
        raise MissingExtraError("JSON schemas need", "llm") from None
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        at = "/".join(map(str, error.absolute_path)) or "its top"
        raise SuiteError(where, f"no JSON schema: at {at}, {error.message[:200]}", "Mend the schema.") from None
    # An empty registry: jsonschema's own would fetch what a `$ref` names from the net.
    return kind(schema, registry=Registry())


def _is_valid(validator: Any, value: Any, where: str) -> bool:
    from referencing.exceptions import Unresolvable

    try:
        return bool(validator.is_valid(value))
    except Unresolvable as error:
        remedy = "Write what it refers to into the schema; nothing is fetched."
        raise SuiteError(where, f"the schema refers to {shown(error.ref)}, which it does not hold", remedy) from None
    except RecursionError:
        return False
