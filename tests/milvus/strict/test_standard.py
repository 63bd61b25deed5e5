"""LangChain's own standard tests: the guarded store passes all of them; what the bare one fails stands beside it."""

from itertools import count

import pytest
from langchain_milvus import Milvus
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

import kit

NUMBERS = count()
# What langchain-milvus 0.4.0 fails: its hits have no id and carry `pk` in their metadata, and get_by_ids is missing.
FAILED_UNGUARDED = {
    name + kind
    for kind in ("", "_async")
    for name in (
        "test_add_documents",
        "test_deleting_documents",
        "test_deleting_bulk_documents",
        "test_add_documents_with_ids_is_idempotent",
        "test_add_documents_by_id_with_mutation",
        "test_get_by_ids",
        "test_get_by_ids_missing",
        "test_add_documents_documents",
        "test_add_documents_with_existing_ids",
    )
}


def empty_store(uri: str, embeddings) -> Milvus:
    return Milvus(
        embeddings,
        collection_name=f"standard_{next(NUMBERS)}",
        connection_args=kit.connect(uri),
        consistency_level="Strong",
        enable_dynamic_field=True,
        index_params=kit.index_params(uri),
    )


class TestGuarded(VectorStoreIntegrationTests):
    """Every standard test passes, on both engines."""

    @pytest.fixture
    def vectorstore(self, shared_database):
        store = kit.strict(empty_store(shared_database, self.get_embeddings()))
        yield store
        store.drop()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:No ids provided:UserWarning")
class TestUnguarded(VectorStoreIntegrationTests):
    """The same tests without the guard: each known failure fails, and nothing else does."""

    @pytest.fixture
    def vectorstore(self, shared_database, request):
        if request.node.originalname in FAILED_UNGUARDED:
            request.applymarker(pytest.mark.xfail(strict=True, reason="known of langchain-milvus 0.4.0"))
        store = empty_store(shared_database, self.get_embeddings())
        yield store
        store.drop()
