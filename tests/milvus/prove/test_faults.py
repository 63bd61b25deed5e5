"""Faults that users reported of Milvus are noticed when they are planted, each by the relation that is about it."""

import pytest

from kit.milvus.connection import connect, open_client
from kit.milvus.prove.run import prove_collection
from tests.milvus.faults.proxy import proxy, served_lite
from tests.milvus.prove.faults import PLANTED
from tests.milvus.prove.rows import notes


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The address of a served Milvus Lite with a healthy collection."""
    with served_lite(str(tmp_path_factory.mktemp("faults") / "test.db")) as uri:
        client = open_client(connect(uri))
        notes(client)
        client.close()
        yield uri


def broken(uri: str, collection: str = "notes", **options) -> set[str]:
    """The names of the relations that do not hold."""
    client = open_client(connect(uri))
    try:
        return {outcome.relation for outcome in prove_collection(client, collection, uri, **options).broken}
    finally:
        client.close()


def test_a_proxy_that_changes_nothing_breaks_nothing(engine):
    with proxy(engine) as uri:
        assert broken(uri, reload="here") == set()


SAMPLE = 5  # planted in `make test`; the others in `make test-long`


@pytest.mark.parametrize(
    "planted",
    [*list(PLANTED)[:SAMPLE], *(pytest.param(name, marks=pytest.mark.long) for name in list(PLANTED)[SAMPLE:])],
)
def test_a_planted_fault_is_noticed(engine, planted):
    hook, relation = PLANTED[planted]
    with proxy(engine, hook()) as uri:
        assert relation in broken(uri, reload="here")
