"""Filters from values: quoted text matches itself and only itself, and an expression means the same on each engine."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymilvus import DataType, MilvusClient

from kit.errors import KitError
from kit.milvus.filters import All, Comparison, Either, Field, can_name, field, quote, tenant

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
def names(shared_database):
    """A real store with a row for each hostile name, and the function that finds rows by an expression."""
    client = MilvusClient(shared_database)
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("namespace", DataType.VARCHAR, max_length=65535)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection("names", schema=schema, index_params=index, consistency_level="Bounded")
    client.insert("names", [{"id": i, "namespace": n, "vector": [i, 1.0]} for i, n in enumerate(HOSTILE)])
    client.load_collection("names")
    assert counted(client, "names") == len(HOSTILE)
    yield lambda expression: [r["namespace"] for r in client.query("names", filter=expression, limit=100)]
    client.close()


def counted(client: MilvusClient, collection: str) -> int:
    """The rows that are there, asked for so that a server shows all of them from now on, also at a faster level."""
    rows = client.query(collection, filter="", output_fields=["count(*)"], consistency_level="Strong")
    return rows[0]["count(*)"]


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


# Expressions from values, as text


@pytest.mark.parametrize(
    ("built", "written"),
    [
        (field("year") >= 2020, "year >= 2020"),
        (field("year") != -1, "year != -1"),
        (field("name") == 'a"b\\c\n', r'name == "a\"b\\c\n"'),
        (field("share") < 1e-7, "share < 1e-07"),
        (field("open") == True, "open == true"),  # noqa: E712 - it builds a filter
        (field("name") == None, "name is null"),  # noqa: E711
        (field("name") != None, "name is not null"),  # noqa: E711
        (field("year").is_in([2020, 2021]), "year in [2020, 2021]"),
        (field("year").is_in(set()), "year in []"),
        (field("tags").contains("x"), 'array_contains(tags, "x")'),
        (field("$meta")["tags"].contains("x"), 'array_contains(tags, "x")'),
        (field("$meta")["odd key"].contains("x"), 'array_contains($meta["odd key"], "x")'),
        (field("$meta")["not"].contains("x"), 'array_contains($meta["not"], "x")'),
        (tenant("namespace", "ankush"), 'namespace == "ankush"'),
        (tenant("team", 7), "team == 7"),
        (field("meta")["a"]["b"] == 1, '(exists meta["a"]["b"]) and (meta["a"]["b"] == 1)'),
        (field("$meta")['odd "key"'].exists(), r'exists $meta["odd \"key\""]'),
        (~(field("a") == 1) & (field("b") == 2), "(not (a == 1)) and (b == 2)"),
        ((field("a") == 1) | (field("b") == 2) & (field("c") == 3), "(a == 1) or ((b == 2) and (c == 3))"),
        (((field("a") == 1) | (field("b") == 2)) & (field("c") == 3), "((a == 1) or (b == 2)) and (c == 3)"),
        (~~(field("a") == 1), "a == 1"),
    ],
    ids=str,
)
def test_a_filter_is_written_in_milvus_language(built, written):
    assert str(built) == written


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: field("a b"), "Wanted a field's name: .*; found 'a b'"),
        (lambda: field('x" == "" or "'), "Wanted a field's name"),
        (lambda: field("namespaceé"), "Wanted a field's name"),
        (lambda: field(""), "Wanted a field's name"),
        (lambda: field("Not"), "is a word of Milvus' filter language"),
        (lambda: Field("x) or (y"), "Wanted a field's name"),
        (lambda: Comparison(field("x"), "== 1 or x ==", 1), "Wanted an operator of == != < <= > >="),
        (lambda: Comparison("x == 1 or x", "==", 1), "Wanted a field; found str"),
        (lambda: field("$meta") == 1, "is compared by its keys"),
        (lambda: field("meta")[0], "Wanted the name of a key in meta; found int 0"),
        (lambda: field("x") == float("nan"), "Wanted a finite number in a filter; found nan"),
        (lambda: field("x") < float("inf"), "Wanted a finite number"),
        (lambda: field("x") == 2**63, "integers are of 64 bits"),
        (lambda: field("x") == -(2**63), "integers are of 64 bits"),
        (lambda: field("x") == b"bytes", "Wanted a text, a number, True or False in a filter; found bytes"),
        (lambda: field("x") == field("y"), "found Field"),
        (lambda: field("x") == [1, 2], r"wants one value; found a list\. Use \.is_in"),
        (lambda: field("x") == "half \ud800", "half a surrogate pair"),
        (lambda: field("x") > None, "None has no order"),
        (lambda: field("x") >= True, "True has no order"),
        (lambda: field("meta")["k"] == None, r"A key is there or not.* Use \.exists"),  # noqa: E711
        (lambda: field("x").exists(), r"exists\(\) is for keys"),
        (lambda: field("x").is_in("abc"), r"is_in\(\) wants a list of values; found str"),
        (lambda: field("x").is_in([1, "a"]), "values of one kind; found numbers and texts"),
        (lambda: field("x").is_in([None]), "found NoneType None"),
        (lambda: (field("x") == 1) & "y == 2", "Wanted a filter to join with; found str 'y == 2'"),
        (lambda: (field("x") == 1) and (field("y") == 2), "neither true nor false: join with & and |"),
        (lambda: 1 < field("x") < 3, "neither true nor false"),
        (lambda: tenant("namespace", ""), "a blank text, which names nobody"),
        (lambda: tenant("namespace", " \t"), "a blank text"),
        (lambda: tenant("namespace", None), "Wanted a tenant: a text or an integer; found NoneType"),
        (lambda: tenant("namespace", True), "found bool True"),
        (lambda: tenant("namespace", ["a"]), "found list"),
    ],
)
def test_what_no_filter_can_say_is_refused_with_what_can(build, said):
    with pytest.raises(KitError, match=said):
        build()


def test_a_long_chain_does_not_nest():
    built = field("x") == 0
    for number in range(1, 5000):
        built |= field("x") == number
    assert str(built).count("(") == 5000


# What they find, on each engine

ROWS = [
    {"id": 1, "s": "a", "i": 1, "d": 0.5, "b": True, "a": [1, 2], "dyn": "p", "tags": ["x", 'y"'], "n": 4}
    | {"j": {"k": "x", "n": 1, 'q"t': True, "tags": ["x"], "in": {"tags": ["x"], "n": 3}}, "deep": {"tags": ["x"]}},
    {"id": 2, "s": 'b"c', "i": -(2**63) + 1, "d": -1e300, "b": False, "a": [3], "dyn": "q", "tags": [7], "n": 2.5}
    | {"j": {"k": "y", "n": 2.5, "tags": [7, "z"]}, "deep": {"tags": []}},
    {"id": 3, "s": "", "i": 2**63 - 1, "d": 1e-300, "b": False, "j": {"k": 1}, "a": [], "odd key": 5},
]


def rows_of(uri: str):
    """A collection of ROWS, and the function that finds ids by an expression."""
    client = MilvusClient(uri)
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("s", DataType.VARCHAR, max_length=100)
    schema.add_field("i", DataType.INT64)
    schema.add_field("d", DataType.DOUBLE)
    schema.add_field("b", DataType.BOOL)
    schema.add_field("j", DataType.JSON)
    schema.add_field("a", DataType.ARRAY, element_type=DataType.INT64, max_capacity=8)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection("kinds", schema=schema, index_params=index, consistency_level="Bounded")
    client.insert("kinds", [{**row, "vector": [row["id"], 1.0]} for row in ROWS])
    client.load_collection("kinds")
    assert counted(client, "kinds") == len(ROWS)
    return lambda expression: sorted(r["id"] for r in client.query("kinds", filter=str(expression), limit=10))


@pytest.fixture(scope="module")
def kinds(shared_database):
    return rows_of(shared_database)


MEANINGS = [
    (field("s") == "a", [1]),
    (field("s") == 'b"c', [2]),
    (field("s") == "", [3]),
    (field("s").is_in(["a", ""]), [1, 3]),
    (field("s") > "a", [2]),
    (field("i") == 2**63 - 1, [3]),
    (field("i") > -(2**63) + 1, [1, 3]),
    (field("i").is_in([1, -(2**63) + 1]), [1, 2]),
    (field("i").is_in([]), []),
    (~field("i").is_in([]), [1, 2, 3]),
    (field("d") == 0.5, [1]),
    (field("d") == 1e-300, [3]),
    (field("d") == -1e300, [2]),
    (field("d") > 0, [1, 3]),
    (field("d") <= 1.7976931348623157e308, [1, 2, 3]),
    (field("b") == True, [1]),  # noqa: E712
    (~(field("b") == True), [2, 3]),  # noqa: E712
    (field("a").contains(3), [2]),
    (~field("a").contains(3), [1, 3]),
    (field("j")["k"] == "x", [1]),
    (field("j")["k"] != "x", [2, 3]),
    (field("j")["n"] >= 1, [1, 2]),
    (~(field("j")["n"] >= 1), [3]),  # the row without the key
    (field("j")["n"].is_in([1, 2.5]), [1, 2]),
    (field("j")["n"].is_in([]), []),
    (~field("j")["n"].is_in([]), [1, 2, 3]),
    (field("j")['q"t'] == True, [1]),  # noqa: E712
    (field("j")["tags"].contains("x"), [1]),
    (field("j")["tags"].contains(7), [2]),
    (~field("j")["tags"].contains("x"), [2, 3]),
    (field("j")["in"]["tags"].contains("x"), [1]),
    (field("j")["in"]["n"] < 4, [1]),
    (field("j")["k"].exists(), [1, 2, 3]),
    (~field("j")["in"].exists(), [2, 3]),
    (field("j")["k"].is_in(["x", "y"]), [1, 2]),
    (field("j")["n"] <= 2.5, [1, 2]),
    (field("$meta")["tags"].contains("x"), [1]),
    (field("$meta")["tags"].contains('y"'), [1]),
    (field("$meta")["tags"].contains(7), [2]),
    (~field("$meta")["tags"].contains("x"), [2, 3]),
    (field("$meta")["deep"]["tags"].contains("x"), [1]),
    (field("$meta")["absent"].contains("x"), []),
    (field("$meta")["n"] > 3, [1]),
    (field("$meta")["n"] <= 4, [1, 2]),
    (~(field("$meta")["n"] > 3), [2, 3]),
    (field("$meta")["n"].is_in([4, 5]), [1]),
    (field("$meta")["dyn"].is_in([]), []),
    (field("$meta")["dyn"] > "p", [2]),
    (field("$meta")["odd key"] >= 5, [3]),
    (~field("$meta")["odd key"].exists(), [1, 2]),
    (field("dyn") == "p", [1]),
    (field("tags").contains("x"), [1]),
    (field("$meta")["dyn"] == "p", [1]),
    (field("$meta")["dyn"] != "p", [2]),
    (~(field("$meta")["dyn"] == "p"), [2, 3]),
    (field("$meta")["odd key"].exists(), [3]),
    ((field("i") == 1) | (field("s") == "") & (field("b") == True), [1]),  # noqa: E712
    (((field("i") == 1) | (field("s") == "")) & ~(field("b") == True), [3]),  # noqa: E712
    (~((field("i") == 1) | ~(field("d") > 0)), [3]),
]


@pytest.mark.parametrize(("expression", "ids"), MEANINGS, ids=[str(e) for e, _ in MEANINGS])
def test_a_filter_finds_the_same_rows_on_each_engine(kinds, expression, ids):
    assert kinds(expression) == ids


def test_null_is_asked_for_on_lite(tmp_path):
    found = rows_of(str(tmp_path / "nulls.db"))
    assert found(field("s") == None) == []  # noqa: E711
    assert found(field("s") != None) == [1, 2, 3]  # noqa: E711


def values():
    scalars = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=10) | scalars


def conditions():
    """Nested filters on two fields, with what they mean as a function of a row."""
    texts = st.sampled_from(["a", 'b"c', "", "z\\", "\n"])
    numbers = st.sampled_from([1, 0, -(2**63) + 1, 2**63 - 1])
    leaf = (
        st.builds(lambda v: (field("s") == v, lambda r: r["s"] == v), texts)
        | st.builds(lambda v: (field("i") >= v, lambda r: r["i"] >= v), numbers)
        | st.builds(lambda v: (field("i").is_in(v), lambda r: r["i"] in v), st.lists(numbers, max_size=3))
    )
    return st.recursive(
        leaf,
        lambda inner: (
            st.builds(lambda x: (~x[0], lambda r: not x[1](r)), inner)
            | st.builds(lambda x, y: (x[0] & y[0], lambda r: x[1](r) and y[1](r)), inner, inner)
            | st.builds(lambda x, y: (x[0] | y[0], lambda r: x[1](r) or y[1](r)), inner, inner)
        ),
        max_leaves=8,
    )


@settings(max_examples=300, deadline=None)
@given(conditions())
def test_nested_conditions_mean_what_python_means_by_them(kinds, condition):
    expression, meaning = condition
    assert kinds(expression) == [row["id"] for row in ROWS if meaning(row)]


@settings(max_examples=300, deadline=None)
@given(values())
def test_any_value_stays_one_value(kinds, value):
    name = "s" if isinstance(value, str) else "b" if isinstance(value, bool) else "i" if isinstance(value, int) else "d"
    assert kinds(field(name) == value) == [row["id"] for row in ROWS if row[name] == value]


class Lying(str):
    """A text whose methods say something else than its characters."""

    def translate(self, table):
        return 'a" or namespace != "'

    def __str__(self):
        return 'a" or namespace != "'

    def __add__(self, other):
        return "namespace != 3 or namespace"

    def __eq__(self, other):
        return True

    def strip(self, *_):
        return "x"

    __hash__ = str.__hash__


def test_only_the_characters_of_a_text_count():
    assert quote(Lying("a")) == '"a"'
    assert str(field(Lying("s")) == Lying("a")) == 's == "a"'
    assert str(field("j")[Lying("k")].exists()) == 'exists j["k"]'
    with pytest.raises(KitError, match="a blank text, which names nobody"):
        tenant("namespace", Lying(""))
    with pytest.raises(KitError, match="Wanted an operator"):
        Comparison(field("s"), Lying("x"), "a")


def test_what_was_changed_afterwards_or_derived_is_refused():
    changed = field("s")
    object.__setattr__(changed, "name", "s != 3 or s")
    with pytest.raises(KitError, match="Wanted a field's name"):
        str(changed == 1)

    class Wider(Comparison):
        def __str__(self):
            return "true"

    with pytest.raises(KitError, match="Wanted a filter to join with; found Wider"):
        (field("s") == "a") & Wider(field("s"), "==", "a")


def test_filters_are_equal_when_their_expressions_are():
    assert {field("i") == 1, field("i") == 1, field("i") == 2} == {field("i") == 2, field("i") == 1}
    assert (field("i") == 1) != (field("i") == 2)


@pytest.mark.parametrize("kind", [All, Either])
def test_nothing_is_no_filter(kind):
    with pytest.raises(KitError, match="Wanted filters to join, at least one"):
        kind(())


def test_characters_above_the_surrogates_name_keys_and_surrogates_do_not():
    assert [can_name(name, in_json=True) for name in ("\U0001f600", "\uffff", "\ue000", "\ud7ff")] == [True] * 4
    assert [can_name(name, in_json=True) for name in ("\ud800", "a\udbff", "\udc80b", "\udfff")] == [False] * 4


@pytest.mark.parametrize(("value", "shown"), [(["x" * 36], f"['{'x' * 36}']"), (["x" * 40], f"['{'x' * 37}…")])
def test_what_is_shown_of_a_wrong_value_is_cut_at_forty_characters(value, shown):
    with pytest.raises(KitError) as raised:
        field("a").is_in([value])
    assert f"found list {shown}" in str(raised.value)


def test_a_dynamic_key_is_named_alone_where_its_first_part_can_be():
    assert str(field("$meta")["tags"]["a b"].contains("x")).endswith('array_contains(tags["a b"], "x")')
    assert "$meta" in str(field("$meta")["a b"]["tags"].contains("x"))
