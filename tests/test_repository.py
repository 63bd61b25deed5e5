"""The repository's own rules."""

import ast
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import kit

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {
    "requirements.lock": ["all", "build"],
    "requirements-test.lock": ["all", "build", "test"],
    "requirements-site.lock": ["all", "build", "site"],
}
ROOMS = ("notebooks", "docs", "bench")


def tracked(*patterns: str) -> list[Path]:
    """The files that are, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def text_files() -> list[tuple[Path, str]]:
    return [(path, path.read_text(errors="ignore")) for path in tracked() if path.suffix not in (".png", ".svg")]


def pins(lock: str) -> dict[str, set[str]]:
    """Package -> its pinned versions; a package may have one for each Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", (ROOT / lock).read_text(), re.M):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def asked_for(*extras: str) -> dict[str, Requirement]:
    """What the core and these extras ask for; an extra may name others of the kit."""
    lines, open_extras, seen = list(PYPROJECT["dependencies"]), list(extras), set()
    while open_extras:
        extra = open_extras.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for line in PYPROJECT["optional-dependencies"][extra]:
            if (requirement := Requirement(line)).name == PYPROJECT["name"]:
                open_extras += requirement.extras
            else:
                lines.append(line)
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_is_what_pyproject_asks_for_no_more_no_less(lock):
    wanted, locked = asked_for(*LOCKS[lock]), pins(lock)
    for name, requirement in wanted.items():
        assert name in locked, f"{name} is not in {lock}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in locked[name]), f"{name}: run `make lock`"
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / lock).read_text(), flags=re.M)
    direct = {canonicalize_name(b.split("==")[0]) for b in blocks if "# via" in b and "milvus-notebook-kit" in b}
    assert direct == set(wanted), f"{lock} was made for other dependencies: run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_address(lock):
    text = (ROOT / lock).read_text()
    assert len(re.findall(r"^[A-Za-z0-9_.-]+==", text, re.M)) == len(re.findall(r"^\S+==.* \\\n +--hash=", text, re.M))
    assert "://" not in text


def test_the_test_set_pins_what_the_run_time_set_pins():
    run, test = pins("requirements.lock"), pins("requirements-test.lock")
    assert {name: test.get(name) for name in run} == run


def test_no_package_brings_torch():
    assert not {"torch", "nvidia-cublas-cu12", "triton"} & set(pins("requirements-test.lock"))


def test_conda_users_get_the_same_lock():
    """environment.yml pins nothing of its own, so that it cannot disagree with the lock."""
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert pip == {"pip": ["-r requirements.lock"]}
    assert [Requirement(spec.replace("=", "==", 1)).name for spec in conda] == ["python", "pip"]
    python = conda[0].removeprefix("python=")
    assert Requirement(f"python{PYPROJECT['requires-python']}").specifier.contains(f"{python}.0")


def test_every_dependency_says_in_one_line_why_it_is_there():
    lines = [line for line in (ROOT / "pyproject.toml").read_text().splitlines() if re.match(r'  "[a-z]', line)]
    lines = [line for line in lines if PYPROJECT["name"] not in line]
    names = {canonicalize_name(Requirement(line.split('"')[1]).name) for line in lines}
    assert names == set(asked_for(*PYPROJECT["optional-dependencies"]))
    assert [line for line in lines if not re.search(r'",\s+# \w.{4,}', line)] == []


def test_ci_runs_the_readmes_test_command():
    commands = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert "make test" in (ROOT / "README.md").read_text()


# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = {
    "a package registry's host": "|".join(["pypi" + r"\.org", "python" + "hosted", "npmjs" + r"\."]),
    "a path of somebody's machine": "|".join(["/ro" + "ot/", "/wo" + "rk/", r"/ho" + r"me/[a-z]+/", "/Us" + "ers/"]),
    "a key": "sk-" + r"[A-Za-z0-9]{20,}",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_in_the_tree_names(what):
    samples = ROOT / "tests" / "samples"  # what the checks must refuse
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in text_files()
        if samples not in path.parents and path.suffix != ".lock"
        for match in re.finditer(FORBIDDEN[what], text)
    ]
    assert found == []


