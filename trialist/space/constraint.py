"""Constraints between dials: expressions such as "batch > 256 and lr > 0.05", or callables taking the configuration.

The expression language is a small part of Python: dials by name or as dials["odd name"], numbers, text, True, False,
None, comparisons, `in` with a list, and/or/not, + - * / // % **, and abs min max log log10 log2 sqrt. It is checked
against the dials' kinds when the space is made and compiled once; nothing else of Python can be reached from it.
A constraint that mentions an inactive dial does not apply.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from trialist.errors import SpaceError, shown
from trialist.space.categorical import Categorical
from trialist.space.number import Float, Int
from trialist.space.plain import plain

MAX_EXPRESSION = 2000

_ALLOWED = (
    "Use dials, numbers, text, comparisons, in, and, or, not, + - * / // % ** and abs min max log log10 log2 sqrt."
)


class Rule(Enum):
    """What a constraint does with the configurations for which it is true."""

    FORBID = "forbid"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule, the text that shows it, the dials that it mentions (none for callables), and the test itself."""

    rule: Rule
    text: str
    names: tuple[str, ...]
    is_callable: bool
    test: Callable[[dict[str, Any]], object] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.rule.value} {shown(self.text)}"

    def allows(self, params: Mapping[str, Any], names: Mapping[str, Any]) -> bool:
        """Whether the active parameters may stand; `names` are all dials. Raises SpaceError if it cannot be said."""
        for name in self.names:
            if name not in params:
                return True
        given = dict(params)  # a callable may change what it is given
        try:
            answer = self.test(given)
        except KeyError as error:
            missing = error.args[0] if error.args else None
            if self.is_callable and missing in names and missing not in params:
                return True  # it asked for an inactive dial, so it does not apply
            raise self._failed(error, params) from error
        except SpaceError:
            raise  # a stand-in for a function that is not here says what is missing
        except Exception as error:
            raise self._failed(error, params) from error
        truth = plain(answer)
        if type(truth) is not bool:
            problem = f"returned {shown(answer)} for {shown(dict(params))}"
            raise SpaceError(str(self), problem, "Give a function that returns True or False.")
        return truth is (self.rule is Rule.REQUIRE)

    def _failed(self, error: Exception, params: Mapping[str, Any]) -> SpaceError:
        problem = f"cannot be evaluated for {shown(dict(params))}: {type(error).__name__}: {shown(str(error))}"
        remedy = "Give a test that is defined for every configuration, or choose narrower bounds."
        return SpaceError(str(self), problem, remedy)


def constraints_of(
    rule: Rule, given: Any, parameters: Mapping[str, Float | Int | Categorical], strict: bool = True
) -> tuple[Constraint, ...]:
    """Constraints from what a user gave as `forbid=` or `require=`: one, or a list, of expressions and callables.

    `strict` refuses comparisons with choices that the dial does not have; a narrowed space has to live with them.
    """
    items = [given] if isinstance(given, str) or callable(given) else given
    if not isinstance(items, list | tuple):
        problem = f"{shown(given)} is of type {type(given).__name__}, not a list"
        raise SpaceError(rule.value, problem, "Give a list of expressions or functions.")
    return tuple(_constraint(rule, item, parameters, strict) for item in items)


def _constraint(
    rule: Rule, given: Any, parameters: Mapping[str, Float | Int | Categorical], strict: bool
) -> Constraint:
    if isinstance(given, str):
        return _Reader(rule, given, parameters, strict).constraint()
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return Constraint(rule, name, (), True, given)
    problem = f"{shown(given)} is of type {type(given).__name__}"
    raise SpaceError(rule.value, problem, "Give an expression as text, or a function of the parameters.")


class _Kind(Enum):
    NUMBER = "a number"
    TRUTH = "true or false"
    OTHER = "neither a number nor true or false"


def _power(base: float, exponent: float) -> float:
    # Floats, since integer powers such as 9**9**9 would fill the memory.
    return math.pow(base, exponent)


