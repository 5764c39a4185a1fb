# Copyright: (c) 2026, llmd.tpu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A headless Chromium, driven by its DevTools protocol; no more of it than pictures need."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import websocket

_START_SECONDS = 30.0
_REPLY_SECONDS = 30.0


@dataclass(frozen=True)
class View:
    """How somebody looks at a page."""

    name: str
    width: int
    scheme: Literal["light", "dark"] = "light"
    media: Literal["screen", "print"] = "screen"
    scale: int = 1
    """Device pixels for a pixel of the page."""


VIEWS = (
    View("wide", 1280),
    View("wide-dark", 1280, scheme="dark"),
    View("narrow", 360, scale=2),
    View("narrow-dark", 360, scheme="dark", scale=2),
    View("paper", 794, media="print"),
)


class Browser:
    """One tab."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=_REPLY_SECONDS)
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give the reply to a command; what happens meanwhile is kept in `events`."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told: dict[str, Any] = json.loads(self._socket.recv())
            if told.get("id") == number:
                assert "error" not in told, f"{method}: {told['error']}"
                result: dict[str, Any] = told["result"]
                return result
            if "method" in told:
                self.events.append(told)

    def show(self, page: Path, view: View, site: Path | None = None) -> list[str]:
        """Open a page as in a view, and tell what is wrong with it.

        A page of a site may load the site's files; any other stands alone.
        """
        self.events.clear()
        media = [{"name": "prefers-color-scheme", "value": view.scheme}]
        self.ask("Emulation.setEmulatedMedia", media=view.media, features=media)
        self._resize(view, 800)
        self.ask("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + _REPLY_SECONDS
        while not any(one["method"] == "Page.loadEventFired" for one in self.events):
            assert time.monotonic() < deadline, f"{page} is not loaded"
            self.ask("Runtime.evaluate", expression="1")
        allowed = site.as_uri() if site else page.as_uri()
        return [*self._complaints(allowed), *self._overflow(view)]

    def picture(self, view: View) -> bytes:
        """The whole page as PNG."""
        height = self._number("document.documentElement.scrollHeight")
        self._resize(view, height)
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def paper(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=False)["data"])

    def close(self) -> None:
        """Let go of the tab."""
        self._socket.close()

    def _resize(self, view: View, height: int) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=view.width,
            height=height,
            deviceScaleFactor=view.scale,
            mobile=view.width < 600,
        )

    def _number(self, expression: str) -> int:
        return int(self.ask("Runtime.evaluate", expression=expression)["result"]["value"])

    def _overflow(self, view: View) -> list[str]:
        width = self._number("document.documentElement.scrollWidth")
        return [f"it is {width} wide in a window of {view.width}"] if width > view.width else []

    def _complaints(self, allowed: str) -> list[str]:
        """Errors on the console, and whatever was loaded whose address does not begin so."""
        found: list[str] = []
        for one in self.events:
            told = one["params"]
            if one["method"] == "Runtime.exceptionThrown":
                found.append(f"exception: {told['exceptionDetails']['text']}")
            elif one["method"] == "Runtime.consoleAPICalled" and told["type"] == "error":
                found.append(f"console: {told['args']}")
            elif one["method"] == "Log.entryAdded" and told["entry"]["level"] == "error":
                found.append(f"console: {told['entry']['text']}")
            elif one["method"] == "Network.requestWillBeSent":
                url = told["request"]["url"]
                found += [f"loads {url}"] if not url.startswith((allowed, "data:")) else []
        return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium of its own, with a profile that goes with it."""
    program = shutil.which("chromium")
    assert program, "chromium is missing: tests/screenshots/chromium.sh installs it"
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        process = subprocess.Popen(
            [
                program,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
                "--remote-debugging-port=0",
                "--remote-allow-origins=*",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            tab = Browser(_address(Path(profile)))
            try:
                yield tab
            finally:
                tab.close()
        finally:
            process.terminate()
            process.wait()


def _address(profile: Path) -> str:
    """Where the first tab listens; the browser writes its port into its profile."""
    deadline = time.monotonic() + _START_SECONDS
    told = profile / "DevToolsActivePort"
    while not told.exists() or not told.read_text().strip():
        assert time.monotonic() < deadline, "chromium does not start"
        time.sleep(0.1)
    port = told.read_text().split()[0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/json/list", timeout=_START_SECONDS) as reply:
        tabs = json.load(reply)
    return str(next(one for one in tabs if one["type"] == "page")["webSocketDebuggerUrl"])
