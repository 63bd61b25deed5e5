"""What a notebook must be like: one small function a rule, each yielding the cell and what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from nbformat import NotebookNode

from kit.errors import nearest
from kit.notebooks.coverage import mirrored_ids
from kit.notebooks.exercises.check import names
from kit.notebooks.files import tags, text_of
from kit.notebooks.lint.source import only_imports, only_literals, reading_minutes, shows
from kit.notebooks.live.expected import ERROR_MIME
from kit.notebooks.manifest import Notebook, counted
from kit.notebooks.outputs.nbval_rules import markers
from kit.settings import mask

TAGS = (
    "parameters",
    "imports",
    "versions",
    "scores",
    "exercise",
    "check",
    "docs-check",
    "raises-exception",
    "skip-execution",
    "nbval-check-output",
    "nbval-ignore-output",
    "nbval-skip",
)
SILENT = ("imports", "nbval-ignore-output", "nbval-skip", "skip-execution", "raises-exception")
MEANT = (  # tags that nbval, nbclient, papermill, Jupyter Book and nbmake act on
    "raises-exception",
    "skip-execution",
    "parameters",
    "injected-parameters",
    "nbval-skip",
    "nbval-ignore-output",
    "nbval-check-output",
    "nbval-raises-exception",
    "remove-input",
    "remove-output",
    "remove-cell",
    "hide-input",
    "hide-output",
    "hide-cell",
)
ALIKE = 0.85  # of a tag's letters in order
CELL_LINES = 20
ALT_LETTERS = 20  # of the words for a plot
EXERCISES = 2  # a notebook
OPENING = ("**Mirrors**", "**Goal**", "**Time**", "**Needs**")

PATH = re.compile(
    r"(?<![\w.-])/(?:home|root|tmp|Users|private|var/folders)/[^\s'\"]*|\b[A-Z]:\\[\w\\]+|site-packages|ipykernel_\d+"
)
ADDRESS = re.compile(r"\bat 0x[0-9A-Fa-f]{6,}|\b0x7f[0-9A-Fa-f]{6,}")
CLOCK = re.compile(r"\b\d{1,2}:[0-5]\d:[0-5]\d\b|\b20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d")
KEY = re.compile(r"\bsk-[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True)
class Draft:
    """A notebook to check, the ids of the docs page's blocks, and values that must never be shown."""

    nb: NotebookNode
    block_ids: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = ()
    row: Notebook | None = None  # of the manifest
    following: str = ""  # the file that the manifest lists next


Found = Iterator[tuple[int, str]]  # the index of a cell (from 0) and what is wrong there


def unknown_tag(draft: Draft) -> Found:
    """A misspelt tag would silently do nothing."""
    for index, cell in enumerate(draft.nb.cells):
        for tag in tags(cell):
            if tag not in TAGS:
                yield index, f'unknown tag "{tag}".{nearest(str(tag), TAGS)}'


def mistyped_tag(draft: Draft) -> Found:
    """A tag that is nearly one of nbval's or papermill's does nothing, and nobody says so."""
    for index, cell in enumerate(draft.nb.cells):
        for tag in tags(cell):
            near = [known for known in MEANT if tag != known and _ratio(str(tag), known) > ALIKE]
            if near and tag not in MEANT:
                yield index, f'the tag "{tag}" means nothing. Did you mean "{near[0]}"?'


def unknown_mirror(draft: Draft) -> Found:
    """A cell follows only blocks that the page has."""
    for index, cell in enumerate(draft.nb.cells):
        for block_id in mirrored_ids(cell):
            if block_id not in draft.block_ids:
                yield index, f'the page has no block "{block_id}".{nearest(block_id, sorted(draft.block_ids))}'


def counts(draft: Draft) -> Found:
    """The outputs are of one clean run, from top to bottom: execution counts 1..n, no empty cell."""
    expected = 0
    for index, cell in _code(draft.nb):
        if "skip-execution" in tags(cell):
            continue
        expected += 1
        if cell.execution_count != expected:
            yield index, f"execution count {cell.execution_count}, wanted {expected}: run `kit notebooks update`"
            return


def counts_in_order(draft: Draft) -> Found:
    """Cells that were run were run from top to bottom: their counts only rise."""
    before = 0
    for index, cell in _code(draft.nb):
        if cell.execution_count is not None:
            if cell.execution_count <= before:
                yield index, f"execution count {cell.execution_count} after {before}: run it from top to bottom"
                return
            before = cell.execution_count


def missing_output(draft: Draft) -> Found:
    """A checked cell that shows something has it stored; nbval passes a stripped cell."""
    for index, cell in _code(draft.nb):
        ignored = set(SILENT) & set(tags(cell))
        if not ignored and not cell.outputs and shows(cell.source):
            yield index, "shows something, but no output is stored: run `kit notebooks update`"


def semicolon(draft: Draft) -> Found:
    """A trailing `;` hides an output in Jupyter but not under nbval."""
    for index, cell in _code(draft.nb):
        if cell.source.rstrip().endswith(";"):
            yield index, "ends in `;`, which nbval does not honour: assign the value to `_` instead"


