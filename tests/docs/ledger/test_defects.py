"""The ledger: strict both ways, changed blocks first, recorded from a run, advice kept."""

from pathlib import Path

import pytest

from kit.docs.ledger.ledger import Defect, Ledger, hold, ledger_path, load_ledger, merge, record, steady, to_toml
from kit.docs.records import Failure
from kit.errors import KitError
from tests.docs.samples import PAGE, page

RAISED = Failure("notes/code-2", 1, "raised", "NameError: no store (line 1: store)")
AGAIN = Failure(
    "notes/code-1", 2, "rows added again", "notes holds 4 rows after the second run, 2 after the first", "second replay"
)
EVERYTHING = {"replay", "second replay"}


@pytest.fixture
def ledger(tmp_path):
    read = page()
    empty = Ledger(tmp_path / "notes.toml", "notes")
    return record(empty, [RAISED, AGAIN], read.sha256, read.blocks, "milvus-lite 3.2.2")


def test_a_ledger_holds_what_the_run_showed_and_no_text_of_the_page(ledger):
    assert [(d.block, d.kind, d.shown_by) for d in ledger.defects] == [
        ("notes/code-1", "rows added again", "second replay"),
        ("notes/code-2", "raised", "replay"),
    ]
    assert "keeps notes" not in to_toml(ledger)
    assert "store = [1, 2]" not in to_toml(ledger)


def test_a_ledger_is_read_as_it_was_written(ledger):
    advised = ledger.defects[0]._replace(instead='Say "drop" \\ drop', replacement="a = '''x'''\nb", excuse="é\x7f")
    wanted = Ledger(ledger.path, "notes", ledger.sha256, ledger.blocks, (advised, *ledger.defects[1:]))
    ledger.path.write_text(to_toml(wanted))
    assert load_ledger(ledger.path) == wanted


def test_what_the_ledger_knows_is_clean(ledger):
    held = hold(ledger, [RAISED, AGAIN], page().blocks, EVERYTHING)
    assert held.clean
    assert held.sentences == []


def test_an_unknown_defect_fails(ledger):
    other = RAISED._replace(kind="changed")
    held = hold(ledger, [RAISED, AGAIN, other], page().blocks, EVERYTHING)
    assert held.unknown == (other,)
    assert held.sentences == [f"unknown defect: notes/code-2: changed: {RAISED.words}"]


def test_the_same_defect_with_other_words_is_another_defect(ledger):
    held = hold(ledger, [RAISED._replace(words="ValueError: no"), AGAIN], page().blocks, EVERYTHING)
    assert (len(held.unknown), len(held.vanished), held.clean) == (1, 1, False)


def test_a_defect_that_no_longer_shows_fails(ledger):
    held = hold(ledger, [AGAIN], page().blocks, EVERYTHING)
    assert held.sentences == ["no longer shows: notes/code-2: raised (replay): fixed upstream? remove it"]


def test_what_this_run_did_not_look_at_is_not_missed(ledger):
    assert hold(ledger, [RAISED], page().blocks, {"replay"}).clean
    assert not hold(ledger, [RAISED], page().blocks, EVERYTHING).clean


def test_changed_added_and_removed_blocks_are_said_first(ledger):
    text = PAGE.replace("keeps notes", "keeps all notes").replace("> It cannot sort.\n", "") + "\n## More\n\nText.\n"
    sentences = hold(ledger, [], page(text).blocks, EVERYTHING).sentences
    assert [sentence.split(" (")[0] for sentence in sentences[:2]] == [
        "block changed: notes/prose-1",
        "block added: more/prose-1",
    ]
    assert sentences[2].startswith("block removed: notes/prose-2")
    assert sentences[3].startswith("no longer shows")


def test_recording_again_keeps_advice_and_drops_what_is_gone(ledger):
    advised = tuple(d._replace(instead="Name it.", since="0.3.0") for d in ledger.defects)
    old = Ledger(ledger.path, "notes", ledger.sha256, ledger.blocks, advised)
    new = record(old, [RAISED._replace(words="NameError: other")], page().sha256, page().blocks, "milvus-lite 3.3.0")
    assert new.defects == (
        Defect("notes/code-2", "raised", "NameError: other", "replay", "milvus-lite 3.3.0", "0.3.0", "Name it."),
    )


