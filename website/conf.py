"""How Sphinx builds the site; `make site` writes its sources with website/sources.py first."""

from __future__ import annotations

import importlib
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

import kit
from website.sources import FACES

for face in FACES:  # loaded before autodoc does it with TYPE_CHECKING set, which other packages do not bear
    module = importlib.import_module(face)
    for name in module.__all__:
        getattr(module, name)

project = "Milvus notebook kit"
author = "the Milvus notebook kit's authors"
release = version = kit.__version__
html_title = project
language = "en"

extensions = ["myst_nb", "sphinx_design", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
exclude_patterns = ["extra"]

nb_execution_mode = "off"  # outputs as stored, from one clean run
nb_ipywidgets_js: dict[str, str] = {}  # a script from outside
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/svg+xml", 1)]
myst_enable_extensions = ["colon_fence", "dollarmath", "html_image"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "myst.xref_missing", "mystnb.unknown_mime_type"]

default_role = "code"  # docstrings are written in Markdown's backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
toc_object_entries = False  # each name has a heading of its own
python_use_unqualified_type_names = True

html_context = {"default_mode": "auto"}
html_theme = "sphinx_book_theme"
html_favicon = "static/icon.svg"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = True
pygments_style = "a11y-high-contrast-light"
html_theme_options = {
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_start": [],
    "navbar_persistent": [],
}


def setup(app: Sphinx) -> None:
    """Reports lie beside the sources; empty header cells, which a screen reader would read out, become none."""
    app.config.html_extra_path = [str(Path(app.srcdir) / "extra")]
    app.connect("doctree-read", _without_empty_headers)


def _without_empty_headers(_app: Sphinx, document: nodes.document) -> None:
    for head in list(document.findall(nodes.thead)):
        if not head.astext().strip():
            head.parent.remove(head)
    for raw in document.findall(nodes.raw):
        if raw.get("format") == "html" and "<th></th>" in raw.astext():
            raw.children = [nodes.Text(raw.astext().replace("<th></th>", "<td></td>"))]
