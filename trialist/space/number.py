"""Numeric dials: Float and Int, checked at construction, and what can be asked of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NoReturn, cast

from trialist.errors import SpaceError, shown
from trialist.space.axis import Axis, Linear, Logarithmic, LogIntegers, Steps
from trialist.space.condition import Condition
from trialist.space.plain import plain
from trialist.space.prior import AxisNormal, Normal

if TYPE_CHECKING:
    from trialist.numerics.keys import Key

# Up to here the middle of every share, and so every value, survives the way through a float in [0, 1].
MAX_VALUES = 2**50
MAX_LOG_INT = 2**40
# Farther out, spans and sums of spans overflow.
MAX_FLOAT = 1e300


@dataclass(frozen=True, slots=True, repr=False)
class Float:
    """A real number from low to high, both included.

    log: spread evenly in the logarithm (low > 0).  step: only low, low + step, ... high, exact as decimals.
    default: the value of the baseline.  when: what must hold for the dial to be active, see `condition`.
    prior: where good values are expected, a `Normal`.  Raises SpaceError for what cannot be.

    >>> lr = Float(1e-4, 1e-1, log=True, default=1e-3)
    >>> lr.decode(0.5), lr.check("lr", 1e-2)
    (0.00316227766017, 0.01)
    >>> Float(0.0, 1.0, step=0.1).decode(0.35)
    0.3
    """

    low: float
    high: float
    _: KW_ONLY
    log: bool = False
    step: float | None = None
    default: float | None = None
    when: Mapping[str, Any] | None = None
    prior: Normal | None = None
    axis: Axis = field(init=False, compare=False)
    axis_prior: AxisNormal | None = field(init=False, compare=False)
    # A default such as 1/3 lies off the axis's rounding grid, so it takes the place of this neighbour.
    near_default: float | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        low, high = _real("Float", "low", self.low), _real("Float", "high", self.high)
        _check_order("Float", low, high)
        _check_flag("Float", "log", self.log)
        step = None if self.step is None else _real("Float", "step", self.step)
        axis = _float_axis(low, high, self.log, step)
        _fill(self, low=low, high=high, step=step, axis=axis, when=Condition.of("Float", self.when))
        _fill(self, axis_prior=_axis_prior("Float", self.prior, axis, self.log), near_default=None)
        if self.default is not None:
            default = _default("Float", self, self.default)
            _fill(self, default=default, near_default=axis.decode(axis.encode(default)))

    def check(self, name: str, value: Any) -> float:
        """The value as a float of this dial; raises SpaceError naming the dial if it is none.

        Integers are taken as floats. On a dial with steps, rounding errors are forgiven: 0.1 + 0.2 is taken as 0.3.
        """
        if type(value) is not float:
            value = plain(value)
            if type(value) is int and abs(value) < MAX_FLOAT:
                value = float(value)
            if type(value) is not float:
                raise SpaceError(name, f"{shown(value)} is a {type(value).__name__}, not a number", _range(self))
        if not self.low <= value <= self.high:
            _refuse_outside(name, value, self)
        if self.step is None:
            return value
        return _on_grid(name, value, cast(Steps, self.axis), tolerance=1e-9 * self.step)

    def decode(self, u: float) -> float:
        """The value at u in [0, 1]."""
        value = self.axis.decode(u)
        if value == self.near_default and (self.low < value < self.high or 0.0 < u < 1.0):
            return cast(float, self.default)
        return value

    def encode(self, value: float) -> float:
        """The position of a value in [0, 1]; outside values lie at the nearer end."""
        return self.axis.encode(value)

    def from_prior(self, u: float) -> float:
        """The value below which lies the share u in [0, 1] of the prior (of the axis, if there is none)."""
        return self.decode(u if self.axis_prior is None else self.axis_prior.quantile(u))

    def draw(self, key: Key, name: str, attempt: int = 0) -> float:
        """A random value by the prior, a function of key, name and attempt alone."""
        return self.from_prior(key.uniform(name, attempt))

    def mass(self, value: float) -> float:
        """The probability that `draw` yields the value; for dials with a finite size."""
        return _mass(self, value)

    @property
    def size(self) -> int | None:
        """The number of values; None for a continuum."""
        return self.axis.count

    def values(self) -> Iterator[float]:
        """All values, ascending; raises SpaceError for a continuum."""
        return _values("Float", self.axis)

    def levels(self, n: int) -> list[float]:
        """At most n distinct values, evenly spread on the scale, with both bounds."""
        return self.axis.levels(n)

    def middle(self) -> float:
        """The middle of the scale: what stands in where no default is given."""
        return self.axis.levels(1)[0]

    @property
    def baseline(self) -> float:
        """The default, or the middle."""
        return self.middle() if self.default is None else self.default

    def __repr__(self) -> str:
        return f"Float({_arguments(self)})"


@dataclass(frozen=True, slots=True, repr=False)
class Int:
    """A whole number from low to high, both included.

    log: spread evenly in the logarithm (low >= 1), every integer owning its share.
    step: only low, low + step, ... high.
    default, when, prior: as for `Float`.  Raises SpaceError for what cannot be.

    >>> Int(16, 256, log=True).middle(), Int(0, 10).decode(1.0)
    (64, 10)
    """

    low: int
    high: int
    _: KW_ONLY
    log: bool = False
    step: int = 1
    default: int | None = None
    when: Mapping[str, Any] | None = None
    prior: Normal | None = None
    axis: Axis = field(init=False, compare=False)
    axis_prior: AxisNormal | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        low, high = _integer("low", self.low), _integer("high", self.high)
        _check_order("Int", low, high)
        _check_flag("Int", "log", self.log)
        step = _integer("step", self.step)
        axis = _int_axis(low, high, self.log, step)
        _fill(self, low=low, high=high, step=step, axis=axis, when=Condition.of("Int", self.when))
        _fill(self, axis_prior=_axis_prior("Int", self.prior, axis, self.log))
        if self.default is not None:
            _fill(self, default=_default("Int", self, self.default))

    def check(self, name: str, value: Any) -> int:
        """The value as an int of this dial; raises SpaceError naming the dial if it is none. 3.0 is taken as 3."""
        if type(value) is not int:
            value = plain(value)
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is not int:
                raise SpaceError(name, f"{shown(value)} is not a whole number", _range(self))
        if not self.low <= value <= self.high:
            _refuse_outside(name, value, self)
        if self.step == 1:
            return value
        return cast(int, _on_grid(name, value, cast(Steps, self.axis), tolerance=0.0))

    def decode(self, u: float) -> int:
        """The value at u in [0, 1]."""
        return cast(int, self.axis.decode(u))

    def encode(self, value: float) -> float:
        """The middle of the value's share of [0, 1]; outside values lie at the nearer end."""
        return self.axis.encode(value)

    def from_prior(self, u: float) -> int:
        """The value below which lies the share u in [0, 1] of the prior (of the axis, if there is none)."""
        return self.decode(u if self.axis_prior is None else self.axis_prior.quantile(u))

    def draw(self, key: Key, name: str, attempt: int = 0) -> int:
        """A random value by the prior, a function of key, name and attempt alone."""
        if self.log or self.axis_prior is not None:
            return self.from_prior(key.uniform(name, attempt))
        return self.low + self.step * key.integer(name, cast(Steps, self.axis).count, attempt)

    def mass(self, value: float) -> float:
        """The probability that `draw` yields the value."""
        return _mass(self, value)

    @property
    def size(self) -> int:
        """The number of values."""
        return cast(int, self.axis.count)

    def values(self) -> Iterator[int]:
        """All values, ascending."""
        return iter(range(self.low, self.high + 1, self.step))

    def levels(self, n: int) -> list[int]:
        """At most n distinct values, evenly spread on the scale, with both bounds."""
        return cast("list[int]", self.axis.levels(n))

    def middle(self) -> int:
        """The middle of the scale: what stands in where no default is given."""
        return cast(int, self.axis.levels(1)[0])

    @property
    def baseline(self) -> int:
        """The default, or the middle."""
        return self.middle() if self.default is None else self.default

    def __repr__(self) -> str:
        return f"Int({_arguments(self)})"


