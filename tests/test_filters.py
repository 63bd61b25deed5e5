"""Quoted text is data: on a real store it matches itself, and only itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymilvus import DataType, MilvusClient

from kit.errors import KitError
from kit.filters import quote

HOSTILE = [
    'ankush" or namespace != "',
    "\\",
    '\\"',
    '"',
    "'",
    "a\nb",
    "a\rb",
    "a\tb",
    "%",
    "_",
    "{x}",
    "ünïcödé 漢字 🙂",
    "x\\n",
    'x\\" or true or namespace == "',
    "\x00",
    "in [1, 2]",
]


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """A real store with a row for each hostile name, and the function that finds rows by an expression."""
    client = MilvusClient(str(tmp_path_factory.mktemp("filters") / "names.db"))
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("namespace", DataType.VARCHAR, max_length=65535)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection("names", schema=schema, index_params=index)
    client.insert("names", [{"id": i, "namespace": n, "vector": [i, 1.0]} for i, n in enumerate(HOSTILE)])
    client.load_collection("names")
    yield lambda expression: [r["namespace"] for r in client.query("names", filter=expression, limit=100)]
    client.close()


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_quoted_name_finds_its_own_row_and_no_other(names, name):
    assert names(f"namespace == {quote(name)}") == [name]


def test_the_same_filter_as_a_plain_f_string_leaks(names):
    user = 'ankush" or namespace != "'
    assert len(names(f'namespace == "{user}"')) == len(HOSTILE)


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(HOSTILE).map(lambda n: n * 2))
def test_no_text_ever_finds_another_name(names, text):
    assert names(f"namespace == {quote(text)}") == [name for name in HOSTILE if name == text]


@pytest.mark.parametrize("value", [None, 3, b"bytes", ["list"]])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(KitError, match="Wanted a text to quote in a filter; found"):
        quote(value)


def test_half_a_surrogate_pair_is_refused():
    with pytest.raises(KitError, match="half a surrogate pair"):
        quote("a\ud800b")
