"""The site in a browser: every page at a desk and on a phone, light and dark; search, next page, download."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.browser.reader import DESK, PHONE, Reader
from tests.test_site import site

__all__ = ["site"]
pytestmark = pytest.mark.long


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and writes nothing down."""

    def log_message(self, *_):
        pass


@contextmanager
def served(folder: Path):
    """The address at which a folder is served on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield address


def test_every_page_opens_without_an_error_or_a_request_and_axe_passes(site, address, visitor: Reader):
    pages = [p.relative_to(site) for p in site.rglob("*.html") if not {"_static", "reports"} & set(p.parts)]
    assert len(pages) > 24
    wrong = []
    for path in sorted(pages):
        for size in (DESK, PHONE):
            visitor.page.set_viewport_size(size)
            page = visitor.open(f"{address}/{path}")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(300)  # the theme fades, and looks again at what scrolls
                wide = ["wider than the window"] if visitor.wider_than_the_window() > 0 else []
                wrong += [f"{path} {size['width']} {scheme}: {what}" for what in wide + visitor.barriers()]
        wrong += [f"{path}: {what}" for what in visitor.errors + visitor.outside]
    assert wrong == []


def test_a_reader_searches_by_keyboard_goes_on_to_the_next_page_and_downloads_the_notebook(address, visitor: Reader):
    visitor.page.set_viewport_size(DESK)
    page = visitor.open(f"{address}/index.html")
    page.keyboard.press("Control+K")
    page.keyboard.type("tenant_retriever")
    page.keyboard.press("Enter")
    page.locator("#search-results a", has_text="kit").first.wait_for()
    page = visitor.open(f"{address}/notebooks/02_collections.html")
    page.get_by_role("link", name="next", exact=False).filter(has_text="Partition keys").click()
    page.wait_for_url("**/03_partition_keys.html")
    page.get_by_role("button", name="Download this page").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=".ipynb").click()
    assert download.value.suggested_filename == "03_partition_keys.ipynb"
