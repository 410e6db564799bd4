"""Plain values and their exact JSON: what may be a choice, a note or a part of a configuration.

Plain are str, int, float (nan and infinities too), bool, None, bytes and tuples of these; lists and dicts with text as
keys are plain too where nothing has to be hashed. `loads(dumps(value))` is the value, with its types: 1, 1.0 and True
stay three values. What JSON lacks is an object with one key: {"$tuple": [...]}, {"$bytes": base64}, {"$float": "nan"};
a dict that has a key beginning with "$" is written as {"$dict": [[key, value], ...]}.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_JSON_CHARS = 1_000_000
MAX_DEPTH = 64
# Python refuses to print longer integers (4,300 digits), so they could be written to no text.
_MAX_INT_BITS = 13_000

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


def dumps(value: object) -> str:
    """The value as compact JSON, keys in their own order; raises InputError for what is not plain.

    >>> dumps({"lr": 0.1, "shape": (1, 2)})
    '{"lr":0.1,"shape":{"$tuple":[1,2]}}'
    """
    return _encode(to_json(value))


def loads(text: str) -> Any:
    """The value that `dumps` wrote, with its types."""
    return from_json(json.loads(text))


def to_json(value: object) -> Any:
    """The value in JSON's own types, to be put into larger JSON; raises InputError for what is not plain."""
    return _to_json("value", value, 0)


def from_json(written: Any) -> Any:
    """The value that `to_json` wrote."""
    if type(written) is list:
        return [from_json(item) for item in written]
    if type(written) is not dict:
        return written
    if len(written) == 1:
        (tag,) = written
        content = written[tag]
        if tag == "$tuple":
            return tuple(from_json(item) for item in content)
        if tag == "$bytes":
            return b64decode(content)
        if tag == "$float":
            return float(content)
        if tag == "$dict":
            return {key: from_json(item) for key, item in content}
    return {key: from_json(item) for key, item in written.items()}


def plain(value: Any) -> Any:
    """The value with NumPy scalars and subclasses of plain types made plain; anything else as it is.

    Looks for the methods that NumPy's scalars have, so that NumPy need not be imported. What lies deeper than is
    allowed anyway stays as it is.
    """
    return value if type(value) in _SCALARS else _plain(value, 0)


def check_plain(field: str, value: object, hashable: bool = False) -> None:
    """Raise InputError, naming `field`, unless the value is plain, at most 64 deep and at most 1,000,000 characters.

    `hashable` refuses lists and dicts as well: what may be a choice.
    """
    characters = len(_encode(_to_json(field, value, 0, hashable)))
    if characters > MAX_JSON_CHARS:
        raise InputError(
            field,
            f"{shown(value)} takes {characters:,} characters of JSON, more than {MAX_JSON_CHARS:,}",
            "Give something smaller, or write it to a file and give its path.",
        )


def identity(value: Any) -> Hashable:
    """A hashable stand-in for a plain hashable value, equal only where type and value are: 1, 1.0 and True differ."""
    kind = type(value)
    if kind is float or kind is bool:
        return kind.__name__, value
    if kind is tuple:
        return "tuple", *(identity(item) for item in value)
    return value  # type: ignore[no-any-return]


_SCALARS = frozenset((str, int, float, bool, bytes, type(None)))


def _plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _SCALARS or depth > MAX_DEPTH:
        return value
    if kind is list:
        return [_plain(item, depth + 1) for item in value]
    if kind is dict:
        return {_plain(key, depth + 1): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(item, depth + 1) for item in value)
    for base in (str, int, float, bytes):
        if isinstance(value, base):
            convert: Callable[[Any], Any] = base
            return convert(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def _to_json(field: str, value: Any, depth: int, hashable: bool = False) -> Any:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_text(field, value)
        return value
    if kind is bool or value is None:
        return value
    if kind is float:
        # nan, inf and -inf have no JSON of their own.
        return value if value - value == 0.0 else {"$float": repr(value)}
    if kind is int:
        if value.bit_length() > _MAX_INT_BITS:
            raise InputError(
                field, f"an integer of {value.bit_length()} bits is too long", "Give at most 3,900 digits."
            )
        return value
    if depth >= MAX_DEPTH:
        raise InputError(field, f"{shown(value)} is nested more than {MAX_DEPTH} deep", "Give a flatter value.")
    if kind is tuple:
        return {"$tuple": [_to_json(field, item, depth + 1, hashable) for item in value]}
    if kind is bytes:
        return {"$bytes": b64encode(value).decode("ascii")}
    if kind is list and not hashable:
        return [_to_json(field, item, depth + 1) for item in value]
    if kind is dict and not hashable:
        return _dict_to_json(field, value, depth)
    if kind is list or kind is dict or kind is set:
        remedy = "Use a tuple instead." if hashable else "Use a list instead."
        raise InputError(field, f"{shown(value)} is of type {kind.__name__}, which cannot be kept here", remedy)
    remedy = "Use text, numbers, True, False, None, bytes or tuples of them."
    raise InputError(field, f"{shown(value)} is of type {kind.__name__}, not a plain value", remedy)


def _dict_to_json(field: str, value: dict[Any, Any], depth: int) -> dict[str, Any]:
    escaped = False
    for key in value:
        if type(key) is not str:
            raise InputError(field, f"the key {shown(key)} is of type {type(key).__name__}", "Use text as keys.")
        if not key.isascii():
            _check_text(field, key)
        escaped = escaped or key.startswith("$")
    items = {key: _to_json(field, item, depth + 1) for key, item in value.items()}
    return {"$dict": [[key, item] for key, item in items.items()]} if escaped else items


def _check_text(field: str, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        problem = f"{shown(text)} has half a character (a lone surrogate), which no file can hold"
        raise InputError(field, problem, "Give valid Unicode text.") from None
