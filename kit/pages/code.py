"""What a page's code says without running it: calls, imports and install lines, from the syntax tree."""

from __future__ import annotations

import ast
import re
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

# Modules whose package has another name, for those that are not installed here and so cannot be asked.
DISTRIBUTIONS = {
    "bs4": "beautifulsoup4", "cv2": "opencv-python", "Crypto": "pycryptodome", "dateutil": "python-dateutil",
    "docx": "python-docx", "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "pymupdf", "git": "gitpython",
    "grpc": "grpcio", "jwt": "pyjwt", "magic": "python-magic", "OpenSSL": "pyopenssl", "PIL": "pillow",
    "pptx": "python-pptx", "psycopg2": "psycopg2-binary", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}  # fmt: skip
_INSTALL = re.compile(
    r"^\s*[%!$>]?\s*(?:sudo\s+)?(?:\S*python[\d.]*\s+-m\s+)?"
    r"(?:(?:uv\s+)?pip\d?\s+install|uv\s+add|poetry\s+add|pdm\s+add|(?:conda|mamba)\s+install)\s+(?P<words>.+)$"
)
_FILTER_FUNCTIONS = (
    "json_contains", "json_contains_all", "json_contains_any", "array_contains", "array_contains_all",
    "array_contains_any", "array_length", "text_match", "phrase_match",
)  # fmt: skip
_PRINTED = re.compile(r"^\s*#> ?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[\w\s,.-]+\])?")
_FROM_FILE = ("-r", "--requirement", "-e", "--editable", "-f", "--find-links")


@lru_cache(maxsize=1024)
def parse(source: str) -> ast.Module | None:
    """The syntax tree of a cell, its magics turned into calls as IPython does; None when it is no Python."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        with warnings.catch_warnings():  # a page's stray backslash is the replay's business
            warnings.simplefilter("ignore")
            return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError):
        return None


def dotted(node: ast.AST) -> str:
    """`milvus_client.create_collection` for the tree of that name; '' for anything that is not a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return ""


def calls(source: str) -> Iterator[ast.Call]:
    """Every call in a cell, in the order of the text."""
    tree = parse(source)
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree else []
    yield from sorted(found, key=lambda node: (node.end_lineno, node.end_col_offset))


def api_calls(source: str) -> set[str]:
    """The last names of what a cell calls, with its keyword arguments: `from_documents`, `from_documents(drop_old)`."""
    found = set()
    for call in calls(source):
        if name := dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", ""):
            if name in ("get_ipython", "run_line_magic", "run_cell_magic", "system", "print"):
                continue
            found.add(name)
            found.update(f"{name}({keyword.arg})" for keyword in call.keywords if keyword.arg)
    return found


