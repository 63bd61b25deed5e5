"""Drafts for upstream: each says what is seen and expected, and its script shows it on the installed releases."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DRAFTS = sorted((Path(__file__).parents[3] / "data" / "upstream").glob("*.md"))


def script_of(draft: Path) -> str:
    (script,) = re.findall(r"^```python\n(.*?)^```", draft.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return script


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.stem)
def test_a_draft_has_versions_a_script_without_the_kit_and_what_is_seen_and_expected(draft):
    text = draft.read_text(encoding="utf-8")
    assert re.match(r"# \S.*\n\nFor: \S.*\nVersions: .*pymilvus \d", text)
    assert re.findall(r"^## (\w+)", text, re.MULTILINE)[:3] == ["Script", "Seen", "Expected"]
    imported = {node.module for node in ast.walk(ast.parse(script_of(draft))) if isinstance(node, ast.ImportFrom)}
    others = ("kit", "tests") if "\nFor: langchain-ai/" in text else ("kit", "tests", "langchain")
    assert not any(module.startswith(others) for module in imported)


@pytest.mark.long
@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft.stem)
def test_its_script_shows_it(draft, tmp_path):
    (tmp_path / "script.py").write_text(script_of(draft), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180
    )
    assert (done.returncode, 'Traceback (most recent call last):\n  File "script.py"' in done.stderr) == (1, False)
