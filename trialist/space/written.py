"""A space as JSON: parameters in their order, and constraints; callables only by name, to be attached again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.space.constraint import Constraint, Rule, constraints_of
from trialist.space.parameter import parameter_from_json, parameter_to_json
from trialist.space.tree import Tree


def tree_to_json(tree: Tree) -> dict[str, Any]:
    """Plain JSON, from which `tree_from_json` makes an equal tree."""
    # A list, since not every store keeps the order of an object's keys.
    written: dict[str, Any] = {"parameters": [[n, parameter_to_json(p)] for n, p in tree.parameters.items()]}
    for rule in Rule:
        mine = [constraint for constraint in tree.constraints if constraint.rule is rule]
        if mine:
            written[rule.value] = [{"callable": c.text} if c.is_callable else c.text for c in mine]
    return written


def tree_from_json(written: Mapping[str, Any], callables: Sequence[Callable[..., object]]) -> Tree:
    """The tree that `tree_to_json` wrote, with its callable constraints in the order of declaration."""
    parameters = {name: parameter_from_json(name, each) for name, each in written["parameters"]}
    rest = list(callables)
    constraints: list[Constraint] = []
    for rule in Rule:
        for text in written.get(rule.value, ()):
            item = text if isinstance(text, str) else _reattached(rule, text["callable"], rest)
            constraints += constraints_of(rule, [item], parameters, strict=False)
    if rest:
        raise SpaceError("callables", f"{shown(rest)} are more than the space has", "Remove them.")
    return Tree.of(parameters, constraints)


def _reattached(rule: Rule, name: str, callables: list[Callable[..., object]]) -> Callable[..., object]:
    if not callables:
        remedy = "Pass the functions that the space was declared with as callables."
        raise SpaceError(rule.value, f"the function {shown(name)} is not stored, only its name", remedy)
    function = callables.pop(0)
    found = getattr(function, "__name__", type(function).__name__)
    if found != name:
        problem = f"the function {shown(found)} is not {shown(name)}, with which the space was declared"
        raise SpaceError(rule.value, problem, "Pass the same functions in the same order.")
    return function
