"""One base for every HTML report: a name nobody gave is an error, what is given is escaped, keys are masked."""

import base64
import hashlib
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from kit.reports.html import POLICY, SCRIPT, render

ROOT = Path(__file__).parents[2]
PAGE = '{% extends "base.html" %}\n{% block title %}T{% endblock %}\n{% block main %}'
TEMPLATES = sorted(path for path in (ROOT / "kit").rglob("*.html") if path.name != "base.html")


def page(folder: Path, main: str, **names) -> str:
    (folder / "page.html").write_text(PAGE + main + "{% endblock %}\n")
    return render(folder / "page.html", **names)


@pytest.mark.parametrize(
    "main", ["{{ tuor }}", "{% if false %}{{ tuor }}{% endif %}", "{% for x in tuor %}{% endfor %}"]
)
def test_a_misspelt_name_is_an_error_even_where_it_is_not_reached(tmp_path, main):
    with pytest.raises(UndefinedError, match=r"page.html uses tuor, which it is not given"):
        page(tmp_path, main, tour=1)


def test_a_misspelt_attribute_is_an_error(tmp_path):
    with pytest.raises(UndefinedError, match="has no attribute 'stmp'"):
        page(tmp_path, "{{ file.stmp }}", file=tmp_path)


def test_the_page_has_the_policy_and_shows_what_it_is_given_as_text(tmp_path):
    text = page(tmp_path, "{{ word }}", word="<script>'&")
    assert f'content="{POLICY.replace(chr(39), "&#39;")}"' in text
    assert "&lt;script&gt;&#39;&amp;" in text


def test_the_policy_lets_the_kits_own_script_run_and_no_other(tmp_path):
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert POLICY.count("script-src") == 1 and f"script-src 'sha256-{digest}';" in POLICY
    assert page(tmp_path, "{{ word }}", word="x").count("<script") == 1


def test_a_key_is_masked_in_its_escaped_form_too(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-<not>&for'anyone")
    text = page(tmp_path, "{{ word }}", word="the key sk-<not>&for'anyone here")
    assert "the key … here" in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.parts[-3])
def test_every_rooms_template_stands_on_the_one_base(template):
    text = template.read_text()
    assert text.startswith('{% extends "base.html" %}')
    assert "<html" not in text and "Content-Security-Policy" not in text


def test_there_are_templates_to_look_at():
    assert {path.parts[-3] for path in TEMPLATES} >= {"notebooks", "docs", "bench"}