def _real(kind: str, argument: str, value: Any) -> float:
    value = plain(value)
    if type(value) not in (int, float):
        raise SpaceError(kind, f"{argument} {shown(value)} is a {type(value).__name__}, not a number", "Give a number.")
    if value != value or abs(value) == math.inf:
        raise SpaceError(kind, f"{argument} {shown(value)} is not finite", f"Give a finite {argument}.")
    if abs(value) > MAX_FLOAT:
        raise SpaceError(kind, f"{argument} {shown(value)} is too large", f"Use at most {MAX_FLOAT:g} in size.")
    return float(value)


def _integer(argument: str, value: Any) -> int:
    value = plain(value)
    if type(value) is float and value.is_integer():
        raise SpaceError("Int", f"{argument} {shown(value)} is a float", f"Give the integer {shown(int(value))}.")
    if type(value) is not int:
        raise SpaceError("Int", f"{argument} {shown(value)} is not a whole number", "Give an integer, or use Float.")
    return value


def _check_order(kind: str, low: float, high: float) -> None:
    if low > high:
        raise SpaceError(kind, f"low {shown(low)} is above high {shown(high)}", "Swap them.")


def _check_flag(kind: str, argument: str, value: object) -> None:
    if type(value) is not bool:
        raise SpaceError(kind, f"{argument} {shown(value)} is not True or False", "Give True or False.")