def test_what_the_second_run_repeats_is_one_defect():
    assert merge([RAISED._replace(run=2), RAISED]) == [RAISED]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("12.5 ms at 0x7f01 in /tmp/kit-1/notes.db", "9.1 ms at 0x7faa in /tmp/kit-2/notes.db", True),
        ("pymilvus 3.0.2 requires", "pymilvus 3.1.0 requires", True),
        ("row 449283479238472", "row 449283479238999", True),
        ("2 rows", "4 rows", False),
        ("NameError: a", "NameError: b", False),
    ],
)
def test_words_are_compared_without_what_differs_from_run_to_run(one, other, same):
    assert (steady(one) == steady(other)) is same


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind = ", "knd = ", 'unknown key "knd". Did you mean "kind"?'),
        ('block = "notes/code-1"', 'block = "notes/code-9"', "no block of the page has that id"),
        ('shown_by = "replay"', "", "wanted shown_by"),
        ('shown_by = "replay"', "shown_by = 1", "should be a text"),
        ('page = "notes"', 'page = "notes', "is not valid TOML"),
        ('sha256 = "', 'sha = "', "not as it should be"),
    ],
)
def test_a_broken_ledger_says_where(ledger, old, new, words):
    tail = "[[defect]]" if "block = " in old or "shown_by" in old or "kind" in old else ""
    head, sign, rest = to_toml(ledger).partition(tail) if tail else ("", "", to_toml(ledger))
    ledger.path.write_text(head + sign + rest.replace(old, new, 1))
    with pytest.raises(KitError) as error:
        load_ledger(ledger.path)
    assert words in str(error.value)


def test_a_ledger_lies_beside_its_page_or_among_the_kits_own(tmp_path):
    assert ledger_path("https://host/docs/milvus.ipynb#x").parts[-3:] == ("data", "pages", "host-docs-milvus.toml")
    (tmp_path / "notes.toml").write_text("")
    assert ledger_path(str(tmp_path / "notes.md")) == tmp_path / "notes.toml"
    own = ledger_path(str(tmp_path / "langchain-milvus-2024.md"))
    assert own.parts[-3:] == ("data", "pages", "langchain-milvus-2024.toml")


def test_two_pages_of_one_name_never_share_a_ledger(tmp_path):
    pages = [str(tmp_path / folder / "milvus.md") for folder in ("providers", "vectorstores")]
    assert [ledger_path(name) for name in pages] == [Path(name).with_suffix(".toml") for name in pages]
    addresses = [f"https://host/docs/{name}" for name in ("providers/milvus.mdx", "vectorstores/milvus.mdx")]
    addresses += [f"{'https://host' + '/long' * 40}/{end}" for end in ("a.md", "a.mdx", "b.md")]
    addresses += [f"https://{'host' * 30}{end}/milvus.md" for end in "ab"]
    assert len({ledger_path(address).name for address in addresses}) == len(addresses)


def test_twins_side_by_side_have_ledgers_of_their_own(tmp_path):
    for ending in ("md", "mdx"):
        (tmp_path / f"milvus.{ending}").write_text("# M\n")
    assert ledger_path(str(tmp_path / "milvus.md")) == tmp_path / "milvus.md.toml"
    assert ledger_path(str(tmp_path / "milvus.mdx")) == tmp_path / "milvus.mdx.toml"


def test_a_ledger_of_another_page_is_not_overwritten(ledger):
    other = page("# Other\n\nNothing of the notes.\n")
    with pytest.raises(KitError, match=r"is the ledger of another page: none of its blocks .* --ledger FILE"):
        record(ledger, [], other.sha256, other.blocks, "milvus-lite 3.2.2")


@pytest.mark.parametrize("name", ["langchain-milvus-2024", "milvus-in-five-minutes"])
def test_every_defect_of_the_kits_pages_has_advice_or_an_excuse(root, name):
    ledger = load_ledger(root / "data" / "pages" / f"{name}.toml")
    assert ledger.defects
    assert [d for d in ledger.defects if not (d.instead or d.excuse)] == []


def test_the_ledger_of_the_small_page_is_of_the_page_that_is_there(root):
    path = root / "data" / "pages" / "milvus-in-five-minutes.md"
    assert hold(load_ledger(path.with_suffix(".toml")), [], page(path.read_text()).blocks, set()).moved == ()


def test_recording_again_keeps_the_maintainers_order_and_comments(ledger):
    swapped = Ledger(ledger.path, "notes", ledger.sha256, ledger.blocks, ledger.defects[::-1])
    ledger.path.write_text(to_toml(swapped).replace("\n[[defect]]", "\n# worst first\n[[defect]]", 1))
    other = Failure("notes/code-1", 1, "changed", "other words")
    again = record(load_ledger(ledger.path), [RAISED, AGAIN, other], "0", page().blocks, "milvus-lite 3.2.2")
    assert [d.kind for d in again.defects] == ["changed", "raised", "rows added again"]
    assert "# worst first" in to_toml(again)
