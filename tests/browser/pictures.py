"""The README's pictures, taken in the browser that the tests use: `make pictures`, after `make tour`.

python -m tests.browser.pictures
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from kit.errors import KitError
from kit.files.write import write_whole
from kit.notebooks.manifest import WELCOME
from tests.browser.desk import lab, open_notebook, run_all
from tests.browser.reader import DESK, chromium, reader
from tests.conftest import ROOT

FOLDER, TOUR = ROOT / ".github", ROOT / "build" / "tour" / "index.html"
COLOURS = 64


def take(page: Page, name: str, height: int = DESK["height"]) -> Path:
    """What the window shows, down to `height`, as a small PNG."""
    picture = page.screenshot(clip={"x": 0, "y": 0, "width": DESK["width"], "height": height})
    small = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(small, "PNG", optimize=True)
    write_whole(FOLDER / name, small.getvalue())
    return FOLDER / name


def main() -> None:
    """Take them all."""
    if not chromium():
        raise KitError("no Chromium is here", mend="Install it, or name one in KIT_CHROMIUM.")
    if not TOUR.is_file():
        raise KitError(f"{TOUR} is not there", mend="Run: make tour")
    with tempfile.TemporaryDirectory() as scratch, reader(Path(scratch) / "profile") as visitor:
        print(take(visitor.open(TOUR), "tour.png"))
        with lab(Path(scratch) / "lab" / "root") as address:
            page = open_notebook(visitor, address, WELCOME)
            run_all(page)
            page.locator(".jp-OutputArea-output").first.evaluate("output => output.scrollIntoView({block: 'center'})")
            page.wait_for_timeout(500)
            print(take(page, "lab.png"))


if __name__ == "__main__":
    try:
        main()
    except KitError as error:
        sys.exit(str(error))
