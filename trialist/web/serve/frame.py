"""What every page stands in: head, way back, links to the study's other pages, the line that tells of changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from trialist.web.assets import SCRIPTS, STYLES, bytes_of
from trialist.web.html import Child, Html, el, join, name
from trialist.web.serve.places import study_at

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" fill="none" '
    'stroke="#0072b2" stroke-width="4"/><path d="M9 17l5 5 10-12" fill="none" stroke="#0072b2" stroke-width="4"/></svg>'
)
OURS = ("live.js",)
PAGES = (
    ("", "Overview"),
    ("trials", "Trials"),
    ("dials", "Dials"),
    ("validity", "Validity"),
    ("failures", "Failures"),
    ("llm", "Model"),
    ("asked", "Asked and noted"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a page needs beside its content.

    study: its name; empty on the list of studies.  here: the page's place in PAGES, None on a page below one.
    crumbs: (title, address) between the study and this page.  events: where changes are told.  moment: as which the
    page was made, the id of an event.  csrf: empty where nothing may be changed.  done: what was just
    done, where no script says it.
    """

    title: str
    study: str = ""
    here: str | None = None
    crumbs: Sequence[tuple[str, str]] = ()
    events: str = ""
    moment: str = ""
    progress: str = ""
    csrf: str = ""
    done: str = ""
    pages: Sequence[str] = ()


def framed(frame: Frame, *content: Child, after: Sequence[Child] = ()) -> str:
    """A whole page. after: what stands behind its content and is not renewed, such as dialogs."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="csrf", content=frame.csrf) if frame.csrf else None,
        el("title", f"{frame.title} – Trialist"),
        el("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        *(el("link", rel="stylesheet", href=asset(style)) for style in (*STYLES, "live.css")),
        *(el("script", src=asset(script), defer=True) for script in (*SCRIPTS, *OURS)),
    )
    live = join(
        el("p", frame.progress, id="progress", role="status", class_="note"),
        el("p", frame.done, id="done", role="status"),
    )
    body = el(
        "body",
        el("a", "Skip to the content", href="#content", class_="skip"),
        el("header", _crumbs(frame), el("h1", name(frame.title)), live, _pages(frame)),
        el(
            "noscript", el("p", "Without scripts no chart is drawn, and pages stay as they were loaded.", class_="note")
        ),
        el("div", "", id="banner", role="alert", hidden=True),
        el("main", *content, id="content", data_events=frame.events or None, data_moment=frame.moment or None),
        *after,
        class_="dashboard",
    )
    return "<!DOCTYPE html>\n" + el("html", head, body, lang="en") + "\n"


def asset(file_name: str) -> str:
    """The address of a style sheet or script; another one for another content, so that browsers may keep it."""
    return f"/static/{file_name}?v={_digest(file_name)}"


@lru_cache(maxsize=32)
def _digest(file_name: str) -> str:
    return hashlib.sha256(bytes_of(file_name)).hexdigest()[:12]


def _crumbs(frame: Frame) -> Html:
    links = [("Studies", "/")]
    if frame.study:
        links.append((frame.study, study_at(frame.study)))
    links += frame.crumbs
    items = [el("li", el("a", name(title), href=at)) for title, at in links]
    return el("nav", el("ol", *items), aria_label="Where this is", class_="crumbs")


def _pages(frame: Frame) -> Html | None:
    if not frame.study:
        return None
    links = [
        el(
            "li",
            el(
                "a",
                title,
                href=f"{study_at(frame.study)}/{place}".rstrip("/"),
                aria_current="page" if place == frame.here else None,
            ),
        )
        for place, title in PAGES
        if place in frame.pages
    ]
    return el("nav", el("ul", *links), aria_label="Pages of the study", class_="pages")


def problem(title: str, words: str, remedy: Html | None = None) -> str:
    """A page that says why there is none."""
    return framed(
        Frame(title), el("section", join(el("p", words), remedy or el("p", el("a", "All studies", href="/"))))
    )
