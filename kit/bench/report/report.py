"""`kit bench report`: a run as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from kit.bench.measures.kinds import by_kind
from kit.bench.measures.stats import ALPHA, LEVEL, RESAMPLES
from kit.bench.out_folder import OutFolder
from kit.bench.records import ConditionResult, IndexCheck, Results
from kit.bench.report.examples import Examples
from kit.bench.report.leaderboard import Leaderboard, Place, by_category, kind_rows, rank_conditions, unanswered
from kit.bench.report.published import beside_published
from kit.bench.report.report_plots import report_plots
from kit.bench.report.summary import kind_sentences, summary_sentences
from kit.files.write import write_whole
from kit.reports.html import render

PAIRS = 12  # rows held against the first one, query by query; the page would grow too long
COSTS = {
    "wait_p50_ms": ("a user waits, p50", "ms: embedding, search and reranker"),
    "wait_p95_ms": ("a user waits, p95", "ms"),
    "embed_query_p50_ms": ("of it the query’s embedding", "ms, p50"),
    "search_p50_ms": ("of it the search", "ms, p50"),
    "search_p95_ms": ("search p95", "ms"),
    "chat_p50_ms": ("of it the chat model", "ms, p50"),
    "rerank_p50_ms": ("of it the reranker", "ms, p50"),
    "search_queries_per_second": ("searches", "queries/s, in batches"),
    "others_load": ("others’ share of the processor", "meanwhile"),
    "embed_texts_per_second": ("embedding", "texts/s"),
    "embed_seconds": ("embedding", "s"),
    "embedded_texts": ("embedded", "texts"),
    "ingest_seconds": ("ingest", "s, without embedding"),
    "ingest_documents_per_second": ("ingest", "chunks/s"),
    "index_mb": ("index", "MB"),
    "peak_memory_mb": ("peak memory", "MB"),
    "tokens": ("API", "tokens"),
    "money_usd": ("API", "USD"),
}


def write_report(folder: Path, html: Path, measure: str | None = None, baseline: str | None = None) -> Path:
    """Write the report of an --out folder to a file, and return its path."""
    write_whole(html, report_page(OutFolder(folder), measure, baseline))
    return html


def report_page(out: OutFolder, measure: str | None = None, baseline: str | None = None) -> str:
    """The page: everything in it is escaped, and its plots are SVG in the page's own colours."""
    results = out.read()
    ranked = rank_conditions(out, results, measure, baseline)
    examples = Examples(out, ranked.measure)
    missed = unanswered(ranked)
    kinds = examples.kinds(ranked.places[0].row.condition.chunker)
    of_kind = kind_rows(ranked, by_kind(kinds), results.seed)
    return render(
        Path(__file__).with_name("report.html"),
        filters={"four": _four, "plain": _plain, "breakable": _breakable},
        results=results,
        ranked=ranked,
        measures=_measures(results, ranked, others=False),
        other_measures=_other_measures(results, ranked),
        not_measured=_not_measured(ranked),
        unmeasured_rows=[row for row in results.rows if row.status != "measured"],
        published=list(beside_published(results)),
        short=[*summary_sentences(results, ranked), *kind_sentences(ranked, of_kind, kinds)],
        of_kind=of_kind,
        scale=max(place.high for place in ranked.places) or 1.0,
        plots=report_plots(results, ranked, out),
        loads=[(place, load) for place in ranked.places for load in place.row.client_loads],
        checks=_checks(ranked),
        churned=[(place.row, cycle) for place in ranked.places for cycle in place.row.churn],
        categories=by_category(ranked),
        costs={name: words for name, words in COSTS.items() if _any_cost(ranked.places, name)},
        cases=[(place, *examples.cases(ranked.places[0], place)) for place in ranked.places[1 : PAIRS + 1]],
        missed=[(query_id, examples.question(query_id)) for query_id in missed],
        alpha=ALPHA,
        level=LEVEL,
        resamples=RESAMPLES,
    )


def _measures(results: Results, ranked: Leaderboard, *, others: bool) -> list[str]:
    """The measures that some row has a mean of: those that the run asked for, or the others (ragas', spans')."""
    names = dict.fromkeys(n for p in ranked.places for n, mean in p.row.scores.items() if mean.value is not None)
    return [name for name in names if (name not in results.measures) == others]


def _other_measures(results: Results, ranked: Leaderboard) -> list[tuple[str, list[str]]]:
    """(what they are, names) of what ragas and the spans say."""
    names = _measures(results, ranked, others=True)
    judges = sorted({place.row.settings["judge"] for place in ranked.places if "judge" in place.row.settings})
    groups = {
        "How much of the labelled passages the chunks cover, in characters as in the chunking literature": (
            "span-",
            "precision-omega",
        ),
        "ragas’ context precision and recall, by ids and by likeness of texts": ("ragas-",),
        f"ragas’ metrics, judged by {', '.join(judges)}": ("judge-",),
    }
    found = [(title, [name for name in names if name.startswith(starts)]) for title, starts in groups.items()]
    return [(title, of_group) for title, of_group in found if of_group]


def _not_measured(ranked: Leaderboard) -> list[tuple[str, str]]:
    """(measures, reason) for what no row has a mean of."""
    reasons: dict[str, str] = {}
    for place in ranked.places:
        reasons |= {name: mean.reason for name, mean in place.row.scores.items() if mean.value is None}
    for place in ranked.places:
        for name, mean in place.row.scores.items():
            if mean.value is not None:
                reasons.pop(name, None)
    by_reason = sorted(reasons.items(), key=lambda item: item[1])
    return [(", ".join(n for n, _ in same), why) for why, same in groupby(by_reason, key=lambda item: item[1])]


def _checks(ranked: Leaderboard) -> list[tuple[ConditionResult, IndexCheck]]:
    rows = [place.row for place in ranked.places]
    order = [(row, sorted(row.index_checks, key=lambda c: (str(c.search_params), -c.selectivity))) for row in rows]
    return [(row, check) for row, checks in order for check in checks]


def _any_cost(places: Sequence[Place], name: str) -> bool:
    return any(getattr(place.row.cost, name) is not None for place in places)


def _four(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _breakable(condition_id: str) -> Markup:
    """An id that a narrow column may break after a dot."""
    parts = (Markup('<span class="part">{}</span>').format(part) for part in condition_id.split("."))
    return Markup(".<wbr>").join(parts)


def _plain(value: float | None) -> str:
    """Three figures, or whole thousands: what a cost is worth telling."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
