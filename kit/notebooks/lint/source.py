"""What a code cell does, as its source tells."""

from __future__ import annotations

import ast
import re

from nbformat import NotebookNode

from kit.notebooks.files import tags

SETTINGS = ("kit", "logging", "warnings", "os", "pd", "plt", "get_ipython")  # may be set beside imports


WORDS_A_MINUTE = 150  # of prose that is followed, not skimmed
LINES_A_MINUTE = 20  # of code that is read with its output


def reading_minutes(notebook: NotebookNode) -> int:
    """The minutes that a notebook takes, from its words and its lines of code; imports and versions are not read."""
    words = lines = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words += len(re.findall(r"\w+", cell.source))
        elif cell.cell_type == "code" and not {"imports", "versions"} & set(tags(cell)):
            lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return max(1, round(words / WORDS_A_MINUTE + lines / LINES_A_MINUTE))


def shows(source: str) -> bool:
    """Whether a cell ends in a bare expression or calls print or display outside of functions and branches."""
    statements = _statements(source)
    calls = [s.value.func for s in statements if isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)]
    calls += [
        node.func
        for statement in statements
        if isinstance(statement, ast.For | ast.With)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
    ]
    ends_in_expression = bool(statements) and isinstance(statements[-1], ast.Expr)
    return ends_in_expression or any(isinstance(f, ast.Name) and f.id in ("print", "display") for f in calls)


def only_imports(source: str) -> bool:
    """Whether a cell does nothing but import, and set logs, warnings and how tables and plots look."""
    return all(map(_is_import, _statements(source)))


def only_literals(source: str) -> bool:
    """Whether a cell does nothing but assign plain literals."""
    return all(map(_is_literal, _statements(source)))


def _statements(source: str) -> list[ast.stmt]:
    """A cell's statements as IPython runs them; a cell that does not parse has none."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        code = TransformerManager().transform_cell(source)
        return compile(code, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).body
    except SyntaxError:
        return []


def _is_import(statement: ast.stmt) -> bool:
    """An import, a magic, a call that sets a log, a warning or how tables and plots look."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return _root(statement.value) in SETTINGS
    return isinstance(statement, ast.Assign) and all(_root(target) in SETTINGS for target in statement.targets)


def _root(node: ast.expr) -> str:
    """The name that an expression such as `logging.getLogger("x").setLevel` starts with."""
    root: ast.AST | None = node
    while root is not None and not isinstance(root, ast.Name):
        root = getattr(root, "func", None) or getattr(root, "value", None)
    return root.id if root else ""


def _is_literal(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    try:
        ast.literal_eval(statement.value)
    except ValueError:
        return False
    return True
