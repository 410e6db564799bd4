"""What people give is checked: dials as they are declared, configurations against the tree of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.space.categorical import Categorical
from trialist.space.constraint import nearest
from trialist.space.number import Float, Int
from trialist.space.parameter import Parameter, check_name
from trialist.space.tree import Tree


def checked(tree: Tree, params: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in its canonical form; SpaceError where a dial is missing, inactive, unknown or out of range.

    The constraints must hold, too.
    """
    check_names(tree, params)
    found: dict[str, Any] = {}
    for name, condition in tree.order:
        if condition is not None and not condition.holds(found):
            if name in params:
                problem = f"{shown(params[name])} is given, but the dial is active only when {condition}"
                raise SpaceError(name, problem, "Remove it, or choose other values for what it depends on.")
        elif name in params:
            found[name] = tree.parameters[name].check(name, params[name])
        else:
            example = shown(tree.parameters[name].baseline)
            raise SpaceError(name, f"no value in {shown(dict(params))}", f"Give it a value such as {example}.")
    if not tree.allows(found):
        broken = tree.broken(found)
        involved = {name: found[name] for name in broken.names} or found
        problem = f"{shown(involved)} breaks {broken}"
        raise SpaceError(", ".join(broken.names) or broken.text, problem, "Choose other values.")
    return tree.in_order(found)


def check_names(tree: Tree, params: object) -> None:
    """SpaceError for what is no mapping, and for names that are no dials."""
    if not isinstance(params, Mapping):
        problem = f"{shown(params)} is of type {type(params).__name__}"
        raise SpaceError("params", problem, "Give a dict of names and values.")
    for name in params:
        if name not in tree.parameters:
            raise unknown_dial(tree, name, params[name])


def unknown_dial(tree: Tree, name: object, *value: object) -> SpaceError:
    """The error that there is no such dial, with the one that may be meant."""
    field = name if isinstance(name, str) else repr(name)
    problem = f"there is no dial {shown(name)}" + "".join(f" to be set to {shown(v)}" for v in value)
    return SpaceError(field, problem, f"Use {nearest(name, tree.parameters)}.")


def checked_dials(given: object, named: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Names and parameters, given as a dict and as keywords."""
    if not isinstance(given, Mapping):
        problem = f"{shown(given)} is of type {type(given).__name__}"
        raise SpaceError("Space", problem, "Give a dict of names and parameters.")
    for name in named:
        if name in given:
            raise SpaceError(name, f"{shown(name)} is given twice", "Remove one of the two.")
    dials: dict[str, Parameter] = {**given, **named}
    for name, parameter in dials.items():
        check_name(name)
        check_parameter(name, parameter)
    return dials


def check_parameter(name: str, parameter: object) -> None:
    """SpaceError for what is none."""
    if not isinstance(parameter, Float | Int | Categorical):
        raise SpaceError(name, f"{shown(parameter)} is not a parameter", _as_parameter(parameter))


def _as_parameter(given: object) -> str:
    """What the user of other tools may have meant by it."""
    if (
        isinstance(given, Mapping)
        and given
        and all(isinstance(each, Float | Int | Categorical) for each in given.values())
    ):
        return "Dials of its own stand beside the others: Space(schedule, width=...), or {**schedule, 'width': ...}."
    if isinstance(given, tuple) and len(given) == 2 and all(type(end) in (int, float) for end in given):
        kind = "Int" if all(type(end) is int for end in given) else "Float"
        return (
            f"Use {kind}({given[0]}, {given[1]}) for a range, or Categorical([{given[0]}, {given[1]}]) for two choices."
        )
    if isinstance(given, range) and given:
        return f"Use Int({min(given)}, {max(given)}{f', step={abs(given.step)}' * (abs(given.step) > 1)})."
    if isinstance(given, (list, tuple, set, frozenset)) and given:
        return f"Use Categorical({shown(list(given))}) for choices."
    return "Use Float(low, high), Int(low, high) or Categorical(choices)."
