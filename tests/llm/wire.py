"""A small OpenAI-compatible HTTP server that errs as it is told to; a thread of its own, real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trialist.llm.item import Message
from trialist.llm.request import Request


@dataclass(frozen=True)
class Says:
    """One response. cut: bytes that are left off its end, though the length says that they come."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut: int = 0


def completion(text: str, finish: str = "stop", usage: Any = "right", **more: Any) -> dict[str, Any]:
    """A chat completion; usage: "right", or what stands there instead."""
    told = {"prompt_tokens": 10, "completion_tokens": max(1, len(text) // 4)} if usage == "right" else usage
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": told,
    } | more


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def ask(text: str = "1+1", replicate: int = 0, model: str = "m", **settings: Any) -> Request:
    return Request(model, (Message("user", text),), settings, replicate)


class Wire:
    """The running server: `url`, and `heard`, the bodies that arrived, in order, with their headers."""

    def __init__(self, says: Callable[[int, dict[str, Any]], Says]) -> None:
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.at: list[float] = []
        lock, wire = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with lock:
                    number = len(wire.heard)
                    wire.heard.append(body)
                    wire.headers.append(dict(self.headers))
                    wire.at.append(time.monotonic())
                told = says(number, body)
                time.sleep(told.seconds)
                data = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
                try:
                    self.send_response(told.status)
                    for name, value in {"content-type": "application/json", **told.headers}.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data[: len(data) - told.cut])
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client went away
                if told.cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that was killed

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def wired(*script: Says, then: Says | None = None) -> Iterator[Wire]:
    """A server that says the script, one response after another, then always the last or `then`."""
    last = script[-1] if then is None else then
    wire = Wire(lambda number, _: script[number] if number < len(script) else last)
    try:
        yield wire
    finally:
        wire.close()


class Time:
    """A clock that goes on only by sleeping; `slept`: how long each time."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, list[float]()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
