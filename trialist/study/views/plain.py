"""A view as plain JSON data: mappings, lists, text and finite numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from trialist.space.plain import plain


def as_json(view: Any) -> Any:
    """A frozen dataclass, or what stands in one, with tuples as lists; what is not finite becomes None.

    >>> as_json((1, float("nan"), {"a": (2.5, "b")}))
    [1, None, {'a': [2.5, 'b']}]
    """
    if is_dataclass(view) and not isinstance(view, type):
        return {field.name: as_json(getattr(view, field.name)) for field in fields(view)}
    if isinstance(view, Mapping):
        return {str(key): as_json(value) for key, value in view.items()}
    if isinstance(view, (tuple, list)):
        return [as_json(item) for item in view]
    if isinstance(view, Enum):
        return view.value
    value = plain(view)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else repr(value)
