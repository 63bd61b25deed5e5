"""Questions made from texts: their kinds, their places, what they copy, and that they rank nothing unproven."""

from __future__ import annotations

import json

import pytest
import typer
from langchain_core.documents import Document
from typer.testing import CliRunner

from kit.bench.collections import generated
from kit.bench.collections.generated import KINDS, generate
from kit.bench.collections.open import open_collection
from kit.bench.commands.questions import questions
from kit.bench.report.leaderboard import rank_conditions
from kit.bench.report.summary import summary_sentences
from kit.errors import KitError
from tests.bench.beir import write
from tests.bench.samples import write_out

GUIDE = """# Guide

See [how the index is rebuilt](index.md) before you begin with anything else here.

## Installing on a server

Fetch the package and start the service with systemd; the port stays nineteen thousand five hundred thirty.
"""
INDEX = "# Index\n\nAn index is rebuilt at night, when nobody searches, from the segments that were sealed by day.\n"
DOCUMENTS = [Document(page_content=GUIDE, id="guide.md"), Document(page_content=INDEX, id="index.md")]
app = typer.Typer()
app.command()(questions)


def test_each_kind_has_its_question_and_the_place_that_answers_it():
    made = {(one.kind, one.document): one for one in generate(DOCUMENTS, KINDS, 10)}
    assert made["heading", "guide.md"].text in ("Guide", "Installing on a server")
    assert made["link", "index.md"].text == "how the index is rebuilt"
    assert "…" in made["masked", "index.md"].text
    assert len(made["keyphrase", "index.md"].text.split()) == 4
    texts = {str(document.id): document.page_content for document in DOCUMENTS}
    assert all(texts[one.document][one.start : one.end] == one.content for one in made.values())
    assert made["masked", "index.md"].copies and not made["link", "index.md"].copies
    assert made["keyphrase", "index.md"].leak == 1.0


def test_a_chat_model_asks_in_its_own_words():
    made = generate(DOCUMENTS, ["chat"], 2, ask=lambda prompt: "When does it happen?\nand more")
    assert {one.text for one in made} == {"When does it happen?"}
    assert made[0].leak < 0.5


def test_the_command_writes_questions_that_a_run_reads(tmp_path):
    write(tmp_path / "docs" / "guide.md", GUIDE)
    write(tmp_path / "docs" / "index.md", INDEX)
    shown = CliRunner().invoke(app, [str(tmp_path / "docs"), "--kinds", "heading,keyphrase"])
    assert "keyphrase: " in shown.stdout and "100% of their words stand in the text that answers" in shown.stdout
    collection = open_collection(str(tmp_path / "docs"))
    assert {query.category for query in collection.queries} == {"generated-heading", "generated-keyphrase"}
    again = CliRunner().invoke(app, [str(tmp_path / "docs")])
    assert isinstance(again.exception, KitError) and "is there already; wanted: another --to FILE" in str(
        again.exception
    )
    forced = CliRunner().invoke(app, [str(tmp_path / "docs"), "--force", "--json"])
    assert json.loads(forced.stdout)["kinds"]["link"]["questions"] == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_rows_are_not_ranked_by_generated_questions_unless_their_kind_was_shown_to_rank(tmp_path, monkeypatch, trusted):
    if trusted:
        monkeypatch.setattr("kit.bench.report.summary.TRUSTED", frozenset({"heading"}))
    out = write_out(tmp_path, {"dense": [1] * 30, "bm25": [3] * 30})
    for row in out.read().rows:
        path = out.scores(row.id)
        path.write_text(
            path.read_text().replace("plain", "generated-heading").replace("paraphrase", "generated-heading")
        )
    said = " ".join(summary_sentences(out.read(), rank_conditions(out, out.read())))
    assert ("has the highest" in said) == trusted
    assert ("These rows are not ranked: 30 of 30 questions were generated (heading)" in said) != trusted


def test_no_kind_is_trusted_without_its_validation():
    assert frozenset() == generated.TRUSTED
