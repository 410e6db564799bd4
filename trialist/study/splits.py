"""Which Splits a function looks at: those it names, by whatever way, and those that the functions it calls name."""

from __future__ import annotations

import dis
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from types import CodeType, ModuleType
from typing import Any

from trialist.scoring.split import Split

_LIBRARY = sysconfig.get_path("stdlib")
DEPTH = 4  # calls, or attributes, from the function itself


def splits_of(function: Callable[..., Any]) -> dict[str, Split]:
    """The Splits by the names that the function has for them, sorted; one that has several is given once.

    Of the functions that it calls, those are followed that are plain Python and not a library's; methods and callable
    objects are looked into as well.
    """
    found: dict[int, tuple[str, Split]] = {}
    seen: set[int] = set()
    level: list[tuple[str, Any]] = [("", function)]
    for _ in range(DEPTH):
        level = [item for _, value in level if id(value) not in seen for item in _within(value, seen)]
        for name, value in level:
            if isinstance(value, Split) and id(value) not in found:
                found[id(value)] = name, value
    by_name: dict[str, Split] = {}
    for name, split in sorted(found.values(), key=lambda pair: pair[0]):
        by_name[name if name not in by_name else f"{name} ({len(by_name)})"] = split
    return by_name


def _within(value: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """What a value refers to, by name."""
    seen.add(id(value))
    if isinstance(value, Split | ModuleType | type):
        return
    if isinstance(value, partial):
        yield "", value.func
        yield from ((f"argument {place}", given) for place, given in enumerate(value.args))
        yield from value.keywords.items()
        return
    if inspect.ismethod(value):
        yield "", value.__func__
        yield "", value.__self__
        return
    function = inspect.unwrap(value) if callable(value) else value
    if inspect.isfunction(function):
        yield from _named(function)
    elif is_dataclass(function):
        yield from ((each.name, getattr(function, each.name, None)) for each in fields(function))
    elif not _is_foreign(type(function)):
        own = getattr(function, "__dict__", None)
        yield from own.items() if isinstance(own, Mapping) else ()
    if callable(function) and not inspect.isfunction(function):
        yield "", type(function).__call__


def _named(function: Any) -> Iterator[tuple[str, Any]]:
    """What the code of a function names: variables outside it, attributes of modules, defaults."""
    if _is_foreign(function):
        return
    code = function.__code__
    for name, value in _variables(function):
        if isinstance(value, ModuleType):
            inner = (getattr(value, each, None) for each in code.co_names)
            yield from ((name, each) for each in inner if isinstance(each, Split))
        else:
            yield name, value
    defaults = function.__defaults__ or ()
    arguments = code.co_varnames[: code.co_argcount]
    yield from zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def _variables(function: Any) -> Iterator[tuple[str, Any]]:
    """Global variables and those of functions round it."""
    names = _globals_of(function.__code__) & function.__globals__.keys()
    yield from ((name, function.__globals__[name]) for name in sorted(names))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it has no value yet
            continue


def _globals_of(code: CodeType) -> set[str]:
    """Names that code, or code within it, looks up outside: not those of attributes, which may be called the same."""
    names = {each.argval for each in dis.get_instructions(code) if each.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    within = [_globals_of(constant) for constant in code.co_consts if inspect.iscode(constant)]
    return names.union(*within)


def _is_foreign(thing: Any) -> bool:
    """Of this package, of the standard library or of an installed one: nothing of a user's is named there."""
    module = str(getattr(thing, "__module__", "") or "")
    code = getattr(thing, "__code__", None)
    file = code.co_filename if code is not None else str(getattr(sys.modules.get(module), "__file__", None) or "")
    return module.partition(".")[0] in ("trialist", "builtins") or "site-packages" in file or file.startswith(_LIBRARY)
