"""What a run says, in sentences: the best row, what it beats, what is not significant, what is amiss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kit.bench.collections.generated import ENOUGH_TAU, PREFIX, TRUSTED, generated_kinds
from kit.bench.measures.kinds import COPIED, SHORT, Kinds
from kit.bench.measures.power import smallest_difference
from kit.bench.records import Results
from kit.bench.report.leaderboard import KindRow, Leaderboard, Place


def summary_sentences(results: Results, ranked: Leaderboard) -> list[str]:
    """A few sentences, the most important first; generated questions order nothing unless their kind was shown to."""
    if refused := refusal(ranked):
        return [refused, *_amiss(results, ranked)]
    return [*_best(ranked), *power_sentences(results, ranked), *_hybrids(ranked), *_amiss(results, ranked)]


def refusal(ranked: Leaderboard) -> str:
    """Why these questions do not rank the rows; '' where they do."""
    categories = ranked.places[0].table["category"]
    kinds = generated_kinds(categories)
    if not kinds or set(kinds) <= TRUSTED:
        return ""
    generated = int(categories.str.startswith(PREFIX).sum())
    return (
        f"These rows are not ranked: {generated:,} of {len(categories):,} questions were generated "
        f"({', '.join(kinds)}). That such questions put conditions in the order that human ones do, by a Kendall's tau "
        f"of {ENOUGH_TAU} on six collections, has not been shown. They show what is not found, not which row is better."
    )


def _best(ranked: Leaderboard) -> Iterator[str]:
    first = ranked.places[0]
    said = (
        f"{_name(first)} has the highest {ranked.measure}: {first.mean.value:.4f} "
        f"(95% interval {first.low:.4f} to {first.high:.4f}, over {first.mean.over} of {first.mean.of} queries)."
    )
    if len(ranked.places) == 1:
        yield f"{said} There is no other row to hold it against."
        return
    if ranked.baseline is not None:
        yield said
        yield from _against_baseline(ranked)
        return
    others = ranked.places[1:]
    beaten = [place for place in others if place.place in first.beats]
    rest = [place for place in others if place.place not in first.beats]
    if not rest:
        yield f"{said} It is significantly better than each of the other {len(others)}."
        return
    yield said + (f" It is significantly better than {_names(beaten)}." if beaten else "")
    differences = [ranked.against(first.place, place.place) for place in rest]
    numbers = "; ".join(f"{d.delta:+.4f}, p = {d.p_holm:.4f}" for d in differences)
    if len(rest) > 4:
        numbers = f"the smallest p is {min(d.p_holm for d in differences):.4f}"
    yield f"Against {_names(rest)} the difference is not significant: {numbers}."
    if apart := [d for d in differences if d.low > 0 or d.high < 0]:
        verb = "excludes" if len(apart) == 1 else "exclude"
        yield (
            f"An interval is of its difference alone, and {len(apart)} of these {verb} 0; p is corrected for all "
            f"{len(ranked.pairs)} comparisons of this page and so asks for more."
        )


def kind_sentences(ranked: Leaderboard, rows: Sequence[KindRow], kinds: Mapping[str, Kinds]) -> Iterator[str]:
    """Whether the first two rows win on different questions, and how many questions copy the text that answers them."""
    wins = {place: [row for row in rows if row.winner == place] for place in (1, 2)}
    if wins[2] or (wins[1] and len(ranked.places) > 1 and 2 not in ranked.places[0].beats):
        parts = [
            f"{_name(ranked.places[place - 1])} on questions {' and '.join(_of_kind(row) for row in of_place)}"
            for place, of_place in wins.items()
            if of_place
        ]
        yield f"By kind of question the first two rows differ: {'; '.join(parts)} is significantly better."
    if copied := sum(of_one.copies for of_one in kinds.values()):
        yield (
            f"{copied:,} of {len(kinds):,} judged questions repeat {COPIED} words in a row of a text that answers "
            "them: they may have been made from it, which favours search by words."
        )


def _of_kind(row: KindRow) -> str:
    words = {"short": f"of at most {SHORT} words", "long": f"of more than {SHORT} words"}
    named = words.get(row.kind, row.kind if row.kind.startswith("with") else f"with {row.kind}")
    return f"{named} ({row.means[0]:.3f} against {row.means[1]:.3f}, {row.questions} questions)"


def _against_baseline(ranked: Leaderboard) -> Iterator[str]:
    """Which rows are better or worse than the baseline."""
    base = ranked.places[(ranked.baseline or 1) - 1]
    others = [place for place in ranked.places if place is not base]
    verdicts = {place.place: ranked.against(place.place, base.place).verdict for place in others}
    parts = []
    for verdict, words in (("better", "significantly better"), ("worse", "significantly worse")):
        if of_verdict := [place for place in others if verdicts[place.place] == verdict]:
            parts.append(f"{_names(of_verdict)} {'is' if len(of_verdict) == 1 else 'are'} {words}")
    if rest := [place for place in others if verdicts[place.place] not in ("better", "worse")]:
        parts.append(f"the difference of {_names(rest)} is not significant")
    yield f"Against the baseline {_name(base)}: {'; '.join(parts)} (p corrected for {len(ranked.pairs)} comparisons)."


def power_sentences(results: Results, ranked: Leaderboard) -> Iterator[str]:
    """What these questions can show between the first row and the second, and how many a third of it takes."""
    if len(ranked.places) < 2:
        return
    one, other = ranked.places[:2]
    differences = (one.table[ranked.measure] - other.table[ranked.measure]).dropna().to_numpy()
    if len(differences) < 2 or not differences.any():
        return
    power = smallest_difference(differences, seed=results.seed)
    third = round(power.smallest / 3, 3)
    yield (
        f"Between rows 1 and 2 the smallest difference in {ranked.measure} that these {power.queries} questions show "
        f"in {power.power:.0%} of cases, in one test, is {power.smallest:.3f}"
        + (f"; for {third:.3f} ask about {power.questions_for(third):,}." if third else ".")
    )


def _hybrids(ranked: Leaderboard) -> Iterator[str]:
    """Whether a hybrid is better than both of its legs, as many suppose that it must be."""
    for hybrid in ranked.places:
        condition = hybrid.row.condition
        if not condition.retriever.startswith("hybrid"):
            continue
        legs = [
            place
            for place in ranked.places
            if place.row.condition.retriever in ("dense", "bm25")
            and place.row.condition.engine == condition.engine
            and place.row.condition.chunker == condition.chunker
            and place.row.condition.embeddings in (condition.embeddings, "none")
            and place.row.condition.index in (condition.index, "")
        ]
        if len(legs) != 2 or not all(ranked.tested(hybrid.place, leg.place) for leg in legs):
            continue
        found = [(leg.row.condition.retriever, ranked.against(hybrid.place, leg.place)) for leg in legs]
        both = all(difference.verdict == "better" for _, difference in found)
        verdict = "beats both its legs" if both else "does not beat both its legs"
        yield f"{_name(hybrid)} {verdict}. " + " ".join(
            f"Against {leg}: {difference.words}." for leg, difference in found
        )


def _amiss(results: Results, ranked: Leaderboard) -> Iterator[str]:
    losing = [(place, check) for place in ranked.places for check in place.row.index_checks if check.missing_rows]
    if losing:
        place, check = max(losing, key=lambda found: found[1].missing_rows)
        yield (
            f"An index silently returns too few rows: {_name(place)} at selectivity {check.selectivity:.0%} left "
            f"{check.short_queries} of {check.queries} queries short by {check.missing_rows} rows, with no error."
        )
    yield from churn_sentences(results)
    yield from no_hit_sentences(results)
    yield from unread_sentences(results)
    for status in ("failed", "not supported"):
        rows = [row for row in results.rows if row.status == status]
        if rows:
            yield f"{len(rows)} of {len(results.rows)} conditions {status}: {', '.join(row.id for row in rows)}."


def churn_sentences(results: Results) -> Iterator[str]:
    """A sentence for each row whose store went through cycles of rows that came and went: what it lost, or nothing."""
    for row in results.rows:
        if not row.churn:
            continue
        filled, last, scores = row.churn[0], row.churn[-1], [cycle.score for cycle in row.churn]
        recalls = [r for cycle in row.churn for r in (cycle.recall, cycle.recall_filtered) if r is not None]
        recall = f"; recall against exact search {min(recalls):.4f} to {max(recalls):.4f}" if recalls else ""
        short = max(cycle.short_queries for cycle in row.churn)
        disk = (
            f"; {filled.index_mb:.1f} MB on disk became {last.index_mb:.1f}"
            if filled.index_mb and last.index_mb
            else ""
        )
        yield (
            f"{row.id}: {results.measures[0]} {filled.score:.4f} as filled, {min(scores):.4f} to {max(scores):.4f} "
            f"over {last.number} cycles that ended with the same rows{recall}; {short or 'no'} answers short{disk}."
        )


def no_hit_sentences(results: Results) -> Iterator[str]:
    """A sentence for each row in which judged queries got no hit, with the likely cause."""
    for row in results.rows:
        if count := row.counts.get("no_hit", 0):
            yield f"{row.id}: {count:,} of {row.counts['judged']:,} judged queries got no hit: {row.no_hit_cause}."


def unread_sentences(results: Results) -> Iterator[str]:
    """A sentence for each model and chunker that leaves tokens unread, with the rows that it concerns."""
    rows: dict[str, list[str]] = {}
    for row in results.rows:
        if row.unread and row.unread.tokens:
            rows.setdefault(f"{row.condition.chunker}: {row.unread.words}", []).append(row.condition.retriever)
    for said, retrievers in rows.items():
        yield f"{said} ({', '.join(dict.fromkeys(retrievers))})."


def _name(place: Place) -> str:
    return f"{place.row.id} (row {place.place})"


def _names(places: list[Place]) -> str:
    names = [_name(place) for place in places]
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
