"""Names of studies that are not there: what every store says alike."""

from __future__ import annotations

from collections.abc import Sequence

from trialist.errors import UnknownStudyError, shown


def unknown_study(name: str, known: Sequence[str]) -> UnknownStudyError:
    """The error for a name that no study has; it names the nearest."""
    import difflib

    near = difflib.get_close_matches(str(name), known, n=1, cutoff=0.0)
    remedy = f"Use {shown(near[0])}." if near else "Start a study first: there is none."
    return UnknownStudyError(f"name: there is no study {shown(name)}. {remedy}")