def untagged_error(draft: Draft) -> Found:
    """An error is stored only where one is expected."""
    for index, cell in _code(draft.nb):
        if not markers(cell).may_raise and (error := _error(cell)):
            yield index, f"stores {error.ename}, but is not tagged raises-exception"


def unchecked_error(draft: Draft) -> Found:
    """A cell that is meant to fail is seen to fail: its error is stored and compared."""
    for index, cell in _code(draft.nb):
        if "raises-exception" not in tags(cell):
            continue
        if "nbval-check-output" not in tags(cell):
            yield index, "raises-exception wants nbval-check-output beside it, or a cell that passes goes unseen"
        elif not _error(cell):
            yield index, "is tagged raises-exception, but stores no error"


def half_skipped(draft: Draft) -> Found:
    """nbval knows nbval-skip, nbclient and papermill know skip-execution: a cell has both or neither."""
    for index, cell in enumerate(draft.nb.cells):
        if len({"nbval-skip", "skip-execution"} & set(tags(cell))) == 1:
            yield index, "wants nbval-skip and skip-execution together"


def path_in_output(draft: Draft) -> Found:
    """An output holds on any machine."""
    yield from _in_outputs(draft.nb, PATH, "a path of one machine")


def address_in_output(draft: Draft) -> Found:
    """An output holds in any run."""
    yield from _in_outputs(draft.nb, ADDRESS, "a memory address")


def clock_in_output(draft: Draft) -> Found:
    """An output holds at any time."""
    yield from _in_outputs(draft.nb, CLOCK, "a clock time")


def key_shown(draft: Draft) -> Found:
    """No key is stored, in an output or in a cell; the finding does not repeat it."""
    for index, cell in enumerate(draft.nb.cells):
        texts = [cell.source, *(_texts(cell) if cell.cell_type == "code" else ())]
        if any(KEY.search(text) or mask(text, draft.secrets) != text for text in texts):
            yield index, "shows a key: take it out, and revoke it if it was ever pushed"


def opening(draft: Draft) -> Found:
    """The first cell is a title and what the reader must know: Mirrors, Goal, Time, Needs."""
    first = draft.nb.cells[0] if draft.nb.cells else None
    if first is None or first.cell_type != "markdown":
        yield 0, "wanted a Markdown cell with one H1 and Mirrors, Goal, Time, Needs first"
        return
    titles = re.findall(r"^# \S", first.source, flags=re.MULTILINE)
    missing = [word for word in OPENING if word not in first.source]
    if len(titles) != 1:
        yield 0, f"wanted one H1 in the first cell, found {len(titles)}"
    if missing:
        yield 0, f"the first cell lacks {', '.join(missing)}"


def imports_first(draft: Draft) -> Found:
    """The first code cell is tagged imports and does nothing else."""
    index, cell = next(_code(draft.nb), (0, None))
    if cell is None or "imports" not in tags(cell):
        yield index, "the first code cell wants the tag imports"
    elif not only_imports(cell.source):
        yield index, "the cell of imports does more than import: move it to a later cell"


def parameters_second(draft: Draft) -> Found:
    """The second code cell is tagged parameters and only assigns plain literals."""
    index, cell = next((pair for n, pair in enumerate(_code(draft.nb)) if n == 1), (0, None))
    if cell is None or "parameters" not in tags(cell):
        yield index, "the second code cell wants the tag parameters"
    elif not only_literals(cell.source):
        yield index, "parameters are plain literals: NAME = 4, NAME = 'text', NAME = [1, 2]"


def closing(draft: Draft) -> Found:
    """The last two cells: what was learnt, and the versions, which are not compared."""
    last = len(draft.nb.cells) - 1
    if last < 1 or not re.search(r"^#+ What you learn(t|ed)", draft.nb.cells[-2].source, flags=re.MULTILINE):
        yield max(last - 1, 0), 'wanted a Markdown cell with the heading "What you learnt" before the last cell'
    if last < 0 or not {"versions", "nbval-ignore-output"} <= set(tags(draft.nb.cells[-1])):
        yield max(last, 0), "wanted a last cell tagged versions and nbval-ignore-output"


def listed_otherwise(draft: Draft) -> Found:
    """The goal and the minutes that a reader sees are those of index.toml, and the minutes are what it takes."""
    if draft.row is None:
        return
    first, minutes = draft.nb.cells[0].source if draft.nb.cells else "", reading_minutes(draft.nb)
    if draft.row.minutes != minutes:
        yield 0, f"index.toml says {draft.row.minutes} minutes; its words and code take about {minutes}"
    for wanted in (f"**Time** | {counted(draft.row.minutes, 'minute')} |", f"**Goal** | {draft.row.goal} |"):
        if wanted not in first:
            yield 0, f"the first cell lacks what index.toml says: | {wanted}"


