"""Categorical dials: a choice among plain values, told apart by type and value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from trialist.errors import InputError, SpaceError, shown
from trialist.space.condition import Condition
from trialist.space.plain import check_plain, identity, plain
from trialist.space.prior import Weights

if TYPE_CHECKING:
    from collections.abc import Hashable

    from trialist.numerics.keys import Key

_SHOWN_CHOICES = 8


class _Unset(Enum):
    """Stands for a default that was not given: None may be a choice."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "no default"


UNSET = _Unset.UNSET


@dataclass(frozen=True, slots=True, repr=False)
class Categorical:
    """One of several plain, hashable values. 1, 1.0 and True are three choices.

    ordered: neighbours in the list resemble each other.  default: the choice of the baseline.  when: what must hold for
    the dial to be active.  prior: a positive weight for each choice, as a list or as a dict {choice: weight}.

    >>> Categorical(["adam", "sgd"]).decode(0.7)
    'sgd'
    """

    choices: Sequence[Any] = field(compare=False)
    _: KW_ONLY
    ordered: bool = False
    default: Any = field(default=UNSET, compare=False)
    when: Mapping[str, Any] | None = None
    prior: Sequence[float] | Mapping[Any, float] | None = None
    # Equality goes by identities, since (1,) == (True,).
    identities: tuple[Hashable, ...] = field(init=False)
    default_index: int | None = field(init=False)
    index_of: dict[Hashable, int] = field(init=False, compare=False)
    weights: Weights | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        choices, index_of = _checked_choices(self.choices)
        ordered: object = self.ordered
        if type(ordered) is not bool:
            problem = f"ordered {shown(ordered)} is not True or False"
            raise SpaceError("Categorical", problem, "Give True or False.")
        prior = None if self.prior is None else _checked_prior(self.prior, choices, index_of)
        fields: dict[str, Any] = {
            "choices": choices,
            "identities": tuple(index_of),
            "index_of": index_of,
            "when": Condition.of("Categorical", self.when),
            "prior": prior,
            "weights": None if prior is None else Weights.of(prior),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen once it is made
        index = None if self.default is UNSET else self._default_index()
        object.__setattr__(self, "default_index", index)

    def _default_index(self) -> int:
        try:
            default = self.check("Categorical", self.default)
        except SpaceError as error:
            raise SpaceError("Categorical", f"default {error.problem}", error.remedy) from None
        object.__setattr__(self, "default", default)
        return self.index_of[identity(default)]

    def check(self, name: str, value: Any) -> Any:
        """The choice that equals the value in type and value; raises SpaceError naming the dial if there is none."""
        index = self._index(value)
        if index is None:
            raise SpaceError(name, f"{shown(value)} is not one of the {len(self.choices)} choices", self._remedy(value))
        return self.choices[index]

    def decode(self, u: float) -> Any:
        """The choice in whose share u in [0, 1] lies; all shares are equal."""
        index = int(u * len(self.choices))
        return self.choices[index if index < len(self.choices) else -1]

    def encode(self, value: Any) -> float:
        """The middle of the choice's share of [0, 1]; raises SpaceError for what is no choice."""
        index = self._index(value)
        if index is None:
            raise SpaceError("Categorical", f"{shown(value)} is not one of the choices", self._remedy(value))
        return (index + 0.5) / len(self.choices)

    def from_prior(self, u: float) -> Any:
        """The choice in whose share of the prior u in [0, 1] lies."""
        return self.decode(u) if self.weights is None else self.choices[self.weights.index(u)]

    def draw(self, key: Key, name: str, attempt: int = 0) -> Any:
        """A random choice by the prior, a function of key, name and attempt alone."""
        if self.weights is None:
            return self.choices[key.integer(name, len(self.choices), attempt)]
        return self.from_prior(key.uniform(name, attempt))

    def mass(self, value: Any) -> float:
        """The probability that `draw` yields the choice."""
        return 1.0 / len(self.choices) if self.weights is None else self.weights.mass(self.index_of[identity(value)])

    @property
    def size(self) -> int:
        """The number of choices."""
        return len(self.choices)

    def values(self) -> Iterator[Any]:
        """All choices, in their order."""
        return iter(self.choices)

    def levels(self, n: int) -> list[Any]:
        """All choices: there is no spacing to thin them by."""
        return list(self.choices)

    def middle(self) -> Any:
        """The first choice: what stands in where no default is given."""
        return self.choices[0]

    @property
    def baseline(self) -> Any:
        """The default, or the first choice."""
        return self.choices[self.default_index or 0]

    def _index(self, value: Any) -> int | None:
        try:
            return self.index_of.get(identity(plain(value)))
        except (TypeError, RecursionError):  # unhashable or far too deep, so none of the choices
            return None

    def _remedy(self, value: Any) -> str:
        from difflib import get_close_matches

        words = [choice for choice in self.choices[:1000] if type(choice) is str]
        near = get_close_matches(value, words, n=1) if type(value) is str and len(value) < 100 else []
        more = f" and {len(self.choices) - _SHOWN_CHOICES} more" if len(self.choices) > _SHOWN_CHOICES else ""
        some = ", ".join(shown(choice) for choice in self.choices[:_SHOWN_CHOICES]) + more
        return f"Use {shown(near[0])}, or another one of {some}." if near else f"Choose one of {some}."

    def __repr__(self) -> str:
        choices = ", ".join(repr(choice) for choice in self.choices[:_SHOWN_CHOICES])
        if len(self.choices) > _SHOWN_CHOICES:
            choices += f", ... {len(self.choices) - _SHOWN_CHOICES} more"
        arguments = [f"[{choices}]"]
        if self.ordered:
            arguments.append("ordered=True")
        if self.default is not UNSET:
            arguments.append(f"default={self.default!r}")
        if self.when is not None:
            arguments.append(f"when={self.when!r}")
        if self.prior is not None:
            arguments.append(f"prior={shown(list(self.prior))}")
        return f"Categorical({', '.join(arguments)})"


def _checked_choices(given: Any) -> tuple[tuple[Any, ...], dict[Hashable, int]]:
    if isinstance(given, str | bytes | Mapping) or not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
        problem = f"choices {shown(given)} is of type {type(given).__name__}, not a list"
        raise SpaceError("Categorical", problem, "Give a list of choices.")
    choices = tuple(plain(choice) for choice in given)
    if not choices:
        raise SpaceError("Categorical", f"choices {shown(given)} are empty", "Give at least one choice.")
    index_of: dict[Hashable, int] = {}
    for index, choice in enumerate(choices):
        if not _is_ordinary(choice):
            _check_choice(choice)
        if index_of.setdefault(identity(choice), index) != index:
            raise SpaceError("Categorical", f"choice {shown(choice)} is given twice", "Remove one of them.")
    return choices, index_of


def _is_ordinary(choice: Any) -> bool:
    """Whether a choice needs no closer look, so that a million of them are quickly checked."""
    kind = type(choice)
    if kind is str:
        return len(choice) < 1000 and choice.isascii()
    return kind is int and choice.bit_length() < 1000


def _check_choice(choice: Any) -> None:
    try:
        check_plain("Categorical", choice, hashable=True)
    except InputError as error:
        raise SpaceError("Categorical", f"choice {error.problem}", error.remedy) from None
    if _has_nan(choice):
        problem = f"choice {shown(choice)} is not equal to itself, so it could not be told apart"
        raise SpaceError("Categorical", problem, "Use None or a word such as 'missing' instead.")


def _has_nan(choice: Any) -> bool:
    return any(map(_has_nan, choice)) if type(choice) is tuple else bool(choice != choice)


def _checked_prior(given: Any, choices: tuple[Any, ...], index_of: dict[Hashable, int]) -> tuple[float, ...]:
    weights = list(given.values()) if isinstance(given, Mapping) else given
    if isinstance(given, Mapping):
        named = {identity(plain(choice)): weight for choice, weight in given.items()}
        if named.keys() != index_of.keys():
            problem = f"prior {shown(given)} does not name every choice once"
            raise SpaceError("Categorical", problem, f"Give one weight for each of {shown(list(choices))}.")
        weights = [named[key] for key in index_of]
    if isinstance(weights, str) or not hasattr(weights, "__len__") or len(weights) != len(choices):
        problem = f"prior {shown(given)} does not have one weight for each of the {len(choices)} choices"
        raise SpaceError("Categorical", problem, "Give a list of weights, as long as the choices.")
    for weight in (numbers := [plain(weight) for weight in weights]):
        if type(weight) not in (int, float) or not 1e-12 <= weight <= 1e12:
            remedy = "Give positive weights; to exclude a choice, remove it."
            raise SpaceError("Categorical", f"prior holds the weight {shown(weight)}", remedy)
    return tuple(float(weight) for weight in numbers)
