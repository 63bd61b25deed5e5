"""The exercises of notebooks 13 to 15: a server's address and consistency, moving, guards."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kit.notebooks.exercises.check import Hint, exercise, rows_of, want, want_store


@exercise("13-1")
def address(connection: Any) -> None:
    """How a store is told to work in the database docs of a server, as ann with a password."""
    want(isinstance(connection, dict), f"Hand in the dict for connection_args; this is a {type(connection).__name__}.")
    uri = str(connection.get("uri", ""))
    want(uri, "connection_args needs a uri.")
    want(
        not uri.endswith(".db"),
        "A path that ends in .db is Milvus Lite; the server is at https://milvus.example:19530.",
    )
    want("secret" not in uri, "A password in an address ends up in logs. It goes into token.")
    want(uri.rstrip("/") == "https://milvus.example:19530", f"The uri is {uri}; wanted https://milvus.example:19530.")
    token = connection.get("token", f"{connection.get('user')}:{connection.get('password')}")
    want(token == "ann:secret", 'The token is "ann:secret": the name, a colon, the password.')
    want(connection.get("db_name") == "docs", 'The database is chosen by db_name="docs".')


@exercise("13-2")
def latest_rows(options: Any) -> None:
    """The options of a search that sees every write of everybody."""
    want(isinstance(options, dict), f"Hand in a dict of options; this is a {type(options).__name__}.")
    level = options.get("consistency_level")
    want(level, "The option is called consistency_level.")
    want(level != "Session", "Session shows one's own writes, not those of others.")
    want(level not in ("Bounded", "Eventually"), f"{level} may miss what was written a moment ago.")
    want(level == "Strong", f'There is no level {level!r}: "Strong", "Session", "Bounded" or "Eventually".')


@exercise("14-1")
def gigabytes(value: Any) -> None:
    """The memory that 2 million vectors of 768 numbers of 4 bytes take without an index, in GB."""
    want(isinstance(value, (int, float)), f"Hand in a number; this is a {type(value).__name__}.")
    exact = 2e6 * 768 * 4 / 1e9

    def is_near(other: float) -> bool:
        return math.isclose(value, other, rel_tol=0.02)

    want(not is_near(exact * 2), "A number of a vector has 4 bytes (float32), not 8.")
    want(not is_near(exact / 4), "Each of the 768 numbers has 4 bytes.")
    want(not is_near(exact * 1e9 / 2**30), "That is in GiB, of 1,024³ bytes; a GB has 10⁹.")
    want(not is_near(exact * 1000), "That is in MB.")
    want(is_near(exact), "Vectors times dimensions times 4 bytes, divided by 10⁹.")


@exercise("14-2")
def wherever(open_store: Callable[[str], Any]) -> None:
    """A function that opens the same store on any address."""
    from langchain_milvus import Milvus

    from kit.files.scratch import scratch_folder
    from kit.milvus.langchain import connection_of
    from kit.milvus.schema import read_schema

    want(callable(open_store), f"Hand in the function, not what it returns: this is a {type(open_store).__name__}.")
    uri = str(scratch_folder("exercise") / "moved.db")
    store = open_store(uri)
    want(isinstance(store, Milvus), f"The function returns a {type(store).__name__}; wanted a vector store.")
    want(connection_of(store)["uri"] == uri, "It does not use the address that it is given.")
    store.add_texts(["wheat rose", "oats fell"], ids=["n1", "n2"])
    keys = [row.key for row in rows_of(store)]
    want(sorted(keys) == ["n1", "n2"], "The rows do not have the ids that they were given: open it with auto_id=False.")
    (index,) = read_schema(store.client, store.collection_name).indexes.values()
    want(
        str(index["metric_type"]) == "COSINE",
        'The index measures L2: index_params=kit.index_params(uri, metric="COSINE").',
    )


@exercise("15-1")
def guarded(store: Any) -> None:
    """A store that refuses a misspelt filter."""
    from kit.errors import KitError

    want_store(store)
    try:
        hits = store.similarity_search("x", k=2, exprs='namespace == "ankush"')
    except KitError:
        want(store.similarity_search("x", k=1, expr='namespace == "ankush"'), "It finds nothing for ankush.")
        return
    raise Hint(f"exprs= was dropped, and {len(hits)} hits came back: this store is not guarded. kit.strict(store) is.")


@exercise("15-2")
def only_harrison(retriever: Any) -> None:
    """A retriever that gives out harrison's rows alone, whatever it is asked and told."""
    want(hasattr(retriever, "invoke"), f"Hand in the retriever; this is a {type(retriever).__name__}.")
    hits = retriever.invoke("What did the president say about Ketanji Brown Jackson")
    whose = {hit.metadata["namespace"] for hit in hits}
    want(hits, "It returns nothing.")
    want("ankush" not in whose, "It returns rows of ankush.")
    want(len(hits) == 3, f"It returns {len(hits)} hits; wanted k=3.")
    try:
        wider = retriever.invoke("x", expr='namespace == "ankush"')
    except Exception:  # noqa: BLE001 - a refusal in whatever form is right
        return
    want({hit.metadata["namespace"] for hit in wider} <= {"harrison"},
         "Told expr= in the call, it gives out rows of ankush: a retriever's filter is a default, no fence. "
         "kit.tenant_retriever is one.")  # fmt: skip
