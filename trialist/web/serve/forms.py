"""The forms by which people act: each a dialog on a page, and without scripts a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trialist.space.parameter import Categorical, Int, Parameter
from trialist.space.space import Space
from trialist.space.tree import has_default
from trialist.trials.budget import Budget
from trialist.trials.trial import State, TrialRecord
from trialist.web.data import ReportData
from trialist.web.html import Child, Html, el, name
from trialist.web.layout import section
from trialist.web.numbers import setting

LIMITS = (
    ("trials", "trials in all", 1.0),
    ("minutes", "minutes of time", 60.0),
    ("compute_minutes", "minutes of compute", 60.0),
    ("cost", "cost", 1.0),
    ("full_runs", "full runs", 1.0),
)
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Form:
    """One thing that may be done. opener: on its button.  confirm: on the one that does it.  why: what a reason is
    called.  fields: what is asked beside the reason and the name.  trial: of which trial, where it is of one.
    is_due: its button is shown; the dialog is there in any case, since the state may change while a page is open.
    """

    act: str
    opener: str
    title: str
    words: str
    fields: Sequence[Html]
    confirm: str
    why: str = "Why"
    trial: int | None = None
    is_due: bool = True


def study_forms(data: ReportData, is_paused: bool, typed: Mapping[str, str] = _NONE) -> tuple[Form, ...]:
    """What may be done to a study. typed: what stands in the fields, where something was typed already."""
    pausing = (
        "What runs goes on to its end; nothing new starts until somebody resumes it. "
        "Waiting counts as time of the budget."
    )
    extending = (
        f"It is {data.plan.budget} now, trials already run included. Empty means no such limit. "
        "A run that is going on takes it up at once; a finished one has to be run again."
    )
    queued, going_on = "It is put into the queue and runs next.", "Whoever still runs it goes on at once."
    dials = _dials(data.space, data.best or data.baseline, typed)
    return (
        Form("enqueue", "Try a configuration …", "Try a configuration", queued, dials, "Queue it"),
        Form("pause", "Pause …", "Pause the study", pausing, (), "Pause", is_due=not is_paused),
        Form("resume", "Resume …", "Resume the study", going_on, (), "Resume", is_due=is_paused),
        Form(
            "extend", "Change the budget …", "Change the budget", extending, _limits(data.plan.budget, typed),
            "Change it",
        ),
        Form("note", "Note …", "Note on the study", "", (), "Keep", "Note"),
    )  # fmt: skip


def trial_forms(data: ReportData, record: TrialRecord, typed: Mapping[str, str] = _NONE) -> tuple[Form, ...]:
    """What may be done to a trial, and begun with its configuration."""
    stopping = (
        "It ends within a second or two, at its next report where it runs in the process that started it. "
        "What it reported counts."
    )
    n, dials = record.number, _dials(data.space, record, typed)
    begun = f"Begun with that of trial {n}."
    is_open = record.state in (State.RUNNING, State.WAITING)
    return (
        Form("stop", "Stop it …", f"Stop trial {n}", stopping, (), "Stop it", trial=n, is_due=is_open),
        Form("enqueue", "Try it again, or changed …", "Try a configuration", begun, dials, "Queue it"),
        Form("note", "Note …", f"Note on trial {n}", "", (), "Keep", "Note", n),
    )


def openers(forms: Sequence[Form], at: str, of: int | None = None) -> Html | None:
    """The buttons. A script opens the dialog of each; without one a button leads to the form's own page.

    at: the address of the study.  of: the trial whose page this is.
    """
    if not forms:
        return None
    buttons = [
        el(
            "form",
            el("input", type="hidden", name="trial", value=of) if of is not None else None,
            el("button", form.opener, type="submit", data_opens=f"do-{form.act}"),
            method="get",
            action=f"{at}/do/{form.act}",
        )
        for form in forms
        if form.is_due
    ]
    return el("div", *buttons, class_="actions")


def dialog(form: Form, at: str, csrf: str) -> Html:
    """A dialog that asks before it acts; shown by the page's script."""
    cancel = el("button", "Cancel", type="button", class_="cancel")
    inside = el("h2", form.title, id=f"do-{form.act}-title")
    return el(
        "dialog",
        _form(form, at, csrf, inside, cancel, _NONE, ""),
        id=f"do-{form.act}",
        aria_labelledby=f"do-{form.act}-title",
    )


