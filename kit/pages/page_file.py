"""The files of `data/pages/`: a page's fingerprint and the tables that belong to it; a maintainer's comments stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Comment, Table, Whitespace

from kit.errors import KitError, nearest
from kit.files.project import pages_folder
from kit.pages.page import Block, Page

FINGERPRINT = ("id", "kind", "heading", "lines", "sha256")


class PageFile(NamedTuple):
    """A page's name, its hash, its blocks without their text, and further tables: `defect` -> its rows."""

    page: str
    sha256: str
    blocks: tuple[Block, ...]
    tables: Mapping[str, tuple[dict[str, Any], ...]]


class _Piece(NamedTuple):
    """A table as it stands in a file: its name, its values, and the blank lines and comments above it."""

    name: str
    table: Table
    above: str


def load_page(name: str) -> list[Block]:
    """The fingerprint of a page that the kit knows by name, in the order of the page."""
    known = sorted(path.stem for path in pages_folder().glob("*.toml"))
    if name not in known:
        mend = f"There are: {', '.join(known) or 'none'}."
        raise KitError(f'No page is known as "{name}".{nearest(name, known)}', mend=mend)
    return list(read_page_file(pages_folder() / f"{name}.toml").blocks)


def is_known_page(name: str) -> bool:
    """Whether the kit has a fingerprint of a page of that name; a path is no name."""
    return "/" not in name and (pages_folder() / f"{name}.toml").is_file()


def read_page_file(path: Path) -> PageFile:
    """A page's file. Raises KitError for a file that is not valid, and names the part."""
    content = _document(path.read_bytes(), path).unwrap()
    try:
        rows = content.pop("block", [])
        blocks = tuple(Block(**row | {"lines": tuple(row["lines"])}) for row in rows)
        page, sha256 = content.pop("page"), content.pop("sha256")
        tables = {name: tuple(map(dict, rows)) for name, rows in content.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise KitError(f"{path} has a [[block]] or a head that is not as it should be: {error}.") from None
    return PageFile(page, sha256, blocks, tables)


def fingerprint(page: Page) -> str:
    """The text of a page's file that has no further tables."""
    return page_file_text(PageFile(page.name, page.sha256, page.blocks, {}))


def page_file_text(file: PageFile, old: str = "") -> str:
    """The file's text. What is the same in the `old` text stays as it is written there, with the comments above it.

    A block is known again by its id, a row of another table by its first three values, and by more where two agree.
    """
    document = _document(old.encode(), Path(file.page))
    pieces, tail = _pieces(document)
    head = _head(document, file)
    blocks = [{name: _plain(getattr(block, name)) for name in FINGERPRINT} for block in file.blocks]
    texts = [head] + [text for row in blocks for text in _written("block", row, ("id",), pieces)]
    for name, rows in file.tables.items():
        for row in rows:
            values = {key: value for key, value in row.items() if value not in ("", None)}
            texts += _written(name, values, tuple(row)[:3], pieces)
    return "".join(texts).rstrip("\n") + "\n" + tail


def _document(data: bytes, path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(data.decode("utf-8"))
    except (TOMLKitError, UnicodeDecodeError) as error:
        mend = "Mend it, or record it again: kit docs ledger."
        raise KitError(f"{path} is not valid TOML: {error}.", mend=mend) from None


def _head(document: tomlkit.TOMLDocument, file: PageFile) -> str:
    """What stands above the first table."""
    head = tomlkit.document()
    for key, item in document.body:
        if not isinstance(item, AoT | Table):
            head.append(key, item)
    head["page"], head["sha256"] = file.page, file.sha256
    return tomlkit.dumps(head).rstrip("\n") + "\n"


def _pieces(document: tomlkit.TOMLDocument) -> tuple[list[_Piece], str]:
    """The tables in the order of the file, and its end; a comment below a blank line belongs to the table below it."""
    pieces, above = [], ""
    for key, item in document.body:
        if key is not None and isinstance(item, AoT):
            for table in item.body:
                below = _below(table)
                pieces.append(_Piece(key.key, table, above or "\n"))
                above = below
    return pieces, above


def _below(table: Table) -> str:
    """The blank lines and comments after a table's last value; they are taken out of the table."""
    body, taken = table.value.body, []
    while body and isinstance(body[-1][1], Whitespace | Comment):
        taken.append(body.pop())
    while taken and isinstance(taken[-1][1], Comment):  # no blank line above it: it is still the table's own
        body.append(taken.pop())
    return "".join(item.as_string() for _, item in reversed(taken))


def _written(name: str, values: Mapping[str, Any], keys: Sequence[str], pieces: list[_Piece]) -> Iterator[str]:
    """A table's text: the old one with what changed in it changed, or a new one. The piece that it takes is used up."""
    alike = [
        piece for piece in pieces if piece.name == name and all(piece.table.get(key) == values.get(key) for key in keys)
    ]
    if not alike:
        yield f"\n[[{name}]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())
        return
    piece = max(alike, key=lambda piece: sum(piece.table.get(key) == value for key, value in values.items()))
    pieces.remove(piece)
    table = piece.table
    for key in [key for key in table if key not in values]:
        table.remove(key)
    for key, value in values.items():
        if table.get(key) != value:
            table[key] = tomlkit.value(_toml(value))
    text = table.as_string()
    yield f"{piece.above}[[{name}]]\n{text}" + "\n" * (not text.endswith("\n"))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _toml(value: Any) -> str:
    """A value in TOML; a text of several lines stands between three quotes, to be read and edited."""
    plain = isinstance(value, str) and all(letter in "\n\t" or letter.isprintable() for letter in value)
    if plain and "\n" in value and "'''" not in value:
        return f"'''\n{value}'''"
    text: str = tomlkit.item(value).as_string()
    return text
