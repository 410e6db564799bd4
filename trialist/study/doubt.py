"""Doubt: why a kept verdict proves nothing, where its ledger is broken, or does not hold the look that it came of."""

from __future__ import annotations

from trialist.errors import StoreDamagedError
from trialist.study.session import Session


def doubt(session: Session) -> str:
    """In words; empty where the ledger is whole, and holds the look of the verdict, if there is one."""
    try:
        looks = session.store.looks(study=session.name)
    except StoreDamagedError as problem:
        return f"the ledger of looks is broken: {problem}"
    verified = session.stage("verified")
    if verified is None or any(look.digest == verified["look"] for look in looks):
        return ""
    return (
        f"{session.store.url}: the ledger of looks does not hold the one that the verdict came of. Restore the file "
        "from a copy; until then the verdict proves nothing."
    )
