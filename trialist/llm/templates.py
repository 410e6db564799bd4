"""Templates of prompts: the part of Jinja that promptfoo's Nunjucks shares, in a sandbox with bounded time and size.

Only what cannot run away is taken: variables, filters, tests, `if`, `for`, comments and `raw`. There is no `set`, no
macro, no include, no call and no multiplication, lists that a template writes hold constants alone, and what can make
long things of short ones (`+`, `~`, `replace`, `join`) looks before it does. So no value is much longer than the text
and the variables that it is made of; loops are counted, and the output is cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialist.errors import MissingExtraError, SuiteError, shown

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

MAX_CHARS = 4 * 2**20  # of a template, of a value inside, and of what comes out
MAX_ROUNDS = 100_000  # of all loops of a template together

_ROUNDS = "rounds left"  # no name that a template can write, hence out of its reach
_COUNTED, _CONCAT = "counted", "concatenated"  # filters put in by us, refused where a template writes them
_FILTERS, _ALLOWED = (
    frozenset(names.split())
    for names in (
        "abs capitalize count d default dictsort first float int items last length list lower max min reject reverse "
        "safe select sort string sum title trim truncate unique upper urlencode wordcount",
        "Add And Compare Concat CondExpr Const Dict Div Filter FloorDiv For Getattr Getitem If Keyword List Name Neg "
        "Not Operand Or Output Pair Pos Slice Sub Template TemplateData Test Tuple",
    )
)
_WORDS = {"Assign": "set", "AssignBlock": "set", "Mul": "*", "Pow": "**", "Mod": "%", "FilterBlock": "filter"}
_REMEDY = "Templates know variables, filters, tests, `if` and `for`; prepare the rest in the variables."


def render(text: str, variables: Mapping[str, Any], *, where: str = "template") -> str:
    """The text with its `{{ variables }}` and `{% blocks %}` filled in; `where` names it in errors.

    SuiteError names a variable that is not given, the line of a mistake, and what goes beyond the bounds.

    >>> render("{{ question }} Answer in {{ n }} words.", {"question": "Why?", "n": 3})
    'Why? Answer in 3 words.'
    """
    if len(text) > MAX_CHARS:
        raise SuiteError(where, f"a template of {len(text):,} characters", f"Keep it under {MAX_CHARS:,}.")
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return text
    try:
        return _filled(_compiled(text), variables)
    except _Refused as error:
        raise SuiteError(where, error.problem, error.remedy) from None
    except _NotGiven as error:
        known = ", ".join(sorted(map(str, variables))) or "none"
        raise SuiteError(where, f"the variable {error} is not given", f"Give it; there are: {known}.") from None
    except RecursionError:
        raise SuiteError(where, "its expressions are nested too deeply", "Write a shorter template.") from None


class _Refused(Exception):
    """A template that is wrong or goes beyond its bounds."""

    def __init__(self, problem: str, remedy: str = "Write a shorter template.") -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


class _NotGiven(Exception):
    """A variable that is not given."""


def _filled(template: Template, variables: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate({**variables, _ROUNDS: [MAX_ROUNDS]}):
            size += len(piece)
            if size > MAX_CHARS:
                raise _Refused(f"what comes out is longer than {MAX_CHARS:,} characters")
            pieces.append(piece)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise _Refused(f"it cannot be filled in ({error})", "Mend the template or its variables.") from None
    return "".join(pieces)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    environment = _environment()
    from jinja2 import TemplateSyntaxError, nodes

    try:
        tree = environment.parse(text)
        for node in [tree, *tree.find_all(nodes.Node)]:
            _check(node, nodes)
        # A node that is replaced is reached by its parent alone, so the whole tree is walked again.
        for parent in [tree, *tree.find_all(nodes.Node)]:
            _bind(parent, nodes)
        return environment.from_string(tree)
    except TemplateSyntaxError as error:
        raise _Refused(f"line {error.lineno}: {str(error.message).rstrip('.')}", "Write it as Jinja has it.") from None
    except (MemoryError, SyntaxError):
        raise _Refused("its blocks or expressions are nested too deeply") from None


def _check(node: Any, nodes: Any) -> None:
    name = type(node).__name__
    problem = ""
    if name not in _ALLOWED:
        problem = f"`{_WORDS.get(name, name.lower())}` is not allowed"
    elif isinstance(node, nodes.Filter) and node.name not in _FILTERS | _OWN.keys():
        problem = f"the filter {shown(node.name)} is not allowed"
    elif isinstance(node, nodes.For) and node.recursive:
        problem = "`recursive` is not allowed"
    elif isinstance(node, (nodes.List, nodes.Dict)) or (isinstance(node, nodes.Tuple) and node.ctx == "load"):
        if any(not isinstance(part, (nodes.Const, nodes.Pair)) for part in node.iter_child_nodes()):
            problem = "a list that holds more than constants is not allowed"
    elif isinstance(node, nodes.Pair) and not isinstance(node.value, nodes.Const):
        problem = "a mapping that holds more than constants is not allowed"
    if problem:
        raise _Refused(f"line {node.lineno}: {problem}", _REMEDY)


def _bind(parent: Any, nodes: Any) -> None:
    """Counts the rounds of a loop, and bounds `~`, among the children of a node."""
    if isinstance(parent, nodes.For):
        parent.iter = nodes.Filter(parent.iter, _COUNTED, [], [], None, None, lineno=parent.lineno)
    for field, value in parent.iter_fields():
        if isinstance(value, nodes.Concat):
            setattr(parent, field, _bounded(value, nodes))
        elif isinstance(value, list):
            setattr(parent, field, [_bounded(v, nodes) if isinstance(v, nodes.Concat) else v for v in value])


def _bounded(node: Any, nodes: Any) -> Any:
    parts = nodes.List(node.nodes, lineno=node.lineno)
    return nodes.Filter(parts, _CONCAT, [], [], None, None, lineno=node.lineno)


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    try:
        from jinja2 import StrictUndefined, pass_context
        from jinja2.runtime import LoopContext
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError:
        raise MissingExtraError("templates need", "llm") from None

    class NotGiven(StrictUndefined):
        """Raises with its own name, whatever is done with it."""

        def __init__(self, hint: str | None = None, obj: Any = None, name: str | None = None, exc: Any = None) -> None:
            of = f" of {shown(obj)}" if isinstance(obj, Mapping) else ""
            super().__init__(hint, obj, name, lambda _: _NotGiven(f"{shown(name)}{of}"))  # type: ignore[arg-type]

    class Bounded(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(["+"])

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if hasattr(left, "__len__") and hasattr(right, "__len__"):
                _look(len(left) + len(right))
            return super().call_binop(context, operator, left, right)

        def getattr(self, obj: Any, attribute: str) -> Any:
            """The entry of that name, never a method: `{{ order.items }}` means the key."""
            if attribute == "length" and isinstance(obj, (str, list, tuple)):
                return len(obj)  # as in Nunjucks
            if isinstance(obj, LoopContext):
                return super().getattr(obj, attribute)
            if isinstance(obj, StrictUndefined):
                return obj
            is_there = isinstance(obj, Mapping) and attribute in obj
            return obj[attribute] if is_there else self.undefined(obj=obj, name=attribute)

    environment = Bounded(undefined=NotGiven, autoescape=False, keep_trailing_newline=True, finalize=_shown)
    environment.globals.clear()

    @pass_context
    def counted(context: Any, values: Iterable[Any]) -> Iterator[Any]:
        left = context[_ROUNDS]
        for value in values:
            left[0] -= 1
            if left[0] < 0:
                raise _Refused(f"its loops go round more than {MAX_ROUNDS:,} times")
            yield value

    ours: dict[str, Callable[..., Any]] = {_COUNTED: counted, _CONCAT: _join}
    environment.filters = {name: environment.filters[name] for name in _FILTERS} | _OWN | ours
    return environment


def _shown(value: Any) -> Any:
    """What a value prints as: lists, mappings and truth as JSON has them, nothing as nothing."""
    if value is None:
        return ""
    return _dump(value) if isinstance(value, (bool, list, tuple, Mapping)) else value


def _look(size: int) -> None:
    if size > MAX_CHARS:
        raise _Refused(f"a value inside is longer than {MAX_CHARS:,} characters")


def _join(values: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    parts = [str(value if attribute is None else value[attribute]) for value in values]
    _look(sum(map(len, parts)) + len(d) * len(parts))
    return d.join(parts)


def _replace(text: Any, old: str, new: str, count: int = -1) -> str:
    before = str(text)
    _look(len(before) + len(new) * (before.count(old) if count < 0 else count))
    return before.replace(old, new, count)


def _round(value: float, precision: int = 0) -> float:
    return round(float(value), max(-20, min(20, precision)))


def _dump(value: Any, indent: int | None = None) -> str:
    """JSON as it stands in a prompt; Jinja's own `tojson` escapes what HTML would read as tags."""
    return json.dumps(value, ensure_ascii=False, indent=None if indent is None else min(8, max(0, indent)))


_OWN: dict[str, Callable[..., Any]] = {
    "dump": _dump,
    "join": _join,
    "replace": _replace,
    "round": _round,
    "tojson": _dump,
}
