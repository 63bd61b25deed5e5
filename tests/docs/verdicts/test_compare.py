"""A stored output against a fresh one: what is the same, what is tolerated and by which rule, what changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from kit.docs.verdicts.compare import RULES, compare, compare_with_echo, word_diff
from kit.docs.verdicts.values import Call, Unordered, pieces, read_repr

OLD_DOCUMENT = "[Document(page_content='foo', metadata={'source': 'tweet'})]"

# rule -> (stored, fresh that is equivalent by it, fresh that is not)
TOLERATED = {
    "trailing space": ("a  \nb\n", "a\nb", "a\nc"),
    "white space": ("one two", "one\n  two", "onetwo"),
    "layout": ('["a", "b"]', "[\n 'a',\n 'b',\n]", "['a', 'c']"),
    "extra pk": ("[{'source': 'x'}]", "[{'source': 'x', 'pk': 3}]", "[{'source': 'x', 'new': 3}]"),
    "pk value": ("{'pk': 448, 'a': 1}", "{'pk': 1, 'a': 1}", "{'pk': 1, 'a': 2}"),
    "extra id": ("Document(page_content='a')", "Document(id='1', page_content='a')", "Document(page_content='b')"),
    "id value": ("Document(id='1')", "Document(id='2')", "Other(id='2')"),
    "argument order": ("f(a=1, b=2)", "f(b=2, a=1)", "f(a=2, b=1)"),
    "set order": ("{1, 2, 3}", "{3, 1, 2}", "{3, 1, 4}"),
    "list order": ("['a', 'b']", "['b', 'a']", "['b', 'b']"),
    "float tolerance": ("* [SIM=0.838014] foo", "* [SIM=0.838213] foo", "* [SIM=0.85] foo"),
    "auto id": ("[448296001122334455]", "[1]", "[1, 2]"),
    "object addresses": ("<Milvus object at 0x7f0011223344>", "<Milvus object at 0x7fab11223344>", "<Chroma object>"),
    "uuids": ("id 0a1b2c3d-0000-4000-8000-000000000001", "id 0a1b2c3d-0000-4000-8000-000000000002", "id none"),
    "clock": ("at 2024-05-01 10:00:00", "at 2026-11-22 21:08:30.5", "at noon"),
    "stored traceback": (
        'out\nTraceback (most recent call last):\n  File "a.py", line 1\nValueError: no',
        "out\nValueError: no",
        "out\nValueError: yes",
    ),
    "class": ("[<class 'A'>, <class 'int'>]", "[__main__.A, int]", "[__main__.A, str]"),
    "ellipsis": ("0\n...\n99", "0\n1\n2\n99", "0\n1\n98"),
    "prompt": ("Key: ········\nok", "ok", "no"),
    "extra info": ("data: ['a'], extra_info: {'cost': 0}", "data: ['a']", "data: ['b']"),
    "paths": ("read ./data/a.txt", "read /tmp/page/a.txt", "read /tmp/page/b.txt"),
}


def test_every_rule_has_a_pair_it_tolerates_and_one_it_does_not():
    assert set(TOLERATED) | {"echo"} == set(RULES)


def test_a_page_may_leave_out_the_value_below_what_was_printed_and_not_change_it():
    assert compare_with_echo(["done"], ["done"], "True").rules == ("echo",)
    assert compare_with_echo(["done\nTrue"], ["done"], "True").verdict == "same"
    assert compare_with_echo(["done\nTrue"], ["done"], "[1, 2]").verdict == "changed"
    assert compare_with_echo(["begun"], ["done"], "True").verdict == "changed"


@pytest.mark.parametrize("rule", TOLERATED)
def test_a_rule_is_named_when_it_was_needed(rule):
    stored, fresh, _ = TOLERATED[rule]
    found = compare([stored], [fresh])
    assert (found.verdict, found.rules) == ("equivalent", (rule,))
    assert RULES[rule] in found.detail


@pytest.mark.parametrize("rule", TOLERATED)
def test_a_rule_tolerates_nothing_else(rule):
    stored, _, fresh = TOLERATED[rule]
    assert compare([stored], [fresh]).verdict in ("similar", "changed")


def test_the_same_text_is_the_same():
    assert compare([OLD_DOCUMENT], [OLD_DOCUMENT]) == ("same", (), 1.0, (), "")


def test_a_document_of_today_is_read_as_the_one_of_the_page_with_a_pk_more():
    fresh = repr([Document("foo", metadata={"source": "tweet", "pk": 7})])
    assert compare([OLD_DOCUMENT], [fresh]).rules == ("extra pk", "argument order")


def test_documents_within_printed_lines_are_compared_as_values():
    found = compare(["* foo [{'source': 'tweet'}]\n* bar []"], ["* foo [{'pk': 1, 'source': 'tweet'}]\n* bar []"])
    assert found.rules == ("extra pk",)


def test_an_order_of_numbers_is_their_meaning():
    assert compare(["[0.1, 0.9]"], ["[0.9, 0.1]"]).verdict == "changed"


def test_true_is_not_one_and_a_text_is_no_number():
    assert compare(["True"], ["1"]).verdict == "changed"
    assert compare(["['1']"], ["[1]"]).verdict == "changed"


def test_a_missing_output_is_a_change():
    found = compare(["2"], [])
    assert (found.verdict, found.detail) == ("changed", "the page shows an output; now there is none")


def test_a_similar_text_comes_with_its_similarity_and_a_word_diff():
    found = compare(["the quick brown fox"], ["the quick red fox"])
    assert found.verdict == "similar"
    assert found.similarity == 0.75
    assert found.diff == ((" ", "the quick"), ("-", "brown"), ("+", "red"), (" ", "fox"))
    assert found.detail == "75% of the words are the same"


def test_lists_of_other_lengths_say_so():
    assert compare(["['a b c', 'd']"], ["['a b c']"]).detail.startswith("2 items stored, 1 now; ")


def test_line_breaks_of_a_repr_are_no_words():
    assert word_diff(r"'one\n\ntwo'", r"'one two'") == (1.0, ((" ", "'one two'"),))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Document(page_content='a', n=-1)", Call("Document", (), {"page_content": "a", "n": -1})),
        ("a.B(1)", Call("a.B", (1,), {})),
        ("{1, 2}", Unordered((1, 2))),
        ("set()", Unordered(())),
        ("(1, None, True, 'x')", (1, None, True, "x")),
    ],
)  # fmt: skip
def test_a_repr_is_read_and_never_evaluated(text, value):
    assert read_repr(text) == value


@pytest.mark.parametrize("text", ["__import__('os').system('x')[0]", "[x for x in y]", "lambda: 1", "a + b", "1 +"])
def test_what_is_no_repr_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_repr(text)


def test_words_in_brackets_stay_words():
    assert pieces("a (see below) and [this") == ["a (see below) and [this"]


@given(st.text(alphabet="ab 1.[](){}'\"\\,:=\n0x/-", max_size=60))
def test_every_text_is_the_same_as_itself_and_reads_in_pieces_without_an_error(text):
    assert compare([text], [text]).verdict == "same"
    assert compare([text], [text + " zzz"]).verdict in ("similar", "changed")


def test_a_long_text_of_brackets_is_compared_in_seconds():
    import time

    began = time.process_time()  # what this process worked, whatever else the machine does
    compare(["[(" * 20_000 + "a " * 20_000], ["[(" * 20_000 + "b " * 20_000])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("stored", "now", "verdict"),
    [
        ("a ... b ... c", "a x b y c", "equivalent"),
        ("a ... b ... c ... d", "a c b d", "changed"),  # the parts in the middle come in order
        ("a ... bc ... cd", "a bcd", "changed"),  # and do not overlap with the last one
        ("a ...", "a b", "equivalent"),
        ("...", "a b", "changed"),  # nothing is stored that could differ
    ],
)
def test_what_dots_leave_out_lies_between_parts_in_their_order(stored, now, verdict):
    assert (compare([stored], [now]).verdict == "equivalent") == (verdict == "equivalent")


def test_quotes_within_a_repr_close_nothing():
    assert pieces("""x ['a\\'] b', "c]"] y""") == ["x ", ["a'] b", "c]"], " y"]
    assert pieces("(see below) [1] [2]") == ["(see below) ", [1], " ", [2]]


def test_an_auto_id_is_a_number_of_fifteen_digits_and_no_smaller_one_varies():
    assert compare(["[459905436364439553]"], ["[459905436364439999]"]).verdict == "equivalent"
    assert compare(["[99999999999999]"], ["[99999999999998]"]).verdict != "equivalent"
    assert compare(["[100000000000000]"], ["[100000000000001]"]).verdict == "equivalent"