def _float_axis(low: float, high: float, log: bool, step: float | None) -> Axis:
    if log and low <= 0.0:
        remedy = "Give a positive low such as 1e-6, or drop log=True."
        raise SpaceError("Float", f"low {shown(low)} cannot start a log scale", remedy)
    if step is None:
        return Logarithmic(low, high) if log else Linear(low, high)
    if log:
        raise SpaceError("Float", f"step {shown(step)} and log=True exclude each other", "Choose one of them.")
    if step <= 0.0:
        raise SpaceError("Float", f"step {shown(step)} is not positive", "Give a positive step, or leave it out.")
    # As decimals, the way they were written: 0.1 means one tenth, not the binary float next to it.
    exact_low, exact_high, exact_step = (Fraction(repr(x)) for x in (low, high, step))
    steps = (exact_high - exact_low) / exact_step
    if steps.denominator != 1:
        below = float(exact_low + steps.__floor__() * exact_step)
        above = float(exact_low + (steps.__floor__() + 1) * exact_step)
        highs = f"high={above!r}" if below == low else f"high={below!r} or high={above!r}"
        problem = f"step {shown(step)} does not divide the span from {shown(low)} to {shown(high)}"
        raise SpaceError(
            "Float", problem, f"Use {highs}, or a step such as {_dividing(exact_high - exact_low, steps)!r}."
        )
    count = steps.numerator + 1
    _check_count("Float", count)
    unit = math.lcm(exact_low.denominator, exact_step.denominator)
    return Steps(int(exact_low * unit), int(exact_step * unit), unit, count, whole=False)


def _dividing(span: Fraction, steps: Fraction) -> float:
    """A step near the given one that divides the span, with few digits if one such is near."""
    wanted = max(1, round(steps))
    for parts in sorted(range(max(1, wanted - 3), wanted + 4), key=lambda n: (abs(n - wanted), -n)):
        step = float(span / parts)
        if len(repr(step)) <= 6 and Fraction(repr(step)) * parts == span:
            return step
    return float(span)


def _int_axis(low: int, high: int, log: bool, step: int) -> Axis:
    if step < 1:
        raise SpaceError("Int", f"step {shown(step)} is not positive", "Give a step of at least 1.")
    if log:
        if step > 1:
            raise SpaceError("Int", f"step {shown(step)} and log=True exclude each other", "Choose one of them.")
        if low < 1:
            remedy = "Give a low of at least 1, or drop log=True."
            raise SpaceError("Int", f"low {shown(low)} cannot start a log scale", remedy)
        if high > MAX_LOG_INT:
            remedy = f"Use at most {MAX_LOG_INT} as high, or a Float."
            raise SpaceError("Int", f"high {shown(high)} is too large for a log scale of integers", remedy)
        return LogIntegers(low, high)
    rest = (high - low) % step
    if rest:
        below, above = high - rest, high - rest + step
        highs = f"high={above}" if below == low else f"high={below} or high={above}"
        problem = f"step {shown(step)} does not divide the span from {shown(low)} to {shown(high)}"
        raise SpaceError("Int", problem, f"Use {highs}, or a step such as 1.")
    count = (high - low) // step + 1
    _check_count("Int", count)
    return Steps(low, step, 1, count, whole=True)