def text_constants(sources: Iterable[str]) -> list[str]:
    """Every text that stands in the cells' code, in the order of the tree, with repetitions."""
    trees = (parse(source) for source in sources)
    nodes = (node for tree in trees if tree for node in ast.walk(tree))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def imported_modules(sources: Iterable[str]) -> list[str]:
    """The top-level modules that the cells import, once each, in order, without the standard library's."""
    found: dict[str, None] = {}
    for source in sources:
        for node in ast.walk(parse(source) or ast.Module([], [])):
            if isinstance(node, ast.Import):
                found.update(dict.fromkeys(alias.name.partition(".")[0] for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module.partition(".")[0]] = None
    return [name for name in found if name not in sys.stdlib_module_names]


def is_filter_notation(source: str) -> bool:
    """Whether a cell shows nothing but expressions of Milvus' filter language, which a page may call Python."""
    body = getattr(parse(source), "body", [])
    called = [dotted(node.value.func) if isinstance(getattr(node, "value", None), ast.Call) else "" for node in body]
    return bool(called) and all(name.lower() in _FILTER_FUNCTIONS for name in called)


def statement_at(source: str, line: int) -> str:
    """The whole statement that stands on a line, on one line: a call over five lines once; '' when there is none.

    Of a statement that holds others, such as `for`, only its head.
    """
    tree = parse(source)
    there = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)] if tree else []
    there = [node for node in there if node.lineno <= line <= (node.end_lineno or node.lineno)]
    if not there:
        return ""
    node = min(there, key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
    held = [child.lineno for child in getattr(node, "body", ())]
    last = min(held) - 1 if held else node.end_lineno or node.lineno
    text = " ".join(" ".join(source.splitlines()[node.lineno - 1 : max(last, node.lineno)]).split())
    return re.sub(r",? ([)\]}])", r"\1", re.sub(r"([(\[{]) ", r"\1", text))


def printed_comments(source: str) -> list[tuple[str, int, int]]:
    """What a cell's comments say it prints, `#> 3` or a text of several lines right below a print, with its lines.

    One text for the whole cell, from the first such comment to the last; none when the cell has no such comment.
    """
    lines = source.splitlines()
    found = {n: [line.split("#>", 1)[1].removeprefix(" ")] for n, line in enumerate(lines, 1) if _PRINTED.match(line)}
    if not found:
        return []
    tree = parse(source)
    bodies = (getattr(node, "body", None) for node in ast.walk(tree or ast.Module([], [])))
    for body in (body for body in bodies if isinstance(body, list)):
        for above, node in pairwise(body):
            shown = getattr(getattr(node, "value", None), "value", None)
            if isinstance(node, ast.Expr) and isinstance(shown, str) and shown.startswith("\n") and _prints(above):
                found[node.lineno] = shown.strip("\n").splitlines()
    text = "\n".join(line for n in sorted(found) for line in found[n])
    return [(text + "\n", min(found), max(found))]


def _prints(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and dotted(n.func) == "print" for n in ast.walk(node))


def requirements_in(source: str) -> list[str]:
    """What a cell's install lines name, `langchain[openai]` with its extras, without options, paths and releases."""
    found = []
    for words in _install_lines(source):
        values = {position + 1 for position, word in enumerate(words) if word in _WITH_VALUE}
        named = [word for position, word in enumerate(words) if position not in values and not word.startswith("-")]
        found += [match[0].replace(" ", "") for word in named if not _is_place(word) and (match := _NAME.match(word))]
    return found


def installs_unknown(source: str) -> bool:
    """Whether a cell installs what its text does not name: a file of requirements, a folder, a repository."""
    lines = list(_install_lines(source))
    return any(set(words) & set(_FROM_FILE) or any(map(_is_place, words)) for words in lines)


def only_shell_installs(source: str) -> bool:
    """Whether every line of a cell is an install line as a terminal shows it: `$ pip install x`."""
    lines = [line.strip() for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and all(line.startswith("$") and _INSTALL.match(line) for line in lines)


def as_magics(source: str) -> str:
    """The install lines of a terminal as IPython's own: `%pip install x` for `$ pip install x`."""
    return re.sub(r"(?m)^(\s*)\$\s*(?=\S*pip|python|uv|conda|mamba)", r"\1!", source).replace("!pip ", "%pip ")


def _install_lines(source: str) -> Iterator[list[str]]:
    """The words behind each `pip install` and its like; a line that ends in a backslash goes on in the next."""
    for line in source.replace("\\\n", " ").splitlines():
        if match := _INSTALL.match(line):
            text = re.split(r"\s(?:&&|\|\||;|\|)\s", match["words"])[0]
            try:
                yield shlex.split(text, comments=True)
            except ValueError:
                yield text.split()


def _is_place(word: str) -> bool:
    return "/" in word or word.startswith(".") or word.endswith((".whl", ".tar.gz", ".txt")) or "git+" in word


_WITH_VALUE = ("-r", "-c", "-e", "-i", "-f", "-t", "--requirement", "--constraint", "--editable", "--index-url",
               "--extra-index-url", "--find-links", "--target", "--python", "--channel", "-n", "--group")  # fmt: skip
