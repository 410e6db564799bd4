"""Blocks of items: what all configurations are asked in the same order, so that they can be raced block by block."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from trialist.llm.item import Item
from trialist.numerics.keys import Key

FEWEST, MOST = 8, 20  # blocks, where there are enough items: looks at a race, and scores to tell its noise by
_SIZE = 10  # items in one, where they make no more blocks than that


def count_of(items: int, groups: int) -> int:
    """How many blocks so many items in so many groups make; of equal size where that can be.

    >>> [count_of(n, n) for n in (6, 40, 70, 100, 400)], count_of(400, 5)
    ([3, 8, 10, 10, 20], 5)
    """
    most = max(1, min(MOST, groups, max(2, items // 2)))
    wanted = min(most, max(FEWEST, items // _SIZE))
    return min(range(min(FEWEST, most), most + 1), key=lambda count: (items % count != 0, abs(count - wanted)))


def parts_of(items: Sequence[Item], groups: Sequence[str], count: int, seed: int) -> list[tuple[list[Item], list[str]]]:
    """The items in parts of about `count` each, drawn by the seed, with their groups; no group is in two of them.

    The first is what a search asks, where the budget pays for no more, and the others are for fresh looks; one that
    would be smaller than half of that is left out.
    """
    if count >= len(items):
        return [(list(items), list(groups))]
    names = sorted(set(groups))
    order = Key(seed, -1).generator("parts").permutation(len(names)).tolist()
    rank = {names[place]: i for i, place in enumerate(order)}
    drawn = sorted(range(len(items)), key=lambda i: (rank[groups[i]], i))
    parts: list[list[int]] = [[]]
    for i, before in zip(drawn, [None, *drawn], strict=False):
        if len(parts[-1]) >= count and before is not None and groups[i] != groups[before]:
            parts.append([])
        parts[-1].append(i)
    if len(parts) > 1 and 2 * len(parts[-1]) < count:
        del parts[-1]
    return [([items[i] for i in sorted(part)], [groups[i] for i in sorted(part)]) for part in parts]


def blocks_of(items: Sequence[Item], groups: Sequence[str], count: int, seed: int) -> tuple[tuple[Item, ...], ...]:
    """The items in so many blocks of about equal size, in an order drawn by the seed; no group is in two of them."""
    members: dict[str, list[Item]] = {}
    for item, group in zip(items, groups, strict=True):
        members.setdefault(group, []).append(item)
    names = sorted(members)
    order = Key(seed, -1).generator("blocks").permutation(len(names)).tolist()
    # The largest first, each to the emptiest block: as even as groups allow.
    drawn = sorted((names[rank] for rank in order), key=lambda name: -len(members[name]))
    blocks: list[list[list[Item]]] = [[] for _ in range(count)]
    for name in drawn:
        smallest = min(blocks, key=lambda block: sum(map(len, block)))
        smallest.append(members[name])
    return tuple(tuple(chain.from_iterable(block)) for block in blocks)
