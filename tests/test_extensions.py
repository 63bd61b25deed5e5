"""The package that CONTRIBUTING describes, installed beside the kit: one thing of each kind, and each is used."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kit.registry import KINDS

TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text()
SECTIONS = {
    section.partition("\n")[0]: section
    for section in re.split(r"(?m)^## ", TEXT)
    if re.search(r"(?m)^# my_package/", section)
}


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> Path:
    """A folder with the package and its metadata, as an installer leaves them."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "my_package").mkdir()
    for code in re.findall(r"```python\n(# my_package/.*?)```\n(?=\n|\Z)", TEXT, re.DOTALL):
        (folder / code.split()[1]).write_text(code)
    points = tomllib.loads(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])["project"]["entry-points"]
    assert set(points) | {"kit.chat"} == {f"kit.{kind}" for kind in KINDS}
    info = folder / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n")
    lines = [f"[{kind}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for kind, names in points.items()]
    (info / "entry_points.txt").write_text("".join(lines))
    return folder


def kit(outside: Path, *arguments: str, code: int = 0) -> str:
    paths = os.pathsep.join([str(outside), str(Path(__file__).parent.parent)])
    environment = {**os.environ, "PYTHONPATH": paths, "KIT_CACHE_DIR": str(outside / "cache"), "COLUMNS": "200"}
    ran = subprocess.run(
        [sys.executable, "-m", "kit", *arguments], env=environment, cwd=outside, capture_output=True, text=True
    )
    assert ran.returncode == code, ran.stdout + ran.stderr
    return ran.stdout if code == 0 else ran.stderr


def test_each_kind_has_a_heading_of_at_most_fifteen_lines():
    assert len(SECTIONS) == 7
    lines = {name: sum(bool(line.strip()) for line in text.split("\n")) for name, text in SECTIONS.items()}
    assert {name: count for name, count in lines.items() if count > 15} == {}


def test_the_bench_uses_its_collection_embedder_retriever_and_reranker(outside):
    retrievers = ["--retrievers", "dense,backwards,dense+rerank", "--reranker", "shortest"]
    kit(outside, "bench", "run", "--dataset", "fruit", *retrievers, "--embeddings", "lengths", "--out", "out")
    rows = json.loads((outside / "out/results.json").read_text())["rows"]
    scores = {row["condition"]["retriever"]: row["scores"]["nDCG@10"]["value"] for row in rows}
    assert scores["dense"] == scores["dense+rerank=shortest"] == 1.0
    assert scores["backwards"] == pytest.approx(0.6309, abs=1e-4)


def test_a_path_works_where_a_name_does(outside):
    names = ["--dataset", "my_package.collection:fruit", "--embeddings", "my_package.embedder:Lengths"]
    methods = ["--retrievers", "my_package.retriever:Backwards+rerank", "--reranker", "my_package.reranker:Shortest"]
    assert "backwards+rerank" in kit(outside, "bench", "run", *names, *methods, "--out", "out-2")


def test_the_docs_use_its_source_and_rule_and_its_probe(outside):
    report = kit(outside, "docs", "replay", "wiki:page.md", "--json")
    assert '"equivalent"' in report and '"upper and lower case"' in report
    assert "3 rows counted" in kit(outside, "docs", "probe", "three-rows", "--json")
    assert "3 rows counted" in kit(outside, "docs", "probe", "my_package.probes:three_rows", "--json")


def test_what_is_broken_is_said_with_its_package_and_breaks_nothing_else(outside, tmp_path):
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    kinds = [kind for kind in KINDS if kind not in ("rules", "chat")]
    (info / "entry_points.txt").write_text("".join(f"[kit.{kind}]\nbad = nowhere.at.all:Thing\n" for kind in kinds))
    for arguments in (
        ("bench", "run", "--dataset", "bad"),
        ("bench", "run", "--dataset", "golden", "--retrievers", "bad"),
        ("docs", "replay", "bad:page.md"),
    ):
        assert "the package broken cannot be loaded from nowhere.at.all:Thing" in kit(tmp_path, *arguments, code=2)
    assert "kit" in kit(tmp_path, "--version")
