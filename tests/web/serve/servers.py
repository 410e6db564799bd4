"""A dashboard in a process of its own, as `trialist serve` starts it, and one that listens to its events."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

WRITER = Path(__file__).with_name("writer.py")


@dataclass
class Server:
    """A running server: its process, its address as it printed it."""

    process: subprocess.Popen[str]
    url: str

    def get(self, path: str) -> str:
        with urlopen(self.url.rstrip("/") + path, timeout=60) as answer:
            return str(answer.read().decode())

    def end(self, how: signal.Signals = signal.SIGINT) -> float:
        """Send a signal, and wait; the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(timeout=30)
        return time.monotonic() - began


@contextmanager
def serving(store: Path, *options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "trialist.cli.main", "serve", "--json", "--store", str(store), *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None and process.stderr is not None
        told = process.stdout.readline()
        while told and told.count("{") != told.count("}"):
            told += process.stdout.readline()
        assert told, process.stderr.read()
        yield Server(process, json.loads(told)["url"])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@dataclass
class Listener:
    """Reads events until it is told to stop; comes back with the last id, as a browser does."""

    path: str
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    last: str = ""
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, url: str) -> None:
        self._over.clear()
        self._thread = threading.Thread(target=self._listen, args=(url,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _listen(self, url: str) -> None:
        headers = {"Last-Event-ID": self.last} if self.last else {}
        event: dict[str, str] = {}
        try:
            with urlopen(Request(url.rstrip("/") + self.path, headers=headers), timeout=20) as stream:
                for line in stream:
                    text = line.decode().rstrip("\n")
                    key, _, value = text.partition(": ")
                    if text:
                        event[key] = value
                    elif event.get("event"):
                        self.last = event["id"]
                        self.events.append((event["id"], event["event"], json.loads(event["data"])))
                        event = {}
                    if self._over.is_set():
                        return
        except OSError:
            return  # the server went
