"""Which pages are checked and how: folders, globs, files, and kit-docs.toml."""

from inspect import signature
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kit.__main__ import app
from kit.docs.commands import docs
from kit.docs.commands.options import page_options
from kit.docs.site.config import KEYS, find_jobs, page_job
from kit.errors import KitError

PAGE = "# A page\n\n```python\nprint(1)\n```\n"


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    for name in ("a.md", "deep/b.mdx", "deep/c.ipynb", "notes.txt", "node_modules/x.md", ".hidden/y.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(PAGE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*named: str) -> list[str]:
    return [Path(job.source).name for job in find_jobs(named)]


def test_a_folder_a_glob_and_files_are_found_each_once(site):
    assert names(".") == names() == ["a.md", "b.mdx", "c.ipynb"]
    assert names("deep/*.mdx", "a.md", "deep") == ["b.mdx", "a.md", "c.ipynb"]
    assert names(str(site / "deep" / "*")) == ["b.mdx", "c.ipynb"]
    assert names("https://example.org/page.md") == ["page.md"]


def test_a_config_gives_each_page_its_options(site):
    (site / "speech.txt").write_text("x")
    (site / "kit-docs.toml").write_text("""
[defaults]
cell-seconds = 5
[[page]]
path = "a.md"
twice = true
with = ["langchain-milvus==0.3.3", "pymilvus<3"]
places = {"data/speech.txt" = "speech.txt"}
answers = {"Name" = "Ann"}
ledger = "ledgers/a.toml"
keys = ["COHERE_API_KEY"]
marks = {"a-page/code-1" = "within 5%"}
[[page]]
path = "deep/*"
milvus = "server"
install = true
""")
    first, second, third = find_jobs(["."])
    assert (first.twice, first.requirements) == (True, "langchain-milvus==0.3.3 pymilvus<3")
    assert first.options.places == {"data/speech.txt": Path("speech.txt")}
    assert (first.options.answers, first.options.keys) == ({"Name": "Ann"}, ("COHERE_API_KEY",))
    assert (first.ledger, first.marks) == (Path("ledgers/a.toml"), {"a-page/code-1": ["within 5%"]})
    assert first.options.limits.cell_seconds == second.options.limits.cell_seconds == 5
    assert second.options.milvus == third.options.milvus == "server" and third.options.allow_install


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[page]]\npath = 'a.md'\ntwise = true", r"\[\[page\]\] 1 of .*'twise'.*Did you mean \"twice\""),
        ("[default]\ntwice = true", "'default'.*\"defaults\""),
        ("[[page]]\npath = 'a.md'\ntwice = 'yes'", "twice = 'yes'; wanted: a value of type bool"),
        ("[[page]]\npath = 'nope/*.md'", "no page matches 'nope/\\*.md'"),
        ("[[page]]\ntwice = true", "has no path"),
        ("[[page]]\npath = 'a.md'\nmilvus = 'lit'", "milvus in .* is 'lit'.*\"lite\""),
        ("[[page]]\npath = 'a.md'\nmarks = {'b' = 'within a mile'}", "says nothing that is understood"),
        ("[[page]]\npath = 'deep/*'\nledger = 'x.toml'", "one ledger to 2 pages"),
        ("[[page", "is no TOML"),
    ],
)
def test_a_wrong_config_is_said_with_its_place(site, text, words):
    (site / "kit-docs.toml").write_text(text)
    with pytest.raises(KitError, match=words):
        find_jobs(["."])


def test_a_command_of_one_page_takes_the_configs_options_and_its_own_in_their_place(site):
    (site / "kit-docs.toml").write_text("""
[[page]]
path = "a.md"
twice = true
milvus = "server"
cell-seconds = 5
answers = {"Name" = "Ann", "Town" = "Ulm"}
""")
    job = page_job(
        str(site / "a.md"), {"milvus": "lite", "answers": {"Name": "Bob"}, "twice": None}, Path("kit-docs.toml")
    )
    assert (job.twice, job.options.milvus, job.options.limits.cell_seconds) == (True, "lite", 5)
    assert job.options.answers == {"Name": "Bob", "Town": "Ulm"}
    with pytest.raises(KitError, match="does not name deep/b.mdx"):
        page_job("deep/b.mdx", {}, Path("kit-docs.toml"))


def options_of(command: str) -> set[str]:
    found = next(each for each in docs.registered_commands if each.callback.__name__ == command)
    return set(signature(found.callback).parameters)


def test_commands_of_one_page_know_the_same_options():
    shared = set(signature(page_options).parameters)
    assert all(shared <= options_of(command) for command in ("replay", "ledger", "matrix", "patch"))
    assert not shared <= options_of("blocks")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--milvus", "lit"], "milvus in the command line is 'lit'"),
        (["--mark", "a-page/code-1=within a mile"], "says nothing that is understood"),
        (["--mark", "x"], "wanted: --mark BLOCK=WORDS"),
        (["--config", "none.toml"], "none.toml cannot be read"),
    ],
)
@pytest.mark.parametrize("command", ["replay", "ledger", "matrix", "patch"])
def test_every_command_refuses_a_wrong_option_in_the_same_words(site, command, arguments, words):
    ran = CliRunner().invoke(app, ["docs", command, "a.md", *arguments])
    assert ran.exit_code and words in str(ran.exception)


@pytest.mark.parametrize("named", ["nope", "nope/*.md", "nope.toml"])
def test_nothing_there_is_said(site, named):
    with pytest.raises(KitError, match="There is nothing at"):
        find_jobs([named])


@given(st.dictionaries(st.sampled_from([*KEYS, "other"]), st.sampled_from(["true", "1", "'a.md'", "[]", "{}"])))
def test_any_config_is_read_or_refused_in_a_sentence(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("config")
    (folder / "a.md").write_text(PAGE)
    text = "[[page]]\n" + "".join(f"{key} = {value}\n" for key, value in table.items())
    (folder / "kit-docs.toml").write_text(text)
    try:
        find_jobs([str(folder)])
    except KitError as error:
        assert str(error)


def test_the_kits_own_config_names_pages_by_address_and_its_ledger_has_advice_for_each_defect():
    from kit.docs.ledger.ledger import load_ledger
    from kit.files.project import pages_folder

    jobs = find_jobs([str(pages_folder() / "kit-docs.toml")])
    assert len(jobs) >= 5 and all(job.source.startswith("https://") and job.claims for job in jobs)
    defects = load_ledger(jobs[0].ledger).defects
    assert len(defects) == 16 and all(defect.instead for defect in defects)
