"""Revisions: a space may grow, so that what was tried stays evidence; and what two spaces differ in, in words."""

from __future__ import annotations

from collections.abc import Iterator

from trialist.errors import SpaceError, shown
from trialist.space.categorical import Categorical
from trialist.space.number import Float, Int
from trialist.space.parameter import Parameter
from trialist.space.space import Space
from trialist.space.tree import has_default

_NEW_STUDY = "Use a new study name for a space that does not merely grow."


def grown(old: Space, new: Space) -> tuple[str, ...]:
    """What is new, in words; empty for equal spaces. Raises SpaceError if the new space is not a growth of the old one.

    Growth is: new dials, wider bounds, more choices, a default where none was, another prior, fewer constraints. All
    else would leave trials outside the space, or give them another meaning.
    """
    changes: list[str] = []
    for name, before in old.items():
        if name not in new:
            raise SpaceError(name, f"{shown(before)} is missing in the new space", f"Use it again. {_NEW_STUDY}")
        changes += _growth(name, before, new[name])
    changes += [f"{name}: new, {new[name]!r}" for name in new if name not in old]
    for constraint in new.constraints:
        if constraint not in old.constraints:
            problem = f"{shown(constraint.text)} is a new constraint, which trials may break"
            raise SpaceError(constraint.rule.value, problem, f"Remove it. {_NEW_STUDY}")
    changes += [f"{constraint}: removed" for constraint in old.constraints if constraint not in new.constraints]
    return tuple(changes)


def differences(old: Space, new: Space) -> tuple[str, ...]:
    """Every difference between two spaces, in words; empty for equal spaces."""
    found = [f"{name}: only in the old space, {old[name]!r}" for name in old if name not in new]
    for name, before in old.items():
        if name in new:
            found += _differences(name, before, new[name])
    found += [f"{name}: only in the new space, {new[name]!r}" for name in new if name not in old]
    found += [f"{each}: only in the old space" for each in old.constraints if each not in new.constraints]
    found += [f"{each}: only in the new space" for each in new.constraints if each not in old.constraints]
    if not found and old != new:
        found = [f"order: {shown(list(old.names))} is now {shown(list(new.names))}"]
    return tuple(found)


def _growth(name: str, before: Parameter, after: Parameter) -> Iterator[str]:
    if before == after:
        return
    if type(before) is not type(after):
        raise _refused(name, before, after, "is of another kind than")
    if isinstance(before, Categorical) and isinstance(after, Categorical):
        if before.ordered != after.ordered:
            raise _refused(name, before, after, "is ordered otherwise than")
        for key, choice in zip(before.identities, before.choices, strict=True):
            if key not in after.index_of:
                raise SpaceError(name, f"the choice {shown(choice)} is missing", f"Give it again. {_NEW_STUDY}")
    elif isinstance(before, Float | Int) and isinstance(after, Float | Int):
        if before.log != after.log:
            raise _refused(name, before, after, "has another scale than")
        if after.low > before.low or after.high < before.high:
            raise _refused(name, before, after, "has narrower bounds than")
        _check_steps(name, before, after)
    if before.when != after.when:
        raise _refused(name, before, after, "is active under another condition than")
    if has_default(before) and (not has_default(after) or _default(before) != _default(after)):
        raise _refused(name, before, after, "has another default, so another baseline, than")
    yield from _differences(name, before, after)


def _check_steps(name: str, before: Float | Int, after: Float | Int) -> None:
    """Refuse another grid unless it has all values of the old one."""
    if after.step is None:
        return
    if before.step is None:
        raise _refused(name, before, after, "has steps, unlike")
    try:
        for value in (before.low, min(before.low + before.step, before.high), before.high):
            after.check(name, value)
    except SpaceError:
        raise _refused(name, before, after, "has other steps than") from None


def _default(parameter: Parameter) -> object:
    return (
        parameter.identities[parameter.default_index or 0] if isinstance(parameter, Categorical) else parameter.default
    )


def _refused(name: str, before: Parameter, after: Parameter, how: str) -> SpaceError:
    return SpaceError(name, f"{shown(after)} {how} {shown(before)}", _NEW_STUDY)


def _differences(name: str, before: Parameter, after: Parameter) -> Iterator[str]:
    if before == after:
        return
    if type(before) is not type(after):
        yield f"{name}: {before!r} is now {after!r}"
        return
    if isinstance(before, Categorical) and isinstance(after, Categorical):
        yield from _choices_changed(name, before, after)
    elif isinstance(before, Float | Int) and isinstance(after, Float | Int):
        if (before.low, before.high) != (after.low, after.high):
            yield f"{name}: bounds {before.low!r}..{before.high!r} are now {after.low!r}..{after.high!r}"
        if before.log != after.log:
            yield f"{name}: the {_scale(before)} scale is now {_scale(after)}"
        if before.step != after.step:
            yield f"{name}: step {before.step!r} is now {after.step!r}"
    if _default(before) != _default(after) or has_default(before) != has_default(after):
        yield f"{name}: default {_default_words(before)} is now {_default_words(after)}"
    if before.when != after.when:
        yield f"{name}: active {_when_words(before)}, now {_when_words(after)}"
    if before.prior != after.prior:
        yield f"{name}: prior {shown(before.prior)} is now {shown(after.prior)}"


def _choices_changed(name: str, before: Categorical, after: Categorical) -> Iterator[str]:
    more = [shown(c) for key, c in zip(after.identities, after.choices, strict=True) if key not in before.index_of]
    fewer = [shown(c) for key, c in zip(before.identities, before.choices, strict=True) if key not in after.index_of]
    if more:
        yield f"{name}: choices + {', '.join(more[:8])}" + (f" and {len(more) - 8} more" if len(more) > 8 else "")
    if fewer:
        yield f"{name}: choices - {', '.join(fewer[:8])}" + (f" and {len(fewer) - 8} more" if len(fewer) > 8 else "")
    if not more and not fewer and before.identities != after.identities:
        yield f"{name}: choices in another order, {shown(list(after.choices))}"
    if before.ordered != after.ordered:
        yield f"{name}: ordered={before.ordered} is now ordered={after.ordered}"


def _scale(parameter: Float | Int) -> str:
    return "log" if parameter.log else "linear"


def _default_words(parameter: Parameter) -> str:
    return shown(parameter.default) if has_default(parameter) else "(none)"


def _when_words(parameter: Parameter) -> str:
    return f"when {parameter.when}" if parameter.when is not None else "always"
