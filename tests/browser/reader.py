"""A reader with a browser: Debian's Chromium, driven by Playwright, who notes what a page should not do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AT_HOME = ("", "127.0.0.1", "localhost")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


def chromium() -> str | None:
    """Where a Chromium is: the one KIT_CHROMIUM names, else the first on the PATH; None where there is none."""
    return os.environ.get("KIT_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Reader:
    """A page that is open, and what went wrong on it: errors on its console, requests that leave this machine."""

    def __init__(self, page: Page):
        self.page = page
        self.errors: list[str] = []
        self.outside: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: is_outside(request.url) and self.outside.append(request.url))

    def open(self, place: str | Path) -> Page:
        """Open an address or a file, with nothing noted yet."""
        self.errors.clear()
        self.outside.clear()
        self.page.goto(place.as_uri() if isinstance(place, Path) else place)
        return self.page

    def barriers(self) -> list[str]:
        """What axe finds serious or critical, a line each: the rule, how often, the first place."""
        found = Axe().run(self.page, options={"preload": False}).response["violations"]  # it would fetch style sheets
        return [
            f"{rule['id']} {len(rule['nodes'])}x: {rule['nodes'][0]['html'][:200]}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]

    def wider_than_the_window(self) -> int:
        """By how many pixels the page is wider than its window; 0 if nobody has to scroll sideways."""
        return self.page.evaluate("() => document.scrollingElement.scrollWidth - window.innerWidth")


def is_outside(address: str) -> bool:
    """Whether a request leaves this machine."""
    parts = urlsplit(address)
    return parts.scheme not in ("data", "blob", "file") and (parts.hostname or "") not in AT_HOME


@contextmanager
def reader(folder: Path, **options: Any) -> Iterator[Reader]:
    """A browser of its own with a new profile in `folder`, closed at the end; options are a context's (viewport, …)."""
    with sync_playwright() as playwright:
        context: BrowserContext = playwright.chromium.launch_persistent_context(
            folder, executable_path=chromium(), headless=True, args=FLAGS, **{"viewport": DESK, **options}
        )
        try:
            yield Reader(context.pages[0])
        finally:
            context.close()
