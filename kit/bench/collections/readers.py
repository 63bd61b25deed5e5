"""The text of a file of one's own, by its suffix; a file that cannot be read says why."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from pathlib import Path

from kit.errors import KitError
from kit.texts.speeches import load_text

AS_WRITTEN = (".txt", ".md", ".rst")  # spans count the file's own characters
MEND = "pip install 'milvus-notebook-kit[readers]'"


def read_file(path: Path) -> str:
    """The text that a file holds: .txt, .md and .rst as written, the others as their reader extracts it.

    A line end is one character, also where the file has two. Raises KitError: the reader's package is not there, a
    damaged or locked file, no UTF-8, no text.
    """
    suffix = path.suffix.lower()
    try:
        text = READERS[suffix](path)
    except KitError:
        raise
    except ModuleNotFoundError as error:
        raise KitError(f"{path.name} needs {error.name}, which is not installed here", mend=f"{MEND}.") from None
    except Exception as error:  # noqa: BLE001 - a damaged file fails in the reader's own ways
        words = " ".join(f"{type(error).__name__}: {error}".split())
        raise KitError(f"{path} cannot be read as {suffix} ({words[:160]}).") from None
    if not text.strip():
        raise KitError(f"{path} holds no text.")
    return text


def own_offset(path: Path, offset: int) -> int:
    """Where the character `offset` of the file itself is in the text that `read_file` gives of it.

    They differ where lines end in two characters.
    """
    if path.suffix.lower() not in AS_WRITTEN:
        return offset
    data = path.read_bytes().decode("utf-8-sig", "replace")
    return offset - data.count("\r\n", 0, offset)


def _as_written(path: Path) -> str:
    return load_text(path).page_content


def _pdf(path: Path) -> str:
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it tells of every oddity that it copes with
    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise KitError(f"{path} is locked by a password.")
    return _tidy("\n\n".join(page.extract_text() for page in reader.pages))


def _docx(path: Path) -> str:
    """Paragraphs and tables in their order."""
    from docx import Document
    from docx.table import Table

    parts = []
    for block in Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            parts += [" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows]
        else:
            parts.append(block.text)
    return _tidy("\n\n".join(parts))


def _html(path: Path) -> str:
    """What a reader of the page sees: no scripts, styles or navigation."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(path.read_bytes(), "html.parser")
    for tag in soup(["script", "style", "template", "noscript", "nav", "head"]):
        tag.decompose()
    blocks = [
        "p",
        "div",
        "li",
        "tr",
        "br",
        "pre",
        "section",
        "article",
        "table",
        *(f"h{level}" for level in range(1, 7)),
    ]
    for tag in soup(blocks):
        tag.append("\n")
    return _tidy(soup.get_text())


def _ipynb(path: Path) -> str:
    """The sources of the cells; outputs are left out."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    return _tidy("\n\n".join(cell.source for cell in notebook.cells))


def _tidy(text: str) -> str:
    """No blanks at line ends, no more than one blank line."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t\r\f\v\xa0]+\n", "\n", text)).strip() + "\n"


READERS: dict[str, Callable[[Path], str]] = {
    **dict.fromkeys(AS_WRITTEN, _as_written),
    ".pdf": _pdf,
    ".docx": _docx,
    ".html": _html,
    ".htm": _html,
    ".ipynb": _ipynb,
}
