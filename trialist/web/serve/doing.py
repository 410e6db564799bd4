"""What a form asks for, done: each act is written to the store with who did it, from where, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trialist.errors import PlanError, SpaceError, shown
from trialist.protocols import Store
from trialist.space.parameter import Categorical, Int
from trialist.space.space import Space
from trialist.study.steered import Steered
from trialist.trials.instruction import Act
from trialist.web.serve.forms import LIMITS

# What is said of an act on the page that follows it, where no script shows the whole answer.
DID = {
    "enqueue": "It is in the queue.",
    "stop": "It is to stop.",
    "pause": "Paused.",
    "resume": "It may go on.",
    "extend": "The budget is changed.",
    "note": "Noted.",
}


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts: as the form says, and from where. Nobody is asked to prove it: whoever has the token may act."""

    name: str
    client: str

    def __str__(self) -> str:
        return f"{self.name.strip()[:80] or 'somebody'} (dashboard, {self.client})"


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in a sentence, and to which trial, where it was to one."""

    words: str
    trial: int | None = None


def done(store: Store, study: Steered, act: str, form: Mapping[str, str], doer: Doer, at: float) -> Done:
    """Do what a form asks for. A typed error, and nothing is done, for what cannot be."""
    steps: Mapping[str, Callable[[], Done]] = {
        "enqueue": lambda: _enqueue(store, study, form, doer, at),
        "stop": lambda: _stop(study, form, doer),
        "pause": lambda: Done(f"Paused: {study.pause(_why(form), who=str(doer))}."),
        "resume": lambda: Done(f"It may go on: {study.resume(_why(form), who=str(doer))}."),
        "extend": lambda: _extend(study, form, doer),
        "note": lambda: _note(study, form, doer),
    }
    if act not in steps:
        raise PlanError("action", f"{shown(act)} is none", f"Use one of {', '.join(steps)}.")
    return steps[act]()


def _enqueue(store: Store, study: Steered, form: Mapping[str, str], doer: Doer, at: float) -> Done:
    params = configuration(study.space, {key[5:]: text for key, text in form.items() if key.startswith("dial:")})
    why = _why(form)
    number = study.enqueue(params, f"asked for by {doer}" + (f": {why}" if why else ""))
    store.instruct(study.name, Act.ENQUEUE, str(doer), why, at, number)
    return Done(f"Trial {number} is in the queue.", number)


def _stop(study: Steered, form: Mapping[str, str], doer: Doer) -> Done:
    number = trial_of(form)
    study.stop(number, _why(form), who=str(doer))
    return Done(f"Trial {number} is to stop.", number)


def _extend(study: Steered, form: Mapping[str, str], doer: Doer) -> Done:
    given = {key: _amount(key, form.get(key, "")) for key, _, _ in LIMITS}
    before = study.declared.budget
    budget = replace(
        before,
        trials=None if given["trials"] is None else _whole("trials", given["trials"]),
        seconds=None if given["minutes"] is None else 60 * given["minutes"],
        compute_seconds=None if given["compute_minutes"] is None else 60 * given["compute_minutes"],
        cost=given["cost"],
        full_runs=given["full_runs"],
    )
    if budget == before:
        raise PlanError("budget", f"it is {before} already", "Change a limit.")
    study.extend(budget, _why(form), who=str(doer))
    return Done(f"The budget is {budget} now.")


def _note(study: Steered, form: Mapping[str, str], doer: Doer) -> Done:
    number = trial_of(form) if form.get("trial") else None
    study.note(_why(form), number, who=str(doer))
    return Done("Noted.", number)


def configuration(space: Space, texts: Mapping[str, str]) -> dict[str, Any]:
    """A configuration of what was typed; empty fields are left out, and take their default where they are active.

    SpaceError for what is no value of its dial.
    """
    found: dict[str, Any] = {}
    for dial, text in texts.items():
        if dial not in space or not text.strip():
            continue
        parameter = space[dial]
        if isinstance(parameter, Categorical):
            choices = parameter.choices
            if not (text.isascii() and text.isdigit() and int(text) < len(choices)):
                raise SpaceError(dial, f"{shown(text)} is none of its choices", "Choose one of the list.")
            found[dial] = choices[int(text)]
            continue
        try:
            found[dial] = int(text) if isinstance(parameter, Int) else float(text)
        except ValueError:
            kind = "a whole number" if isinstance(parameter, Int) else "a number"
            raise SpaceError(dial, f"{shown(text)} is not {kind}", f"Give one, as in {parameter!r}.") from None
    return found


def trial_of(form: Mapping[str, str]) -> int:
    """The number of the trial that a form is of; PlanError where it is none."""
    text = form.get("trial", "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise PlanError("trial", f"{shown(text)} is not the number of a trial", "Give one, such as 7.")
    return int(text)


def _why(form: Mapping[str, str]) -> str:
    return form.get("why", "").strip()[:2_000]


def _amount(key: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise PlanError(key, f"{shown(text)} is not a number", "Give one, or nothing for no such limit.") from None


def _whole(key: str, value: float) -> int:
    if not value.is_integer():
        raise PlanError(key, f"{value:g} is not a whole number", "Give one.")
    return int(value)
