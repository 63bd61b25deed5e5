"""`kit bench report`, `compare`, `gate` and `bless`: what is made of a run's results."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.reports.terminal import console

if TYPE_CHECKING:
    from kit.bench.report.compare import Change

Out = Annotated[Path, typer.Argument(metavar="OUT", help="The --out folder of a run.")]
Outs = Annotated[list[Path], typer.Argument(metavar="OUT...", help="The --out folder of a run, or one a collection.")]
Measure = Annotated[
    str | None, typer.Option(metavar="NAME", help="What the table is ordered by; the run's first measure if not given.")
]
Baseline = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION", help="Test each row against this one alone, by its id or a part that only its id has."
    ),
]
Baselines = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the baselines lie.")]
Measures = Annotated[str, typer.Option(metavar="NAMES", help="Only these measures, such as nDCG@10,R@100.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
BASELINES = Path("tests/baselines")
STYLES = {"worse": "red", "better": "green", "missing": "red", "same": "green"}


def report(
    outs: Outs,
    measure: Measure = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page; OUT/report.html if not given, of several beside the first OUT."),
    ] = None,
    baseline: Baseline = None,
) -> None:
    """Write a run's report, or several collections' side by side: one HTML file that opens without a network.

    Examples: `kit bench report build/bench/nfcorpus` · `kit bench report build/bench/nfcorpus --baseline bm25` ·
    `kit bench report build/bench/*`
    """
    from kit.bench.report.across import side_by_side, write_across
    from kit.bench.report.report import write_report

    if len(outs) == 1:
        path = write_report(outs[0], html or outs[0] / "report.html", measure, baseline)
    else:
        path = write_across(side_by_side(outs, measure, baseline), html or outs[0].parent / "report.html")
    typer.echo(f"Wrote {path}")


def export(
    outs: Outs,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="markdown, csv or latex.")] = "markdown",
    measure: Measure = None,
    baseline: Baseline = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there instead of printing it.")] = None,
) -> None:
    """Print a run's table, or several collections' side by side, as Markdown, CSV or LaTeX.

    Examples: `kit bench export build/bench/nfcorpus` · `kit bench export build/bench/* --format latex`
    """
    from kit.bench.out_folder import OutFolder
    from kit.bench.report import export as exporting
    from kit.bench.report.across import side_by_side
    from kit.bench.report.leaderboard import rank_conditions
    from kit.files.write import write_whole

    if len(outs) == 1:
        folder = OutFolder(outs[0])
        results = folder.read()
        table = exporting.table_of_run(results, rank_conditions(folder, results, measure, baseline))
    else:
        table = exporting.table_across(side_by_side(outs, measure, baseline))
    text = exporting.export(table, form)
    if to is None:
        typer.echo(text, nl=False)
    else:
        write_whole(to, text)
        typer.echo(f"Wrote {to}")


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="An --out folder, or FOLDER::CONDITION for one of its rows.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The same, to hold against A.")],
    measures: Measures = "",
    as_json: Json = False,
) -> None:
    """Hold B against A, query by query: what got worse first, then what is not significant, then what got better.

    Conditions of the same id are compared; with FOLDER::CONDITION on both sides, those two.

    Examples: `kit bench compare build/old build/new` · `kit bench compare build/new::dense build/new::bm25`
    """
    from rich.markup import escape
    from rich.table import Table

    from kit.bench.report.compare import compare_results, open_side

    found = compare_results(open_side(a), open_side(b), [name for name in measures.split(",") if name])
    if as_json:
        rows = [
            {"condition": c.condition, "verdict": c.difference.verdict, **c.difference._asdict()} for c in found.changes
        ]
        content: dict[str, Any] = {
            "changes": rows,
            "unpaired": found.unpaired,
            "notes": found.notes,
            "answers": found.answers,
        }
        if found.collection:
            content["collection"] = found.collection._asdict() | {
                "texts": found.collection.texts and found.collection.texts._asdict(),
                "questions_alike": len(found.collection.questions_alike),
            }
        typer.echo(json.dumps(content, indent=1))
        return
    screen = console()
    if found.collection:
        screen.print(found.collection.words, highlight=False, markup=False, soft_wrap=True)
    table = Table(title=escape(f"{b} against {a}"), title_justify="left")
    for heading in ("condition", "measure", "A", "B", "B - A", "95% interval", "p", "+/=/-", "verdict"):
        table.add_column(heading, overflow="fold", justify="left" if heading in ("condition", "verdict") else "right")
    for change in found.changes:
        table.add_row(*_cells(change))
    screen.print(table)
    screen.print(
        f"p: paired randomisation test, two-sided, Holm's correction over these {len(found.changes)} comparisons. "
        "+/=/-: queries on which B is better, equal, worse.",
        soft_wrap=True,
    )
    helped = [f"Did the change of texts or judgments help? {answer}" for answer in found.answers]
    for line in (*helped, *found.unpaired, *found.notes):
        screen.print(line, highlight=False, markup=False, soft_wrap=True)


def gate(
    out: Out,
    baselines: Baselines = BASELINES,
    partial: Annotated[
        bool, typer.Option("--partial", help="The run is part of the grid: baselines without a row are left out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Hold a run's mean scores against the baselines; exit status 1 unless every one is the same within its tolerance.

    A missing baseline is written, and fails; so does a better score, until it is recorded with `kit bench bless`.

    Example: `kit bench gate build/bench/nfcorpus`
    """
    from kit.bench.out_folder import OutFolder
    from kit.bench.report.gate import gate_results

    folder = OutFolder(out)
    verdicts = gate_results(folder.read(), baselines, _bless(out, baselines), partial, folder)
    if as_json:
        typer.echo(json.dumps([vars(verdict) for verdict in verdicts], indent=1))
    else:
        screen = console()
        for verdict in sorted(verdicts, key=lambda v: v.ok):
            screen.print(str(verdict), style="green" if verdict.ok else "red", markup=False, soft_wrap=True)
        failed = sum(not verdict.ok for verdict in verdicts)
        counts = {word: sum(v.verdict == word for v in verdicts) for word in ("same", "better", "worse", "missing")}
        words = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or "nothing to hold against"
        screen.print(
            f"{'The gate is shut' if failed or not verdicts else 'The gate is open'}: {words}.", highlight=False
        )
    if not verdicts or not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(1)


