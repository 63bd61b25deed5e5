"""A report as one HTML page that loads nothing and runs one script, ours: each template extends `base.html`."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.settings import load_settings, mask

if TYPE_CHECKING:
    from jinja2 import Environment

_BASE = Path(__file__).parent
SCRIPT = (_BASE / "tables.js").read_text(encoding="utf-8")  # sorts and filters tables
_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
# Whatever a report shows, its page loads nothing, and runs nothing but the script with this digest.
POLICY = f"default-src 'none'; script-src 'sha256-{_DIGEST}'; style-src 'unsafe-inline'; img-src data:; font-src data:"


def render(template: Path, *, filters: Mapping[str, Callable[..., Any]] | None = None, **names: Any) -> str:
    """The page of a template that begins with `{% extends "base.html" %}`; what `names` hold is escaped, keys masked.

    The template fills the blocks `title` and `main`, and `style` with what only it needs. A name that nobody gave is
    a jinja2.UndefinedError, also where it stands in a branch that is not taken.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader([template.parent, _BASE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= filters or {}
    environment.globals |= {"policy": POLICY, "script": Markup(SCRIPT)}
    _refuse_unknown_names(environment, template, {*names, *environment.globals})
    page = environment.get_template(template.name).render(names)
    keys = load_settings().secrets
    return mask(page, [*keys, *map(environment.filters["e"], keys)])


def _refuse_unknown_names(environment: Environment, template: Path, given: set[str]) -> None:
    from jinja2 import UndefinedError, nodes

    for file in (template, _BASE / "base.html"):
        tree = environment.parse(file.read_text(encoding="utf-8"))
        names = list(tree.find_all(nodes.Name))
        own = {name.name for name in names if name.ctx != "load"} | {macro.name for macro in tree.find_all(nodes.Macro)}
        used = {name.name for name in names if name.ctx == "load"}
        if unknown := sorted(used - own - given - {"loop"}):
            raise UndefinedError(f"{file.name} uses {', '.join(unknown)}, which it is not given.")
