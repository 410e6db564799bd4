"""Starts the server: where it listens, who may reach it, how it ends."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from trialist.errors import CommandError, MissingExtraError
from trialist.protocols import Store

_HOSTS = "Give 127.0.0.1 for this machine alone, or 0.0.0.0 for whoever reaches it."


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. port 0: any free one.  token: drawn where none is given and others can reach the host."""

    host: str = "127.0.0.1"
    port: int = 8787
    token: str | None = None


def serve(
    store: Store, address: Address, *, read_only: bool = False, started: Callable[[str], None] = lambda url: None
) -> None:
    """Serve until interrupted. started: told the whole address once it can be opened.

    CommandError where the port is taken or the host is none of this machine's; MissingExtraError without Starlette.
    """
    try:
        import uvicorn
        from anyio import to_thread

        from trialist.numerics.threads import one_thread
        from trialist.web.serve.app import app
        from trialist.web.serve.guard import Rules, hosts_of, is_loopback
        from trialist.web.serve.memory import THREADS, share_heaps
    except ImportError as missing:
        if missing.name and missing.name.partition(".")[0] in ("starlette", "uvicorn", "anyio"):
            raise MissingExtraError("the dashboard needs", "web") from None
        raise
    is_local = is_loopback(address.host)
    token = address.token or (None if is_local else secrets.token_urlsafe(24))
    listener = _listen(address)
    share_heaps()
    port = listener.getsockname()[1]
    # Behind a token, names are no protection that is needed, and those of this machine are not all known.
    rules = Rules(token, hosts_of(address.host) if is_local else frozenset(), read_only, f"trialist-{port}")

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            to_thread.current_default_thread_limiter().total_tokens = THREADS
            await super().startup(sockets)
            started(_url(address.host, port, token))

    config = uvicorn.Config(
        app(store, rules, lambda: server.should_exit),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    try:
        # The limit is one of the process: were it each computation's own, the first of two that ends would lift it for
        # the other as well, whose threads then wait for each other.
        with one_thread():
            server.run([listener])
    except KeyboardInterrupt:
        pass  # how it is meant to end
    finally:
        listener.close()
        store.close()


def _listen(address: Address) -> socket.socket:
    """A socket at the address, before anything else is done."""
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
    except OSError as problem:
        told = f"{address.host!r} cannot be resolved ({problem.strerror or problem})"
        raise CommandError("host", told, _HOSTS) from None
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(128)
    except OSError as problem:
        listener.close()
        if problem.errno == errno.EADDRNOTAVAIL:
            raise CommandError("host", f"{address.host!r} is no address of this machine", _HOSTS) from None
        remedy = "Give another one, such as --port 0 for any that is free."
        raise CommandError(
            "port", f"{address.host}:{address.port} cannot be used ({problem.strerror})", remedy
        ) from None
    return listener


def _url(host: str, port: int, token: str | None) -> str:
    """What to open; 0.0.0.0 is every address of this machine, of which its name is one that others know."""
    shown = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={quote(token)}" if token else "")