def bless(
    out: Out,
    conditions: Annotated[list[str] | None, typer.Argument(metavar="[CONDITIONS]...", help="Only these rows.")] = None,
    baselines: Baselines = BASELINES,
) -> None:
    """Record a run's mean scores as the baselines; tolerances that were set by hand are kept.

    Example: `kit bench bless build/bench/nfcorpus`
    """
    from kit.bench.out_folder import OutFolder
    from kit.bench.report.gate import bless_results

    folder = OutFolder(out)
    for path in bless_results(folder.read(), baselines, conditions or (), folder):
        typer.echo(f"Wrote {path}")


def _bless(out: Path, baselines: Path) -> str:
    where = [] if baselines == BASELINES else ["--baselines", str(baselines)]
    return shlex.join(["kit", "bench", "bless", str(out), *where])


def _cells(change: Change) -> list[str]:
    d = change.difference
    style = STYLES.get(d.verdict)
    verdict = f"[{style}]{d.verdict}[/]" if style else d.verdict
    return [
        change.condition,
        d.measure,
        f"{d.mean_a:.4f}",
        f"{d.mean_b:.4f}",
        f"{d.delta:+.4f}",
        f"{d.low:+.4f} to {d.high:+.4f}",
        f"{d.p_holm:.4f}",
        f"{d.wins}/{d.ties}/{d.losses}",
        verdict,
    ]
