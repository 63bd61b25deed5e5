"""The tour's report: index.html and each executed notebook as a page, all opening without a network."""

from __future__ import annotations

import copy
import re
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode

from kit.errors import KitError
from kit.files.write import write_whole
from kit.notebooks.files import tags
from kit.notebooks.records import NotebookOutcome, Tour
from kit.notebooks.run import in_short
from kit.reports.html import POLICY, SCRIPT, render

LINK = re.compile(r'href="(\w+)\.ipynb(#[^"]*)?"')  # to a notebook beside it, whose page lies beside its page
NOTEBOOK_PAGE = """\
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}<meta http-equiv="Content-Security-Policy" content="POLICY">{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block body_header -%}
{{ super() }}<style>LEGIBLE</style>
<nav style="font: 14px system-ui, sans-serif; padding: 12px 24px"><a href="index.html">← Tour</a></nav>
{%- endblock -%}
{%- block body_footer -%}<script>SCRIPT</script>{{ super() }}{%- endblock -%}
"""
# JupyterLab's light colours, darkened to a contrast of at least 4.5; links are told from text by more than colour.
LEGIBLE = """
:root { --jp-mirror-editor-operator-color: #7a00cc; --jp-mirror-editor-number-color: #006600;
  --jp-mirror-editor-comment-color: #2f6464; --jp-cell-prompt-not-active-font-color: #5c5c5c;
  --jp-cell-prompt-not-active-opacity: 1; }
.jp-RenderedHTMLCommon a:link { text-decoration: underline; }
"""


def write_notebook_page(folder: Path, outcome: NotebookOutcome) -> None:
    """Write the executed notebook of an outcome as `<stem>.html`."""
    write_whole(folder / f"{outcome.notebook.stem}.html", notebook_page(outcome))


def notebook_page(outcome: NotebookOutcome) -> str:
    """The executed notebook as one HTML page in JupyterLab's looks, with nothing outside of it."""
    if outcome.result is None:
        raise KitError(f"{outcome.notebook.file} was not run, so there is no page of it.")
    nb: NotebookNode = copy.deepcopy(outcome.result.executed)
    for cell in nb.cells:
        if "raises-exception" in tags(cell):  # as it is stored; an error that is none of these keeps its traceback
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = in_short(output)
    parts = {"POLICY": POLICY, "LEGIBLE": LEGIBLE, "SCRIPT": SCRIPT}
    template = re.sub("|".join(parts), lambda part: parts[part.group()], NOTEBOOK_PAGE)
    exporter = HTMLExporter(raw_template=template, embed_images=True)
    page, _ = exporter.from_notebook_node(nb, {"metadata": {"name": outcome.notebook.title}})
    return LINK.sub(r'href="\1.html\2"', page)


def write_index(folder: Path, tour: Tour, command: str) -> None:
    """Write index.html: the verdict, the tables, the scores, what differs, times and versions."""
    write_whole(folder / "index.html", index_page(tour, command))


def index_page(tour: Tour, command: str) -> str:
    """The report's first page; everything in it is escaped."""
    longest = max((outcome.result.seconds.total for outcome in tour.outcomes if outcome.result), default=1.0)
    template = Path(__file__).with_name("report.html")
    return render(template, tour=tour, command=command, longest=max(longest, 0.001), diff_lines=diff_lines)


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """(kind, line) for each line of a unified diff: `old`, `new`, `at` or `same`."""
    kinds = {"-": "old", "+": "new", "@": "at"}
    return [(kinds.get(line[:1], "same"), line) for line in diff.splitlines()]
