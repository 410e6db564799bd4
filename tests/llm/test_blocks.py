"""Items in parts and blocks: each once, groups whole, and the same whoever draws them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trialist.llm.blocks import blocks_of, count_of, parts_of
from trialist.llm.item import Item, Message


def items_of(count: int) -> list[Item]:
    return [Item(f"{i}", (Message("user", f"{i}"),)) for i in range(count)]


@given(st.integers(4, 120), st.integers(1, 40), st.integers(1, 130), st.integers(0, 3))
def test_parts_hold_each_item_once_and_no_group_twice(n, per_group, count, seed):
    items, groups = items_of(n), [f"g{i // per_group}" for i in range(n)]
    parts = parts_of(items, groups, count, seed)
    ids = [item.id for part, _ in parts for item in part]
    assert len(ids) == len(set(ids))
    named = [set(names) for _, names in parts]
    assert sum(map(len, named)) == len(set().union(*named))
    assert all(groups[int(item.id)] == name for part, names in parts for item, name in zip(part, names, strict=True))
    if count >= n:
        assert parts == [(items, groups)]
    else:
        assert len(parts[0][0]) >= count
        assert all(count <= len(part) < count + per_group for part, _ in parts[:-1])
        assert len(parts) == 1 or 2 * len(parts[-1][0]) >= count
        assert n - len(ids) < count
    assert parts == parts_of(items, groups, count, seed)


@given(st.integers(4, 120), st.integers(1, 20), st.integers(0, 3))
def test_blocks_hold_each_item_once_and_are_about_as_large(n, per_group, seed):
    items, groups = items_of(n), [f"g{i // per_group}" for i in range(n)]
    count = count_of(n, len(set(groups)))
    blocks = blocks_of(items, groups, count, seed)
    assert sorted(int(item.id) for block in blocks for item in block) == list(range(n))
    sizes = sorted(map(len, blocks))
    assert sizes[-1] - sizes[0] <= per_group
