"""The site: every page there, every link leads somewhere, and nothing comes from outside."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import kit
from kit.notebooks.manifest import load_manifest
from website.sources import FACES, write_sources

ROOT = Path(__file__).parent.parent


class References(HTMLParser):
    """What a page links to, and what it loads."""

    def __init__(self, page: Path):
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        elif tag == "link" and values.get("href") and values.get("rel") != "canonical":
            self.loads.append(values["href"])
        elif values.get("src"):
            self.loads.append(values["src"])


def is_outside(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def dead(page: Path, address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not parts.path:
        return False
    return not (page.parent / unquote(parts.path)).exists()


def test_the_reference_has_every_public_name_and_the_first_page_every_notebook(tmp_path):
    write_sources(tmp_path / "source")
    for face in FACES:
        page = (tmp_path / "source/reference" / f"{face}.md").read_text()
        names = sys.modules[face].__all__
        assert [name for name in names if not name.startswith("__") and f"\n## {name}\n" not in page] == []
    first = (tmp_path / "source/index.md").read_text()
    assert all(f"(notebooks/{entry.file})" in first for entry in load_manifest().notebooks)
    assert kit.__version__ not in first


def test_the_checker_of_links_sees_a_dead_one_and_a_script_from_outside(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<a href="gone.html#x">x</a><a href="#here">y</a><script src="https://example.org/a.js"></script>')
    references = References(page)
    assert [address for address in references.links if dead(page, address)] == ["gone.html#x"]
    assert [address for address in references.loads if is_outside(address)] == ["https://example.org/a.js"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_sources(folder / "source")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", str(ROOT / "website")]
    subprocess.run([*command, str(folder / "source"), str(folder / "html")], cwd=ROOT, check=True, timeout=300)
    return folder / "html"


@pytest.mark.long
def test_every_page_is_built_and_no_link_is_dead_and_nothing_is_loaded_from_outside(site):
    pages = [page for page in site.rglob("*.html") if not {"reports", "_static"} & set(page.relative_to(site).parts)]
    assert {entry.stem for entry in load_manifest().notebooks} <= {page.stem for page in pages}
    assert {page.stem for page in (site / "reference").iterdir()} == set(FACES)
    for page in pages:
        references = References(page)
        assert [address for address in references.loads if is_outside(address)] == [], page
        assert [address for address in references.links + references.loads if dead(page, address)] == [], page


@pytest.mark.long
def test_a_notebook_can_be_downloaded_and_leads_to_its_neighbours_and_no_table_has_empty_headers(site):
    page = (site / "notebooks/02_collections.html").read_text()
    assert "01_basic_search.html" in page and "03_partition_keys.html" in page
    assert re.search(r'href="[^"]*02_collections\.ipynb"', page)
    assert not re.search(r"<th[^>]*>\s*(<p>\s*</p>)?\s*</th>", page)
