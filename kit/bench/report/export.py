"""A run's table, or several collections', as Markdown, CSV or LaTeX: to paste where others read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from kit.bench.records import Results
from kit.bench.report.across import Across
from kit.bench.report.leaderboard import Leaderboard, Place
from kit.errors import KitError

Format = Literal["markdown", "csv", "latex"]
FORMATS: tuple[Format, ...] = get_args(Format)
_LATEX = {"\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
          "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}  # fmt: skip


class Cell(NamedTuple):
    """A cell; a strong one is bold where the form has that."""

    text: str
    strong: bool = False


class Table(NamedTuple):
    """A header and rows of text, and what they mean in a sentence."""

    header: list[str]
    rows: list[list[Cell]]
    caption: str


def table_of_run(results: Results, ranked: Leaderboard) -> Table:
    """Conditions down, the run's measures across; the best of each measure strong, and which rows a row beats."""
    names = [name for name in results.measures if any(_mean(place, name) is not None for place in ranked.places)]
    names = [ranked.measure, *(name for name in names if name != ranked.measure)]
    best = {name: max(_mean(place, name) or 0.0 for place in ranked.places) for name in names}
    rows = []
    for place in ranked.places:
        cells = [Cell(str(place.place)), Cell(place.row.id)]
        for name in names:
            mean = _mean(place, name)
            cells.append(Cell("–") if mean is None else Cell(f"{mean:.4f}", mean == best[name]))
        beats = ", ".join(map(str, place.beats)) or "–"
        rows.append([*cells, Cell(f"{place.low:.4f}–{place.high:.4f}"), Cell(beats)])
    dataset = results.dataset
    caption = (
        f"{' '.join(filter(None, (dataset.name, dataset.split)))}: means over {ranked.places[0].mean.over} queries, "
        f"{dataset.documents:,} documents, k {results.k}. Interval: 95 %, of {ranked.measure}. Beats: the rows that a "
        f"row is significantly better than on {ranked.measure} (paired randomisation test, p corrected by Holm over "
        f"{len(ranked.pairs)} comparisons)."
    )
    return Table(["#", "condition", *names, "interval", "beats"], rows, caption)


def table_across(across: Across) -> Table:
    """Conditions down, collections across; strong: the best of a collection, or not significantly below it."""
    rows = []
    for line in across.lines:
        cells = [Cell(line.condition_id)]
        for column, place in zip(across.columns, line.places, strict=True):
            cells.append(Cell("–") if place is None else Cell(f"{place.mean.value:.4f}", column.leads(place)))
        rows.append([*cells, Cell(f"{line.leads} of {line.measured}")])
    caption = (
        f"{across.measure}. Bold: the best of a collection and what is not significantly below it (paired "
        "randomisation test on that collection's queries, p corrected by Holm). No average over collections."
    )
    return Table(["condition", *(column.name for column in across.columns), "leads on"], rows, caption)


def export(table: Table, form: str) -> str:
    """The table as text of a form; KitError for one that is not known."""
    if form == "markdown":
        return _markdown(table)
    if form == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([table.header, *([c.text for c in row] for row in table.rows)])
        return text.getvalue()
    if form == "latex":
        return _latex(table)
    raise KitError(f'No form is called "{form}"', wanted=", ".join(FORMATS))


def _markdown(table: Table) -> str:
    marks = ["--:" if _is_number(table.rows, n) else "---" for n in range(len(table.header))]
    lines = [table.header, marks, *([f"**{c.text}**" if c.strong else c.text for c in row] for row in table.rows)]
    text = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
    return f"{text}\n\n{table.caption}\n"


def _latex(table: Table) -> str:
    """With booktabs' rules."""
    columns = "".join("r" if _is_number(table.rows, n) else "l" for n in range(len(table.header)))
    lines = [" & ".join(map(_escaped, table.header)) + r" \\"]
    for row in table.rows:
        cells = [rf"\textbf{{{_escaped(c.text)}}}" if c.strong else _escaped(c.text) for c in row]
        lines.append(" & ".join(cells) + r" \\")
    head, *body = lines
    inside = "\n".join([r"\toprule", head, r"\midrule", *body, r"\bottomrule"])
    return (
        "\\begin{table}\n\\centering\n"
        f"\\begin{{tabular}}{{{columns}}}\n{inside}\n\\end{{tabular}}\n"
        f"\\caption{{{_escaped(table.caption)}}}\n\\end{{table}}\n"
    )


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text).replace("–", "--")


def _is_number(rows: Sequence[Sequence[Cell]], column: int) -> bool:
    return all(row[column].text.replace(".", "").isdigit() or row[column].text == "–" for row in rows)


def _mean(place: Place, name: str) -> float | None:
    return place.row.scores[name].value if name in place.row.scores else None
