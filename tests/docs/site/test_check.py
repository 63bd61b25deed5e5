"""Many pages in one report; a page runs again only when something that it depends on changed."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.__main__ import app
from kit.docs.run.replay import Options
from kit.docs.site import cache as cache_module
from kit.docs.site.cache import RunCache, releases
from kit.docs.site.check import changed_since, check_page, check_pages
from kit.docs.site.config import Job, find_jobs
from kit.docs.site.github import annotation_lines, issue_text, summary_table
from kit.errors import KitError
from kit.pages.sources import read_page

GOOD = "# Good\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n"
BAD = "# Bad\n\n```python\nprint(1)\n```\n\n```text\n2\n```\n\n```python\nnope\nx = 1\n```\n\n```python\nx\n```\n"


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/good.md").write_text(GOOD)
    (tmp_path / "docs/bad.md").write_text(BAD)
    (tmp_path / "docs/broken.md").write_text("# Broken\n\n```python\nprint(1)\n")
    (tmp_path / "docs/prose.md").write_text("# Prose\n\nNo code.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_site_is_one_report_in_every_form(site, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(site / "summary.md"))
    files = ["--html", "report.html", "--junit", "report.xml", "--issue", "issue.md"]
    ran = CliRunner().invoke(app, ["docs", "check", "docs", "--json", *files])
    assert ran.exit_code == 1
    report = json.loads(ran.stdout)
    status = {Path(page["page"]).name: page["status"] for page in report["pages"]}
    assert status == {"good.md": "holds", "bad.md": "defects", "broken.md": "not checked", "prose.md": "skipped"}
    bad = next(page for page in report["pages"] if page["page"].endswith("bad.md"))
    assert bad["rows"] == {"defect": 2, "follows from": 1, "environment": 0, "varies": 0, "holds": 0}
    assert [failure["lines"] for failure in bad["unknown"]] == [[3, 5], [11, 14]]
    assert "::error file=docs/bad.md,line=3,title=changed::" in ran.stderr
    assert "::warning file=docs/broken.md,line=1,title=not checked::" in ran.stderr
    assert "| docs/good.md | ✓ holds | 0 | 0 | 0 | 0 | 1 |" in (site / "summary.md").read_text()
    assert "stored: 2; now: 1" in (site / "issue.md").read_text()
    page = (site / "report.html").read_text()
    assert page.count("stored: 2; now: 1") == 2 and "1 row follows from this" in page  # shown, and to paste
    assert 'tests="' in (site / "report.xml").read_text()


def test_the_exit_status_is_that_of_the_worst_page(site):
    def status(*names: str) -> int:
        return check_pages(find_jobs([f"docs/{name}.md" for name in names])).exit_status

    assert (status("good", "prose"), status("good", "broken"), status("good", "broken", "bad")) == (0, 2, 1)


def run(source: str, **options) -> bool:
    """Whether a check of a page ran it."""
    result = check_page(Job(source, **options), RunCache())
    assert not result.problem
    return result.ran


def test_an_unchanged_page_does_not_run_again_and_is_judged_anew(site):
    assert (run("docs/good.md"), run("docs/good.md")) == (True, False)
    Path("docs/good.md").write_text(
        GOOD.replace("# Good", "# Another heading\n\nMore words.").replace("\n1\n", "\n7\n")
    )
    result = check_page(Job("docs/good.md"), RunCache())
    assert not result.ran and [failure.kind for failure in result.unknown] == ["changed"]
    assert result.unknown[0].block_id == "another-heading/code-1"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A page that read a file, a folder and a file that was placed for it, its job, and a cache with its run."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "data").mkdir()
    (folder / "data/a.txt").write_text("1")
    (folder / "place.txt").write_text("1")
    code = f"import os\nprint(open('{folder}/data/a.txt').read(), os.listdir('{folder}/data'))"
    (folder / "reads.md").write_text(f"# R\n\n```python\n{code}\n```\n\n```python\nprint(open('p.txt').read())\n```\n")
    job = Job(str(folder / "reads.md"), Options(places={"p.txt": folder / "place.txt"}))
    cache = RunCache(folder / "cache")
    assert check_page(job, cache).ran and not check_page(job, cache).ran
    return folder, job


def is_kept(folder: Path, job: Job, days: float = 7) -> bool:
    return RunCache(folder / "cache", days=days).load(job, read_page(job.source)) is not None


def changed(file: Path, text: str, folder: Path, job: Job) -> bool:
    """Whether a run is still kept after a file got another text, which it has for this question only."""
    before = file.read_text() if file.exists() else None
    file.write_text(text)
    try:
        return is_kept(folder, job)
    finally:
        file.write_text(before) if before is not None else file.unlink()


@pytest.mark.parametrize("number", range(5))
def test_no_run_is_kept_when_something_changed_that_it_depends_on(kept, number, monkeypatch):
    """Ten kinds of changes, five of each; between them the run is found again."""
    folder, job = kept
    page = Path(job.source)
    text = page.read_text()
    earlier = text.replace("import os", f"import os\nnumber = {number}")
    assert not changed(page, earlier, folder, job)  # an earlier block
    assert not changed(page, text.replace("p.txt').read()", f"p.txt').read({number})"), folder, job)
    assert not changed(folder / "data/a.txt", f"2{number}", folder, job)
    assert not changed(folder / f"data/{number}.txt", "", folder, job)  # one more in the folder that it listed
    assert not changed(folder / "place.txt", f"2{number}", folder, job)
    assert not is_kept(folder, replace(job, options=replace(job.options, answers={"Name": f"Ann {number}"})))
    assert not is_kept(folder, job, days=0)
    for name, value in (("releases", [f"somepackage==1.{number}"]), ("_kit", f"kit {number}")):
        with monkeypatch.context() as patch:
            patch.setattr(cache_module, name, lambda value=value: value)
            assert not is_kept(folder, job)
    with monkeypatch.context() as patch:
        patch.setenv("KIT_EMBEDDINGS", f"openai:model-{number}")
        assert not is_kept(folder, job)
    assert is_kept(folder, job)


def test_every_release_and_the_server_count():
    names = releases()
    assert any(name.startswith("langchain-milvus==") for name in names) and names[-1].startswith("milvus server ")


def test_a_release_that_another_replaces_is_another_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "Some_Package-1.0.dist-info").mkdir()
    assert "some-package==1.0" in releases()
    (tmp_path / "Some_Package-1.0.dist-info").rename(tmp_path / "Some_Package-1.1.dist-info")
    assert {"some-package==1.0", "some-package==1.1"} & set(releases()) == {"some-package==1.1"}


def test_a_damaged_cache_is_as_none(site):
    assert run("docs/good.md")
    for file in (site / "cache/docs").glob("*.json"):
        file.write_text(file.read_text()[:-40])
    assert run("docs/good.md") and not run("docs/good.md")


def test_only_what_changed_since_a_revision_is_checked(site):
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], check=True)
    jobs = find_jobs(["docs"])
    assert changed_since(jobs, "HEAD") == []
    Path("docs/good.md").write_text(GOOD + "\nMore.\n")
    Path("docs/new.md").write_text(GOOD)
    assert [Path(job.source).name for job in changed_since(find_jobs(["docs"]), "HEAD")] == ["good.md", "new.md"]
    with pytest.raises(KitError, match="git cannot tell what changed"):
        changed_since(jobs, "nowhere")


def test_what_a_page_says_is_no_markup_and_no_command_of_github(site):
    Path("docs/bad.md").write_text("# B\n\n```python\nraise ValueError('<b>|::error::\\n%0A')\n```\n")
    report = check_pages(find_jobs(["docs/bad.md"]))
    line = next(iter(annotation_lines(report)))
    assert "\n" not in line and "%250A" in line
    assert "<b>" not in summary_table(report).split("\n\n")[1]
    assert "```python" in issue_text(report)
