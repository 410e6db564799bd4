"""Ends whole process trees: children, grandchildren, and those that left by setsid or a double fork.

A process belongs to a tree if it descends from its root, stands in the root's session, or has the tree's token in its
environment. Every process is remembered with its birth, so that a number used again by a stranger is never signalled.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

TOKEN = "TRIALIST_TRIAL"  # the environment variable that holds a trial's token
_PAUSE = 0.01  # seconds between two looks at a dying tree

_STUCK = 5.0  # seconds after which a killed process hangs in the kernel: nobody waits for that

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_PR_SET_CHILD_SUBREAPER = 36


class Ending:
    """The end of a tree, begun: SIGTERM first, SIGKILL to what is left `grace` seconds later.

    Ask `is_over()` again and again until it is.
    """

    def __init__(self, root: int, token: str | None = None, grace: float = 0.0) -> None:
        self._root, self._token = root, token
        self._deadline = time.monotonic() + grace
        self._members: dict[int, psutil.Process] = {}
        self._asked: set[int] = set()
        self.is_over()

    def is_over(self) -> bool:
        """Signal whoever is left; True once nobody is."""
        self._collect()
        alive = [process for process in self._members.values() if _is_alive(process)]
        is_due = time.monotonic() >= self._deadline
        for process in alive:
            if is_due:
                _signal(process, signal.SIGKILL)
            elif process.pid not in self._asked:
                self._asked.add(process.pid)
                _signal(process, signal.SIGTERM)
        return not alive

    def _collect(self) -> None:
        import psutil

        spared = {os.getpid(), os.getppid()}
        for pid in psutil.pids():
            if pid not in self._members and pid not in spared and self._is_ours(pid):
                self._add(pid)
        for member in list(self._members.values()):
            try:
                self._members.update((child.pid, child) for child in member.children(recursive=True))
            except psutil.Error:
                continue

    def _is_ours(self, pid: int) -> bool:
        import psutil

        try:
            if pid == self._root or os.getsid(pid) == self._root:
                return True
            return self._token is not None and psutil.Process(pid).environ().get(TOKEN) == self._token
        except (psutil.Error, OSError):
            return False

    def _add(self, pid: int) -> None:
        import psutil

        try:
            self._members[pid] = psutil.Process(pid)
        except psutil.Error:
            return


def kill_children(spared: frozenset[int] = frozenset(), token: str | None = None, grace: float = 0.0) -> None:
    """End the trees of this process's own children but the spared; with a token, only of those that hold it.

    Looks again and again: an orphan is handed to us at the moment when its parent dies, and the kernel's list of
    children may miss it just then. Where all are meant, only the kernel's word that none is left ends the search.
    """
    all_are_meant = not spared and token is None
    endings: dict[int, Ending] = {}
    until = time.monotonic() + grace + _STUCK
    while time.monotonic() < until:
        for pid in _children():
            if pid not in endings and pid not in spared and (token is None or _holds(pid, token)):
                endings[pid] = Ending(pid, token, grace)
        are_over = [ending.is_over() for ending in endings.values()]
        for pid in endings:  # not the spared, whose end is news for others
            _bury(pid)
        if all(are_over) and (not all_are_meant or _is_childless()):
            return
        time.sleep(_PAUSE)


def reap() -> list[tuple[int, int]]:
    """Take leave of the children that have ended: their numbers and wait statuses."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def _bury(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # buried before, or adopted by somebody else


def _is_childless() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def resident_bytes(root: int) -> int:
    """Resident memory of a process and its descendants; pages that they share count once for each."""
    import psutil

    try:
        tree = [psutil.Process(root)]
        tree += tree[0].children(recursive=True)
    except psutil.Error:
        return 0
    total = 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent dies, so that they stay in the tree (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent's thread ends (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    # Its answer is not looked at: where a sandbox refuses, sessions and tokens still find nearly all.
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _children() -> list[int]:
    me = os.getpid()
    try:
        # Much faster than a walk over all processes, and asked at the end of each command.
        with open(f"/proc/{me}/task/{me}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:  # another system, or a kernel built without it
        import psutil

        return [child.pid for child in psutil.Process(me).children()]


def _holds(pid: int, token: str) -> bool:
    import psutil

    try:
        return psutil.Process(pid).environ().get(TOKEN) == token
    except (psutil.Error, OSError):
        return False


def _is_alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(process: psutil.Process, number: int) -> None:
    import psutil

    try:
        process.send_signal(number)  # looks at its birth first
    except psutil.Error:
        return
