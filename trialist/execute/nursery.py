"""The nursery: a small process that starts workers and commands, adopts their orphans, and ends all when left alone."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import IO, Any

from trialist.execute.attendant import PACKET, TAIL, Serve, as_child, begin_forked, main
from trialist.execute.births import Ended, Ready, Start, Started

Event = Ready | Started | Ended


class Nursery:
    """The coordinator's end. `fileno()` becomes readable when events wait."""

    def __init__(self, line: socket.socket, output: IO[bytes], wait: Callable[[], None]) -> None:
        self._line, self._output, self._wait = line, output, wait
        self.is_open = True

    @classmethod
    def spawned(cls, payload: bytes | None = None, workers: int = 1) -> Nursery:
        """In a fresh interpreter: `payload` is the pickled function that a worker calls with its line."""
        environment = {**threads_each(workers), **os.environ}  # what the user set stands
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        with its, tempfile.TemporaryFile() as given:
            pickle.dump((_preparation(payload), payload), given)
            given.seek(0)
            code = f"import sys; sys.path[:] = {sys.path!r}; from {main.__module__} import main; main({its.fileno()})"
            argv = [sys.executable, "-u", *subprocess._args_from_interpreter_flags(), "-c", code]  # type: ignore[attr-defined]
            process = subprocess.Popen(
                argv,
                stdin=given,
                stdout=output,
                stderr=output,
                pass_fds=[its.fileno()],
                start_new_session=True,
                env=environment,
            )

        def wait() -> None:
            process.wait()

        return cls(mine, output, wait)

    @classmethod
    def forked(cls, serve: Serve) -> Nursery:
        """From this process as it stands: for functions that no other process could import."""
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            mine.close()
            as_child(lambda: begin_forked(its, output, serve, parent))
        its.close()

        def wait() -> None:
            os.waitpid(pid, 0)

        return cls(mine, output, wait)

    def fileno(self) -> int:
        return self._line.fileno()

    def start(self, request: Start, fds: Sequence[int]) -> None:
        """Send a request; OSError where the nursery is gone. The files stay open here: close them."""
        socket.send_fds(self._line, [pickle.dumps(request)], fds)

    def await_ready(self) -> Ready:
        """Wait until it has imported what it needs."""
        data = self._receive(0)
        if data is None:
            return Ready(f"the process that starts workers died at once{self.output()}")
        ready: Ready = data
        return ready

    def events(self) -> list[Event]:
        """What has happened since; never waits. `is_open` is False afterwards if the nursery is gone."""
        events: list[Event] = []
        try:
            while (event := self._receive(socket.MSG_DONTWAIT)) is not None:
                events.append(event)
        except BlockingIOError:
            pass
        return events

    def output(self) -> str:
        """What it printed, for messages: the end of it, on lines of its own."""
        self._output.seek(0)
        text = self._output.read().decode("utf-8", "replace").strip()
        return f":\n{text[-TAIL:]}" if text else ""

    def close(self) -> None:
        """Let it end everything, and wait until it has; safe to call twice."""
        if self._line.fileno() >= 0:
            try:
                self._line.shutdown(socket.SHUT_RDWR)  # not just closed: a fork of this process may hold the line too
            except OSError:
                pass  # it is gone already
            self._line.close()
            self._wait()
            self._output.close()
            self.is_open = False

    def _receive(self, flags: int) -> Any:
        try:
            data = self._line.recv(PACKET, flags)
        except ConnectionResetError:
            data = b""
        if not data:
            self.is_open = False
            return None
        return pickle.loads(data)


def threads_each(workers: int) -> dict[str, str]:
    """Threads of numeric libraries for each of several workers: with all cores each, they wait for one another.

    Measured: two workers that train small networks are three times slower when each has as many threads as cores.
    """
    if workers < 2:
        return {}
    threads = str(max(1, len(os.sched_getaffinity(0)) // workers))
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)


def _preparation(payload: bytes | None) -> dict[str, Any]:
    """What multiprocessing tells its own children: path, arguments, folder, and the script where it is needed."""
    if payload is None:
        return {}
    from multiprocessing import spawn

    preparation: dict[str, Any] = spawn.get_preparation_data("trialist-nursery")
    preparation.pop("authkey", None)
    if b"__main__" not in payload:  # then the script need not be imported, guarded or not
        preparation.pop("init_main_from_path", None)
        preparation.pop("init_main_from_name", None)
    return preparation
