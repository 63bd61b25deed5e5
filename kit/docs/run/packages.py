"""Which packages a page's code imports, and which of them its own install lines bring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from kit.docs.records import Failure
from kit.pages.code import imported_modules, installed_by
from kit.pages.page import Block


def distributions_of(modules: Iterable[str]) -> dict[str, str]:
    """Module -> the installed package that holds it; modules that no installed package holds are left out.

    Only installed packages count: a package is never guessed from the name of a module that a page imports.
    """
    from packaging.utils import canonicalize_name

    known = packages_distributions()
    return {module: canonicalize_name(known[module][0]) for module in modules if module in known}


def brought_by(packages: Iterable[str]) -> set[str]:
    """The packages with all that they require, as the installed metadata says; extras that were not named are out."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    seen: set[str] = set()
    waiting = [canonicalize_name(package) for package in packages]
    while waiting:
        package = waiting.pop()
        if package in seen:
            continue
        seen.add(package)
        try:
            needed = map(Requirement, requires(package) or [])
        except PackageNotFoundError:
            continue
        waiting += [canonicalize_name(r.name) for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    return seen


def never_installed(blocks: Sequence[Block]) -> list[Failure]:
    """The packages that a page imports although none of its install lines brings them, as a failure of the first one.

    A page without an install line leaves that to its reader, and fails in nothing.
    """
    code = [block for block in blocks if block.kind == "code"]
    named = [package for block in code for package in installed_by(block.text)]
    if not named:
        return []
    brought = brought_by(named)
    imported = distributions_of(imported_modules(block.text for block in code)).values()
    missing = [package for package in dict.fromkeys(imported) if package not in brought]
    first = next(block for block in code if installed_by(block.text))
    words = f"imported, and brought by no install line of the page: {', '.join(missing)}"
    return [Failure(first.id, 1, "never installed", words, "install lines")] if missing else []
