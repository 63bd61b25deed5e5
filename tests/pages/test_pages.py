"""Pages read into blocks: Markdown, MDX and notebooks, each line in a block or told; bad input refused in words."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from kit.errors import KitError
from kit.files.project import pages_folder
from kit.pages.markdown import parse_text
from kit.pages.page_file import fingerprint, load_page
from kit.pages.sources import MAX_BYTES, read_page

SAMPLES = Path(__file__).parents[1] / "samples" / "pages"
SIMPLE = "# Title\n\nWords.\n\n```python\n1 + 1\n```\n\n```output\n2\n```\n"


@pytest.fixture(scope="module")
def components():
    return read_page(str(SAMPLES / "components.mdx"))


def code(page):
    return {block.text.strip(): block for block in page.code}


def written(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def test_a_block_has_an_id_the_headings_above_it_its_lines_and_its_text():
    blocks = parse_text("# A\n\nWords.\n\n## B c!\n\n```python\nx\n```\n").blocks
    assert [(b.id, b.kind, b.path, b.lines) for b in blocks] == [
        ("a/prose-1", "prose", ("A",), (3, 3)),
        ("b-c/code-1", "code", ("A", "B c!"), (7, 9)),
    ]
    assert blocks[1].text == "x\n"
    assert blocks[1].language == "python"


def test_the_known_page_still_has_the_ids_and_hashes_of_its_fingerprint(shared):
    name = "langchain-milvus-2024"
    page = read_page(str(shared / "pages" / f"{name}.md"))
    assert [(b.id, b.lines, b.sha256) for b in page.blocks] == [(b.id, b.lines, b.sha256) for b in load_page(name)]
    assert fingerprint(page) in (pages_folder() / f"{name}.toml").read_text()
    assert page.unparsed == ()


@pytest.mark.parametrize(
    "below", ["```output\n2\n```", "```\n2\n```", "    2", "```text\n2\n```", "```json Output\n2\n```"]
)
def test_what_stands_right_below_python_code_and_shows_text_is_its_output(below):
    page = parse_text(f"```python\n1 + 1\n```\n\n{below}\n")
    assert [b.text.strip() for b in page.stored(page.code[0])] == ["2"]


def test_a_python_fence_that_shows_a_list_of_values_below_code_is_its_output():
    page = parse_text(
        "```python\nsearch()\n```\n\n```python\n[Document(page_content='a')]\n```\n\n```python\n[a, b]\n```\n"
    )
    assert [b.kind for b in page.blocks] == ["code", "output", "code"]


@pytest.mark.parametrize("apart", ["Words.\n\n```\n2\n```", "```bash\n2\n```", "```json\n2\n```"])
def test_other_fences_are_no_output(apart):
    page = parse_text(f"```python\n1 + 1\n```\n\n{apart}\n")
    assert page.stored(page.code[0]) == []


@pytest.mark.parametrize(
    "info", ["python", "py", "python3", "Python", "{python}", "{code-cell} ipython3", "python {1}"]
)
def test_python_is_known_by_all_its_names(info):
    assert parse_text(f"```{info}\nx\n```\n").code[0].language == "python"


def test_code_in_tabs_is_read_at_any_indent_and_knows_its_tab(components):
    first, other = code(components)["x = 1\nx"], code(components)["let x = 1"]
    assert (first.tab, other.tab) == ("1/OpenAI", "1/JavaScript")
    assert [b.text for b in components.stored(first)] == ["1\n"]


def test_a_code_group_is_tabs_without_tags(components):
    assert [b.tab for b in components.blocks if b.text in ("y = 2\n", "y = 3\n")] == ["2/Sync", "2/Async"]


def test_code_in_a_list_is_code_and_the_steps_around_it_are_prose(components):
    assert code(components)["z = 3"].path == ("Search", "Steps")
    prose = [b.text for b in components.blocks if b.kind == "prose"]
    assert "1. First" in prose
    assert "2. Second" in prose


def test_a_component_that_stands_for_code_is_that_code(components):
    (tabs,) = [block for block in components.code if block.markup == "component"]
    assert tabs.text.startswith("from langchain_openai import OpenAIEmbeddings\n\nmodel = OpenAIEmbeddings(")


def test_tags_imports_comments_and_admonitions_are_syntax_and_their_words_prose(components):
    prose = " ".join(b.text for b in components.blocks if b.kind == "prose")
    assert "Folded words." in prose
    assert "Admonished words." in prose
    assert not any(word in prose for word in ("import", "export", ":::", "comment", "</Tab"))


def test_what_is_no_block_is_told_with_its_line(components):
    lines = (SAMPLES / "components.mdx").read_text().splitlines()
    told = {lines[left.lines[0] - 1]: left.why for left in components.unparsed}
    assert told == {
        "<Missing />": "the component <Missing /> is filled elsewhere; what it shows is not in the page",
        "</Stray>": "</Stray> closes what was not opened: </Stray>",
    }


def test_markdown_with_components_is_read_as_mdx_and_other_markdown_is_not():
    assert parse_text("<Tabs>\n\n    ```python\n    x\n    ```\n\n</Tabs>\n").form == "mdx"
    assert parse_text(SIMPLE).form == "markdown"
    assert parse_text('=== "Python"\n\n    ```python\n    x\n    ```\n').code[0].text == "x\n"


PIECES = [
    *("# H", "words", "", "- item", "  - deep", "> quote", "    four", "| a | b |", "```python", "```"),
    *("<Tab>", "</Tab>", "<A b={1}", "{x}", "import a from 'b'", ":::note", "<!-- c", "-->"),
]


@given(st.lists(st.sampled_from(PIECES)))
def test_no_line_is_dropped_whatever_the_page(lines):
    try:
        page = parse_text("\n".join(lines), mdx=True)
    except KitError as error:
        assert "never closed" in str(error)
        return
    told = {n for part in (*page.blocks, *page.unparsed) for n in range(part.lines[0], part.lines[1] + 1)}
    for number, line in enumerate(lines, start=1):
        if line in ("words", "- item", "  - deep", "> quote", "| a | b |"):
            comment = "<!-- c" in lines[:number] or any(one.startswith(("import", "{", "<A")) for one in lines[:number])
            assert number in told or comment, (number, line)


def test_a_notebook_gives_a_block_a_cell_and_its_outputs_as_stored(tmp_path):
    outputs = [new_output("stream", name="stdout", text="hi\n"), new_output("stream", name="stderr", text="warned")]
    cells = [
        new_raw_cell("---\nsidebar_label: Milvus\n---"),
        new_markdown_cell("# Title\n\nWords.\n\n```python\nnot_run()\n```"),
        new_code_cell("print('hi')", outputs=outputs),
        new_code_cell("  "),
        new_raw_cell("raw words"),
    ]
    page = read_page(written(tmp_path, "page.ipynb", nbformat.writes(new_notebook(cells=cells))))
    assert [(b.id, b.cell, b.lines, b.markup) for b in page.blocks] == [
        ("title/prose-1", 2, (3, 3), ""),
        ("title/code-1", 2, (5, 7), "fence"),
        ("title/code-2", 3, (1, 1), "cell"),
        ("title/output-1", 3, (1, 1), "cell"),
    ]
    assert page.blocks[3].outputs == ({"output_type": "stream", "name": "stdout", "text": "hi\n"},)
    assert [(left.cell, left.why) for left in page.unparsed] == [(5, "a raw cell")]


BAD = {
    "binary.md": (b"\x89PNG\r\n\0\0", "is a binary file; wanted: a text"),
    "large.md": (b"x" * (MAX_BYTES + 1), "too large for a docs page: 10.0 MB; at most 10 MB"),
    "latin.md": ("# Übersicht".encode("latin1"), r"is not UTF-8 text \(byte 2 is 0xdc\). Save it as UTF-8"),
    "utf16.md": ("# Title".encode("utf-16"), "looks like UTF-16"),
    "unclosed.md": ("# A\n\n```python\nx\n", "unclosed.md: Line 3 opens a code block with ``` that is never closed"),
    "rendered.md": ("<!DOCTYPE html><html>", "holds HTML, a rendered page; wanted: its source"),
    "page.txt": ("# A", "is no docs page by its name; wanted: a file that ends in .md"),
    "broken.ipynb": ("{", "is no valid notebook: line 1, column 2"),
    "list.ipynb": ("[1]", "is no valid notebook"),
    "r.ipynb": (
        '{"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"language_info": {"name": "R"}}}',
        "is a notebook in r; the kit runs Python",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_page_is_refused_in_words(tmp_path, name):
    data, words = BAD[name]
    with pytest.raises(KitError, match=words):
        read_page(written(tmp_path, name, data))


def test_a_path_that_leads_nowhere_or_to_a_folder_is_refused(tmp_path):
    with pytest.raises(KitError, match="found nothing"):
        read_page(str(tmp_path / "none.md"))
    with pytest.raises(KitError, match="found a folder"):
        read_page(str(tmp_path))


@contextlib.contextmanager
def served(status, kind, body):
    """A web server on loopback that gives one answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/docs/page.md?plain=1"
        server.shutdown()


def test_a_page_is_read_from_its_address():
    with served(200, "text/plain", SIMPLE.encode()) as address:
        page = read_page(address)
    assert page.name == "page"
    assert [b.kind for b in page.blocks] == ["prose", "code", "output"]


@pytest.mark.parametrize(
    ("status", "kind", "body", "words"),
    [
        (404, "text/plain", b"", "answers 404"),
        (200, "text/html; charset=utf-8", b"<p>", "answers with HTML"),
        (200, "text/plain", b" <html>", "holds HTML"),
        (200, "text/plain", b"x" * (MAX_BYTES + 1), "too large for a docs page: more than 10 MB"),
    ],
)
def test_an_address_that_gives_no_page_is_refused(status, kind, body, words):
    with served(status, kind, body) as address, pytest.raises(KitError, match=words):
        read_page(address)


def test_an_address_that_does_not_answer_is_said():
    with pytest.raises(KitError, match="does not answer"):
        read_page("http://127.0.0.1:1/page.md")
