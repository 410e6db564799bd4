"""Parts that every section of a page is made of: a section with its heading, a list of facts, a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from trialist.web.html import Child, Html, el, name


def section(section_id: str, title: str, *children: Child) -> Html:
    """A section with a heading, which names it for screen readers."""
    heading = el("h2", title, id=f"{section_id}-title")
    return el("section", heading, *children, id=section_id, aria_labelledby=f"{section_id}-title")


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Terms and what they are; empty ones are left out."""
    rows = [el("div", el("dt", term), el("dd", el("bdi", fact))) for term, fact in pairs if fact]
    return el("dl", *rows, class_="facts")


def table(
    head: Sequence[str], rows: Sequence[Html], caption: str, *, numeric: Collection[str] = (), sortable: bool = False
) -> Html:
    """A table with a caption, in a box of its own that scrolls sideways where the page is narrow.

    numeric: the titles of columns of numbers, which stand to the right as their numbers do.
    """
    cells = [
        el("th", _title(title, sortable), scope="col", class_="number" if title in numeric else None)
        if title
        else el("td")
        for title in head
    ]
    body = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", *cells)),
        el("tbody", *rows),
        class_="sortable" if sortable else None,
    )
    return el("div", body, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _title(title: str, sortable: bool) -> Html:
    return el("button", name(title), type="button") if sortable else name(title)
