"""Options of opening that the collection lacks are said; ids and metadata are kept."""

import pytest
from langchain_core.documents import Document
from langchain_milvus import Milvus

import kit
from kit.errors import KitError

DOCUMENTS = [Document("Wheat prices rose.", metadata={"year": 2019}), Document("A judge.", metadata={"year": 2020})]


def opened(uri: str, **options) -> Milvus:
    options = {"index_params": kit.index_params(uri), "collection_name": "c", **options}
    return Milvus(kit.load_embeddings("wordllama"), connection_args=kit.connect(uri), **options)


@pytest.mark.parametrize(
    ("made", "again", "words"),
    [
        (
            {},
            {"consistency_level": "Eventually"},
            r'consistency_level="Eventually" is dropped.*made with (Session|Strong)',
        ),
        ({}, {"index_params": None}, r'measures COSINE.*index_params=kit\.index_params\(uri, "COSINE"\)'),
        (
            {},
            {"index_params": {"index_type": "FLAT", "metric_type": "IP"}},
            "measures COSINE; the store was opened with IP",
        ),
        ({"enable_dynamic_field": True}, {}, "enable_dynamic_field=True, every hit comes back without"),
        ({}, {"enable_dynamic_field": True}, "made without a dynamic field"),
        ({}, {"partition_key_field": "year"}, r'partition_key_field="year" is dropped.*no partition key'),
    ],
)
def test_an_option_that_the_collection_does_not_have_is_refused(database, made, again, words):
    opened(database, **made).add_documents(DOCUMENTS, ids=["a", "b"])
    kit.strict(opened(database, **made))
    with pytest.raises(KitError, match=words):
        kit.strict(opened(database, **again))


def test_the_same_id_replaces_on_both_engines_and_a_hit_can_be_stored_again(database):
    store = kit.strict(opened(database, consistency_level="Strong"))
    store.add_documents([Document("One.", id="x", metadata={"year": 1})])
    store.add_documents([Document("Two.", id="x", metadata={"year": 2})])
    hits = store.similarity_search("two", k=4)
    assert hits == [Document("Two.", id="x", metadata={"year": 2})]
    assert store.add_documents(hits) == ["x"]
    assert len(store.similarity_search("two", k=4)) == 1


@pytest.mark.parametrize("name", ['o"ne', "o'ne", "a\\b", 'x" or id != "', "Zürich\n"])
def test_ids_of_any_letters_are_found_and_deleted_alone(database, name):
    store = kit.strict(opened(database, consistency_level="Strong"))
    store.add_texts(["One.", "Two."], [{"year": 1}, {"year": 2}], ids=[name, "other"])
    assert [hit.page_content for hit in store.get_by_ids([name])] == ["One."]
    store.delete([name])
    assert [hit.id for hit in store.similarity_search("one", k=4)] == ["other"]


def test_a_metadata_key_without_a_field_is_refused_with_its_document(tmp_path):
    store = kit.strict(opened(str(tmp_path / "a.db")))
    with pytest.raises(
        KitError, match=r"key 'years' of document 2 is dropped: the first document brings no field.*year"
    ):
        store.add_documents([DOCUMENTS[0], Document("A judge.", metadata={"year": 1, "years": 2})])
    store.add_documents(DOCUMENTS)
    with pytest.raises(KitError, match=r'the collection "c" has no field for it.*enable_dynamic_field=True'):
        store.add_documents([Document("A ship.", metadata={"year": 1, "author": "Ann"})])


def test_ids_that_the_collection_would_not_keep_are_refused(tmp_path):
    uri = str(tmp_path / "a.db")
    store = kit.strict(opened(uri, auto_id=True))
    first = store.add_documents(DOCUMENTS)
    assert [hit.page_content for hit in store.get_by_ids(first)] == ["Wheat prices rose.", "A judge."]
    for document, options in [(Document("A ship.", id="x", metadata={"year": 1}), {}), (DOCUMENTS[0], {"ids": ["x"]})]:
        with pytest.raises(KitError, match="makes its own ids"):
            store.add_documents([document], **options)


def test_what_fails_in_silence_unguarded_raises(tmp_path):
    plain = opened(str(tmp_path / "a.db"))
    store = kit.strict(plain)
    store.add_documents(DOCUMENTS, ids=["a", "b"])
    assert plain.delete(expr="year >>> 1") is False and plain.search_by_metadata("year >>> 1") == []
    for wrong in (lambda: store.delete(expr="year >>> 1"), lambda: store.search_by_metadata("year >>> 1")):
        with pytest.raises(Exception, match="year >>> 1|parse|syntax|expression"):
            wrong()
    for options in ({"ids": ["a"], "expr": "year > 1"}, {}):
        with pytest.raises(KitError, match="Give one of them"):
            store.delete(**options)
    with pytest.raises(KitError, match="would be added once more"):
        store.upsert([], DOCUMENTS)
    with pytest.raises(KitError, match="stands twice"):
        store.add_documents(DOCUMENTS, ids=["a", "a"])
    assert {hit.id for hit in store.search_by_metadata("year > 1")} == {"a", "b"}
