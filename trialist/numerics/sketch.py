"""A sketch of a set of hashes: small enough to be written down, good enough to tell how much two sets share.

It keeps the smallest hashes, at most SIZE of them (bottom-k, or k minimum values): below the smaller of two sketches'
largest, both know every member, and what they share there estimates what the sets share, with a standard error of at
most 0.5 / sqrt(SIZE). Sets of at most SIZE members are compared exactly.
Source: Cohen & Kaplan 2007, Summarizing data using bottom-k sketches.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterable
from dataclasses import dataclass

SIZE = 400  # hashes of 6 bytes: 3.2 kB as text
_BYTES = 6
_MARK = "1"


@dataclass(frozen=True, slots=True)
class Sketch:
    """members: how many hashes the set has.  whole: names the collection.  smallest: sorted hashes of 48 bits.

    >>> some, others = Sketch.of(range(0, 300), "a"), Sketch.of(range(200, 300), "b")
    >>> some.shared(others), others.shared(some)
    (0.3333333333333333, 1.0)
    >>> Sketch.read(some.text()) == some
    True
    """

    members: int
    whole: str
    smallest: tuple[int, ...]

    @classmethod
    def of(cls, hashes: Iterable[int], whole: str) -> Sketch:
        """Of hashes of 64 bits, spread evenly; `whole` names the collection, whatever its members are."""
        distinct = {value & (2 ** (8 * _BYTES) - 1) for value in hashes}
        return cls(len(distinct), whole, tuple(sorted(distinct)[:SIZE]))

    @classmethod
    def read(cls, text: str) -> Sketch | None:
        """What `text` wrote; None for anything else."""
        mark, _, rest = text.partition(":")
        members, _, rest = rest.partition(":")
        whole, _, packed = rest.partition(":")
        if mark != _MARK or not (members.isascii() and members.isdigit()):
            return None
        try:
            data = b64decode(packed, validate=True)
        except (Error, ValueError):
            return None
        if len(data) % _BYTES:
            return None
        found = tuple(int.from_bytes(data[i : i + _BYTES], "big") for i in range(0, len(data), _BYTES))
        return cls(int(members), whole, found)

    def text(self) -> str:
        """On one line, to be written down."""
        packed = b64encode(b"".join(value.to_bytes(_BYTES, "big") for value in self.smallest)).decode()
        return f"{_MARK}:{self.members}:{self.whole}:{packed}"

    def shared(self, other: Sketch) -> float:
        """The share of this set's members that the other has, too."""
        if self.whole == other.whole:
            return 1.0
        ends = [s.smallest[-1] for s in (self, other) if s.members > len(s.smallest) and s.smallest]
        known = [value for value in self.smallest if value <= min(ends, default=2 ** (8 * _BYTES))]
        theirs = set(other.smallest)
        return sum(value in theirs for value in known) / len(known) if known else 0.0
