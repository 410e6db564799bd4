"""study.yaml: a whole study in one file, checked to the last key before anything is done.

Unknown keys are refused with the nearest right one; every mistake names its line, and all are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trialist.cli.amounts import budget_of, bytes_of, fidelity_of, seconds_of, validation_of
from trialist.errors import CommandError, InputError, shown
from trialist.space.condition import above, below, between
from trialist.space.parameter import Categorical, Float, Int, Normal, Parameter, declare
from trialist.trials.budget import Budget
from trialist.trials.stopping import Stopping, target_of, worth_of
from trialist.yamlfile import Document, read_yaml

Number = int | float
Text = str | list[str]
P = ParamSpec("P")
Given = TypeVar("Given")
_RANGE_KEYS = ("log", "int", "step")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DialEntry(_Strict):
    """One dial: `range: [low, high]` (or low, high) with log, int, step; or `choices`; and what both may have."""

    range: list[Number] | None = Field(None, min_length=2, max_length=2)
    low: Number | None = None
    high: Number | None = None
    log: bool = False
    int: bool = False
    step: Number | None = None
    choices: list[Any] | None = None
    ordered: bool = False
    default: Any = None
    when: dict[str, Any] | None = None
    prior: dict[Any, Number] | list[Number] | None = None


class StudyEntry(_Strict):
    """The keys of a study file."""

    command: Text
    dials: dict[str, DialEntry] = Field(default_factory=dict)
    forbid: Text | None = None
    require: Text | None = None
    name: str | None = None
    minimize: Text | None = None
    maximize: Text | None = None
    budget: Any = None
    workers: int | None = None
    seed: int | None = None
    strategy: str | None = None
    scheduler: str | None = None
    stopping: Text | None = None
    target: Number | str | dict[str, Number] | None = None
    worth: Number | str | None = None
    test: Text | None = None
    trial_seconds: Number | str | None = None
    trial_memory: int | str | None = None
    trial_cost: Number | None = None
    store: str | None = None
    finalists: int | None = None
    replicates: int | None = None
    test_seeds: int | None = None
    warm_start: Text | None = None
    fidelity: str | dict[str, Any] | None = None
    validation: str | dict[str, Any] | None = None
    prefer: str | None = None
    matters: Number | None = None


@dataclass(frozen=True, slots=True)
class StudyFile:
    """A study file read: its dials as parameters, its plain keys by name, amounts in seconds and bytes."""

    command: str | list[str]
    dials: dict[str, Parameter]
    forbid: list[str] = field(default_factory=list)
    require: list[str] = field(default_factory=list)
    budget: Budget | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)  # the others, as far as they were given


def read_study_file(path: str | Path) -> StudyFile:
    """Read a study file; CommandError tells every mistake with its line and remedy."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        remedy = "Give the path of a study file, or write one with `trialist init -- python train.py`."
        raise CommandError(str(path), "there is no such file", remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(str(path), f"it cannot be read ({error})", "Give a text file in UTF-8.") from None
    return study_file(str(path), text)


def study_file(name: str, text: str) -> StudyFile:
    """The study file in that text; `name` stands for it in messages."""
    document = read_yaml(name, text)
    if not isinstance(document.content, dict):
        problem = "it is empty" if document.content is None else f"{shown(document.content)} is no mapping of keys"
        raise CommandError(name, problem, "Give at least command, dials, and minimize or maximize.")
    mistakes = _Mistakes(name, document)
    try:
        entry = StudyEntry.model_validate(document.content)
    except ValidationError as error:
        for item in error.errors():
            mistakes.add_from_pydantic(item)
        mistakes.raise_if_any()
        raise
    dials = {}
    for dial, written in entry.dials.items():
        parameter = mistakes.collect(("dials", dial), _parameter, dial, written)
        if parameter is not None:
            dials[dial] = parameter
    keys: dict[str, Any] = {key: getattr(entry, key) for key in _PLAIN if getattr(entry, key) is not None}
    if entry.trial_seconds is not None:
        keys["trial_seconds"] = mistakes.collect(("trial_seconds",), seconds_of, "trial_seconds", entry.trial_seconds)
    if entry.trial_memory is not None:
        keys["trial_memory"] = mistakes.collect(("trial_memory",), bytes_of, "trial_memory", entry.trial_memory)
    if entry.fidelity is not None:
        keys["fidelity"] = mistakes.collect(("fidelity",), fidelity_of, "fidelity", entry.fidelity)
    if entry.validation is not None:
        keys["validation"] = mistakes.collect(("validation",), validation_of, "validation", entry.validation)
    if entry.stopping is not None:
        keys["stopping"] = entry.stopping
        mistakes.collect(("stopping",), Stopping.of, entry.stopping)
    if entry.target is not None:
        keys["target"] = mistakes.collect(("target",), target_of, entry.target)
    if entry.worth is not None:
        keys["worth"] = mistakes.collect(("worth",), worth_of, str(entry.worth))
    budget = None if entry.budget is None else mistakes.collect(("budget",), budget_of, entry.budget)
    mistakes.raise_if_any()
    return StudyFile(entry.command, dials, _listed(entry.forbid), _listed(entry.require), budget, keys)


_PLAIN = (
    "name", "minimize", "maximize", "workers", "seed", "strategy", "scheduler",
    "test", "store", "finalists", "replicates", "test_seeds", "warm_start", "trial_cost", "prefer",
    "matters",
)  # fmt: skip


class _Mistakes:
    """Gathers mistakes with their lines, to tell them all at once."""

    def __init__(self, name: str, document: Document) -> None:
        self.name, self.document = name, document
        self.found: list[tuple[int, InputError]] = []

    def add(self, path: tuple[str | int, ...], error: InputError) -> None:
        self.found.append((self.document.line(path), error))

    def collect(
        self, path: tuple[str | int, ...], read: Callable[P, Given], *args: P.args, **kw: P.kwargs
    ) -> Given | None:
        """What `read` gives; its InputError is kept under the path."""
        try:
            return read(*args, **kw)
        except InputError as error:
            self.add(path, error)
            return None

    def add_from_pydantic(self, item: Mapping[str, Any]) -> None:
        # Pydantic adds the branch of a union ("list[str]", "int") to the path; the document knows no such key.
        path = tuple(item["loc"])
        while path and item["type"] != "missing" and path not in self.document.lines:
            path = path[:-1]
        field_name = ".".join(str(part) for part in path)
        value = shown(item["input"])
        known = tuple((DialEntry if path[:1] == ("dials",) else StudyEntry).model_fields)
        if item["type"] == "extra_forbidden":
            near = get_close_matches(str(path[-1]), known, 1, 0.5)
            remedy = f"Use {near[0]!r}." if near else f"Use one of {', '.join(known)}."
            error = CommandError(field_name, f"there is no key {shown(path[-1])}", remedy)
        elif item["type"] == "missing":
            error = CommandError(
                field_name, "it is missing", f"Give {field_name}, such as {_EXAMPLES.get(field_name, '...')}."
            )
        else:
            wanted = str(item["msg"]).removeprefix("Input should be ").removeprefix("a valid ")
            error = CommandError(field_name, f"{value} is of the wrong kind", f"Give {_KINDS.get(wanted, wanted)}.")
        if not any(said.field == error.field for _, said in self.found):  # one per key, not one per branch
            self.add(path, error)

    def raise_if_any(self) -> None:
        if not self.found:
            return
        lines = [f"line {line}: {error}" for line, error in sorted(self.found, key=lambda found: found[0])]
        if len(lines) == 1:
            line, error = self.found[0]
            raise CommandError(error.field, f"{self.name} line {line}: {error.problem}", error.remedy) from None
        raise CommandError(self.name, f"{len(lines)} mistakes", "Change them:\n  " + "\n  ".join(lines)) from None


_EXAMPLES = {"command": "`command: python train.py --lr {lr}`"}
_KINDS = {
    "string": "text", "integer": "a whole number", "number": "a number", "list": "a list", "boolean": "true or false",
    "dictionary": "a mapping", "instance of DialEntry": "a mapping such as {range: [1e-4, 1], log: true}",
    "dictionary or instance of DialEntry": "a mapping such as {range: [1e-4, 1], log: true}",
}  # fmt: skip


def _parameter(name: str, entry: DialEntry) -> Parameter:
    given: dict[str, Any] = {key: getattr(entry, key) for key in ("default",) if key in entry.model_fields_set}
    if entry.when is not None:
        given["when"] = {parent: _part(name, part) for parent, part in entry.when.items()}
    is_range = entry.range is not None or entry.low is not None or entry.high is not None
    if is_range == (entry.choices is not None):
        what = "both a range and choices" if is_range else "neither a range nor choices"
        raise CommandError(f"dials.{name}", f"it has {what}", "Give range: [low, high], or choices: [a, b].")
    if entry.choices is not None:
        _refuse_keys(name, entry, _RANGE_KEYS, "choices")
        if entry.prior is not None:
            given["prior"] = entry.prior
        return declare(name, Categorical, entry.choices, ordered=entry.ordered, **given)
    _refuse_keys(name, entry, ("ordered",), "a range")
    if entry.prior is not None:
        if not isinstance(entry.prior, dict) or set(entry.prior) != {"mean", "sd"}:
            raise CommandError(f"dials.{name}.prior", f"{shown(entry.prior)} is no prior", "Give {mean: ..., sd: ...}.")
        given["prior"] = Normal(entry.prior["mean"], entry.prior["sd"])
    low, high = _bounds(name, entry)
    given["log"] = entry.log
    if entry.step is not None:
        given["step"] = entry.step
    return declare(name, Int, low, high, **given) if entry.int else declare(name, Float, low, high, **given)


def _bounds(name: str, entry: DialEntry) -> tuple[Any, Any]:
    if entry.range is not None:
        if entry.low is not None or entry.high is not None:
            raise CommandError(f"dials.{name}", "it has range as well as low or high", "Remove one of them.")
        return entry.range[0], entry.range[1]
    for bound in ("low", "high"):
        if getattr(entry, bound) is None:
            raise CommandError(f"dials.{name}.{bound}", "it is missing", "Give both bounds, or range: [low, high].")
    return entry.low, entry.high


def _refuse_keys(name: str, entry: DialEntry, keys: tuple[str, ...], kind: str) -> None:
    for key in keys:
        if key in entry.model_fields_set:
            raise CommandError(f"dials.{name}.{key}", f"{key} has no meaning for {kind}", "Remove it.")


def _part(name: str, part: Any) -> Any:
    """A condition's part: a value, a list of values, or {above: x}, {below: x}, {between: [a, b]}."""
    if not isinstance(part, dict):
        return part
    makers: dict[str, Callable[[Any], Any]] = {"above": above, "below": below, "between": lambda pair: between(*pair)}
    key = next(iter(part), None)
    wrong = len(part) != 1 or key not in makers or (key == "between" and not _is_pair(part[key]))
    if wrong:
        remedy = "Give a value, a list of values, {above: x}, {below: x} or {between: [a, b]}."
        raise CommandError(f"dials.{name}.when", f"{shown(part)} is no condition", remedy)
    return makers[str(key)](part[key])


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _listed(given: str | list[str] | None) -> list[str]:
    return [] if given is None else [given] if isinstance(given, str) else given
