"""Claims: what sentences and calls of a page say, tied to probes, and what becomes of them."""

import pytest

from kit.docs.claims.probe import Probed
from kit.docs.claims.sentences import contradictions, find_claims, judge_claims, sentences
from kit.pages.markdown import parse_text


def _found(page: str) -> list[tuple[str, str]]:
    return [(claim.probe, claim.expects) for claim in find_claims(parse_text(page).blocks)]


@pytest.mark.parametrize(
    ("sentence", "claims"),
    [
        ("Partition key is now not available in Milvus Lite.", [("partition-key", "no")]),
        ("Milvus Lite supports the partition key.", [("partition-key", "yes")]),
        ("Full-text search isn't supported in Milvus Lite.", [("bm25", "no")]),
        ("Only FLAT is there in Milvus Lite.", [("index-types", "no")]),
        ('Write `namespace == in ["a", "b"]`.', [("filter-equals-in", "yes")]),
        ('Write `namespace in ["a", "b"]`.', [("filter-in", "yes")]),
        ("The latest pymilvus comes with Milvus Lite.", [("pymilvus-brings-lite", "yes")]),
        ("Milvus recommends the partition key.", []),
        ("Milvus Lite keeps a collection in a file.", []),
    ],
)
def test_a_sentence_is_tied_to_the_probe_that_tries_what_it_says(sentence, claims):
    assert _found(sentence) == claims


@pytest.mark.parametrize(
    ("code", "claims"),
    [
        ("key = getpass.getpass('key')", []),  # the page does not say that nobody sits there
        ("embeddings = OpenAIEmbeddings()", []),  # nor that it runs offline
        ("Milvus(e, partition_key_field='user')", [("langchain-partition-key", "yes")]),
        ("Milvus(e, partition_key_field='user', enable_dynamic_field=True)", []),
        ("ids = store.upsert(a, b)", [("langchain-upsert-returns-ids", "yes")]),
        ("pks = store.get_pks('id in [1,2]')\ndocs = [1, 2, 3]\nstore.upsert(pks, docs)",
         [("langchain-upsert-fewer-ids", "yes")]),
        ("pks = store.get_pks('id in [1,2]')\ndocs = [1, 2]\nstore.upsert(pks, docs)", []),
        ("retriever.invoke('q', filter={'a': 1})", [("langchain-retriever-filter", "yes")]),
        ("this is no Python", []),
    ],
)  # fmt: skip
def test_a_call_is_tied_to_the_probe_that_tries_what_the_page_takes_for_granted(code, claims):
    assert _found(f"```python\n{code}\n```") == claims


def test_a_claim_is_known_by_its_block_and_hash_and_not_by_its_place():
    one = find_claims(parse_text("# A\n\nMilvus Lite supports JSON.").blocks)
    other = find_claims(parse_text("# A\n\n\n\n> Milvus Lite supports JSON.").blocks)
    changed = find_claims(parse_text("# A\n\nMilvus Lite supports JSON well.").blocks)
    assert one == other
    assert one[0].sha256 != changed[0].sha256


def test_sentences_keep_code_and_lose_links():
    assert sentences("See [the docs](https://x.y). Use `a == b`\nor not.") == ["See the docs.", "Use `a == b` or not."]


@pytest.mark.parametrize(
    ("answer", "engine", "status"),
    [
        ("no", "milvus-lite-3.2.2", "confirmed"),
        ("yes", "milvus-lite-3.2.2", "contradicted"),
        ("partly", "milvus-lite-3.2.2", "contradicted"),
        ("unknown", "milvus-lite-3.2.2", "not decided here"),
        ("yes", "milvus-2.6.1", "not decided here"),
    ],
)
def test_a_denial_about_lite_is_judged_on_lite_by_the_answer(answer, engine, status):
    claims = find_claims(parse_text("Partition key is not available in Milvus Lite.").blocks)
    probed = [Probed("partition-key", "Partition key", answer, "as tried", 0.1)]
    judged = judge_claims(claims, probed, engine)
    assert [one.status for one in judged] == [status]
    assert len(contradictions(judged)) == (status == "contradicted")


def test_a_claim_whose_probe_did_not_run_is_not_decided_and_not_tried():
    claims = find_claims(parse_text("Milvus Lite supports JSON.").blocks)
    (judged,) = judge_claims(claims, [], "milvus-lite-3.2.2")
    assert (judged.status, judged.tried) == ("not decided here", False)
    assert judged.evidence.endswith("what would decide: kit docs probe json")


def test_a_probe_that_depends_on_time_is_no_evidence():
    text = "Milvus switches to a partition based on the partition key."
    claims = find_claims(parse_text(text).blocks)
    probed = [Probed("partition-pruning", "", "no", "2 ms, 2 ms; it depends on time", 1.0, timed=True)]
    judged = judge_claims(claims, probed, "milvus-lite-3.2.2")
    assert [one.status for one in judged] == ["not decided here"]
    assert contradictions(judged) == []


OTHER = """from langchain_core.vectorstores import InMemoryVectorStore

store = InMemoryVectorStore(embeddings)
retriever = store.as_retriever()
retriever.invoke("b", filter={"n": 2})"""


def test_no_probe_of_milvus_touches_a_page_of_another_store():
    assert _found(f"Write `n in [1]`.\n\n```python\n{OTHER}\n```") == []


def test_beside_another_store_only_the_calls_on_the_milvus_are_claims():
    both = (
        f"from langchain_milvus import Milvus\n{OTHER}\nmine = Milvus(e).as_retriever()\nmine.invoke('q', filter={{}})"
    )
    assert _found(f"```python\n{both}\n```") == [("langchain-retriever-filter", "yes")]


def test_a_paragraph_about_lite_goes_on_to_be_about_lite():
    text = "Milvus Lite is small. Only the Flat index can be used there. Aliases are not supported either."
    assert _found(text) == [("index-types", "no"), ("aliases", "no")]
    assert _found("Milvus Lite is small. A Milvus server is not. Aliases are not supported there.") == []
