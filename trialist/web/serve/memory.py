"""Memory that a long-lived process with many threads would otherwise keep: glibc's heaps, one for each thread.

With a heap for each of forty threads a server of a long study held half as much again as it used. Elsewhere than on
glibc nothing is done.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # malloc.h
HEAPS = 2
THREADS = 8  # that answer at the same time; each holds what it reads


def share_heaps() -> None:
    """Let all threads share a few heaps; before any are started."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Give free pages at the heaps' ends back to the system: after a computation that needed many."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
