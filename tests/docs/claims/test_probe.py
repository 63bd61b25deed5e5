"""Probes: each capability is tried for real on Milvus Lite, and a probe that breaks never passes for a no."""

import pytest
from pymilvus import MilvusException
from typer.testing import CliRunner

from kit.docs.claims.probe import Answer, Probe, Scratch
from kit.docs.claims.probing import all_probes, run_probes
from kit.errors import KitError


@pytest.fixture(scope="module")
def answers():
    wanted = ["partition-key", "bm25", "filter-equals", "filter-equals-in", "filter-template", "upsert-auto-id",
              "langchain-partition-key", "langchain-store-hits", "langchain-upsert-fewer-ids", "multi-process",
              "vector-types", "insert-existing-key", "index-types", "aliases", "partitions", "rename", "load-state",
              "text-match", "range-search", "group-by", "hybrid-filter", "server-side-embedding"]  # fmt: skip
    engine, probed = run_probes(wanted)
    assert engine.startswith("milvus-lite-")
    assert [one.id for one in probed] == wanted
    return {one.id: one for one in probed}


@pytest.mark.parametrize(
    ("probe", "answer", "evidence"),
    [
        ("partition-key", "yes", "a filter finds 3 of a tenant's 3 rows"),
        ("bm25", "yes", "scores are negative"),
        ("filter-equals", "yes", "finds the right 1 of 6 rows"),
        ("filter-equals-in", "no", "unexpected token 'in'"),
        ("filter-template", "no", "is refused"),
        ("upsert-auto-id", "yes", "['new']"),
        ("insert-existing-key", "no", "1 row after two inserts of one key"),
        ("multi-process", "no", "held by one process"),
        ("index-types", "partly", "refused: IVF_PQ, SCANN, DISKANN; control BANANA: refused"),
        ("aliases", "yes", "1 of 1 row through the alias; after drop_alias it is refused"),
        ("vector-types", "no", "refused: FLOAT16, BFLOAT16, INT8, BINARY"),
        ("partitions", "yes", "alone it gives rows [2, 3]"),
        ("rename", "yes", "the old one is gone"),
        ("load-state", "yes", "released: NotLoad, a search is refused"),
        ("text-match", "yes", "a word that no text has: 0"),
        ("range-search", "yes", "0 beyond all"),
        ("group-by", "yes", "[0, 0, 0] without it, [0, 1, 2] with it"),
        ("hybrid-filter", "no", "filter='pk >= 10' gives rows [0, 1, 2, 3, 4]"),
        ("server-side-embedding", "yes", "the nearest text is ['abcde']"),
        ("langchain-partition-key", "partly", "alone: none; with enable_dynamic_field=True: one"),
        ("langchain-store-hits", "no", "pk is reserved"),
        ("langchain-upsert-fewer-ids", "no", "Different lengths"),
    ],
)
def test_the_answer_on_milvus_lite_and_its_evidence(answers, probe, answer, evidence):
    assert (answers[probe].answer, evidence in answers[probe].evidence) == (answer, True), answers[probe]


def test_the_issues_capabilities_all_have_a_probe():
    wanted = {"partition-key", "bm25", "hybrid", "analyzers", "index-types", "dynamic-field", "upsert-own-ids",
              "upsert-auto-id", "filter-equals", "json", "arrays", "ttl", "databases", "async", "consistency-levels",
              "multi-process"}  # fmt: skip
    assert wanted <= set(all_probes())


def _refused(scratch):
    raise MilvusException(1, "not in this edition")


def _broken(scratch):
    return scratch.no_such_name


@pytest.mark.parametrize(
    ("trial", "answer", "evidence"),
    [
        (lambda scratch: Answer("yes", f"{scratch.count(scratch.create({}, [{'pk': 1}]))} row"), "yes", "1 row"),
        (_refused, "no", "MilvusException: not in this edition"),
        (_broken, "unknown", "the probe itself failed: AttributeError"),
    ],
)
def test_a_refusal_is_a_no_and_a_broken_probe_is_unknown(uri, trial, answer, evidence):
    scratch = Scratch(uri)
    probed = scratch.run(Probe("sample", "a sample", trial))
    assert (probed.answer, evidence in probed.evidence) == (answer, True)
    assert scratch.client.list_collections() == []


def test_a_probe_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(KitError, match='No probe is called "partition-kee". Did you mean "partition-key"?'):
        run_probes(["partition-kee"])


def test_the_command_prints_a_table_with_the_evidence():
    from kit.__main__ import app

    result = CliRunner().invoke(app, ["docs", "probe", "dynamic-field"])
    assert result.exit_code == 0
    assert "finds 1 of 1 row" in result.output


class Hollow:
    """An engine that takes every call, refuses none and keeps nothing: what a probe must not call able."""

    def __getattr__(self, name):
        return lambda *_, **__: Nothing()

    def has_collection(self, name):
        return False


class Nothing(list):
    """An empty answer of any shape; it counts 0 and names nothing."""

    def __getitem__(self, key):
        return 0 if key == "count(*)" else Nothing()

    def get(self, key, default=None):
        return default


OWN_CLIENTS = ("databases", "async", "multi-process")  # these and LangChain's open clients of their own


@pytest.mark.parametrize(
    "name",
    [n for n, p in all_probes().items() if "langchain" not in p.trial.__module__ and n not in OWN_CLIENTS],
)
def test_no_probe_takes_an_engine_for_able_that_only_says_yes(uri, name):
    scratch = Scratch(uri)
    scratch.client = Hollow()
    assert scratch.run(all_probes()[name]).answer != "yes"
