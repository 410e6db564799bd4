"""The tiny language model behind a real OpenAI-compatible server: `transformers serve`, started and ended here.

    with serving(cached(Path("build"))) as served:
        ...  # served.base_url and served.model are what a client needs

    python -m trialist.testing.tiny_server build      # or from a shell, until Ctrl-C

The server is a process of its own, bound to 127.0.0.1, that ends with the block, and with its starter (on Linux: with
the thread that started it) where that dies.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trialist.errors import ExecutionError, MissingExtraError
from trialist.testing.tiny_lm import cached

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.1
_GRACE_SECONDS = 5.0
_NEEDED = ("torch", "transformers", "fastapi", "uvicorn", "openai", "typer")
# Run in the server's own process: a client of it must not load torch.
_SERVE = "from transformers.cli.transformers import main; main()"


@dataclass(frozen=True, slots=True)
class Served:
    """Where the model answers, and the name that requests give it."""

    base_url: str
    model: str
    pid: int


def completion(base_url: str, body: Mapping[str, Any], seconds: float = 120.0) -> dict[str, Any]:
    """One chat completion, asked without any client library; an error of the server raises urllib's HTTPError."""
    content = json.dumps(body).encode()
    request = urllib.request.Request(f"{base_url}/chat/completions", content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        told: dict[str, Any] = json.loads(answer.read())
    return told


@contextmanager
def serving(model: Path, *, threads: int = 1, start_seconds: float = 120.0) -> Iterator[Served]:
    """Serves the model in this folder.  Raises ExecutionError with the server's last lines if it does not come up."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"serving the tiny language model ({', '.join(missing)}) needs", "llm-test")
    with tempfile.TemporaryDirectory(prefix="tiny-serve-") as home:
        log = Path(home) / "log"
        # GET /v1/models looks into this folder, and fails where it is missing.
        (Path(home) / "hub").mkdir()
        port = _free_port()
        process = _start(model, port, home, log, threads)
        try:
            _await_health(process, port, log, start_seconds)
            yield Served(f"http://127.0.0.1:{port}/v1", str(model.resolve()), process.pid)
        finally:
            _end(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(model: Path, port: int, home: str, log: Path, threads: int) -> subprocess.Popen[bytes]:
    words = ["serve", str(model.resolve()), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    env = {
        **os.environ,
        "HF_HOME": home,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
    }
    # Loaded before the fork: between fork and exec nothing may be imported.
    prctl, starter = ctypes.CDLL(None).prctl, os.getpid()

    def end_with_starter() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != starter:
            os._exit(1)

    with open(log, "wb") as output:
        return subprocess.Popen(
            [sys.executable, "-c", _SERVE, *words],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_starter,
        )


def _await_health(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ExecutionError(f"transformers serve ended with code {process.returncode}:\n{_last_lines(log)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(_LOOK_SECONDS)
    raise ExecutionError(f"transformers serve was not ready after {seconds:g} s:\n{_last_lines(log)}")


def _last_lines(log: Path, count: int = 20) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL to its group: uvicorn waits for connections that are kept alive."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the tiny language model until Ctrl-C, training it first.")
    parser.add_argument("folder", type=Path, help="where the model is kept")
    with serving(cached(parser.parse_args().folder, tell=print)) as served:
        print(f"--base-url {served.base_url} --model {served.model}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