_FUNCTIONS: dict[str, tuple[Callable[..., float], int]] = {  # with the fewest arguments; min and max take any number
    "abs": (abs, 1),
    "min": (min, 2),
    "max": (max, 2),
    "log": (math.log, 1),
    "log10": (math.log10, 1),
    "log2": (math.log2, 1),
    "sqrt": (math.sqrt, 1),
}
_SCOPE = {"__builtins__": {}, "_power": _power, **{name: function for name, (function, _) in _FUNCTIONS.items()}}
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


class _Reader:
    """Reads one expression: checks every node, and rewrites dials as look-ups in the configuration `_params`."""

    def __init__(
        self, rule: Rule, text: str, parameters: Mapping[str, Float | Int | Categorical], strict: bool
    ) -> None:
        self.rule, self.text, self.parameters, self.strict = rule, text, parameters, strict
        self.names: dict[str, None] = {}

    def constraint(self) -> Constraint:
        if len(self.text) > MAX_EXPRESSION:
            raise self.error(f"has {len(self.text)} characters", f"Use at most {MAX_EXPRESSION}.")
        try:
            tree = ast.parse(self.text.strip(), mode="eval").body
            body, kind = self.read(tree)
            code = ast.fix_missing_locations(ast.Expression(_lambda(body)))
            test = eval(compile(code, "<constraint>", "eval"), dict(_SCOPE))
        except SyntaxError as error:
            remedy = f"Use one expression such as 'batch > 256 and lr > 0.05' ({error.msg})."
            raise self.error("is not an expression", remedy) from None
        except (ValueError, OverflowError, RecursionError, MemoryError) as error:
            if isinstance(error, SpaceError):
                raise
            raise self.error(f"cannot be read ({type(error).__name__})", "Use a shorter expression.") from None
        if kind is not _Kind.TRUTH:
            raise self.error(f"is {kind.value}, not true or false", "Give a comparison such as 'batch > 256'.")
        if not self.names:
            raise self.error("mentions no dial", "Give a comparison between dials.")
        return Constraint(self.rule, self.text, tuple(self.names), False, test)

    def error(self, problem: str, remedy: str) -> SpaceError:
        return SpaceError(self.rule.value, f"{shown(self.text)} {problem}", remedy)

    def read(self, node: ast.expr) -> tuple[ast.expr, _Kind]:
        """The rewritten node, and what it will be."""
        match node:
            case ast.Constant(value=value) if type(value) in (int, float, str, bool) or value is None:
                return node, _kind_of([value])
            case ast.Name(id=name):
                return self.dial(name)
            case ast.Subscript(value=ast.Name(id="dials"), slice=ast.Constant(value=str(name))):
                return self.dial(name)
            case ast.BoolOp(values=values):
                return ast.BoolOp(node.op, [self.truth(value) for value in values]), _Kind.TRUTH
            case ast.UnaryOp(op=ast.Not()):
                return ast.UnaryOp(node.op, self.truth(node.operand)), _Kind.TRUTH
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                return ast.UnaryOp(node.op, self.number(node.operand)), _Kind.NUMBER
            case ast.BinOp(op=op) if isinstance(op, _ARITHMETIC):
                left, right = self.number(node.left), self.number(node.right)
                if isinstance(op, ast.Pow):
                    return _call("_power", [left, right]), _Kind.NUMBER
                return ast.BinOp(left, op, right), _Kind.NUMBER
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
                return self.call(name, arguments), _Kind.NUMBER
            case ast.Compare():
                return self.comparison(node), _Kind.TRUTH
        raise self.error(f"holds {shown(ast.unparse(node))}, which is not allowed here", _ALLOWED)

    def dial(self, name: str) -> tuple[ast.expr, _Kind]:
        parameter = self.parameters.get(name)
        if parameter is None:
            raise self.error(f"mentions {shown(name)}, which is no dial", f"Use {nearest(name, self.parameters)}.")
        self.names[name] = None
        look_up = ast.Subscript(ast.Name("_params", ast.Load()), ast.Constant(name), ast.Load())
        return look_up, _kind_of(parameter.choices) if isinstance(parameter, Categorical) else _Kind.NUMBER

    def number(self, node: ast.expr) -> ast.expr:
        rewritten, kind = self.read(node)
        self.check_number(node, kind)
        return rewritten

    def check_number(self, node: ast.expr, kind: _Kind) -> None:
        if kind is _Kind.OTHER:
            raise self.error(
                f"computes with {shown(ast.unparse(node))}, which is not a number", "Choose a numeric dial."
            )

    def truth(self, node: ast.expr) -> ast.expr:
        rewritten, kind = self.read(node)
        if kind is not _Kind.TRUTH:
            remedy = "Use a comparison on each side of and, or, not."
            raise self.error(f"uses {shown(ast.unparse(node))} as true or false", remedy)
        return rewritten

    def call(self, name: str, arguments: list[ast.expr]) -> ast.expr:
        fewest = _FUNCTIONS[name][1]
        if len(arguments) < fewest or (fewest == 1 and len(arguments) > 1):
            wanted = "one argument" if fewest == 1 else "at least two arguments"
            raise self.error(f"calls {name} with {len(arguments)} arguments", f"Give {wanted}.")
        return _call(name, [self.number(argument) for argument in arguments])

    def comparison(self, node: ast.Compare) -> ast.expr:
        operands = [node.left, *node.comparators]
        read = [self.read(node.left)]
        for op, operand in zip(node.ops, node.comparators, strict=True):
            is_membership = isinstance(op, ast.In | ast.NotIn)
            read.append((self.collection(operand), _Kind.OTHER) if is_membership else self.read(operand))
        for i, op in enumerate(node.ops):
            if isinstance(op, ast.Is | ast.IsNot):
                raise self.error("compares with 'is'", "Use == or != instead.")
            if isinstance(op, _ORDERS):
                for operand, (_, kind) in zip(operands[i : i + 2], read[i : i + 2], strict=True):
                    self.check_number(operand, kind)
            elif self.strict:
                self.check_choices(operands[i], operands[i + 1])
                self.check_choices(operands[i + 1], operands[i])
        return ast.Compare(read[0][0], node.ops, [rewritten for rewritten, _ in read[1:]])

    def collection(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.List | ast.Tuple | ast.Set):
            raise self.error(f"looks into {shown(ast.unparse(node))}", "Give a list such as ['adam', 'sgd'] after in.")
        return ast.Tuple([self.read(item)[0] for item in node.elts], ast.Load())

    def check_choices(self, dial: ast.expr, constant: ast.expr) -> None:
        """Refuse comparisons of a categorical dial with what it can never be: a slip of the pen."""
        match dial:
            case ast.Name(id=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
                parameter = self.parameters[name]
            case _:
                return
        values = constant.elts if isinstance(constant, ast.List | ast.Tuple | ast.Set) else [constant]
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(parameter, Categorical):
                if value.value not in parameter.choices:
                    error = _refusal(parameter, name, value.value)
                    raise self.error(f"compares {shown(name)} with {shown(value.value)}", error.remedy)
            elif isinstance(value, ast.Constant) and type(value.value) in (str, type(None)):
                raise self.error(f"compares the number {shown(name)} with {shown(value.value)}", "Use a number.")


def _refusal(parameter: Categorical, name: str, value: Any) -> SpaceError:
    """The error with which the dial refuses the value."""
    try:
        parameter.check(name, value)
    except SpaceError as error:
        return error
    raise AssertionError(f"{value!r} is a choice of {name}")


def nearest(name: object, names: Mapping[str, Any]) -> str:
    """The nearest right name for a wrong one, or some of them, as words for a remedy."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(names), n=1) if isinstance(name, str) and len(name) < 1000 else []
    if near:
        return shown(near[0])
    if not names:
        return "a dial that was declared; there are none yet"
    some = ", ".join(shown(known) for known in list(names)[:8])
    return f"one of {some}" + (" and others" if len(names) > 8 else "")


def _kind_of(values: Sequence[Any]) -> _Kind:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return _Kind.TRUTH
    return _Kind.NUMBER if kinds <= {int, float, bool} else _Kind.OTHER


def _call(function: str, arguments: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name(function, ast.Load()), arguments, [])


def _lambda(body: ast.expr) -> ast.expr:
    arguments = ast.arguments(posonlyargs=[], args=[ast.arg("_params")], kwonlyargs=[], kw_defaults=[], defaults=[])
    return ast.Lambda(arguments, body)
