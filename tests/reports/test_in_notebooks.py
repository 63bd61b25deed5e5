"""Plots with words and tables without empty headers, in a real kernel."""

from __future__ import annotations

import re

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from kit.reports.in_notebooks import table_html

CELLS = (
    "import matplotlib.pyplot as plt\nimport pandas as pd\n\nimport kit",
    "fig, ax = plt.subplots()\nax.plot([1, 2], label='dense')\nax.set_title('Recall < 1 & rising')\n"
    "ax.set(xlabel='k', ylabel='recall')\nax.legend()\nplt.show()",
    "plt.plot([1, 2])\nplt.show()",
    "pd.DataFrame({'text': ['<b>cat</b>', 'dog'], 'n': [1, 2]})",
)


@pytest.fixture(scope="module")
def shown():
    """What each cell shows, by MIME type."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    NotebookClient(notebook, timeout=120).execute()
    return [next((output.data for output in cell.outputs), {}) for cell in notebook.cells]


def test_a_plot_says_its_title_axes_and_series_and_keeps_its_image(shown):
    (alt,) = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,[\w+/=]{1000,}">', shown[1]["text/html"])
    assert alt == "Recall &lt; 1 &amp; rising (x: k; y: recall; series: dense)"
    assert "image/png" in shown[1]


def test_a_plot_without_a_title_stays_an_image_alone(shown):
    assert set(shown[2]) == {"image/png", "text/plain"}


def test_a_table_has_no_empty_header_texts_at_the_left_and_numbers_where_they_were(shown):
    page = shown[3]["text/html"]
    assert "<th></th>" not in page and "<td></td>" in page
    assert '<td style="text-align: left">&lt;b&gt;cat&lt;/b&gt;</td>' in page and "<td>1</td>" in page
    assert '<th style="text-align: left">text</th>' in page and "<th>n</th>" in page


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": ["x<td>y"], "b": [1]}),
        pd.DataFrame([[1, "a"] * 30]),
        pd.DataFrame({("a", "b"): ["x"], ("a", "c"): [2]}),
        pd.DataFrame({"a": ["x"]}, index=pd.MultiIndex.from_tuples([("p", "q")], names=["one", None])),
    ],
    ids=["empty", "markup", "cut", "columns in levels", "rows in levels"],
)
def test_what_a_table_holds_is_never_changed(frame):
    def plain(page: str) -> list[str]:
        return re.findall(r">([^<>]*)<", re.sub(r"(?s)<style.*?</style>", "", page))

    assert [t for t in plain(table_html(frame)) if t.strip()] == [t for t in plain(frame._repr_html_()) if t.strip()]
    assert "<th></th>" not in table_html(frame)
