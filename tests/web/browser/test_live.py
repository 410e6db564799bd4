"""The dashboard in a real browser: live while a study runs, back after a restart, by keyboard, accessible."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import trialist as tl
from trialist.store import open_store
from trialist.testing.odd_studies import ODD
from trialist.trials.instruction import Act
from trialist.web.serve.places import study_at

pytestmark = pytest.mark.slow


def _servers() -> ModuleType:
    place = Path(__file__).parents[1] / "serve" / "servers.py"
    spec = importlib.util.spec_from_file_location("dashboard_servers", place)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


servers = _servers()
PLACES = ("", "/trials", "/trials/0", "/compare?a=0&b=1", "/dials", "/validity", "/failures", "/asked")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """A server of all odd studies: its address, and the address of each study on it."""
    path = tmp_path_factory.mktemp("odd") / "odd.db"
    places = {}
    for kind, build in ODD.items():
        study = build(path)
        places[kind] = study_at(study.name)
        study.close()
    with servers.serving(path, "--port", "0") as server:
        yield server.url.rstrip("/"), places


@pytest.mark.parametrize("kind", list(ODD))
def test_every_page_is_drawn_without_complaints(odd: Any, opened: Callable[..., Any], kind: str) -> None:
    url, places = odd
    found = opened(f"{url}{places[kind]}")
    for place in PLACES if kind not in ("empty", "one_trial") else ("", "/trials", "/dials", "/asked"):
        found.page.goto(f"{url}{places[kind]}{place}")
        _settled(found.page)
        wide = found.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, place
    assert not found.complaints


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True)])
def test_no_page_has_a_serious_fault_of_accessibility(
    odd: Any, opened: Callable[..., Any], width: int, dark: bool
) -> None:
    url, places = odd
    found = opened(url, width=width, dark=dark)
    assert not found.axe()
    for place in PLACES:
        found.page.goto(f"{url}{places['verified']}{place}")
        _settled(found.page)
        assert not found.axe(), place
    found.page.goto(f"{url}{places['verified']}")
    found.page.click("[data-opens=do-enqueue]")
    assert not found.axe()
    assert not [each for each in found.complaints if "401" not in each]


def test_a_page_follows_a_running_study_and_finds_back_after_a_restart(
    tmp_path: Path, opened: Callable[..., Any]
) -> None:
    path = tmp_path / "s.db"
    writer = subprocess.Popen([sys.executable, str(servers.WRITER), str(path), "400"], stdout=subprocess.DEVNULL)
    try:
        _until(lambda: _trials(path) > 3)
        with servers.serving(path, "--port", "0") as server:
            found = opened(f"{server.url}studies/live")
            page = found.page
            first = _progress(page)
            _until(lambda: _progress(page) > first + 20)  # nobody reloads it
            page.locator("#plan summary").last.click()
            page.focus("nav.pages a >> text=Dials")
            page.evaluate("scrollTo(0, 300)")
            before = page.locator("#budget").inner_text()
            _until(lambda: page.locator("#budget").inner_text() != before)
            assert page.evaluate("document.activeElement.textContent") == "Dials"
            assert page.evaluate("scrollY") == 300
            assert page.locator("#plan details[open]").count() == 1
            drawn = "document.querySelector('#history figure')?.dataset.drawn"
            page.evaluate("document.getElementById('history').scrollIntoView()")
            _until(lambda: page.evaluate(drawn) == "yes")
            assert not found.complaints
            port = server.url.rstrip("/").rpartition(":")[2]
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            page.wait_for_selector("#banner:not([hidden])")
            assert "does not answer" in page.locator("#banner").inner_text()
        missed = _progress(page)
        with servers.serving(path, "--port", port) as server:
            page.wait_for_selector("#banner[hidden]", state="attached", timeout=20_000)
            _until(lambda: _progress(page) > missed)
            assert writer.wait(timeout=120) == 0
            _until(lambda: _progress(page) == 400)
            _until(lambda: "400 of 400" in page.locator("#budget").inner_text())
    finally:
        writer.kill()
        writer.wait()
    assert not [
        each for each in found.complaints if "ERR_CONNECTION_REFUSED" not in each and "ERR_INCOMPLETE" not in each
    ]


def test_a_note_is_made_by_keyboard_alone_and_a_wrong_configuration_is_refused(
    tmp_path: Path, opened: Callable[..., Any]
) -> None:
    path = tmp_path / "s.db"
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=path, name="one") as study:
        study.optimize(lambda trial: trial["x"], trials=3)
    with servers.serving(path, "--port", "0") as server:
        found = opened(f"{server.url}studies/one")
        page, keys = found.page, found.page.keyboard
        for _ in range(40):
            keys.press("Tab")
            if page.evaluate("document.activeElement.dataset.opens") == "do-note":
                break
        keys.press("Enter")
        page.wait_for_selector("#do-note[open]")
        assert page.evaluate("document.activeElement.closest('dialog')?.id") == "do-note"
        # As a renewal of the page in between does.
        page.evaluate("(old => old.replaceWith(old.cloneNode(true)))(document.querySelector('[data-opens=do-note]'))")
        keys.type("looks <b>right</b>")
        keys.press("Tab")
        keys.type("ann")
        keys.press("Enter")
        page.wait_for_selector("#do-note:not([open])", state="attached")
        store = open_store(path)
        (note,) = store.instructions("one")
        assert (note.act, note.words) == (Act.NOTE, "looks <b>right</b>") and note.who.startswith("ann (")
        store.close()
        assert page.evaluate("document.activeElement.dataset.opens") == "do-note"  # back to where one came from
        page.click("[data-opens=do-enqueue]")
        page.fill('#do-enqueue input[name="dial:x"]', "7")
        page.click("#do-enqueue .do")
        _until(lambda: page.locator("#do-enqueue .problem").inner_text() != "")
        assert "x" in page.locator("#do-enqueue .problem").inner_text() and page.locator("#do-enqueue[open]").count()
        page.fill('#do-enqueue input[name="dial:x"]', "0.75")
        page.click("#do-enqueue .do")
        page.wait_for_selector("#do-enqueue:not([open])", state="attached")
        _until(lambda: "Trial 3" in page.locator("#done").inner_text())
        page.click("nav.pages a >> text=Trials")
        page.wait_for_selector("#trials tbody tr >> text=waiting")
        assert not [each for each in found.complaints if "400" not in each]


def test_a_browser_without_scripts_can_act_too(tmp_path: Path, opened: Callable[..., Any]) -> None:
    path = tmp_path / "s.db"
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=path, name="one") as study:
        study.optimize(lambda trial: trial["x"], trials=3)
    with servers.serving(path, "--port", "0") as server:
        page = opened(f"{server.url}studies/one", java_script_enabled=False).page
        page.click("text=Try a configuration")
        page.fill('input[name="dial:x"]', "7")
        page.click("text=Queue it")
        assert "x" in page.locator(".problem").inner_text() and page.input_value('input[name="dial:x"]') == "7"
        page.fill('input[name="dial:x"]', "0.75")
        page.fill('input[name="who"]', "ann")
        page.click("text=Queue it")
        assert page.url.endswith("/studies/one/trials/3?did=enqueue")
        assert "It is in the queue." in page.locator("#done").inner_text()
        page.goto(f"{server.url}studies/one")
        page.click("text=Pause …")
        page.click("button.do")
        assert "Paused by" in page.locator("#steer").inner_text()
        page.click("text=Resume …")
        page.click("text=Cancel")
        assert page.url.endswith("/studies/one")
    with tl.Study.load(store=path) as study:
        assert study.trials[3].params["x"] == 0.75 and study.paused is not None


def test_a_log_is_followed_while_its_trial_runs(tmp_path: Path, opened: Callable[..., Any]) -> None:
    path = tmp_path / "s.db"
    with tl.Study.create(tl.Space(x=tl.Float(0, 1)), minimize="loss", budget=9, store=path, name="one") as study:
        trial = study.ask()
        log = study.directory / "00000" / "log.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("epoch 1\n")
        with servers.serving(path, "--port", "0") as server:
            found = opened(f"{server.url}studies/one/trials/0")
            page = found.page
            _until(lambda: page.locator("#log").inner_text() == "epoch 1\n")
            with log.open("a") as more:
                more.write("<script>alert(1)</script>\n")
            _until(lambda: "<script>alert(1)</script>" in page.locator("#log").inner_text())
            study.tell(trial, 0.5)
            _until(lambda: "complete" in page.locator("#standing").inner_text())
            assert "epoch 1" in page.locator("#log").inner_text()
            assert not found.complaints


def _settled(page: Any) -> None:
    page.wait_for_load_state("load")
    page.evaluate("trialist.drawAll()")
    # Not by wait_for_function: it evaluates text in the page, which the page's policy forbids.
    waits = (
        "[...document.querySelectorAll('figure.panel:not([hidden])')].filter((f) => f.querySelector('.waiting')).length"
    )
    _until(lambda: page.evaluate(waits) == 0)


def _progress(page: Any) -> int:
    found = re.search(r"after (\d+) trials", page.locator("#progress").inner_text())
    return int(found[1]) if found else -1


def _trials(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        store = open_store(path, create=False)
    except OSError:
        return 0
    try:
        return store.load_study("live").trials if store.studies() else 0
    finally:
        store.close()


def _until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)