def _check_count(kind: str, count: int) -> None:
    if count > MAX_VALUES:
        problem = f"{shown(count)} values are more than 2**50, of which a draw could not reach each"
        raise SpaceError(kind, problem, "Give narrower bounds or a larger step, or use Float without a step.")


def _axis_prior(kind: str, prior: Normal | None, axis: Axis, log: bool) -> AxisNormal | None:
    if prior is None:
        return None
    if not isinstance(prior, Normal):
        raise SpaceError(kind, f"prior {shown(prior)} is not a Normal", "Give Normal(mean, sd).")
    if log and (prior.mean <= 0 or prior.sd <= 1):
        remedy = "Give a positive mean and, on a log scale, a factor above 1 as sd."
        raise SpaceError(kind, f"prior {shown(prior)} cannot be on a log scale", remedy)
    if isinstance(axis, Steps):
        width = Fraction(axis.count * axis.step, axis.unit)
        start = Fraction(2 * axis.first - axis.step, 2 * axis.unit)
        placed = AxisNormal(float((Fraction(prior.mean) - start) / width), float(Fraction(prior.sd) / width))
    elif isinstance(axis, Linear):
        if axis.span == 0.0:
            return None
        placed = AxisNormal((prior.mean - axis.low) / axis.span, prior.sd / axis.span)
    elif isinstance(axis, Logarithmic | LogIntegers):
        if axis.width == 0.0:
            return None
        placed = AxisNormal((math.log(prior.mean) - axis.origin) / axis.width, math.log(prior.sd) / axis.width)
    if not placed.reaches:
        remedy = "Give a mean nearer to the bounds, or a larger sd."
        raise SpaceError(kind, f"prior {shown(prior)} lies out of reach of the bounds", remedy)
    return placed


def _default(kind: str, parameter: Float | Int, default: Any) -> float:
    try:
        return parameter.check(kind, default)
    except SpaceError as error:
        raise SpaceError(kind, f"default {error.problem}", error.remedy) from None


def _fill(parameter: Float | Int, **fields: Any) -> None:
    for name, value in fields.items():
        object.__setattr__(parameter, name, value)  # the dataclass is frozen once it is made


def _range(parameter: Float | Int) -> str:
    what = "a number" if isinstance(parameter, Float) else "an integer"
    return f"Give {what} from {shown(parameter.low)} to {shown(parameter.high)}."


def _refuse_outside(name: str, value: float, parameter: Float | Int) -> NoReturn:
    problem = f"{shown(value)} is outside {shown(parameter.low)}..{shown(parameter.high)}"
    raise SpaceError(name, problem, _range(parameter))


def _on_grid(name: str, value: float, axis: Steps, tolerance: float) -> float:
    nearest = axis.value(axis.nearest(value))
    if value == nearest or abs(value - nearest) <= tolerance:
        return nearest
    k = axis.nearest(value)
    k = k if nearest < value else k - 1
    step = axis.step if axis.whole else axis.step / axis.unit
    neighbours = f"{axis.value(k)!r} or {axis.value(k + 1)!r}"
    raise SpaceError(name, f"{shown(value)} is off the grid of step {step!r}", f"Choose {neighbours}.")


def _mass(parameter: Float | Int, value: float) -> float:
    start, end = parameter.axis.share(value)
    return end - start if parameter.axis_prior is None else parameter.axis_prior.mass(start, end)


def _values(kind: str, axis: Axis) -> Iterator[float]:
    if axis.count is None:
        raise SpaceError(kind, "a continuum has no list of values", "Use levels(n), or give a step.")
    return (axis.decode((k + 0.5) / axis.count) for k in range(axis.count))


def _arguments(parameter: Float | Int) -> str:
    shown_fields = [repr(parameter.low), repr(parameter.high)]
    if parameter.log:
        shown_fields.append("log=True")
    if parameter.step is not None and not (isinstance(parameter, Int) and parameter.step == 1):
        shown_fields.append(f"step={parameter.step!r}")
    for argument in ("default", "when", "prior"):
        if getattr(parameter, argument) is not None:
            shown_fields.append(f"{argument}={getattr(parameter, argument)!r}")
    return ", ".join(shown_fields)
