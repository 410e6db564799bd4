"""HTML by construction: text is escaped unless it is Html already, so that no name or message can become markup."""

from __future__ import annotations

import re
from html import escape

from trialist.errors import shown

# Control characters, halves of characters and marks that turn the writing direction: legal in names and messages,
# but they would break the file or let a text pass itself off as another.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

# Elements that have no content; SVG's are closed by "/>" in `el`.
_VOID = frozenset({"br", "col", "hr", "input", "link", "meta"})


class Html(str):
    """Text that is HTML already; everything else is escaped where it enters."""

    __slots__ = ()


Child = str | Html | None


def el(tag: str, *children: Child, **attributes: str | float | bool | None) -> Html:
    """An element. Attributes: class_ for class, aria_label for aria-label; None and False leave one out, True is bare.

    >>> el("td", "a < b", class_="dial")
    '<td class="dial">a &lt; b</td>'
    """
    given = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{join(*children)}</{tag}>")


def join(*children: Child) -> Html:
    """Elements and texts one after another; None is nothing."""
    return Html("".join(child if isinstance(child, Html) else text(child) for child in children if child is not None))


def text(plain: str) -> Html:
    """Text, escaped; what cannot be shown stands as its code, such as \\u202e."""
    return Html(escape(_UNSHOWABLE.sub(_code, plain)))


def name(plain: str) -> Html:
    """A user's name for something, kept to one line and apart from the writing direction round it."""
    shortened = plain if plain.isprintable() and 0 < len(plain) <= 80 else shown(plain)
    return el("bdi", shortened)


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    written = f"{value:g}" if isinstance(value, float) else str(value)
    return f' {name}="{text(written)}"'


def _code(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
