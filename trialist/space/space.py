"""The space: named dials, their conditions and constraints; checks, draws, encodes and completes configurations.

A configuration is a plain dict of the active dials, in the order of declaration. The unit cube has one coordinate for
each dial, in the same order; coordinates of inactive dials carry nothing (0.5 when encoded).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trialist.errors import SpaceError, shown
from trialist.space import enumeration
from trialist.space.baseline import allowed_near
from trialist.space.categorical import Categorical
from trialist.space.checking import check_names, check_parameter, checked, checked_dials, unknown_dial
from trialist.space.constraint import Constraint, Rule, constraints_of
from trialist.space.narrowing import narrowed
from trialist.space.parameter import Parameter, check_name
from trialist.space.plain import identity
from trialist.space.tree import Tree, has_default, resolved
from trialist.space.written import tree_from_json, tree_to_json

if TYPE_CHECKING:
    import numpy as np

    from trialist.numerics.keys import Key
    from trialist.space.condition import Condition

# Rejected draws before a small space is enumerated, and before a large one is given up (well under two seconds).
_PATIENCE, _LAST_ATTEMPT = 1000, 30_000


class Space:
    """Named parameters with conditions and constraints; immutable.

    `Space(lr=Float(...), ...)`, or a dict where names are not Python names. `forbid` and `require` take expressions
    such as "batch > 256 and lr > 0.05" or functions of the configuration (a dict of the active dials); a constraint
    that mentions an inactive dial does not apply. Raises SpaceError for what cannot be, naming the dial.

    >>> from trialist import Float
    >>> momentum = Float(0.0, 0.9, default=0.5, when={"solver": "sgd"})
    >>> space = Space(solver=Categorical(["adam", "sgd"]), momentum=momentum)
    >>> space.baseline()
    {'solver': 'adam'}
    >>> space.complete({"solver": "sgd"})
    {'solver': 'sgd', 'momentum': 0.5}
    """

    __slots__ = ("_baseline", "_categorical", "_draws", "_encoders", "_is_plain", "_pool", "_size", "_tree", "names")

    names: tuple[str, ...]

    def __init__(
        self,
        parameters: Mapping[str, Parameter] | None = None,
        /,
        *,
        forbid: Any = (),
        require: Any = (),
        **named: Parameter,
    ) -> None:
        given = checked_dials({} if parameters is None else parameters, named)
        dials = {name: resolved(name, parameter, given) for name, parameter in given.items()}
        constraints = (
            *constraints_of(Rule.FORBID, forbid, dials),
            *constraints_of(Rule.REQUIRE, require, dials),
        )
        self._compile(Tree.of(dials, constraints), lenient=False)

    @classmethod
    def _made(cls, tree: Tree) -> Space:
        """A space from parts that were checked before; its defaults may have fallen into a forbidden region."""
        space = cls.__new__(cls)
        space._compile(tree, lenient=True)
        return space

    def _compile(self, tree: Tree, lenient: bool) -> None:
        self._tree, self.names = tree, tuple(tree.parameters)
        self._is_plain = not tree.has_conditions and not tree.constraints
        self._draws: list[tuple[str, Callable[..., Any]]] = [(n, p.draw) for n, p in tree.parameters.items()]
        self._encoders: list[tuple[str, Callable[[Any], float]]] = [(n, p.encode) for n, p in tree.parameters.items()]
        self._categorical = frozenset(n for n, p in tree.parameters.items() if isinstance(p, Categorical))
        self._size: int | None = -1  # not counted yet
        self._pool: enumeration.Pool | None = None
        # A space from a store may have stand-ins for its functions, and is looked at, not drawn from: computed on use.
        self._baseline: dict[str, Any] | None = None if lenient else self._allowed_baseline(lenient=False)

    def _allowed_baseline(self, lenient: bool) -> dict[str, Any]:
        tree = self._tree
        filled = tree.filled({}, {})
        if tree.allows(filled):
            return filled
        undeclared = {name for name, parameter in tree.parameters.items() if not has_default(parameter)}
        found = allowed_near(tree, filled, undeclared) if undeclared else None
        if found is None and lenient:
            found = allowed_near(tree, filled, self.names)
        if found is None:
            broken = tree.broken(filled)
            problem = f"the default configuration {shown(filled)} breaks {broken}"
            remedy = "Give defaults that keep to it, or widen the bounds."
            raise SpaceError(", ".join(broken.names) or broken.text, problem, remedy)
        return found

    @property
    def _default(self) -> dict[str, Any]:
        if self._baseline is None:
            self._baseline = self._allowed_baseline(lenient=True)
        return self._baseline

    # What is in it

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self._tree.parameters[name]
        except KeyError:
            raise unknown_dial(self._tree, name) from None

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._tree.parameters

    def items(self) -> Iterator[tuple[str, Parameter]]:
        """Names and parameters, in the order of declaration."""
        return iter(self._tree.parameters.items())

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints, forbidden ones first."""
        return self._tree.constraints

    @property
    def order(self) -> tuple[tuple[str, Condition | None], ...]:
        """The dials with their conditions, parents first."""
        return self._tree.order

    @property
    def has_conditions(self) -> bool:
        """Whether some dials are active only at times."""
        return self._tree.has_conditions

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        same_dials = self.names == other.names and self._tree.parameters == other._tree.parameters
        return same_dials and self._tree.constraints == other._tree.constraints

    def __hash__(self) -> int:
        return hash((self.names, self._tree.constraints))

    def __repr__(self) -> str:
        lines = [f"    {n if n.isidentifier() else repr(n)}={p!r}," for n, p in self._tree.parameters.items()]
        for rule in Rule:
            texts = [constraint.text for constraint in self._tree.constraints if constraint.rule is rule]
            lines += [f"    {rule.value}={texts!r},"] if texts else []
        return "Space(\n" + "\n".join(lines) + "\n)" if lines else "Space()"

    def __reduce__(self) -> tuple[Any, ...]:
        callables = tuple(constraint.test for constraint in self._tree.constraints if constraint.is_callable)
        return Space.from_json, (self.to_json(), callables)

    # Configurations

    def active(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The dials that are active under these parameters, in the order of declaration."""
        return self._tree.active(params) if self._tree.has_conditions else self.names

    def check(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration in its canonical form; raises SpaceError naming the dial, the value and the remedy.

        Every active dial must be there, no inactive and no unknown one, and the constraints must hold.
        """
        return checked(self._tree, params)

    def complete(self, partial: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration with baselines filled in for the active dials that are missing; raises as `check` does."""
        check_names(self._tree, partial)
        return self.check({**partial, **self._tree.filled(partial, self._default)})

    def allows(self, params: Mapping[str, Any]) -> bool:
        """Whether the constraints hold for the active parameters."""
        return self._tree.allows(params)

    def baseline(self) -> dict[str, Any]:
        """The default configuration: defaults, and the middle of the scale (the first choice) where there is none.

        If middles break a constraint, an allowed configuration near them stands in; see `baseline.allowed_near`.
        """
        return dict(self._default)

    @property
    def undeclared_defaults(self) -> tuple[str, ...]:
        """The active dials of the baseline for which no default was given."""
        return tuple(name for name in self._default if not has_default(self._tree.parameters[name]))

    def identity(self, params: Mapping[str, Any]) -> tuple[Hashable, ...]:
        """A hashable stand-in for a canonical configuration, equal for equal ones only; types of choices matter."""
        categorical = self._categorical
        return tuple(
            (name, identity(params[name]) if name in categorical else params[name])
            for name in self.names
            if name in params
        )

    # Draws and the unit cube

    def draw(self, key: Key) -> dict[str, Any]:
        """A random configuration by the priors under conditions and constraints, exactly: a function of the key alone.

        Forbidden draws are rejected, never repaired. Where nearly all are, a space of at most 100,000 configurations is
        enumerated instead; a larger one raises SpaceError.
        """
        if self._is_plain:
            return {name: draw(key, name) for name, draw in self._draws}
        for attempt in range(_LAST_ATTEMPT):
            params = self._drawn(key, attempt)
            if self.allows(params):
                return self._tree.in_order(params)
            if attempt == _PATIENCE:
                self._pool = self._pool or enumeration.small_pool(self._tree)
                if self._pool is not None:
                    return self._pool.pick(key.uniform("\x00pool"))
        raise SpaceError(
            ", ".join(dict.fromkeys(name for constraint in self._tree.constraints for name in constraint.names))
            or "Space",
            f"{self._tree.constraints[0]} and its like leave less than 1 in {_LAST_ATTEMPT:,} draws",
            "Give narrower bounds, or fewer constraints.",
        )

    def decode(self, u: Sequence[float]) -> dict[str, Any]:
        """The configuration at u, a point of the unit cube; constraints are not looked at (see `allows`)."""
        return self._mapped(u, lambda parameter, position: parameter.decode(position))

    def from_prior(self, u: Sequence[float]) -> dict[str, Any]:
        """The configuration at u through the priors: uniform points become draws; constraints are not looked at."""
        return self._mapped(u, lambda parameter, position: parameter.from_prior(position))

    def encode(self, params: Mapping[str, Any]) -> list[float]:
        """The point of the unit cube, one coordinate for each dial; 0.5 where a dial has no value.

        Numbers outside their bounds lie at the nearer end; a value that is no choice raises SpaceError.
        """
        try:
            return [encode(params[name]) if name in params else 0.5 for name, encode in self._encoders]
        except SpaceError:
            for name in self._categorical.intersection(params):
                self._tree.parameters[name].check(name, params[name])  # the same refusal, naming the dial
            raise

    def encode_many(self, configurations: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """The points of several configurations, (n, d)."""
        import numpy as np

        points = [self.encode(params) for params in configurations]
        return np.array(points, dtype=float).reshape(len(points), len(self))

    # Finite spaces and grids

    @property
    def size(self) -> int | None:
        """The number of distinct allowed configurations; None if there are, or may be, more than a million."""
        if self._size == -1:
            self._size = enumeration.size(self._tree)
        return self._size

    def configurations(self) -> Iterator[dict[str, Any]]:
        """All allowed configurations of a finite space, in a stable order; raises SpaceError for a continuous dial."""
        return enumeration.configurations(self._tree)

    def grid(self, resolution: int | Mapping[str, int]) -> list[dict[str, Any]]:
        """The distinct allowed configurations of a grid; see `enumeration.grid`."""
        return enumeration.grid(self._tree, resolution)

    # Other spaces made of it

    def narrowed(self, bounds: Mapping[str, Any]) -> Space:
        """The part of the space inside bounds: (low, high) for numeric dials, a list of choices for categorical ones.

        Bounds are clipped to the present ones, and on a grid of steps moved outwards to its values. Scales, conditions
        and constraints stay; a default outside becomes the nearest value.
        """
        for name in bounds:
            if name not in self._tree.parameters:
                raise unknown_dial(self._tree, name)
        space = Space._made(narrowed(self._tree, bounds))
        space.baseline()  # computed now, so that a part without any allowed configuration is refused here
        return space

    def with_parameter(self, name: str, parameter: Parameter) -> Space:
        """The space with one more dial: itself if it has the same dial already; SpaceError if it has another one."""
        known = self._tree.parameters.get(name)
        if known is None:
            check_name(name)
            check_parameter(name, parameter)
            parameters = {**self._tree.parameters, name: parameter}
            parameters[name] = resolved(name, parameter, parameters)
            return Space._made(Tree.of(parameters, self._tree.constraints))
        if known == parameter:
            return self
        problem = f"{shown(parameter)} is not what was declared before, {shown(known)}"
        raise SpaceError(name, problem, "Use the same declaration every time, or choose another name.")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, from which `from_json` makes an equal space. Callables are kept by name alone."""
        return tree_to_json(self._tree)

    @classmethod
    def from_json(cls, written: Mapping[str, Any], callables: Sequence[Callable[..., object]] = ()) -> Space:
        """The space that `to_json` wrote; `callables` are its callable constraints, in the order of declaration."""
        return cls._made(tree_from_json(written, callables))

    # Helpers

    def _drawn(self, key: Key, attempt: int) -> dict[str, Any]:
        if not self._tree.has_conditions:
            return {name: draw(key, name, attempt) for name, draw in self._draws}
        params: dict[str, Any] = {}
        for name, condition in self._tree.order:
            if condition is None or condition.holds(params):
                params[name] = self._tree.parameters[name].draw(key, name, attempt)
        return params

    def _mapped(self, u: Sequence[float], value: Callable[[Parameter, float], Any]) -> dict[str, Any]:
        if len(u) != len(self.names):
            problem = f"{len(u)} coordinates for {len(self.names)} dials"
            raise SpaceError("u", problem, "Give one coordinate for each dial.")
        position = dict(zip(self.names, u, strict=True))
        params: dict[str, Any] = {}
        for name, condition in self._tree.order:
            if condition is None or condition.holds(params):
                params[name] = value(self._tree.parameters[name], float(position[name]))
        return self._tree.in_order(params)
