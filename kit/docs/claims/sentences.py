"""Sentences and calls of a page that say what Milvus can do, each tied to the probe that tells whether it is so."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from kit.docs.claims.probe import Probed
from kit.docs.claims.subjects import Subjects, first_name
from kit.docs.records import Failure
from kit.pages.code import calls, dotted, parse
from kit.pages.page import Block

Status = Literal["contradicted", "confirmed", "not decided here"]
UNDECIDED: Status = "not decided here"

_NOT = re.compile(r"\bnot\b|n't\b|\bno\b|\bnever\b|\bcannot\b|\bunavailable\b|\bunsupported\b|\bwithout\b|\black")
_SERVER = re.compile(r"\b(server|standalone|distributed|cluster|zilliz|docker|kubernetes)\b")
_LITE = re.compile(r"\bmilvus[- ]lite\b|\blite\b")
# What a sentence may say of Milvus Lite: the words it is known by, and the probe that tries it.
CAPABILITIES = {
    "partition-key": r"partition[- _]?key",
    "bm25": r"full[- ]text|\bbm25\b",
    "hybrid": r"hybrid search",
    "analyzers": r"\banaly[sz]er",
    "sparse-vectors": r"sparse (vector|embedding|index)",
    "dynamic-field": r"dynamic (field|schema)",
    "nullable-fields": r"nullable|default value",
    "json": r"\bjson\b",
    "arrays": r"\barrays?\b",
    "aliases": r"\balias(es)?\b",
    "ttl": r"\bttl\b|time[- ]to[- ]live",
    "databases": r"(multiple|several|more than one) databases|multi-database",
    "async": r"\basync",
    "multi-process": r"(multiple|several|two|more than one) process|concurrent process|multi-?process",
    "range-search": r"range search",
    "partitions": r"\bpartitions?\b(?![- _]?key)",
    "rename": r"\brenam(e|ing)\b",
    "load-state": r"load[- _]state",
    "text-match": r"text[_ ]match|keyword match",
    "server-side-embedding": r"embedding functions?|server[- ]side embedding|data[- ]in,? data[- ]out",
    "group-by": r"group(ing)?[- _]?by|grouping search",
    "vector-types": r"binary vector|float16|bfloat16",
}
# What a sentence may say of any Milvus: a pattern, the probe, and the answer that the sentence expects.
SAYINGS = (
    (r"pymilvus\b.*\b(comes with|includes|bundles|ships with)\b.*milvus lite", "pymilvus-brings-lite", "yes"),
    (r"==\s*in\s*\[", "filter-equals-in", "yes"),
    (r"(?<![=!<>]=)(?<![=!<>]= )\bin\s*\[", "filter-in", "yes"),
    (r"==\s*[\"']", "filter-equals", "yes"),
    (r"\blike\s*[\"']%", "filter-like-infix", "yes"),
    (r"(changes|switches|routes|goes) to a partition based on .*partition key", "partition-pruning", "yes"),
    (r"\b(only|just)\b.*\bflat\b.*\blite\b|\blite\b.*\b(only|just)\b.*\bflat\b", "index-types", "no"),
)
_ONE_IN_LITE = ("index-types",)  # what these sayings say, they say of Lite


class Claim(NamedTuple):
    """What a sentence or a call of the page takes for granted: `expects` is the answer the probe must give.

    `sha256` is that of the sentence or the line of code, so that a claim is known again without the page's text;
    `on` is `lite` where only Milvus Lite is meant.
    """

    block: str
    sha256: str
    probe: str
    expects: str
    on: str = ""
    text: str = ""


class JudgedClaim(NamedTuple):
    """A claim, what became of it, the probe's evidence, and whether the probe could tell anything here."""

    claim: Claim
    status: Status
    evidence: str
    tried: bool = True


def find_claims(blocks: Iterable[Block]) -> list[Claim]:
    """The claims of a page: read from its sentences and from the syntax tree of its code."""
    blocks, found = list(blocks), []
    subjects = Subjects(block.text for block in blocks if block.kind == "code")
    for block in blocks:
        if block.kind == "code":
            pieces = _in_code(block.text, subjects)
        elif block.kind == "prose" and not subjects.another_store:
            pieces = _in_prose(block.text)
        else:
            continue
        found += [Claim(block.id, _digest(text), probe, expects, on, text) for text, probe, expects, on in pieces]
    return list(dict.fromkeys(found))