def imports(path: Path) -> set[str]:
    """The modules of the kit that a file imports, wherever in it."""
    nodes = ast.walk(ast.parse(path.read_text()))
    found = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}
    found |= {a.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Import) for a in n.names}
    return {name for name in found if name.split(".")[0] == "kit"}


def room(module: str) -> str:
    name = module.split(".")[1] if "." in module else ""
    return name if name in ROOMS else ""


def test_imports_point_one_way_and_rooms_never_import_each_other():
    wrong = []
    for path in tracked("kit/*.py"):
        own = path.relative_to(ROOT).parts[1] if len(path.relative_to(ROOT).parts) > 2 else ""
        if path.name == "__main__.py":
            continue  # the command line knows every room
        wrong += [f"{path.relative_to(ROOT)} imports {m}" for m in imports(path) if room(m) not in ("", own)]
        wrong += [f"{path.relative_to(ROOT)} imports {m}" for m in imports(path) if m == "kit.__main__"]
    assert wrong == []


def test_modules_of_the_kit_import_each_other_in_no_circle():
    above: dict[str, set[str]] = {}
    for path in tracked("kit/*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        above[name] = {m for m in imports(path) if m not in ("kit", name)}
    while free := [name for name, needs in above.items() if not needs & set(above)]:
        for name in free:
            del above[name]
    assert not above, f"these import each other: {sorted(above)}"


KIT = [
    "KitError", "PublishedScores", "Server", "check", "chunk_id", "chunks_table", "compare_hits", "connect",
    "content_id", "describe", "embeddings_name", "engine", "expect_error", "field", "hits_table", "index_params",
    "ingest", "is_lite", "judge_chunks", "load_chat", "load_embeddings", "load_questions", "load_speech",
    "load_speeches", "load_text", "prove", "quote", "require", "scratch_folder", "scratch_uri", "start_server",
    "stop_server", "strict", "tenant", "tenant_retriever",
]  # fmt: skip


def test_the_names_of_kit_are_these_and_each_is_there():
    assert sorted(kit.__all__) == KIT
    assert [name for name in KIT if getattr(kit, name, None) is None] == []


def test_no_folder_holds_more_than_twelve_modules():
    counts = Counter(path.parent for path in tracked("kit/*.py", "tests/*.py") if path.name != "__init__.py")
    many = {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > 12}
    assert many == {}


def test_folders_import_each_other_in_no_circle():
    above: dict[str, set[str]] = {}
    for path in tracked("kit/*/*.py"):
        own = path.relative_to(ROOT).parts[1]
        needs = {m.split(".")[1] for m in imports(path) if m.count(".") > 1}
        above.setdefault(own, set()).update(needs - {own})
    while free := [name for name, needs in above.items() if not needs & set(above)]:
        for name in free:
            del above[name]
    assert not above, f"these folders import each other: {above}"


def test_importing_the_kit_is_quick_because_heavy_packages_wait():
    heavy = "pandas pymilvus langchain_core langchain_milvus ragas matplotlib onnxruntime"
    code = f"import kit, sys; print(*[m for m in '{heavy}'.split() if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_every_file_of_data_is_listed_with_its_hash():
    listed = dict(line.split("  ")[::-1] for line in (ROOT / "data" / "SHA256SUMS").read_text().splitlines())
    found = {
        str(path.relative_to(ROOT / "data")): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tracked("data")
        if path.name not in ("README.md", "SHA256SUMS")
    }
    assert listed == found, "run `make data`"


def test_every_folder_of_data_says_where_it_comes_from():
    told = (ROOT / "data" / "README.md").read_text()
    assert [f.name for f in (ROOT / "data").iterdir() if f.is_dir() and f"## `{f.name}/`" not in told] == []


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "baselines").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_baseline_says_which_command_makes_it_and_how_far_it_may_stray(path):
    baseline = yaml.safe_load(path.read_text())
    assert baseline["command"].startswith("kit ")
    assert all(0 < score["tolerance"] <= 0.05 for score in baseline["scores"].values())


FACES = {"kit", "kit.docs", "kit.bench", "kit.notebooks"}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_imports_the_faces_and_nothing_deeper(path):
    cells = json.loads(path.read_text())["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines()]
    imported = {found[1] for line in lines if (found := re.match(r"\s*(?:from|import) (kit[.\w]*)", line))}
    assert imported <= FACES
