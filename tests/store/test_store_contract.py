"""Every store of ours passes the kit that we give to others."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from trialist.store import open_store
from trialist.testing.stores import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self) -> None:
        self.make_store = lambda: open_store("memory")


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        numbers = count()
        self.make_store = lambda: open_store(tmp_path / f"{next(numbers)}.db")


def test_the_kit_lists_its_checks_without_pytest() -> None:
    assert len(StoreContract.checks()) > 20
