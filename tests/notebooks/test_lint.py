"""Every rule of `kit notebooks lint` refuses its sample, and nothing else refuses it."""

from __future__ import annotations

import shutil

import pytest

from kit.notebooks.lint.lint import lint_notebook, lint_selection
from kit.notebooks.lint.rules import KIT, PLAIN
from kit.notebooks.manifest import load_manifest
from kit.notebooks.paths import Selection
from kit.pages.page_file import load_page
from kit.settings import Settings

BLOCK_IDS = frozenset(block.id for block in load_page("langchain-milvus-2024"))
OF_THE_LIST = ("listed-otherwise", "next-link", "few-exercises")  # rules that want a row of index.toml
FOLDER_RULES = ("unlisted", "no-file", *OF_THE_LIST)
WORDS = {
    "unknown-tag": 'cell 5: unknown tag "nbval-chek-output". Did you mean "nbval-check-output"?',
    "unknown-mirror": 'cell 5: the page has no block "milvus/code-66". Did you mean "milvus/code-6"?',
    "counts": "cell 5: execution count 7, wanted 3: run `kit notebooks update`",
    "path-in-output": "cell 5: an output shows a path of one machine: ",
    "opening": "cell 1: the first cell lacks **Mirrors**, **Time**, **Needs**",
    "broken": "is not valid JSON: line ",
}


@pytest.fixture(scope="module")
def samples(root):
    return root / "tests" / "samples" / "notebooks"


def test_the_sample_that_is_as_it_should_be_passes(samples):
    assert lint_notebook(samples / "lint-pass.ipynb", BLOCK_IDS) == []


@pytest.mark.parametrize("rule", [*(rule for rule in KIT if rule not in OF_THE_LIST), "broken"])
def test_each_rule_refuses_its_sample_and_no_other_rule_does(rule, samples):
    findings = lint_notebook(samples / f"lint-{rule}-fail.ipynb", BLOCK_IDS)
    assert {finding.rule for finding in findings} == {rule}
    assert WORDS.get(rule, "") in str(findings[0])


@pytest.mark.parametrize("rule", PLAIN)
def test_each_plain_rule_refuses_its_sample_and_house_rules_are_not_asked(rule, samples):
    findings = lint_notebook(samples / f"lint-{rule}-fail.ipynb", profile="plain")
    assert {finding.rule for finding in findings} == {rule}


@pytest.mark.parametrize("rule", FOLDER_RULES)
def test_files_and_manifest_that_disagree_are_refused(rule, samples):
    manifest = load_manifest(samples / f"lint-{rule}-fail")
    assert [finding.rule for finding in lint_selection(Selection(manifest, manifest.notebooks), Settings())] == [rule]


def test_every_failing_sample_belongs_to_a_rule(samples):
    names = {path.name.removeprefix("lint-").removesuffix(".ipynb") for path in samples.glob("lint-*-fail*")}
    assert names == {f"{rule}-fail" for rule in {*KIT, *PLAIN, *FOLDER_RULES, "broken"}}


def test_a_file_that_the_manifest_does_not_list_is_no_concern_of_one_notebook(samples, tmp_path):
    shutil.copytree(samples / "lint-no-file-fail", tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "notebooks"
    shutil.copy(samples / "lint-pass.ipynb", folder / "01_count_words.ipynb")
    shutil.copy(samples / "lint-pass.ipynb", folder / "02_draft.ipynb")
    row = (folder / "index.toml").read_text().replace("01_count_words", "03_more").partition("[[notebook]]")[2]
    (folder / "index.toml").write_text((folder / "index.toml").read_text() + "[[notebook]]" + row)
    manifest = load_manifest(tmp_path)
    (one,) = manifest.select(["01"])
    assert "unlisted" not in {f.rule for f in lint_selection(Selection(manifest, (one,)), Settings())}
    whole = lint_selection(Selection(manifest, manifest.notebooks), Settings())
    assert {finding.rule for finding in whole} == {"unlisted", "no-file", "next-link", "few-exercises"}


def test_the_key_in_use_is_refused_and_not_repeated(samples, tmp_path):
    text = (samples / "lint-pass.ipynb").read_text().replace("[('two', 2)]", "root:Milvus-of-this-test")
    (tmp_path / "key.ipynb").write_text(text)
    (finding,) = lint_notebook(tmp_path / "key.ipynb", BLOCK_IDS, secrets=("root:Milvus-of-this-test",))
    assert finding.rule == "key-shown"
    assert "Milvus-of-this-test" not in str(finding)


@pytest.mark.parametrize("shown", ["for n in x:\n    print(n)", "display(x)", "%timeit -n1 -r1 pass\nx", "await x"])
def test_what_shows_something_wants_a_stored_output(shown, samples, tmp_path):
    source = '"Counter(TEXT.split()).most_common(MOST)"'
    text = (samples / "lint-missing-output-fail.ipynb").read_text()
    assert source in text
    (tmp_path / "show.ipynb").write_text(text.replace(source, f'"{shown}"'.replace("\n", "\\n")))
    assert [f.rule for f in lint_notebook(tmp_path / "show.ipynb", BLOCK_IDS)] == ["missing-output"]


@pytest.mark.parametrize("silent", ["x = 1", "def f():\n    print(1)", "assert x", "import os", "x ="])
def test_what_shows_nothing_wants_none(silent, samples, tmp_path):
    text = (samples / "lint-missing-output-fail.ipynb").read_text()
    silent = silent.replace("\n", "\\n")
    (tmp_path / "quiet.ipynb").write_text(text.replace("Counter(TEXT.split()).most_common(MOST)", silent))
    assert lint_notebook(tmp_path / "quiet.ipynb", BLOCK_IDS) == []
