"""The ledger of looks at sealed data: lines of JSON, each with a digest over itself and the line before it.

A look is written twice, when it is opened and when its outcome is known, and neither line is ever changed.
A look is the how-manieth by the looks before it, of whatever study, that saw the same rows: all of them, where the
fingerprint is the same, or at least SHARED of them by the sketches of both. Lines of version 1 have no sketch.
digest = SHA-256(digest of the line before, newline, content), in hexadecimal; the first line follows the empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from trialist.errors import StateError, StoreDamagedError, shown
from trialist.numerics.sketch import Sketch
from trialist.protocols import Look
from trialist.space import plain
from trialist.store.records import text_of

# A look at fewer of the rows says next to nothing of the others: what it showed correlates with what is to come by
# less than its share of the rows.
SHARED = 0.05

_VERSION = 2


def digest_of(previous: str, content: str) -> str:
    """The digest of a line that follows the line with digest `previous`."""
    return sha256(f"{previous}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()


def opening(
    looks: Sequence[Look], study: str, fingerprint: str, who: str, what: str, at: float, sketch: str = ""
) -> str:
    """The content of the line that opens the next look at these data."""
    shares = [(look, _share(look, fingerprint, sketch)) for look in looks]
    earlier = [(look, share) for look, share in shares if share >= SHARED]
    return plain.dumps(
        {
            "version": _VERSION,
            "look": 1 + len(earlier),
            "study": study,
            "fingerprint": fingerprint,
            "at": at,
            "who": text_of(who),
            "what": text_of(what),
            "sketch": sketch,
            "overlap": max((share for _, share in earlier), default=0.0),
            "elsewhere": sum(look.study != study for look, _ in earlier),
        }
    )


def closing(looks: Sequence[Look], look: Look, outcome: Mapping[str, Any]) -> str:
    """The content of the line that closes a look; StateError where it is closed already, or not in the ledger."""
    kept = next((other for other in looks if other.digest == look.digest), None)
    if kept is None:
        raise StateError(f"look {look.number} at {shown(look.fingerprint)} is not in this ledger. Open it first.")
    if kept.outcome is not None:
        raise StateError(f"look {look.number} at {shown(look.fingerprint)} has its outcome already. Open another look.")
    return plain.dumps({"version": _VERSION, "closes": look.digest, "outcome": dict(outcome)})


def looks_of(lines: Iterable[tuple[int, str, str]], head: str, place: str) -> tuple[Look, ...]:
    """The looks of (line number, content, digest) lines, oldest first.

    head: the digest of the last line, kept apart, so that removing the end shows as well.
    Raises StoreDamagedError, naming `place` and the line, where the chain is broken.
    """
    found: dict[str, Look] = {}
    previous, number = "", 0
    for number, (written, content, digest) in enumerate(lines, start=1):
        if written != number or digest != digest_of(previous, content):
            raise StoreDamagedError(
                f"{place}: line {number} of the ledger was altered, or a line before it removed. {_REMEDY}"
            )
        previous = digest
        line = plain.loads(content)
        if "closes" in line:
            found[line["closes"]] = replace(found[line["closes"]], outcome=line["outcome"])
        else:
            found[digest] = Look(
                number=line["look"],
                study=line["study"],
                fingerprint=line["fingerprint"],
                at=line["at"],
                who=line["who"],
                what=line["what"],
                digest=digest,
                sketch=line.get("sketch", ""),
                overlap=line.get("overlap", float(line["look"] > 1)),
                elsewhere=line.get("elsewhere", 0),
            )
    if previous != head:
        raise StoreDamagedError(f"{place}: lines after line {number} of the ledger were removed. {_REMEDY}")
    return tuple(found.values())


def among(looks: Iterable[Look], fingerprint: str | None, study: str | None) -> tuple[Look, ...]:
    """The looks at one fingerprint, of one study, or both; None leaves all."""
    return tuple(look for look in looks if fingerprint in (None, look.fingerprint) and study in (None, look.study))


def _share(look: Look, fingerprint: str, sketch: str) -> float:
    """The share of the rows now to be looked at which that look saw."""
    if look.fingerprint == fingerprint:
        return 1.0
    mine, theirs = Sketch.read(sketch), Sketch.read(look.sketch)
    return 0.0 if mine is None or theirs is None else mine.shared(theirs)


_REMEDY = "Restore the file from a copy; until then its verdicts prove nothing."
