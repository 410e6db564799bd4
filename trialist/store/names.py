"""Names of studies that are not there: what every store says alike."""

from __future__ import annotations

from collections.abc import Sequence

from trialist.errors import UnknownStudyError, shown

_LISTED = 5


def unknown_study(name: str, known: Sequence[str]) -> UnknownStudyError:
    """The error for a name that no study has; it names the nearest, or some of those there are."""
    import difflib

    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if near:
        remedy = f"Use {shown(near[0])}."
    elif known:
        listed = ", ".join(shown(each) for each in known[:_LISTED])
        remedy = f"There are {listed}{' and others' if len(known) > _LISTED else ''}."
    else:
        remedy = "Start a study first: there is none."
    return UnknownStudyError(f"name: there is no study {shown(name)}. {remedy}")
