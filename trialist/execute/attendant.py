"""The life of a nursery, in its own process: start children, report their ends, and end all when left alone.

It imports the objective once, stays single-threaded and forks warm workers from that; no thread, lock or connection of
the coordinator gets into them. At the end of its line (the coordinator closed it, or died by any signal) it ends the
trees of all its children; as a subreaper it is also the parent of every orphan among them.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from trialist.errors import ExecutionError
from trialist.execute import killing
from trialist.execute.births import Ended, Ready, Start, Started

PACKET = 1 << 20  # bytes of the longest message
TAIL = 4_000  # characters of somebody's output in an error message
_LOOK = 1.0  # seconds between two looks at whether the parent is still there
_GRACE = 1.0  # seconds from SIGTERM to SIGKILL when all is ended

Serve = Callable[[socket.socket], None]

_is_loading = False


def refuse_while_loading() -> None:
    """Raise ExecutionError while a nursery imports the script: a study must not start again in there."""
    if _is_loading:
        raise ExecutionError(
            "this script starts a study at its top level, and it is imported for its objective, by worker processes "
            "or by a command. Put the call under `if __name__ == '__main__':`, or use workers=1"
        )


@contextmanager
def loading() -> Iterator[None]:
    """While a script is imported for its objective alone."""
    global _is_loading
    before, _is_loading = _is_loading, True
    try:
        yield
    finally:
        _is_loading = before


def main(fd: int) -> None:
    """The life of a spawned nursery."""
    line = socket.socket(fileno=fd)
    line.set_inheritable(False)  # a command that held it would hide our own end
    parent = os.getppid()
    preparation, payload = pickle.load(sys.stdin.buffer)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        serve = None if payload is None else _load(preparation, payload)
    except BaseException as error:  # noqa: BLE001 - importing runs the user's code, which may even call sys.exit
        line.send(pickle.dumps(_not_ready(error)))
        return
    _attend(line, parent, serve)


def begin_forked(line: socket.socket, output: IO[bytes], serve: Serve, parent: int) -> None:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)  # the coordinator's handlers are not ours
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    _attend(line, parent, serve)


def _attend(line: socket.socket, parent: int, serve: Serve | None) -> None:
    """Start what is asked for and report what ended, until the line or the parent ends; then end all that is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    killing.adopt_orphans()
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler of some kind, for the bell to ring
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    poller = select.poll()  # not select: a fork may hold numbers beyond its 1,024
    poller.register(line.fileno(), select.POLLIN)
    poller.register(bell, select.POLLIN)
    children: dict[int, tuple[Start, float]] = {}
    try:
        line.send(pickle.dumps(Ready()))
        while os.getppid() == parent:
            ready = {fd for fd, _ in poller.poll(_LOOK * 1000)}
            if bell in ready:
                os.read(bell, 4096)
            for pid, status in killing.reap():
                if pid in children:
                    request, began = children.pop(pid)
                    ended = _ended(request, time.monotonic() - began, status)
                    # Workers keep their orphans, so those that came here are of a dead one; a command's bear its token
                    killing.kill_children(frozenset(children), request.token)
                    line.send(pickle.dumps(ended))
            if line.fileno() in ready:
                data, fds, _, _ = socket.recv_fds(line, PACKET, 2)
                if not data:
                    break
                request = pickle.loads(data)
                try:
                    pid = _command(request, fds) if request.argv else _worker(serve, fds, (line.fileno(), bell, ring))
                    children[pid] = request, time.monotonic()
                    line.send(pickle.dumps(Started(request.ticket, pid)))
                except OSError as problem:
                    line.send(pickle.dumps(Ended(request.ticket, problem=OSError(problem.errno, problem.strerror))))
                for fd in fds:
                    os.close(fd)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the coordinator is gone: what follows is all that is left to do
    killing.kill_children(grace=_GRACE)


def _ended(request: Start, seconds: float, status: int) -> Ended:
    code = os.waitstatus_to_exitcode(status)
    return Ended(request.ticket, seconds, signal=-code) if code < 0 else Ended(request.ticket, seconds, code=code)


def _command(request: Start, fds: Sequence[int]) -> int:
    actions: list[tuple[int, ...]] = [(os.POSIX_SPAWN_DUP2, fd, target) for fd, target in zip(fds, (1, 2), strict=True)]
    actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in fds]
    return os.posix_spawnp(
        request.argv[0],
        list(request.argv),
        {**os.environ, **request.environment},
        file_actions=actions,
        setsid=True,
        setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ],
    )


def _worker(serve: Serve | None, fds: Sequence[int], inherited: Sequence[int]) -> int:
    assert serve is not None, "a nursery without an objective was asked for a worker"
    nursery = os.getpid()
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd in inherited:
            os.close(fd)
        as_child(lambda: _begin_worker(serve, fds[0], nursery))
    return pid


def _begin_worker(serve: Serve, fd: int, nursery: int) -> None:
    killing.die_with_parent()
    if os.getppid() != nursery:
        return
    os.setsid()  # Ctrl-C in the terminal is the coordinator's affair
    killing.adopt_orphans()
    os.set_inheritable(fd, False)
    serve(socket.socket(fileno=fd))


def as_child(run: Callable[[], None]) -> None:
    """What a forked child does, ending it whatever happens: no cleanup of its parent's runs twice."""
    code = 1
    try:
        run()
        code = 0
    except BaseException:  # noqa: BLE001 - nothing may get past the fork
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _load(preparation: dict[str, Any], payload: bytes) -> Serve:
    global _is_loading
    from multiprocessing import process, spawn

    _is_loading = True
    # Else PyTorch asks the driver whether there is a GPU, and no fork of a process that did can use one.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    process.current_process()._inheriting = True  # type: ignore[attr-defined]  # its own guard against scripts
    try:
        spawn.prepare(preparation)
        serve: Serve = pickle.loads(payload)
    finally:
        del process.current_process()._inheriting  # type: ignore[attr-defined]
        _is_loading = False
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        raise ExecutionError(
            "the objective's module uses the GPU while it is imported, and no worker forked from that import could. "
            "Move what is done on the GPU into the objective, or use workers=1"
        )
    return serve


def _not_ready(error: BaseException) -> Ready:
    if isinstance(error, ExecutionError):
        return Ready(str(error))
    # The module, or the name in it, is not there for a new process: made by hand, or in a notebook.
    is_missing = isinstance(error, ModuleNotFoundError | AttributeError)
    text = "".join(traceback.format_exception(error)).strip()
    return Ready(f"worker processes could not import the objective:\n{text[-TAIL:]}", is_missing)
