"""`pytest --kit-docs`: a test a block, alone and with xdist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = """# Page

## One

```python
x = 1
print(x)
```

```text
1
```

## Two

```python
print(x + 1)
```

```text
3
```

```python
nope
y = 1
```

```python
y
```
"""


@pytest.fixture
def docs(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text(PAGE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def pytest_run(folder: Path, *options: str) -> str:
    # The plugin is named, as the entry point does in an installed kit; `no:` first, so that it is there once.
    plugin = ["-p", "no:kit-docs", "-p", "kit.docs.pytest_plugin", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugin, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def test_each_block_is_a_test_with_the_verdicts_words(docs):
    out = pytest_run(docs, "--kit-docs", "docs", "-v", "-rs")
    assert re.search(r"page\.md:5 One PASSED", out) and re.search(r"page\.md:16 Two FAILED", out)
    assert re.search(r"page\.md:24 Two FAILED", out) and re.search(r"page\.md:29 Two SKIPPED", out)
    assert "stored: 3; now: 2" in out and "NameError" in out and "follows from" in out
    assert "2 failed, 2 passed, 1 skipped" in out and "site-packages" not in out


def test_xdist_runs_a_page_once_and_says_the_same(docs):
    out = pytest_run(docs, "--kit-docs", "docs", "-n", "2")
    assert "2 failed, 2 passed, 1 skipped" in out
    assert len(list((docs / "cache/docs").glob("*.json"))) == 1


def test_without_the_option_no_page_is_collected(docs):
    assert "no tests ran" in pytest_run(docs, "docs")
