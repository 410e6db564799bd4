"""Parameters: Float, Int or Categorical under a name. Building them with errors that say the name, and their JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from trialist.errors import SpaceError, shown
from trialist.space.categorical import UNSET, Categorical
from trialist.space.condition import Condition
from trialist.space.number import Float, Int
from trialist.space.plain import from_json, to_json
from trialist.space.prior import Normal

__all__ = [
    "Categorical",
    "Float",
    "Int",
    "Normal",
    "Parameter",
    "check_name",
    "declare",
    "parameter_from_json",
    "parameter_to_json",
]

Parameter = Float | Int | Categorical

MAX_NAME = 1000

P = ParamSpec("P")
Kind = TypeVar("Kind", Float, Int, Categorical)


def declare(name: str, kind: Callable[P, Kind], *args: P.args, **kwargs: P.kwargs) -> Kind:
    """`kind(*args, **kwargs)` with the name checked, and every error naming the dial.

    >>> declare("learning_rate", Float, 2.0, 1.0)
    Traceback (most recent call last):
    ...
    trialist.errors.SpaceError: learning_rate: low 2.0 is above high 1.0. Swap them.
    """
    check_name(name)
    try:
        return kind(*args, **kwargs)
    except SpaceError as error:
        raise SpaceError(name, error.problem, error.remedy) from None


def check_name(name: object) -> None:
    """Raise SpaceError unless the name is text of 1 to 1,000 characters; any characters will do."""
    if type(name) is not str:
        raise SpaceError("name", f"{shown(name)} is of type {type(name).__name__}", "Use text as the name of a dial.")
    if not name:
        raise SpaceError("name", "'' is empty", "Give the dial a name of at least one character.")
    if len(name) > MAX_NAME:
        raise SpaceError(name, f"the name has {len(name):,} characters", f"Use at most {MAX_NAME:,}.")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        problem = "the name has half a character (a lone surrogate)"
        raise SpaceError(ascii(name), problem, "Use valid Unicode text.") from None


def parameter_to_json(parameter: Parameter) -> dict[str, Any]:
    """Plain JSON, from which `parameter_from_json` makes an equal parameter; what was not given is left out."""
    written: dict[str, Any]
    if isinstance(parameter, Categorical):
        written = {"kind": "categorical", "choices": [to_json(choice) for choice in parameter.choices]}
        if parameter.ordered:
            written["ordered"] = True
        if parameter.default is not UNSET:
            written["default"] = to_json(parameter.default)
        if parameter.prior is not None:
            written["prior"] = list(cast("tuple[float, ...]", parameter.prior))
    else:
        kind = "float" if isinstance(parameter, Float) else "int"
        written = {"kind": kind, "low": parameter.low, "high": parameter.high}
        if parameter.log:
            written["log"] = True
        if (parameter.step is not None and parameter.step != 1) or (kind == "float" and parameter.step is not None):
            written["step"] = parameter.step
        if parameter.default is not None:
            written["default"] = parameter.default
        if parameter.prior is not None:
            written["prior"] = [parameter.prior.mean, parameter.prior.sd]
    if parameter.when is not None:
        written["when"] = cast(Condition, parameter.when).to_json()
    return written


def parameter_from_json(name: str, written: dict[str, Any]) -> Parameter:
    """The parameter that `parameter_to_json` wrote."""
    arguments = {argument: value for argument, value in written.items() if argument != "kind"}
    if "when" in arguments:
        arguments["when"] = Condition.from_json(arguments["when"])
    if written["kind"] == "categorical":
        arguments["choices"] = [from_json(choice) for choice in arguments["choices"]]
        if "default" in arguments:
            arguments["default"] = from_json(arguments["default"])
        return declare(name, Categorical, **arguments)
    if "prior" in arguments:
        arguments["prior"] = Normal(*arguments["prior"])
    return declare(name, Float, **arguments) if written["kind"] == "float" else declare(name, Int, **arguments)
