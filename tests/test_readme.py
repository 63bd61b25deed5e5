"""The README's generated parts are what they are made from, and everything else it names is there."""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_milvus import Milvus

import kit
from kit.errors import KitError
from tests.readme import check_parts, commands_markdown, generated_parts

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_tables_of_notebooks_and_commands_are_up_to_date():
    assert check_parts(ROOT / "README.md", generated_parts(), write=False) == [], "run: make readme"


def test_a_stale_part_is_named_rewritten_and_then_found_right(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# Kit\n\n<!-- notebooks:start -->\nold\n<!-- notebooks:end -->\n\nrest\n")
    assert check_parts(readme, {"notebooks": "new"}, write=False) == ["notebooks"]
    assert check_parts(readme, {"notebooks": "new"}, write=True) == ["notebooks"]
    assert check_parts(readme, {"notebooks": "new"}, write=False) == []
    assert readme.read_text() == "# Kit\n\n<!-- notebooks:start -->\nnew\n<!-- notebooks:end -->\n\nrest\n"


def test_a_readme_without_the_marks_says_which_to_put(tmp_path):
    (tmp_path / "README.md").write_text("# Kit\n")
    with pytest.raises(KitError, match="has no place for the notebooks: put <!-- notebooks:start --> and"):
        check_parts(tmp_path / "README.md", {"notebooks": "new"}, write=True)


def test_the_table_of_commands_has_each_command_with_its_first_sentence():
    small = typer.Typer()
    sub = typer.Typer()

    @sub.command()
    def compare(run: str):
        """Compare two | runs. The rest is not shown."""

    @small.command()
    def tour():
        """Run all"""

    small.add_typer(sub, name="bench")
    rows = commands_markdown(typer.main.get_command(small)).splitlines()[2:]
    assert rows == ["| `kit tour` | Run all. |", "| `kit bench compare RUN` | Compare two \\| runs. |"]


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z]+)", README))))
def test_each_make_target_that_the_readme_names_is_there(target):
    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "data/README.md"])
def test_each_file_that_a_document_links_is_there(name):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text())
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_code_in_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    people = [("Biden", "ankush", 2022), ("Trump", "ankush", 2020), ("Ford", "harrison", 1975)]
    documents = [
        Document(f"{speaker} spoke.", metadata={"speaker": speaker, "namespace": namespace, "year": year})
        for speaker, namespace, year in people
    ]
    names = {"documents": documents, "name": 'O"Hara', "question": "Who spoke?", "user": "ankush"}
    exec(code, names)
    assert str(names["expr"]) == r'(year >= 2020) and (not (speaker in ["Biden", "O\"Hara"]))'
    found = {document.metadata["speaker"] for document in names["retriever"].invoke("Who spoke?")}
    assert found == {"Biden", "Trump"}


class Prefixed(Embeddings):
    """Embeds documents with a word before them and questions without."""

    def embed_documents(self, texts):
        return kit.load_embeddings().embed_documents([f"passage: {text}" for text in texts])

    def embed_query(self, text):
        return kit.load_embeddings().embed_query(text)


def test_what_the_readme_says_is_refused_is_refused_in_these_words(tmp_path):
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    uri = str(tmp_path / "my.db")
    options = {"connection_args": kit.connect(uri), "index_params": kit.index_params(uri), "collection_name": "notes"}
    store = Milvus(Prefixed(), auto_id=False, **options)
    kit.ingest(
        store, [Document("Wheat rose.", metadata={"user": "ann"}), Document("It rained.", metadata={"user": "bob"})]
    )
    names = {"kit": kit, "Document": Document, "vector_store": store}
    steps = re.findall(r"^([^#\n].*)(?:\n# KitError: (.*?)(?: …)?$)?", code, re.MULTILINE)
    assert len([said for _, said in steps if said]) == 4
    for line, said in steps:
        with pytest.raises(KitError, match=f"^{re.escape(said)}") if said else nullcontext():
            exec(line, names)
