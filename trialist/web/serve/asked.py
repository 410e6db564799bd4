"""What people asked of a study, did to it and noted on it: who, when, why."""

from __future__ import annotations

from collections.abc import Sequence

from trialist.protocols import Revision
from trialist.trials.instruction import Act, Instruction
from trialist.web.html import Html, el
from trialist.web.layout import section, table
from trialist.web.numbers import moment

_WORDS = {
    Act.STOP: "stop",
    Act.PAUSE: "pause",
    Act.RESUME: "go on",
    Act.NOTE: "note",
    Act.ENQUEUE: "queued a configuration",
    Act.EXTEND: "changed the budget",
}


def asked_section(asked: Sequence[Instruction]) -> Html:
    """All of it, the newest first."""
    if not asked:
        advice = "Nobody asked anything of this study, or noted anything on it, since it was declared."
        return section("asked", "Asked and noted", el("p", advice, class_="note"))
    return section("asked", "Asked and noted", asked_table(asked))


def asked_table(asked: Sequence[Instruction]) -> Html:
    rows = [
        el(
            "tr",
            el("td", moment(each.at)),
            el("td", el("bdi", each.who)),
            el("td", _WORDS[each.act]),
            el("td", "the study" if each.trial is None else f"trial {each.trial}"),
            el("td", el("bdi", each.words or "–"), class_="reason"),
        )
        for each in reversed(asked)
    ]
    return table(("when", "who", "what", "of", "why, or the note"), rows, "Asked and noted, the newest first")


def revisions_section(revisions: Sequence[Revision]) -> Html | None:
    """How plan and space changed after trial 0."""
    if len(revisions) < 2:
        return None
    shown = revisions[-200:]
    rows = [
        el(
            "tr",
            el("th", str(each.number), scope="row"),
            el("td", moment(each.at)),
            el("td", str(each.plan.budget)),
            el("td", str(len(each.space.names)), class_="number"),
            el("td", el("bdi", each.reason), class_="reason"),
        )
        for each in reversed(shown)
    ]
    head = ("revision", "when", "budget", "dials", "why")
    return section("revisions", "Plan and space over time", table(head, rows, "Revisions, the newest first"))


def pause_note(pause: Instruction | None) -> Html | None:
    """Says that the study is paused, where it is."""
    if pause is None:
        return None
    return el(
        "p",
        el("bdi", f"{str(pause)[:1].upper()}{str(pause)[1:]}. What runs goes on, nothing new starts."),
        class_="warning",
    )
