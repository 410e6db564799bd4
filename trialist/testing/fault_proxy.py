"""A proxy of faults in front of a real server: what it answers is the server's own, or one of the faults of real life.

    with faulty(served.base_url, Faults(schedule=(LIMITED, None, CUT))) as proxy:
        ...  # a client at proxy.base_url; proxy.calls tells what happened to every call

    limited   429 with Retry-After; the server is not asked
    broken    500; the server is not asked
    slow      the server's answer, late
    cut       the server has done the work, and half of its answer arrives before the connection ends
    usage     the server's answer with counts of tokens that cannot be

Faults come by a schedule, in the order of arrival, or each with its probability, drawn by seed and number of the
call; a request that `lasting` says yes to is broken every time. What was asked is kept, and never a header, so that no
key can be in it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

LIMITED, BROKEN, SLOW, CUT, USAGE = "limited", "broken", "slow", "cut", "usage"
KINDS = (LIMITED, BROKEN, SLOW, CUT, USAGE)
WRONG_USAGES: tuple[object, ...] = (
    None,
    {},
    {"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6},
    {"prompt_tokens": 10**12, "completion_tokens": 10**12, "total_tokens": 2 * 10**12},
    {"prompt_tokens": "many", "completion_tokens": None, "total_tokens": 1},
)


@dataclass(frozen=True, slots=True)
class Faults:
    """Which call meets what.

    schedule: kinds in the order of arrival, None for none; calls beyond it draw.  chances: a probability for each kind.
    lasting: of a request's body, whether it is broken however often it is tried.  usages: the wrong ones, in turn.
    """

    schedule: tuple[str | None, ...] = ()
    chances: Mapping[str, float] = field(default_factory=dict)
    lasting: Callable[[Mapping[str, Any]], bool] | None = None
    seed: int = 0
    retry_after_seconds: float = 1.0
    slow_seconds: float = 2.0
    usages: tuple[object, ...] = WRONG_USAGES

    def __post_init__(self) -> None:
        unknown = {kind for kind in (*self.schedule, *self.chances) if kind is not None and kind not in KINDS}
        if unknown:
            raise ValueError(f"unknown faults {sorted(unknown)}: known are {', '.join(KINDS)}")
        if min(self.chances.values(), default=0.0) < 0 or sum(self.chances.values()) > 1:
            raise ValueError(f"chances {dict(self.chances)} are no probabilities: each 0 or more, together at most 1")

    def of(self, number: int, body: Mapping[str, Any]) -> str | None:
        """What the call with this number, counted from 0, meets."""
        if self.lasting is not None and self.lasting(body):
            return BROKEN
        if number < len(self.schedule):
            return self.schedule[number]
        drawn = random.Random(f"{self.seed} {number}").random()
        for kind, reach in zip(self.chances, itertools.accumulate(self.chances.values()), strict=True):
            if drawn < reach:
                return kind
        return None


@dataclass(frozen=True, slots=True)
class ProxiedCall:
    """One request that arrived: what it asked, what it met, and whether the server behind did the work."""

    number: int
    body: Mapping[str, Any]
    fault: str | None
    was_served: bool
    status: int


@dataclass(slots=True)
class FaultProxy:
    """Where the client calls, and what has happened so far; `faults` may be changed between calls."""

    base_url: str
    faults: Faults
    calls: list[ProxiedCall] = field(default_factory=list)

    @property
    def served(self) -> int:
        """Calls that the server behind has worked for: what a provider would bill."""
        return sum(call.was_served for call in self.calls)


@contextmanager
def faulty(base_url: str, faults: Faults | None = None) -> Iterator[FaultProxy]:
    """Runs a proxy before the server at base_url, in a thread of its own, until the block ends."""
    target = urlsplit(base_url)
    if target.scheme != "http" or target.port is None:
        raise ValueError(f"base_url {base_url!r} must be http with a port, as http://127.0.0.1:8000/v1")
    proxy = FaultProxy("", faults or Faults())
    loop = asyncio.new_event_loop()
    numbers = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(proxy, numbers, target.hostname or "", target.port or 0, reader, writer)
        except (OSError, EOFError, ValueError):
            pass  # the client is gone, or no HTTP: nobody to tell
        finally:
            writer.close()

    thread = threading.Thread(target=loop.run_forever, name="fault-proxy", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, "127.0.0.1", 0), loop).result()
    try:
        port = server.sockets[0].getsockname()[1]
        proxy.base_url = f"http://127.0.0.1:{port}{target.path}"
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _answer(
    proxy: FaultProxy,
    numbers: Iterator[int],
    host: str,
    port: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """One request of one connection, which ends with it."""
    head, body = await _message(reader)
    if not head.startswith(b"POST"):
        writer.write(await _forward(host, port, head, body))
        await writer.drain()
        return
    asked = _json(body)
    number = next(numbers)
    fault, faults = proxy.faults.of(number, asked), proxy.faults

    def note(was_served: bool, status: int) -> None:
        proxy.calls.append(ProxiedCall(number, asked, fault, was_served, status))

    if fault == LIMITED:
        note(False, 429)
        told = {"error": {"message": "Rate limit reached for requests", "code": "rate_limit_exceeded"}}
        writer.write(_response(429, "Too Many Requests", told, f"Retry-After: {faults.retry_after_seconds:g}"))
    elif fault == BROKEN:
        note(False, 500)
        writer.write(_response(500, "Internal Server Error", {"error": {"message": "The server had an error"}}))
    else:
        answer = await _forward(host, port, head, body)
        note(True, int(answer.split(b" ", 2)[1]))
        if fault == SLOW:
            await asyncio.sleep(faults.slow_seconds)
        elif fault == CUT:
            start = answer.index(b"\r\n\r\n") + 4
            answer = answer[: start + (len(answer) - start) // 2]
        elif fault == USAGE:
            answer = _with_usage(answer, faults.usages[number % len(faults.usages)])
        writer.write(answer)
    await writer.drain()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    return head, await reader.readexactly(length)


async def _forward(host: str, port: int, head: bytes, body: bytes) -> bytes:
    """The server's whole answer, headers too; 502 where there is no server."""
    lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith((b"connection:", b"host:"))]
    lines += [f"Host: {host}:{port}".encode(), b"Connection: close"]
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError as problem:
        return _response(502, "Bad Gateway", {"error": {"message": f"no server: {problem}"}})
    try:
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


def _with_usage(answer: bytes, usage: object) -> bytes:
    """The same answer with another usage, which None takes away; a stream is left as it is."""
    body = answer[answer.index(b"\r\n\r\n") + 4 :]
    told = _json(body)
    if not told:
        return answer
    told.pop("usage", None)
    if usage is not None:
        told["usage"] = usage
    return _response(200, "OK", told)


def _json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _response(status: int, phrase: str, body: object, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
