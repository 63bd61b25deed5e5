"""Why queries were lost between two rows: one factor at a time is put back, and named only if that returns them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd

from kit.bench.grid.grid import ENGINES, Grid
from kit.bench.grid.identity import DECIDING
from kit.bench.grid.indexes import parse_index
from kit.bench.out_folder import OutFolder, read_grid
from kit.bench.records import ConditionResult, Results
from kit.bench.report.compare import Side, compare_results, scores_table, shared_measures
from kit.bench.run.run import Watcher, run_grid
from kit.bench.search.retriever import parse_retriever
from kit.errors import KitError

RETURNED = 0.8  # of what was lost: from there on a factor is the cause
OPTIONS = {"fetch": ("fetch",), "words": ("analyzer", "tokens", "k1", "b")}


@dataclass(frozen=True)
class Setup:
    """A row taken apart into factors; `parts` are those of its retriever's name."""

    engine: str
    embeddings: str
    chunker: str
    index: str
    k: int
    method: str
    options: tuple[tuple[str, str], ...]  # of the method, those of OPTIONS not among them
    fetch: str = ""
    words: tuple[tuple[str, str], ...] = ()
    filtered: bool = False
    merged: bool = False
    multi_query: str = ""
    reranker: str = ""
    churn: int = 0

    @property
    def retriever(self) -> str:
        """The retriever's name with all of its parts."""
        options = dict([*self.words, *self.options]) | ({"fetch": self.fetch} if self.fetch else {})
        name = ":".join([self.method, *(f"{option}={value}" for option, value in options.items())])
        name += "+filter" * self.filtered + (f"+multi-query={self.multi_query}" if self.multi_query else "")
        name += "+merge" * self.merged
        return name + (f"+rerank={self.reranker}" if self.reranker else "")


class PutBack(NamedTuple):
    """What one factor gave when it was put back: the share of the loss that returned; None where it cannot be alone."""

    factor: str
    of_a: str
    of_b: str
    returned: float | None
    why_not: str = ""


class Cause(NamedTuple):
    """The queries that B lost against A, each factor put back, and the one that returns them, if only one does."""

    measure: str
    mean_a: float
    mean_b: float
    lost: list[str]
    tried: list[PutBack]
    cause: str
    words: str


def find_cause(a: Side, b: Side, measure: str | None = None, watcher: Watcher | None = None) -> Cause:
    """Why B scores less than A on some queries: the factor that returns at least 80 % of the loss when it is put back.

    Each side is one measured row on the same texts and judgments. The rows that are run for it lie in B's folder.
    Raises KitError when a side is not one row, the texts differ, or B's folder does not say its grid.
    """
    row_a, row_b = _one_row(a), _one_row(b)
    if a.results.dataset.fingerprint != b.results.dataset.fingerprint:
        changed = compare_results(a, b).collection
        raise KitError(f"The texts or judgments differ, which cannot be put back. {changed.words if changed else ''}",
                       mend="`kit bench compare` says whether that helped.")  # fmt: skip
    table_a, table_b = scores_table(a.out, row_a.id), scores_table(b.out, row_b.id)
    measure = measure or shared_measures(table_a, table_b)[0]
    both = pd.concat([table_a[measure], table_b[measure]], axis=1, keys=["a", "b"], join="inner").dropna()
    loss = (both["a"] - both["b"])[both["a"] > both["b"]]
    of_a, of_b = setup(row_a, a.results.k), setup(row_b, b.results.k)
    differing = list(_differing(of_a, of_b))
    tried = []
    if len(loss):
        if len(differing) == 1 and not _releases(row_a, row_b):
            found: dict[str, Any] = {differing[0]: table_a[measure]}  # B with it is A, measured by the same releases
        else:
            changed_setups = {factor: _with(factor, of_a, of_b) for factor in differing}
            found = _measured(changed_setups, a, b, measure, watcher)
        tried = [_judged(factor, of_a, of_b, found[factor], both, loss) for factor in differing]
    releases = _releases(row_a, row_b)
    cause, words = _verdict(tried, releases, both, loss)
    return Cause(measure, float(both["a"].mean()), float(both["b"].mean()), list(loss.index), tried, cause, words)


