"""One thread for linear algebra: small matrices gain nothing from more, and lose much where cores are busy.

A proposal works on matrices of a few hundred rows.  Several threads then wait for each other longer than they work (on
a busy machine a hundred times as long), and their number changes the last bits of a product.  With one, the same
history gives the same proposal on any machine.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy  # noqa: F401 - its library must be loaded before the threads of all libraries are listed
import scipy.linalg  # noqa: F401


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """A context in which NumPy's and SciPy's linear algebra uses one thread; the numbers before are restored."""
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limited
