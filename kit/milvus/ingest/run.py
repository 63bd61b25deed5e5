"""Documents into a collection, each of them once: in batches, resumable, through a server that goes away meanwhile."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kit.errors import KitError
from kit.milvus.ingest.identity import Numbered, documents_by_id
from kit.milvus.ingest.target import LOOK_UP, Target, batches
from kit.milvus.ingest.turns import turn
from kit.milvus.ingest.validate import check_documents
from kit.milvus.inventory import Content
from kit.reports.terminal import progress as progress_bar

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_milvus import Milvus

BATCH = 256  # documents that are embedded and written in one go: what a killed run does again at most
GIVE_UP_SECONDS = 120.0
ROUNDS = 3  # of writing again what another writer of the server took away meanwhile
_QUIET = threading.RLock()
_quiet_depth = 0
_levels: list[int] = []


class Ingested(NamedTuple):
    """What an ingest did: distinct documents asked for, written now, there before; rows in the collection after it.

    `others`: rows that another writer added meanwhile, below 0 for those that it deleted; known on Milvus Lite only.
    """

    documents: int
    written: int
    there: int
    rows: int
    others: int = 0


def ingest(
    vector_store: Milvus,
    documents: Sequence[Document],
    ids: Sequence[str] | None = None,
    *,
    batch_size: int = BATCH,
    give_up_after: float = GIVE_UP_SECONDS,
    flush: bool | None = None,
    progress: bool | None = None,
) -> Ingested:
    """Write documents into the vector store's collection so that each is there once, however often this is run.

    A document's id is the one in `ids`; without `ids` its own `Document.id`; where it has none, the hash of its text
    and metadata. What is there under the hash of its content is neither embedded nor written again: a run that was
    killed goes on where it stopped. Under an id of its own a document replaces the row of that id; under a server's
    partition key that row is not there for a moment. The vector store must be opened with `auto_id=False`
    (`Milvus(embeddings, …)`, not `from_documents` without ids). A server that goes away is waited for,
    `give_up_after` seconds a batch. `flush` writes to data files at the end: by default on Milvus Lite, where it
    makes searches fast. Progress is shown on a terminal.

    Others may write meanwhile: threads of this process take turns; on a server, rows that another process took away
    are written again. All documents are checked before the first is written. On Milvus Lite 3.2 let another
    thread write meanwhile through `kit.strict(vector_store)` only, which takes turns with this: its log breaks when two
    write at once, and a killed process then loses rows.

    Raises:
        KitError: documents that the collection cannot hold as they are, an `auto_id` collection, a full disk, a
            server that stays away: what was stored before stays, and the same call goes on from there.
    """
    documents = list(documents)
    chosen = documents_by_id(documents, ids if ids is None or isinstance(ids, str) else list(ids))
    _check_batch_size(batch_size)

    def check() -> None:
        check_documents(vector_store, chosen.values(), len(documents))

    target = Target(vector_store, check)
    with _quiet(), turn(vector_store, "ingest"):
        target.call(check, give_up_after)
        before = target.call(target.begin, give_up_after)
        there = {
            row[target.key]: row[target.text]
            for some in batches(list(chosen), LOOK_UP)
            for row in target.call(partial(target.rows, some), give_up_after)
        }
        new = {key: given for key, given in chosen.items() if given.own_id or key not in there}
        content = _write(target, new, there, before, batch_size, give_up_after, progress, len(chosen))
        if not target.exists():
            return Ingested(len(chosen), 0, 0, 0)
        if target.lite if flush is None else flush:
            target.flush(give_up_after)
        held = target.settle(content, give_up_after) if target.lite else content
        _complete(target, chosen, batch_size, give_up_after)
        rows = held.rows if target.lite else target.settle(content, give_up_after).rows
    return Ingested(len(chosen), len(new), len(chosen) - len(new), rows, rows - content.rows if target.lite else 0)


def _write(
    target: Target,
    new: dict[str, Numbered],
    there: dict[str, str],
    content: Content,
    batch_size: int,
    seconds: float,
    progress: bool | None,
    total: int,
) -> Content:
    """Write the new documents, batch by batch, and note each batch; what the collection then holds as far as known."""
    with _shown(total, total - len(new), progress) as advance:
        for batch in batches([(key, given.document) for key, given in new.items()], batch_size):
            target.call(partial(target.write, batch, there), seconds)
            content = content.minus((key, there[key]) for key, _ in batch if key in there)
            content = content.plus((key, document.page_content) for key, document in batch)
            target.note(content)
            advance(len(batch))
    return content


def _complete(target: Target, chosen: dict[str, Numbered], batch_size: int, seconds: float) -> None:
    """See that each document is there once; on a server, write again what another writer took away meanwhile."""
    for _ in range(1 if target.lite else ROUNDS):
        compared = target.compare(chosen, seconds)
        again = [(key, chosen[key].document) for key in [*compared.missing, *compared.twice]]
        if not again:
            return
        if not target.lite:
            for batch in batches(again, batch_size):
                target.unsure = True  # under a partition key the rows of a wrong partition go first
                target.call(partial(target.write, batch, chosen), seconds)
    compared = target.compare(chosen, seconds)
    if not compared.missing and not compared.twice:
        return
    raise KitError(
        f"{len(compared.missing)} of {len(chosen)} documents are missing in {target.name!r} and {len(compared.twice)} "
        "are there twice. Another program writes into it, or Milvus 2.3 put rows into a wrong partition.",
        mend="Run ingest again alone, in the second case into a new collection.",
    )


def _check_batch_size(size: object) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise KitError(f"The batch size is {size!r}", wanted="a whole number of at least 1")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """LangChain, pymilvus and gRPC print each failure, also those that a second attempt mends; not while this holds."""
    global _quiet_depth
    loggers = [logging.getLogger(name) for name in ("langchain_milvus", "pymilvus", "milvus_lite", "grpc")]
    with _QUIET:
        if not _quiet_depth:
            _levels[:] = [logger.level for logger in loggers]
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
        _quiet_depth += 1
    try:
        yield
    finally:
        with _QUIET:
            _quiet_depth -= 1
            if not _quiet_depth:
                for logger, level in zip(loggers, _levels, strict=True):
                    logger.setLevel(level)


@contextlib.contextmanager
def _shown(total: int, done: int, progress: bool | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, if that is a terminal."""
    if not (sys.stderr.isatty() if progress is None else progress):
        yield lambda _: None
        return
    with progress_bar() as bar:
        task = bar.add_task("Ingesting", total=total, completed=done)
        yield lambda count: bar.advance(task, count)
