"""A page from a file or an address: read, recognised and parsed, or refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from kit import registry
from kit.errors import KitError
from kit.pages.markdown import Reading, parse_text
from kit.pages.marks import in_tags
from kit.pages.page import Block, Page, sha256

MAX_BYTES = 10_000_000
URL_SECONDS = 30
SUFFIXES = (".md", ".mdx", ".markdown", ".ipynb")
BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_page(source: str) -> Page:
    """The page in a file (.md, .mdx, .ipynb) or at an http(s) address.

    Raises KitError for what is no page: nothing there, a folder, a binary file, one larger than 10 MB, text that is
    not UTF-8, HTML, a code block that is never closed, a broken notebook, an address that does not answer with 200.
    """
    return parse_source(read_source(source), source)


def read_source(source: str) -> str:
    """The page's text, unparsed."""
    if registered := _registered(source):
        text = registry.answer("sources", registered, source.removeprefix(f"{registered}:"), str, "the page's text")
    else:
        remote = source.startswith(("http://", "https://"))
        text = _decode(_fetch(source) if remote else _read(source), source)
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        raise KitError(
            f"{source} holds HTML, a rendered page",
            wanted="its source (.md, .mdx or .ipynb)",
            mend="On GitHub take the address behind the button Raw.",
        )
    return text


def parse_source(text: str, source: str) -> Page:
    """The page in a text; its name and form come from the file name or the address that it was read from."""
    if registered := _registered(source):
        source = source.removeprefix(f"{registered}:")
    file = PurePosixPath(urlsplit(source).path if "://" in source else source.replace("\\", "/"))
    if file.suffix == ".ipynb":
        return _notebook(text, file.stem, source)
    try:
        return parse_text(text, name=file.stem or "page", mdx=True if file.suffix == ".mdx" else None)
    except KitError as error:
        raise KitError(f"{source}: {error}") from None


def _registered(source: str) -> str:
    """What an address begins with that an outside package reads: `wiki` of `wiki:Milvus.md`, or a path; '' without."""
    parts = source.split(":", 2)
    if len(parts) == 3 and registry.is_path(":".join(parts[:2])):
        return ":".join(parts[:2])
    return parts[0] if len(parts) > 1 and parts[0] in registry.names("sources") else ""


def _read(source: str) -> bytes:
    path = Path(source)
    try:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "nothing"
            raise KitError(f"Wanted a docs page (.md, .mdx or .ipynb) at {source}; found {found}.")
        if path.suffix.lower() not in SUFFIXES:
            raise KitError(
                f"{source} is no docs page by its name",
                wanted=f"a file that ends in {', '.join(SUFFIXES)}",
                mend="Rename it when it is one.",
            )
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(source, f"{path.stat().st_size / 1e6:.1f} MB")
        return path.read_bytes()
    except OSError as error:
        raise KitError(f"{source} cannot be read: {error.strerror or error}.") from None


def _fetch(source: str) -> bytes:
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(source, headers={"User-Agent": "kit-docs"}), timeout=URL_SECONDS) as answer:
            if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
                raise KitError(
                    f"{source} answers with HTML, a rendered page",
                    wanted="its source (.md, .mdx or .ipynb)",
                    mend="On GitHub take the address behind the button Raw.",
                )
            data: bytes = answer.read(MAX_BYTES + 1)
    except HTTPError as error:
        raise KitError(f"{source} answers {error.code} {error.reason}. Check the address.") from None
    except (URLError, OSError, ValueError) as error:
        raise KitError(f"{source} does not answer: {getattr(error, 'reason', error)}.") from None
    if len(data) > MAX_BYTES:
        raise _too_large(source, f"more than {MAX_BYTES / 1e6:.0f} MB")
    return data


def _too_large(source: str, found: str) -> KitError:
    return KitError(f"{source} is too large for a docs page: {found}; at most {MAX_BYTES / 1e6:.0f} MB are read.")


def _decode(data: bytes, source: str) -> str:
    encoding = next((name for bom, name in BOMS.items() if data.startswith(bom)), None)
    if encoding is None and b"\0" in data:
        raise KitError(f"{source} is a binary file", wanted="a text: Markdown, MDX or a notebook")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise KitError(
            f"{source} is not UTF-8 text (byte {error.start} is "
            f"{data[error.start]:#04x}{', it looks like ' + encoding if encoding else ''})",
            mend="Save it as UTF-8.",
        ) from None


def _notebook(text: str, name: str, source: str) -> Page:
    import nbformat

    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise KitError(
            f"{source} is no valid notebook: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    try:
        notebook = nbformat.reads(json.dumps(content), as_version=4)
        nbformat.validate(notebook)
    except (nbformat.ValidationError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KitError(f"{source} is no valid notebook: {str(error).splitlines()[0][:200]}.") from None
    language = _language(notebook.metadata)
    if language != "python":
        raise KitError(f"{source} is a notebook in {language}; the kit runs Python.")
    reading = Reading()
    for position, cell in enumerate(notebook.cells, start=1):
        reading.cell = position
        _cell(reading, cell, source)
    return Page(name, sha256(text), "notebook", tuple(reading.blocks), tuple(reading.unparsed))


def _language(metadata: Mapping[str, Any]) -> str:
    info, spec = metadata.get("language_info", {}), metadata.get("kernelspec", {})
    language = str(info.get("name") or spec.get("language") or spec.get("name") or "python").lower()
    return "python" if "python" in language else language


def _cell(reading: Reading, cell: Mapping[str, Any], source: str) -> None:
    if not cell["source"].strip():
        return
    lines = (1, len(cell["source"].splitlines()))
    if cell["cell_type"] == "markdown":
        try:
            reading.text(cell["source"])
        except KitError as error:
            raise KitError(f"{source}: {error}") from None
    elif cell["cell_type"] == "code":
        metadata = cell.get("metadata", {})
        marks = tuple(in_tags(metadata.get("tags", ()), metadata))
        reading.add("code", cell["source"], lines, markup="cell", language="python", marks=marks)
        for output in cell["outputs"]:
            _output(reading, output)
    elif not (reading.cell == 1 and cell["source"].lstrip().startswith("---")):  # a docs site's front matter
        reading.leave(lines[0] - 1, lines[1], "a raw cell")


def _output(reading: Reading, output: Mapping[str, Any]) -> Block | None:
    """A stored output; what went to stderr (warnings, progress bars) is not part of the page's claims."""
    from kit.kernels.outputs import output_text, without_bulk

    if output["output_type"] == "stream" and output.get("name") == "stderr":
        return None
    text = output_text(output)
    lines = (1, max(1, len(text.splitlines())))
    return reading.add("output", text, lines, markup="cell", outputs=(without_bulk(output),))
