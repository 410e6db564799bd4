"""The dials of a learning rate's schedule, added to a space in one line, and the Rate of a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from trialist.errors import InputError, SpaceError, shown
from trialist.rates.rate import Rate, Shape, length, share
from trialist.space.categorical import Categorical
from trialist.space.number import Float
from trialist.space.parameter import Parameter, check_name, declare

WARMUP, WARMUP_DEFAULT = (0.0, 0.3), 0.05
END, END_DEFAULT = (0.001, 0.5), 0.01
COOLDOWN, COOLDOWN_DEFAULT = (0.05, 0.6), 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Schedule(Mapping[str, Parameter]):
    """The dials of a learning rate and its schedule, for a Space: `Space(Schedule(1e-4, 1e-1), hidden=Int(8, 64))`.

    A mapping of names to dials, which are called so where name="lr":
      lr           the peak, from low to high on a log scale
      lr_shape     constant, linear, cosine, inverse_sqrt or wsd, see `Rate`; cosine by default
      lr_warmup    share of the run until the peak is reached, 0 to 0.3; 0.05 by default
      lr_end       last rate as a share of the peak, 0.001 to 0.5 (log), for linear, cosine and wsd; 0.01 by default
      lr_cooldown  share of the run over which wsd decays, 0.05 to 0.6; 0.2 by default

    default: of the peak.  Each of the others may be given as a value, which fixes it and makes no dial; as a range
    (low, high) or a list of shapes; or as a dial of your own, for another default.
    when: what must hold for the whole schedule to be active, as for any dial.

    Raises SpaceError, naming the dial, for what cannot be.

    >>> lr = Schedule(1e-4, 1e-1, default=1e-3, shape=["constant", "cosine"], warmup=0.1)
    >>> list(lr)
    ['lr', 'lr_shape', 'lr_end']
    >>> rate = lr.rate({"lr": 0.01, "lr_shape": "constant"}, steps=100)
    >>> rate(5), rate(100)
    (0.005, 0.01)
    """

    low: float
    high: float
    _: KW_ONLY
    default: float | None = None
    name: str = "lr"
    shape: str | Sequence[str] | Categorical = tuple(shape.value for shape in Shape)
    warmup: float | tuple[float, float] | Float = WARMUP
    end: float | tuple[float, float] | Float = END
    cooldown: float | tuple[float, float] | Float = COOLDOWN
    when: Mapping[str, Any] | None = None
    dials: Mapping[str, Parameter] = field(init=False, repr=False)
    fixed: Mapping[str, Any] = field(init=False, repr=False)  # values of the parts that are no dials

    def __post_init__(self) -> None:
        check_name(self.name)
        shapes = _shapes(dial_name(self.name, "shape"), self.shape)
        coming_down = [each for each in shapes.choices if Shape(each).has_end]
        parts: dict[str, Any] = {
            "peak": declare(self.name, Float, self.low, self.high, log=True, default=self.default),
            "shape": shapes if len(shapes.choices) > 1 else shapes.choices[0],
            "warmup": self._part("warmup", self.warmup, WARMUP_DEFAULT),
        }
        if coming_down:
            parts["end"] = self._part("end", self.end, END_DEFAULT, log=True)
        if Shape.WSD in coming_down:
            parts["cooldown"] = self._part("cooldown", self.cooldown, COOLDOWN_DEFAULT)
        needs = {"end": coming_down, "cooldown": [Shape.WSD.value]}
        dials = {
            dial_name(self.name, part): self._under_conditions(dial, needs.get(part, shapes.choices), shapes)
            for part, dial in parts.items()
            if isinstance(dial, Float | Categorical)
        }
        fixed = {part: value for part, value in parts.items() if not isinstance(value, Float | Categorical)}
        object.__setattr__(self, "dials", dials)
        object.__setattr__(self, "fixed", fixed)

    def rate(self, params: Mapping[str, Any], steps: float) -> Rate:
        """The rate that a configuration stands for, over a run of so many steps; other dials in it do not matter.

        Raises SpaceError where a dial that counts under the shape is missing, InputError for values that cannot be.
        """
        shape = self._value("shape", params)
        _check_shape(dial_name(self.name, "shape"), shape)
        given = {"peak": self._value("peak", params), "warmup": self._value("warmup", params)}
        if Shape(shape).has_end:
            given["end"] = self._value("end", params)
        if shape == Shape.WSD:
            given["cooldown"] = self._value("cooldown", params)
        return Rate(steps=length(steps), shape=shape, **given)

    def __getitem__(self, name: str) -> Parameter:
        return self.dials[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.dials)

    def __len__(self) -> int:
        return len(self.dials)

    def _value(self, part: str, params: Mapping[str, Any]) -> Any:
        if part in self.fixed:
            return self.fixed[part]
        try:
            return params[dial_name(self.name, part)]
        except KeyError:
            remedy = "Give a configuration of a space that holds this schedule."
            raise SpaceError(dial_name(self.name, part), f"no value in {shown(dict(params))}", remedy) from None

    def _part(
        self, part: str, given: float | tuple[float, float] | Float, usual: float, log: bool = False
    ) -> Float | float:
        """A share: a value where it is fixed, else a dial, whose default is the usual value where that lies in it."""
        name = dial_name(self.name, part)
        if isinstance(given, Float):
            bounds: tuple[float, ...] = (given.low, given.high)
        elif isinstance(given, Sequence) and not isinstance(given, str):
            bounds = tuple(given)
            if len(bounds) != 2:
                raise SpaceError(name, f"{shown(given)} is no range", "Give (low, high), a value, or a Float.")
        else:
            bounds = (given,)
        try:
            shares = [share(name, bound) for bound in bounds]
        except InputError as error:
            raise SpaceError(name, error.problem, error.remedy) from None
        if isinstance(given, Float):
            return given
        if len(shares) == 1:
            return shares[0]
        low, high = shares
        default = usual if low <= usual <= high else None
        return declare(name, Float, low, high, log=log and low > 0, default=default)

    def _under_conditions(
        self, dial: Float | Categorical, needed: Sequence[str], shapes: Categorical
    ) -> Float | Categorical:
        """The dial, active where the whole schedule is, and under the shapes that need it where not all do."""
        some = {dial_name(self.name, "shape"): list(needed)} if len(needed) < len(shapes.choices) else {}
        conditions = {**(dial.when or {}), **(self.when or {}), **some}
        return replace(dial, when=conditions) if conditions else dial


def dial_name(name: str, part: str) -> str:
    """The name of a part's dial: the schedule's own for the peak, for that is what scripts call the learning rate."""
    return name if part == "peak" else f"{name}_{part}"


def _shapes(name: str, given: str | Sequence[str] | Categorical) -> Categorical:
    """The shapes as a dial; one of them where it is fixed."""
    if isinstance(given, Categorical):
        dial = given
    else:
        chosen = [str(each) for each in ([given] if isinstance(given, str) else given)]
        default = {"default": Shape.COSINE.value} if Shape.COSINE in chosen else {}
        dial = declare(name, Categorical, chosen, **default)  # type: ignore[arg-type]
    for choice in dial.choices:
        _check_shape(name, choice)
    return dial


def _check_shape(name: str, given: object) -> None:
    if given not in tuple(Shape):
        raise SpaceError(name, f"there is no schedule {shown(given)}", f"Use one of {', '.join(Shape)}.")


schedule = Schedule  # in the company of `tl.above` and `tl.between`: tl.Space(tl.schedule(1e-4, 1e-1), ...)