def setup(row: ConditionResult, k: int) -> Setup:
    """A row's factors."""
    retriever = parse_retriever(row.condition.retriever)
    method, *pairs = retriever.method.name.split(":")
    options = dict(pair.split("=", 1) for pair in pairs)
    words = tuple((name, options.pop(name)) for name in OPTIONS["words"] if name in options)
    fetch = options.pop("fetch", "")
    condition = row.condition
    return Setup(
        condition.engine, condition.embeddings, condition.chunker, condition.index, k, method, tuple(options.items()),
        fetch, words, retriever.filtered, retriever.merged, retriever.chat, retriever.reranker, condition.churn,
    )  # fmt: skip


def _one_row(side: Side) -> ConditionResult:
    rows = [row for row in side.rows if row.status == "measured"]
    if len(rows) != 1:
        ids = ", ".join(row.id for row in rows) or "none is measured"
        raise KitError(f"{side.name} holds {len(rows)} measured rows ({ids})", wanted="one: FOLDER::CONDITION")
    if rows[0].condition.engine == "imported":
        raise KitError(
            f"{rows[0].id} is another system's run, whose factors are not known", wanted="a row of the kit's"
        )
    return rows[0]


def _differing(a: Setup, b: Setup) -> Iterator[str]:
    """The factors in which the rows differ; a depth that only follows from k or the method is none of its own."""
    for factor in ("engine", "chunker", "embeddings", "index", "method", "words", "fetch", "k", "filtered", "merged",
                   "multi_query", "reranker", "churn"):  # fmt: skip
        follows = {
            "method": True,
            "embeddings": "none" in (a.embeddings, b.embeddings),
            "words": not (_reads_words(a) and _reads_words(b)),
            "fetch": a.method != b.method or a.k != b.k,
        }
        own = getattr(a, factor) != getattr(b, factor) and not follows.get(factor)
        if own or (factor == "method" and (a.method, a.options) != (b.method, b.options)):
            yield factor


def _reads_words(one: Setup) -> bool:
    """Whether the row's method has a leg that compares words, which an analyzer makes."""
    return parse_retriever(one.retriever).needs.words is not None


def _with(factor: str, of_a: Setup, of_b: Setup) -> Setup:
    """B with one factor of A."""
    changed: dict[str, Any] = {factor: getattr(of_a, factor)}
    if factor == "method":
        changed |= {"options": of_a.options, "fetch": of_a.fetch}
        changed |= {"embeddings": of_a.embeddings} if "none" in (of_a.embeddings, of_b.embeddings) else {}
        if not of_b.words or not _reads_words(of_a):
            changed["words"] = of_a.words
    return replace(of_b, **changed)


def _measured(
    setups: Mapping[str, Setup], a: Side, b: Side, measure: str, watcher: Watcher | None
) -> dict[str, pd.Series | str]:
    """The per-query scores of each setup, those of one store together; why it has none, where it has not."""
    grids = [read_grid(side.out, Grid.model_validate_json) for side in (b, a)]
    indexes = {parse_index(index).name: index for grid in grids for index in grid.indexes}
    together: dict[tuple[str, str, str, int, int, str], list[str]] = {}
    usual = next((one.embeddings for one in setups.values() if one.embeddings != "none"), "none")
    for factor, one in setups.items():
        embeddings = usual if one.embeddings == "none" else one.embeddings
        place = (one.engine, one.chunker, one.index, one.k, one.churn, embeddings)
        together.setdefault(place, []).append(factor)
    found: dict[str, pd.Series | str] = {}
    groups = list(together.items())
    while groups:
        (engine, chunker, index, k, churn, embeddings), factors = place, _ = groups.pop(0)
        changes: dict[str, Any] = {
            "retrievers": [setups[factor].retriever for factor in factors],
            "embeddings": [] if embeddings == "none" else [embeddings],
            "chunkers": [chunker],
            "engines": [next(name for name, long in ENGINES.items() if long == engine)],
            "indexes": [indexes[index]] if index in indexes else [],
            "k": k,
            "churn": [churn],
            "measures": [measure],
        }
        asked = grids[0].model_copy(update=changes | {"reranker": [], "extras": [], "clients": []})
        out = OutFolder(b.out.path / "state" / "why" / f"{measure}-{'-'.join(factors)}")
        try:
            results = run_grid(asked, out, watcher, timed=False)
        except KitError as error:
            if len(factors) > 1:  # one of them cannot be measured; the others can, each by itself
                groups += [(place, [factor]) for factor in factors]
            found |= dict.fromkeys(factors, str(error))
            continue
        for factor in factors:
            found[factor] = _scores_of(setups[factor], out, results, measure)
    return found