def judge_claims(claims: Iterable[Claim], probed: Sequence[Probed], engine: str) -> list[JudgedClaim]:
    """Each claim against the answer of its probe; what was said of Lite is left open on a server."""
    answers = {one.id: one for one in probed}
    judged = []
    for claim in claims:
        answer = answers.get(claim.probe)
        if answer is None:
            words = f"no answer of the probe {claim.probe}; what would decide: kit docs probe {claim.probe}"
            judged.append(JudgedClaim(claim, UNDECIDED, words, tried=False))
        elif claim.on == "lite" and not engine.startswith("milvus-lite"):
            words = f"it is about Milvus Lite, and this is {engine}; what would decide: the same without MILVUS_URI"
            judged.append(JudgedClaim(claim, UNDECIDED, words, tried=False))
        elif answer.timed:
            words = (
                f"{answer.evidence}; what would decide: a measurement on a machine at rest, kit docs probe {answer.id}"
            )
            judged.append(JudgedClaim(claim, UNDECIDED, words))
        else:
            status, evidence = _status(claim.expects, answer.answer), f"{answer.answer}: {answer.evidence}"
            if status == UNDECIDED:
                evidence += "; what would decide: the same on a Milvus server, kit docs probe --uri ADDRESS"
            judged.append(JudgedClaim(claim, status, evidence, tried=answer.answer != "unknown"))
    return judged


def contradictions(judged: Iterable[JudgedClaim]) -> list[Failure]:
    """The contradicted claims as failures of their blocks."""
    return [
        Failure(
            one.claim.block, 1, f"contradicted by probe {one.claim.probe}", one.evidence, f"probe {one.claim.probe}"
        )
        for one in judged
        if one.status == "contradicted"
    ]


def sentences(prose: str) -> list[str]:
    """The sentences of a piece of Markdown: links as their text, code spans as they stand, one line each."""
    from markdown_it import MarkdownIt

    found = []
    for token in MarkdownIt("commonmark").parse(prose):
        if token.type == "inline":
            text = "".join(
                f"`{t.content}`" if t.type == "code_inline" else " " if "break" in t.type else t.content
                for t in token.children or []
            )
            found += [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z`\"'(])", " ".join(text.split())) if s]
    return found


def _in_prose(prose: str) -> Iterator[tuple[str, str, str, str]]:
    """(sentence, probe, expected answer, engine) for what each sentence says."""
    of_lite = False
    for sentence in sentences(prose):
        said = sentence.lower()
        # What a paragraph says of Lite it goes on to say of Lite, until a sentence names another Milvus.
        of_lite = bool(_LITE.search(said)) or (of_lite and not _SERVER.search(said))
        said += " (milvus lite)" * (of_lite and not _LITE.search(said))
        for pattern, probe, expects in SAYINGS:
            if re.search(pattern, said):
                yield sentence, probe, expects, "lite" if probe in _ONE_IN_LITE else ""
        if not _LITE.search(said):
            continue
        for probe, words in CAPABILITIES.items():
            if re.search(words, said) and (denied := bool(_NOT.search(said))) | bool(re.search(r"support|avail", said)):
                yield sentence, probe, "no" if denied else "yes", "lite"


def _in_code(source: str, subjects: Subjects) -> Iterator[tuple[str, str, str, str]]:
    """(line, probe, expected answer, engine) for the calls whose success the page takes for granted."""
    lines = source.splitlines()
    sizes = _sizes(source)
    tree = parse(source) or ast.Module([], [])
    assigned = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Assign)}
    for call in calls(source):
        name = dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", "")
        given = {keyword.arg for keyword in call.keywords}
        line = lines[min(call.lineno, len(lines)) - 1].strip()
        if not subjects.may_be_milvus(first_name(call)):
            continue
        if name == "BM25BuiltInFunction":
            yield line, "langchain-bm25-defaults", "yes", ""
        if name == "invoke" and "filter" in given:
            yield line, "langchain-retriever-filter", "yes", ""
        if "partition_key_field" in given and "enable_dynamic_field" not in given:
            yield line, "langchain-partition-key", "yes", ""
        if name == "upsert" and id(call) in assigned:
            yield line, "langchain-upsert-returns-ids", "yes", ""
        if name == "upsert" and len(call.args) == 2:
            ids, documents = (sizes.get(dotted(argument)) for argument in call.args)
            if ids is not None and documents is not None and ids < documents:
                yield line, "langchain-upsert-fewer-ids", "yes", ""


def _sizes(source: str) -> dict[str, int]:
    """Name -> how many members it holds, where the text says so: a list, or `get_pks` of `… in [1, 2]`."""
    sizes, texts = {}, {}
    for node in ast.walk(parse(source) or ast.Module([], [])):
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            continue
        name, value = node.targets[0].id, node.value
        if isinstance(value, ast.List):
            sizes[name] = len(value.elts)
        elif isinstance(value, ast.Constant) and isinstance(value.value, str):
            texts[name] = value.value
        elif isinstance(value, ast.Call) and dotted(value.func).endswith("get_pks") and value.args:
            argument = value.args[0]
            text = argument.value if isinstance(argument, ast.Constant) else texts.get(dotted(argument), "")
            if members := re.fullmatch(r"\s*\w+\s+in\s*\[([^\[\]]*)\]\s*", str(text)):
                sizes[name] = len(members[1].split(","))
    return sizes


def _status(expects: str, answer: str) -> Status:
    if answer == "unknown" or (answer == "partly" and expects == "yes"):
        return UNDECIDED
    return "confirmed" if (answer == "no") == (expects == "no") else "contradicted"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
