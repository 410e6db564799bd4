"""`trialist serve` from a terminal: where it listens, what it prints, how it ends."""

from __future__ import annotations

import importlib.util
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from urllib.error import HTTPError

import pytest

import trialist as tl
from trialist.errors import CommandError, MissingExtraError
from trialist.store import open_store
from trialist.web.serve.run import Address, serve


def _beside(name: str) -> ModuleType:
    """A module that stands beside this one; tests are no package."""
    spec = importlib.util.spec_from_file_location(f"dashboard_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


servers = _beside("servers")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with tl.Study.create(
        tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=tmp_path / "s.db", name="one"
    ) as study:
        study.optimize(lambda trial: trial["x"], trials=3)
    return tmp_path / "s.db"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_this_machine_and_ends_at_once_though_somebody_listens(path: Path, how: signal.Signals) -> None:
    with servers.serving(path, "--port", "0") as server:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", server.url)
        assert "one" in server.get("/") and "trial 0" in server.get("/studies/one/trials/0")
        listener = servers.Listener("/studies/one/events")
        listener.start(server.url)
        while not listener.events:
            pass
        assert server.end(how) < 3
        assert server.process.returncode in (0, -how)


def test_elsewhere_a_token_is_drawn_and_asked_for(path: Path) -> None:
    with servers.serving(path, "--port", "0", "--host", "0.0.0.0") as server:
        found = re.fullmatch(r"http://([^:/]+):(\d+)/\?token=([\w-]{32})", server.url)
        assert found
        server.url = f"http://127.0.0.1:{found[2]}"
        with pytest.raises(HTTPError) as refused:
            server.get("/")
        assert refused.value.code == 401
        with servers.urlopen(servers.Request(server.url, headers={"Authorization": f"Bearer {found[3]}"})) as answer:
            assert "one" in answer.read().decode()


def test_a_store_that_is_not_there_is_an_error_unless_it_is_waited_for(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trialist.cli.main", "serve", "--store", str(tmp_path / "gone.db"), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "gone.db: there is no such file" in ended.stderr and "--wait" in ended.stderr
    assert "Traceback" not in ended.stderr and not list(tmp_path.iterdir())
    with servers.serving(tmp_path / "gone.db", "--port", "0", "--wait") as server:
        assert "No study is here yet" in server.get("/")


def test_a_port_that_is_taken_is_told_with_the_remedy(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"127\.0\.0\.1:{port} cannot be used .*--port 0"):
            serve(open_store(path), Address(port=port))
        command = [sys.executable, "-m", "trialist.cli.main", "serve", "--store", str(path), "--port", str(port)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 2 and "--port 0" in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.parametrize("port", [0, 8787])
@pytest.mark.parametrize(
    ("host", "said"),
    [("no.such.host.invalid", "cannot be resolved"), ("203.0.113.7", "is no address of this machine")],
)
def test_a_host_that_is_not_of_this_machine_is_told(path: Path, host: str, said: str, port: int) -> None:
    with pytest.raises(CommandError, match=rf"^host: '{re.escape(host)}' {said}.*Give 127\.0\.0\.1 .* 0\.0\.0\.0"):
        serve(open_store(path), Address(host, port))


def test_without_starlette_the_install_line_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"pip install .trialist\[web\]"):
        serve(open_store(path), Address(port=0))