def next_link(draft: Draft) -> Found:
    """The reader is led on: before the versions stands a link to the next notebook of index.toml."""
    last = max(len(draft.nb.cells) - 2, 0)
    if draft.following and f"]({draft.following})" not in draft.nb.cells[last].source:
        yield last, f"wanted a link to the next notebook: Next: [...]({draft.following})"


def exercise(draft: Draft) -> Found:
    """An exercise is one that `kit.check` knows, can be run unsolved, and has its solution folded away below it."""
    for index, cell in _code(draft.nb):
        if "exercise" not in tags(cell):
            continue
        name = str(cell.get("id", "")).removeprefix("exercise-")
        if name not in names() or f'kit.check("{name}"' not in cell.source:
            yield index, f'wanted an exercise of the kit with its id and kit.check("{name}", …)'
        below = draft.nb.cells[index + 1] if index + 1 < len(draft.nb.cells) else None
        if below is None or not re.search(r"<details>.*```python\n.*</details>", below.source, re.DOTALL):
            yield index, "wanted its solution in the next cell: <details> with a block of Python"


def few_exercises(draft: Draft) -> Found:
    """A reader practises what a listed notebook teaches."""
    count = sum("exercise" in tags(cell) for _, cell in _code(draft.nb))
    if draft.row and count < EXERCISES:
        yield len(draft.nb.cells) - 1, f"{counted(count, 'exercise')} before its end; at least {EXERCISES}"


def unshown_error(draft: Draft) -> Found:
    """A cell that expects an error shows the one that came; nbval passes a stripped cell."""
    for index, cell in _code(draft.nb):
        if "expect_error(" in cell.source and not any(ERROR_MIME in o.get("data", {}) for o in cell.outputs):
            yield index, "expects an error, but shows none: run `kit notebooks update`"


def long_cell(draft: Draft) -> Found:
    """One idea a cell; imports are none."""
    for index, cell in _code(draft.nb):
        if (lines := len(cell.source.splitlines())) > CELL_LINES and "imports" not in tags(cell):
            yield index, f"{lines} lines; at most {CELL_LINES}: one idea a cell"


def wordless_plot(draft: Draft) -> Found:
    """A plot says in words what it shows, to those who do not see it."""
    for index, cell in _code(draft.nb):
        for output in cell.outputs:
            shown = output.get("data", {})
            alt = re.search(r'<img alt="([^"]*)"', text_of(shown.get("text/html", "")))
            if "image/png" in shown and (not alt or len(alt[1]) < ALT_LETTERS):
                yield (
                    index,
                    "a plot without words: wanted a title that states what it shows, and `import kit` before it",
                )


def empty_header(draft: Draft) -> Found:
    """A header of a table says something; the corner of one with an index is no header."""
    for index, cell in _code(draft.nb):
        tables = [text_of(output.get("data", {}).get("text/html", "")) for output in cell.outputs]
        if any(re.search(r"<th[^>]*>(&nbsp;)?</th>", table) for table in tables):
            yield index, "a table with an empty header: wanted a name, or a corner that is none"


Rule = Callable[[Draft], Found]
Profile = Literal["kit", "plain"]


def _named(*rules: Rule) -> dict[str, Rule]:
    return {rule.__name__.replace("_", "-"): rule for rule in rules}


KIT = _named(
    unknown_tag,
    unknown_mirror,
    counts,
    missing_output,
    semicolon,
    untagged_error,
    unchecked_error,
    half_skipped,
    path_in_output,
    address_in_output,
    clock_in_output,
    key_shown,
    opening,
    imports_first,
    parameters_second,
    closing,
    listed_otherwise,
    next_link,
    exercise,
    few_exercises,
    unshown_error,
    long_cell,
    wordless_plot,
    empty_header,
)
# What holds for everybody's notebooks. Two rules of ours are stricter forms of the first two.
PLAIN = _named(mistyped_tag, counts_in_order, untagged_error, path_in_output, address_in_output, key_shown)
PROFILES: dict[Profile, dict[str, Rule]] = {"kit": KIT, "plain": PLAIN}


def _code(nb: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    return ((index, cell) for index, cell in enumerate(nb.cells) if cell.cell_type == "code")


def _ratio(text: str, other: str) -> float:
    """How alike two texts are, from 0 to 1."""
    return SequenceMatcher(None, text, other).ratio()


def _error(cell: NotebookNode) -> NotebookNode | None:
    return next((output for output in cell.outputs if output.output_type == "error"), None)


def _in_outputs(nb: NotebookNode, pattern: re.Pattern, what: str) -> Found:
    for index, cell in _code(nb):
        if match := next((m for text in _texts(cell) if (m := pattern.search(text))), None):
            yield index, f"an output shows {what}: {match.group()[:60]!r}"


def _texts(cell: NotebookNode) -> Iterator[str]:
    """Everything a reader could read in a cell's outputs; images are left out."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield "\n".join([output.ename, output.evalue, *output.traceback])
        else:
            yield from (text_of(value) for mime, value in output.data.items() if not mime.startswith("image/"))