def form_page(form: Form, at: str, csrf: str, back: str, typed: Mapping[str, str], problem: str) -> Html:
    """The same as a section of a page. back: where Cancel leads.  typed: what was asked before, and was refused."""
    cancel = el("a", "Cancel", href=back)
    return section("do", form.title, _form(form, at, csrf, None, cancel, typed, problem))


def _form(
    form: Form, at: str, csrf: str, head: Html | None, cancel: Html, typed: Mapping[str, str], problem: str
) -> Html:
    hidden = [el("input", type="hidden", name="csrf", value=csrf)]
    if form.trial is not None:
        hidden.append(el("input", type="hidden", name="trial", value=form.trial))
    why = el("textarea", typed.get("why", ""), name="why", rows=2, maxlength=2000)
    who = el("input", name="who", value=typed.get("who") or None, maxlength=80, autocomplete="name")
    asked: list[Child] = [
        el("label", el("span", form.why), why, class_="field"),
        el("label", el("span", "Your name"), who, class_="field"),
    ]
    return el(
        "form",
        head,
        el("p", form.words) if form.words else None,
        *hidden,
        *form.fields,
        *asked,
        el("p", problem, class_="problem", role="alert"),
        el("p", el("button", form.confirm, type="submit", class_="do"), cancel, class_="actions"),
        method="post",
        action=f"{at}/do/{form.act}",
    )


def _dials(space: Space, start: TrialRecord | None, typed: Mapping[str, str]) -> list[Html]:
    """A field for each dial, filled as it was typed, else as `start` has it, or as the default."""
    params = space.baseline() if start is None else start.params
    fields = []
    for dial in space.names:
        parameter, key = space[dial], f"dial:{dial}"
        if isinstance(parameter, Categorical):
            field = _choice(parameter, key, params.get(dial), dial in params, typed.get(key))
        else:
            value = typed.get(key, repr(params[dial]) if dial in params else "")
            field = el("input", name=key, value=value, inputmode="decimal", autocomplete="off")
        fields.append(el("label", el("span", name(dial)), field, el("small", _reach(parameter)), class_="field"))
    return fields


def _reach(parameter: Parameter) -> str:
    """What a dial may be: "0.0001 to 0.1 on a log scale, default 0.001"."""
    told = []
    if not isinstance(parameter, Categorical):
        whole = "whole, " if isinstance(parameter, Int) else ""
        scale = " on a log scale" if parameter.log else ""
        told.append(f"{whole}{setting(parameter.low)} to {setting(parameter.high)}{scale}")
        if parameter.step not in (None, 1):
            told.append(f"in steps of {setting(parameter.step)}")
    if has_default(parameter):
        told.append(f"default {setting(parameter.default)}")
    if parameter.when is not None:
        told.append(f"only where {parameter.when}")
    return ", ".join(told)


def _choice(parameter: Categorical, key: str, now: Any, is_active: bool, typed: str | None) -> Html:
    chosen = [is_active and _is(choice, now) if typed is None else typed == str(i)
              for i, choice in enumerate(parameter.choices)]  # fmt: skip
    options = [el("option", "(inactive, or its default)", value="", selected=not any(chosen))]
    options += [
        el("option", setting(choice), value=i, selected=is_chosen)
        for i, (choice, is_chosen) in enumerate(zip(parameter.choices, chosen, strict=True))
    ]
    return el("select", *options, name=key)


def _is(choice: Any, value: Any) -> bool:
    return type(choice) is type(value) and bool(choice == value)


def _limits(budget: Budget, typed: Mapping[str, str]) -> list[Html]:
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
            el("input", name=key, value=typed.get(key, _number(now[key])), inputmode="decimal"),
            class_="field",
        )
        for key, title, _ in LIMITS
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
