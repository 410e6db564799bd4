"""The dialogs by which people act, one for each thing that may be done, and what a form asks for becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trialist.errors import PlanError, SpaceError, shown
from trialist.protocols import Store
from trialist.space.parameter import Categorical, Int
from trialist.space.space import Space
from trialist.study.study import Study
from trialist.trials.instruction import Act
from trialist.trials.plan import Budget
from trialist.trials.trial import State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.html import Child, Html, el, name
from trialist.web.numbers import setting

_LIMITS = (
    ("trials", "trials in all", 1.0),
    ("minutes", "minutes of time", 60.0),
    ("compute_minutes", "minutes of compute", 60.0),
    ("cost", "cost", 1.0),
    ("full_runs", "full runs", 1.0),
)


@dataclass(frozen=True, slots=True)
class Doer:
    """Who acts: as the form says, and from where. Nobody is asked to prove it: whoever has the token may act."""

    name: str
    client: str

    def __str__(self) -> str:
        return f"{self.name.strip()[:80] or 'somebody'} (dashboard, {self.client})"


def study_actions(data: ReportData, is_paused: bool, at: str, csrf: str) -> tuple[Html | None, list[Html]]:
    """The buttons for a study, and their dialogs; neither where nothing may be done."""
    if not csrf:
        return None, []
    going = ("resume", "Resume …") if is_paused else ("pause", "Pause …")
    openers = (
        _opener("enqueue", "Try a configuration …"),
        _opener(*going),
        _opener("extend", "Change the budget …"),
        _opener("note", "Note …"),
    )
    pausing = (
        "What runs goes on to its end; nothing new starts until somebody resumes it. "
        "Waiting counts as time of the budget."
    )
    extending = (
        f"It is {data.plan.budget} now, trials already run included. Empty means no such limit. "
        "A run that is going on takes it up at once; a finished one has to be run again."
    )
    dials, limits = _dials(data.space, data.best or data.baseline), _limits(data.plan.budget)
    queued, going_on = "It is put into the queue and runs next.", "Whoever still runs it goes on at once."
    dialogs = [
        _dialog("enqueue", "Try a configuration", queued, at, csrf, dials, "Queue it"),
        _dialog("pause", "Pause the study", pausing, at, csrf, [], "Pause"),
        _dialog("resume", "Resume the study", going_on, at, csrf, [], "Resume"),
        _dialog("extend", "Change the budget", extending, at, csrf, limits, "Change it"),
        _dialog("note", "Note on the study", "", at, csrf, [], "Keep", "Note"),
    ]
    return el("p", *openers, class_="actions"), dialogs


def trial_actions(data: ReportData, record: TrialRecord, at: str, csrf: str) -> tuple[Html | None, list[Html]]:
    """The buttons for a trial, and their dialogs. at: the address of the study."""
    if not csrf:
        return None, []
    openers = (
        _opener("stop", "Stop it …") if record.state in (State.RUNNING, State.WAITING) else None,
        _opener("enqueue", "Try it again, or changed …"),
        _opener("note", "Note …"),
    )
    stopping = (
        "It ends within a second or two, at its next report where it runs in the process that started it. "
        "What it reported counts."
    )
    number = el("input", type="hidden", name="trial", value=record.number)
    begun, dials = f"Begun with that of trial {record.number}.", _dials(data.space, record)
    dialogs = [
        _dialog("stop", f"Stop trial {record.number}", stopping, at, csrf, [number], "Stop it"),
        _dialog("enqueue", "Try a configuration", begun, at, csrf, dials, "Queue it"),
        _dialog("note", f"Note on trial {record.number}", "", at, csrf, [number], "Keep", "Note"),
    ]
    return el("p", *openers, class_="actions"), dialogs


def done(store: Store, study: Study, act: str, form: Mapping[str, str], doer: Doer, at: float) -> str:
    """Do what a form asks for; what was done, in a sentence. A typed error, and nothing is done, for what cannot be."""
    steps: Mapping[str, Callable[[], str]] = {
        "enqueue": lambda: _enqueue(store, study, form, doer, at),
        "stop": lambda: _stop(study, form, doer),
        "pause": lambda: f"Paused: {study.pause(_why(form), who=str(doer))}.",
        "resume": lambda: f"It may go on: {study.resume(_why(form), who=str(doer))}.",
        "extend": lambda: _extend(study, form, doer),
        "note": lambda: _note(study, form, doer),
    }
    if act not in steps:
        raise PlanError("action", f"{shown(act)} is none", f"Use one of {', '.join(steps)}.")
    return steps[act]()


def _enqueue(store: Store, study: Study, form: Mapping[str, str], doer: Doer, at: float) -> str:
    params = configuration(study.space, {key[5:]: text for key, text in form.items() if key.startswith("dial:")})
    why = _why(form)
    number = study.enqueue(params, f"asked for by {doer}" + (f": {why}" if why else ""))
    store.instruct(study.name, Act.ENQUEUE, str(doer), why, at, number)
    return f"Trial {number} is in the queue."


def _stop(study: Study, form: Mapping[str, str], doer: Doer) -> str:
    number = _number(form)
    study.stop(number, _why(form), who=str(doer))
    return f"Trial {number} is to stop."


def _extend(study: Study, form: Mapping[str, str], doer: Doer) -> str:
    given = {key: _amount(key, form.get(key, "")) for key, _, _ in _LIMITS}
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
    return f"The budget is {budget} now."


def _note(study: Study, form: Mapping[str, str], doer: Doer) -> str:
    number = _number(form) if form.get("trial") else None
    study.note(_why(form), number, who=str(doer))
    return "Noted."


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


def _dials(space: Space, start: TrialRecord | None) -> list[Html]:
    """A field for each dial, filled as `start` has it, or as the default."""
    params = space.baseline() if start is None else start.params
    fields = []
    for dial in space.names:
        parameter = space[dial]
        if isinstance(parameter, Categorical):
            options = [el("option", "(inactive, or its default)", value="", selected=dial not in params)]
            options += [
                el("option", setting(choice), value=i, selected=dial in params and _is(choice, params[dial]))
                for i, choice in enumerate(parameter.choices)
            ]
            field = el("select", *options, name=f"dial:{dial}")
        else:
            value = repr(params[dial]) if dial in params else ""
            field = el("input", name=f"dial:{dial}", value=value, inputmode="decimal", autocomplete="off")
        fields.append(el("label", el("span", name(dial)), field, el("small", repr(parameter)), class_="field"))
    return fields


def _is(choice: Any, value: Any) -> bool:
    return type(choice) is type(value) and bool(choice == value)


def _limits(budget: Budget) -> list[Html]:
    now = {
        "trials": budget.trials,
        "minutes": None if budget.seconds is None else budget.seconds / 60,
        "compute_minutes": None if budget.compute_seconds is None else budget.compute_seconds / 60,
        "cost": budget.cost,
        "full_runs": budget.full_runs,
    }
    return [
        el(
            "label",
            el("span", title),
            el("input", name=key, value="" if now[key] is None else f"{now[key]:.10g}", inputmode="decimal"),
            class_="field",
        )
        for key, title, _ in _LIMITS
    ]


def _dialog(
    act: str, title: str, words: str, at: str, csrf: str, fields: list[Html], confirm: str, why: str = "Why"
) -> Html:
    """A dialog that asks before it acts."""
    hidden = el("input", type="hidden", name="csrf", value=csrf)
    asked: list[Child] = [
        el("label", el("span", why), el("textarea", "", name="why", rows=2, maxlength=2000), class_="field"),
        el(
            "label", el("span", "Your name"), el("input", name="who", maxlength=80, autocomplete="name"), class_="field"
        ),
    ]
    return el(
        "dialog",
        el(
            "form",
            el("h2", title, id=f"do-{act}-title"),
            el("p", words) if words else None,
            hidden,
            *fields,
            *asked,
            el("p", "", class_="problem", role="alert"),
            el(
                "p",
                el("button", confirm, type="submit", class_="do"),
                el("button", "Cancel", type="button", class_="cancel"),
                class_="actions",
            ),
            method="post",
            action=f"{at}/do/{act}",
        ),
        id=f"do-{act}",
        aria_labelledby=f"do-{act}-title",
    )


def _opener(act: str, title: str) -> Html:
    return el("button", title, type="button", data_opens=f"do-{act}")


def _why(form: Mapping[str, str]) -> str:
    return form.get("why", "").strip()[:2_000]


def _number(form: Mapping[str, str]) -> int:
    text = form.get("trial", "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise PlanError("trial", f"{shown(text)} is not the number of a trial", "Give one, such as 7.")
    return int(text)


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
