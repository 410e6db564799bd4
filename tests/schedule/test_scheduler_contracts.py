"""Every scheduler holds the contract."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trialist.protocols import Scheduler
from trialist.schedule.schedulers import SCHEDULERS, scheduler_for
from trialist.testing.strategies import SCHEDULER_CLAIMS


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("claim", SCHEDULER_CLAIMS, ids=lambda claim: claim.__name__)
def test_scheduler(claim: Callable[[Callable[[], Scheduler]], None], name: str) -> None:
    claim(lambda: scheduler_for(name))
