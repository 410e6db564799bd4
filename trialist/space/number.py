"""Numeric dials: Float and Int, checked at construction, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, cast

from trialist.errors import SpaceError, shown
from trialist.space.axis import Axis, Steps
from trialist.space.condition import Condition
from trialist.space.plain import plain
from trialist.space.prior import AxisNormal, Normal
from trialist.space.scale import MAX_FLOAT, axis_prior, check_flag, check_order, float_axis, int_axis, integer, real

if TYPE_CHECKING:
    from trialist.numerics.keys import Key


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
        low, high = real("Float", "low", self.low), real("Float", "high", self.high)
        check_order("Float", low, high)
        check_flag("Float", "log", self.log)
        step = None if self.step is None else real("Float", "step", self.step)
        axis = float_axis(low, high, self.log, step)
        _fill(self, low=low, high=high, step=step, axis=axis, when=Condition.of("Float", self.when))
        _fill(self, axis_prior=axis_prior("Float", self.prior, axis, self.log), near_default=None)
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
                raise SpaceError(name, f"{shown(value)} is of type {type(value).__name__}, not a number", _range(self))
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
        low, high = integer("low", self.low), integer("high", self.high)
        check_order("Int", low, high)
        check_flag("Int", "log", self.log)
        step = integer("step", self.step)
        axis = int_axis(low, high, self.log, step)
        _fill(self, low=low, high=high, step=step, axis=axis, when=Condition.of("Int", self.when))
        _fill(self, axis_prior=axis_prior("Int", self.prior, axis, self.log))
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