def _scores_of(one: Setup, out: OutFolder, results: Results, measure: str) -> pd.Series | str:
    name = parse_retriever(one.retriever).for_hits(one.k).name
    for row in results.rows:
        condition = row.condition
        if condition.retriever == name and condition.embeddings in (one.embeddings, "none"):
            return scores_table(out, row.id)[measure] if row.status == "measured" else f"{row.status}: {row.reason}"
    return "it cannot be measured by itself"


def _judged(
    factor: str, of_a: Setup, of_b: Setup, scores: pd.Series | str, both: pd.DataFrame, loss: pd.Series
) -> PutBack:
    sides = (_shown(getattr(of_a, factor)), _shown(getattr(of_b, factor)))
    if isinstance(scores, str):
        return PutBack(factor, *sides, None, scores)
    back = (scores.reindex(loss.index).fillna(0.0) - both["b"][loss.index]).clip(upper=loss)
    return PutBack(factor, *sides, float(back.sum() / loss.sum()))


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ":".join(f"{name}={option}" for name, option in value) or "none"
    return str(value or "none")


def _releases(a: ConditionResult, b: ConditionResult) -> dict[str, str]:
    """The packages that decide on scores and were not the same: name -> `old -> new`."""
    versions: Mapping[str, str] = a.versions
    names = {*DECIDING, "milvus-notebook-kit", "milvus-lite", "onnxruntime", "tokenizers"} & versions.keys()
    changed = {name: f"{versions[name]} -> {b.versions.get(name, 'none')}" for name in sorted(names)
               if versions[name] != b.versions.get(name)}  # fmt: skip
    if a.engine_version != b.engine_version and a.condition.engine == b.condition.engine:
        changed["engine"] = f"{a.engine_version} -> {b.engine_version}"
    if a.model.get("identity", "") != b.model.get("identity", "") and a.condition.embeddings == b.condition.embeddings:
        changed["model"] = f"{a.model.get('identity', 'none')} -> {b.model.get('identity', 'none')}"
    return changed


def _verdict(tried: list[PutBack], releases: dict[str, str], both: pd.DataFrame, loss: pd.Series) -> tuple[str, str]:
    if not len(loss):
        return "", f"No query was lost: none of {len(both):,} scores less."
    lost = f"{len(loss):,} of {len(both):,} queries score less"
    back = [one for one in tried if one.returned is not None and one.returned >= RETURNED]
    if len(back) == 1:
        one = back[0]
        return one.factor, (
            f"{lost}: the {_NAMES[one.factor]}. With {one.of_a} in place of {one.of_b} again, "
            f"{one.returned:.0%} of the loss comes back, and with no other factor as much."
        )
    if not tried and releases:
        changed = ", ".join(f"{name} {versions}" for name, versions in releases.items())
        return "release", f"{lost}: a release, for nothing else differs: {changed}."
    if not tried:
        return "", f"{lost}, and nothing that is recorded differs: not separable."
    known = {one.factor: "cannot be put back alone" if one.returned is None else f"{one.returned:.0%}" for one in tried}
    shares = ", ".join(f"{_NAMES[factor]} {share}" for factor, share in known.items())
    more = f"; releases differ, too: {', '.join(releases)}" if releases else ""
    why = "several factors return it, each alone" if back else "no factor alone returns it"
    return "", f"{lost}: not separable, for {why} (of the loss: {shares}{more})."


_NAMES = {"engine": "engine", "chunker": "chunker", "embeddings": "embedder", "index": "index", "method": "method",
          "words": "analyzer", "fetch": "fetch depth", "k": "k", "filtered": "filter", "merged": "merging of chunks",
          "multi_query": "multi-query", "reranker": "reranker", "churn": "rows that came and went"}  # fmt: skip
