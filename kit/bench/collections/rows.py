"""Rows of JSONL, TSV and CSV files, plain or .gz, read one at a time; what is wrong is gathered with file and line."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from zlib import error as ZlibError

import numpy as np

from kit.errors import KitError

MOST_ID_BYTES = 65_000  # Milvus stores 65,535, and a chunk's id holds its place, too
IDS = ("_id", "id", "doc_id", "docid", "docno", "query_id", "qid", "corpus_id", "corpus-id", "query-id")
TEXTS = ("text", "contents", "content", "body", "passage", "query", "question")
SHOWN = 10  # problems that an error lists; the others are counted


class Problems:
    """What is wrong with a collection's files, gathered so that one run shows more than the first."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._count = 0

    def add(self, path: Path, line: int | None, found: str, wanted: str) -> None:
        """Note a problem: in which file and line, what was found and what is wanted."""
        self._count += 1
        if len(self._said) < SHOWN:
            place = f"{path}, line {line}" if line else str(path)
            self._said.append(f"{place}: found {found}; wanted {wanted}.")

    def stop_if_any(self) -> None:
        """Raise KitError with all that was gathered."""
        if self._count:
            more = [f"… and {self._count - SHOWN} more like these."] if self._count > SHOWN else []
            raise KitError("\n".join([*self._said, *more]))


def found_part(folder: Path, name: str) -> Path | None:
    """`corpus` or `queries` as .jsonl, .jsonl.gz, .parquet, .csv or .tsv, or as the one Parquet file of a folder."""
    forms = (".jsonl", ".jsonl.gz", ".parquet", ".csv", ".tsv")
    if path := next((p for form in forms if (p := folder / f"{name}{form}").is_file()), None):
        return path
    shards = sorted((folder / name).glob("*.parquet"))
    if len(shards) > 1:
        raise KitError(f"{folder / name} holds {len(shards)} Parquet files", wanted="one file", mend="Join them.")
    return shards[0] if shards else None


