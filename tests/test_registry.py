"""An outside package adds a thing of a kind by a name of its own; a broken one is a sentence that names it."""

import subprocess
import sys

import pytest

from kit import embeddings_name, load_embeddings
from kit.errors import KitError
from kit.models.embeddings import embeddings_identity
from kit.registry import KINDS, is_path, lookup, names

MODULE = """
from langchain_core.embeddings import Embeddings

class Lengths(Embeddings):
    def embed_documents(self, texts):
        return [[len(text), 0.0] for text in texts]

    def embed_query(self, text):
        return [0.0, len(text)]

class Needs(Lengths):
    def __init__(self, size):
        pass

thing = object()
"""


def install(folder, monkeypatch, package: str, **points: str) -> None:
    """Put a package on the path, with one entry point for each `kind__name="module:object"`."""
    info = folder / f"{package}-1.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n")
    lines = [f"[kit.{key.split('__')[0]}]\n{key.split('__')[1]} = {value}\n" for key, value in points.items()]
    (info / "entry_points.txt").write_text("".join(lines))
    (folder / f"{package}_code.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_registered_name_is_listed_and_found(tmp_path, monkeypatch, kind):
    install(tmp_path, monkeypatch, "outside", **{f"{kind}__mine": "outside_code:thing"})
    assert "mine" in names(kind)
    assert type(lookup(kind, "mine")) is object


def test_registered_embeddings_are_used_and_cached_under_an_identity_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    install(tmp_path, monkeypatch, "outside", embeddings__lengths="outside_code:Lengths")
    embeddings = load_embeddings("lengths")
    assert embeddings.embed_documents(["four"]) == [[1.0, 0.0]]
    assert embeddings.embed_query("four") == [0.0, 1.0]
    assert (embeddings_name(embeddings), embeddings_identity(embeddings)) == ("lengths", "lengths")


def test_any_embeddings_may_be_named_by_their_path(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "own.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    embeddings = load_embeddings("pack.own:Lengths")
    assert embeddings.embed_documents(["four"]) == [[1.0, 0.0]]
    assert embeddings_name(embeddings) == "pack-own-Lengths"
    with pytest.raises(KitError, match=r'"pack.own:Needs" cannot be made without arguments \(TypeError: .*size'):
        load_embeddings("pack.own:Needs")
    with pytest.raises(KitError, match=r'"pack.own:Embeddings" cannot be made'):
        load_embeddings("pack.own:Embeddings")


def test_a_broken_package_is_a_sentence_that_names_it_and_breaks_nothing_else(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "outside", retrievers__mine="no_such_module:Thing")
    with pytest.raises(KitError) as error:
        lookup("retrievers", "mine")
    assert str(error.value) == (
        '"mine" of the package outside cannot be loaded from no_such_module:Thing (ModuleNotFoundError: No module '
        "named 'no_such_module'). Mend or uninstall that package."
    )
    run = [
        sys.executable,
        "-c",
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from kit.__main__ import main; main()",
    ]
    result = subprocess.run([*run, str(tmp_path), "--help"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_two_packages_with_one_name_are_told_apart(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "first", rules__mine="first_code:thing")
    install(tmp_path, monkeypatch, "second", rules__mine="second_code:thing")
    with pytest.raises(KitError, match='"mine" is registered for kit.rules by first and second. Uninstall one'):
        lookup("rules", "mine")


def test_an_unknown_name_is_told_with_the_nearest_and_every_form(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "outside", rerankers__mine="outside_code:thing")
    with pytest.raises(KitError) as error:
        lookup("rerankers", "minne", ["embeddings"], example="provider:model")
    assert str(error.value) == (
        'No reranker is called "minne". Did you mean "mine"? Wanted: one of embeddings, mine, provider:model, '
        "package.module:Class."
    )


@pytest.mark.parametrize("path", ["no.such.module:Thing", "kit.errors:Nothing"])
def test_a_path_that_leads_nowhere_says_why(path):
    with pytest.raises(KitError, match=rf'"{path}" of kit.probes cannot be loaded \((ModuleNotFound|Attribute)Error'):
        lookup("probes", path)


@pytest.mark.parametrize(
    ("name", "is_one"), [("a.b:C", True), ("openai:text-3", False), ("a:B", False), ("a.b", False)]
)
def test_a_path_is_told_from_a_providers_model(name, is_one):
    assert is_path(name) is is_one
