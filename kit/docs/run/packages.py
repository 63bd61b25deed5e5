"""Which packages a page's code imports, and which of them its own install lines bring."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import packages_distributions

from kit.docs.records import Failure, Installs
from kit.pages.code import DISTRIBUTIONS, imported_modules, installs_unknown, requirements_in
from kit.pages.page import Block

OF_A_KERNEL = ("ipython", "ipykernel", "pip", "setuptools")  # there wherever the page's code runs
_IN_PROSE = re.compile(r"`([^`]*\binstall\b[^`]*)`")


def distributions_of(modules: Iterable[str]) -> dict[str, str]:
    """Module -> the installed package that holds it; modules that no installed package holds are left out.

    Only installed packages count: a package is never guessed from the name of a module that a page imports.
    """
    from packaging.utils import canonicalize_name

    known = packages_distributions()
    return {module: canonicalize_name(known[module][0]) for module in modules if module in known}


def named_requirements(blocks: Sequence[Block]) -> list[str]:
    """What a page's install lines name, `pymilvus[milvus-lite]` with its extras: in code of any kind, and in prose."""
    lines = [block.text for block in blocks if block.kind == "code"]
    lines += [text for block in blocks if block.kind == "prose" for text in _IN_PROSE.findall(block.text)]
    return list(dict.fromkeys(name for line in lines for name in requirements_in(line)))


def never_installed(blocks: Sequence[Block], installs: Installs | None) -> list[Failure]:
    """The packages that a page imports although none of its install lines brings them, as a failure of the first one.

    `installs` is what the page's own environment says of these lines. A page without an install line leaves that to
    its reader, and fails in nothing; nor does one that installs what cannot be asked here: a file of requirements, a
    package that this environment does not have.
    """
    code = [block for block in blocks if block.kind == "code"]
    first = next((block for block in code if requirements_in(block.text)), None)
    if first is None or installs is None or installs.unknown or any(installs_unknown(block.text) for block in code):
        return []
    brought = set(installs.brought)
    missing: dict[str, None] = {}
    for module in imported_modules(block.text for block in code if block.language == "python"):
        holders = installs.modules.get(module) or ((DISTRIBUTIONS[module],) if module in DISTRIBUTIONS else ())
        if holders and not {*brought, *OF_A_KERNEL} & set(holders):
            missing[holders[0]] = None
    words = f"imported, and brought by no install line of the page: {', '.join(missing)}"
    return [Failure(first.id, 1, "never installed", words, "install lines")] if missing else []
