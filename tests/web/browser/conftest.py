"""A real browser for pages: Debian's chromium, driven by Playwright; what a page says on its console fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

AXE = Path(__file__).with_name("axe.min.js")


def _chromium() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for a file of tests; skipped where there is none.

    Not for the whole session: as long as it is open, Playwright's event loop counts as running in this thread, and
    whatever comes after it could not run one of its own.
    """
    api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install trialist[browser]")
    path = _chromium()
    if path is None:
        pytest.skip("no chromium: apt install chromium, or name it in the variable CHROMIUM")
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


class Opened:
    """A page, and all that it complained of or asked the network for."""

    def __init__(self, page: Any) -> None:
        self.page, self.complaints, self.requests = page, [], []
        page.on("console", lambda message: self._heard(message))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def draw(self) -> None:
        """Draw every chart, also those far below."""
        self.page.evaluate("trialist.drawAll()")
        self.page.wait_for_function(
            "[...document.querySelectorAll('figure.panel .canvas')].every((place) => place.querySelector('svg'))"
        )

    def hover(self) -> int:
        """Show the tip of the first mark of each series of each chart; how many said something."""
        return self.page.evaluate(
            """() => {
              let told = 0;
              for (const [figure, {instance}] of trialist.instances)
                instance.getOption().series.forEach((series, seriesIndex) => {
                  if (series.type === 'parallel') return; // the library finds its lines by the mouse alone
                  instance.dispatchAction({type: 'showTip', seriesIndex, dataIndex: 0});
                  const tip = [...figure.querySelectorAll('.canvas > div')].pop();
                  told += Boolean(tip && tip.textContent);
                });
              return told;
            }"""
        )

    def axe(self) -> list[str]:
        """What axe-core finds serious or critical, in a line each."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']} ({each['impact']}): {node['html'][:200]} {node.get('failureSummary')}"
            for each in found["violations"]
            for node in each["nodes"][:1]
            if each["impact"] in ("serious", "critical")
        ]


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Opens an address in a window of its own: opened(url, width=, dark=)."""
    contexts = []

    def open_page(url: str, width: int = 1280, dark: bool = False, **more: Any) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", **more
        )
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.goto(url)
        return found

    yield open_page
    for context in contexts:
        context.close()