def read_rows(
    path: Path, problems: Problems, digest: hashlib._Hash | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a corpus or of queries in any form of `found_part`, with their id as `_id`, their text as `text`."""
    if path.suffix == ".parquet":
        rows = read_parquet(path, digest)
    elif path.suffix in (".csv", ".tsv"):
        rows = read_table(path, (), "," if path.suffix == ".csv" else "\t", problems, digest)
    else:
        rows = read_jsonl(path, problems, digest)
    for line, row in rows:
        for name, forms in (("_id", IDS), ("text", TEXTS)):
            if name not in row and (form := next((form for form in forms if form in row), None)):
                row[name] = row[form]
        yield line, row


def read_parquet(path: Path, digest: hashlib._Hash | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and values of every row of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if digest:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (pa.ArrowException, OSError) as error:
        raise KitError(f"{path} is no whole Parquet file ({str(error).splitlines()[0]}).") from None


def read_lines(path: Path, digest: hashlib._Hash | None = None) -> Iterator[tuple[int, str]]:
    """The number and text of every line that is not blank; `digest` takes in the bytes, decompressed."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if digest:
                digest.update(line)
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise KitError(
                    f"{path}, line {number}: byte {error.start + 1} is {line[error.start]:#04x}, which is not UTF-8; "
                    "wanted UTF-8 text. Convert it: iconv -f LATIN1 -t UTF-8."
                ) from None
            if text.strip():
                yield number, text


def read_jsonl(
    path: Path, problems: Problems, digest: hashlib._Hash | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and object of every line of a JSONL file; lines that hold something else become problems."""
    for number, line in read_lines(path, digest):
        try:
            row = json.loads(line)
        except ValueError as error:
            problems.add(path, number, f"{_short(line)} ({error})", "one JSON object a line")
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problems.add(path, number, _short(line), "a JSON object")


def read_table(
    path: Path, columns: Sequence[str], delimiter: str, problems: Problems, digest: hashlib._Hash | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """The number and cells of every row of a TSV or CSV file whose header holds `columns` (more are kept)."""
    numbers: list[int] = []

    def lines() -> Iterator[str]:
        for number, line in read_lines(path, digest):
            numbers[:] = [number]
            yield line + "\n"

    # A TSV of judgments has no quoting; a quotation mark in an id is part of it.
    rows = csv.reader(lines(), delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
    try:
        header = [name.strip() for name in next(rows, [])]
        missing = [name for name in columns if name not in header]
        if missing:
            problems.add(path, 1, f"the header {header}", f"the columns {', '.join(columns)}")
            return
        for cells in rows:
            if len(cells) == len(header):
                yield numbers[0], dict(zip(header, cells, strict=True))
            else:
                problems.add(path, numbers[0], f"{len(cells)} cells", f"{len(header)}: {', '.join(header)}")
    except csv.Error as error:
        problems.add(path, numbers[0] if numbers else 1, f"a row that is no CSV ({error})", "RFC 4180 CSV")


def text_of(
    row: dict[str, Any], name: str, path: Path, line: int, problems: Problems, default: str | None = None
) -> str:
    """A text cell, or `default`; '' after noting a problem when it is missing or not text."""
    value = row.get(name, default)
    if not isinstance(value, str):
        found = f"no {name} among {sorted(row)}" if value is None else f"{name} {_short(value)}"
        problems.add(path, line, found, f"{name} as text")
        return ""
    if any("\ud800" <= character <= "\udfff" for character in value) if not value.isascii() else False:
        problems.add(path, line, f"half a surrogate pair in {name}", "text that UTF-8 can hold")
        return ""
    return value


def id_of(row: dict[str, Any], names: Sequence[str], path: Path, line: int, problems: Problems) -> str | None:
    """An id under the first of `names` that the row has; None after noting a problem."""
    name = next((known for known in names if known in row), names[0])
    value = row.get(name)
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(value, str) or not value:
        problems.add(path, line, f"{name} {_short(value)}" if name in row else f"no {name} among {sorted(row)}",
                     f"{name} as a text that is not empty")  # fmt: skip
        return None
    if re.search(r"\s", value):
        problems.add(path, line, f"{name} {_short(value)}", f"{name} without white space, as TREC run files need")
        return None
    if len(value) > MOST_ID_BYTES // 4 and (size := len(value.encode("utf-8", "surrogatepass"))) > MOST_ID_BYTES:
        problems.add(path, line, f"{name} {_short(value)} of {size:,} bytes",
                     f"at most {MOST_ID_BYTES:,}, as a chunk's id holds its place, too")  # fmt: skip
        return None
    return value


class Ids:
    """The ids of a file as 64-bit hashes, 8 bytes each: tells duplicates, and which of some others are missing."""

    def __init__(self) -> None:
        self._batches: list[np.ndarray] = []
        self._open: list[int] = []

    def add(self, known: str) -> None:
        """Take in an id."""
        self._open.append(id_hash(known))
        if len(self._open) == 65_536:
            self._close()

    def has_duplicates(self) -> bool:
        """Whether an id was added twice."""
        return len(np.unique(self._all())) < len(self)

    def duplicated(self) -> set[int]:
        """The hashes that were added more than once."""
        values, counts = np.unique(self._all(), return_counts=True)
        return set(values[counts > 1].tolist())

    def missing(self, wanted: Sequence[str]) -> list[str]:
        """Those of `wanted` that were never added, in order."""
        hashes = np.fromiter(map(id_hash, wanted), dtype=np.uint64, count=len(wanted))
        there = np.isin(hashes, self._all())
        return [name for name, known in zip(wanted, there, strict=True) if not known]

    def __len__(self) -> int:
        return sum(map(len, self._batches)) + len(self._open)

    def _close(self) -> None:
        self._batches.append(np.array(self._open, dtype=np.uint64))
        self._open = []

    def _all(self) -> np.ndarray:
        self._close()
        self._batches = [np.concatenate(self._batches)]
        return self._batches[0]


def note_duplicates(ids: Ids, rows: Iterator[tuple[int, str | None]], path: Path, problems: Problems) -> None:
    """Read a file's ids again to say on which lines the duplicates are."""
    twice = ids.duplicated()
    first: dict[str, int] = {}
    for line, name in rows:
        if name is None or id_hash(name) not in twice:
            continue
        if name in first:
            problems.add(path, line, f"the id {name!r} of line {first[name]} again", "each id once")
        first.setdefault(name, line)


def id_hash(name: str) -> int:
    """64 bits that stand for an id."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _short(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=True)
    return repr(shown if len(shown) <= 80 else shown[:79] + "…")


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, decompressed; what goes wrong on the way is said in a sentence."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield cast("IO[bytes]", file)
    except (EOFError, gzip.BadGzipFile, ZlibError) as error:
        raise KitError(f"{path} is not a whole gzip file ({error}). Fetch or compress it again.") from None
    except PermissionError:
        raise KitError(f"{path} cannot be read: no permission.") from None
