"""The verdict on one cell: what it raised, and its outputs held against the stored ones, form by form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kit.docs.records import BlockOutcome, Cause, CellError, FineVerdict, Verdict, WrongVerdict
from kit.docs.verdicts.compare import OutputComparison, compare, compare_with_echo
from kit.docs.verdicts.rich import is_stand_in_text, rich, uncompared
from kit.docs.verdicts.varying import Varying, without_varying
from kit.kernels.outputs import output_text, shown
from kit.pages.marks import IGNORE, MAY_RAISE, RAISES
from kit.pages.page import Block

SHORT = 300  # characters of an error's message in a sentence


def judge_cell(
    outcome: BlockOutcome, block: Block, stored: Sequence[Block], varying: Sequence[Varying] = (), *, run: int = 1
) -> Verdict:
    """The verdict on one outcome, its effects and causes aside."""
    block_id, status = outcome.block_id, outcome.status
    if status in ("not run", "timed out", "too much output", "kernel died"):
        return Verdict(block_id, status, run, detail=outcome.why)
    shown_here = [b for b in stored if b.text.strip() or b.outputs]
    texts = [b.text for b in shown_here]
    if outcome.error and not (_may_raise(block) or any(outcome.error.name in text for text in texts)):
        return Verdict(block_id, "raised", run, detail=error_sentence(outcome.error))
    if RAISES in block.marks and not outcome.error:
        return Verdict(block_id, "changed", run, detail="it is marked to raise an error, and raised none")
    if not shown_here:
        return Verdict(block_id, "no stored output", run)
    if any(mark.kind == "whole" for mark in varying) and (shown(outcome.outputs) or IGNORE in block.marks):
        cause = Cause("varies", "the whole output")
        return Verdict(block_id, "uncompared", run, uncompared=(cause.what,), detail="marked as varying", cause=cause)
    return _compared(outcome, shown_here, varying, run)


def _compared(outcome: BlockOutcome, stored: Sequence[Block], varying: Sequence[Varying], run: int) -> Verdict:
    """The stored outputs against the fresh ones, form by form; the worst form decides."""
    ignored = [mark.what for mark in varying if mark.kind == "mime"]
    fresh = [o for o in outcome.outputs if not (o["output_type"] == "stream" and o["name"] == "stderr")]
    kept = [output for block in stored for output in block.outputs]
    told = [_by_words([b.text for b in stored], fresh, ignored, kept)]
    old, new = ([rich(output, ignored) for output in outputs] for outputs in (kept, fresh))
    differing, gone = uncompared(old, new)
    for form in ("html", "json") if kept else ():
        texts = [[text for output in outputs if (text := getattr(output, form))] for outputs in (old, new)]
        if texts[0]:
            told.append((texts[0], texts[1], ""))
    found, used = _worst([_with_marks(*texts, varying) for texts in told])
    detail = found.detail
    if gone:
        found = found._replace(verdict="changed")
        detail = "; ".join(filter(None, (detail, f"the page shows {', '.join(gone)}; now there is none")))
    unseen = differing and found.verdict in ("same", "equivalent")
    verdict: FineVerdict | WrongVerdict = "uncompared" if unseen else found.verdict
    if differing:
        detail = "; ".join(filter(None, (detail, f"not compared: {', '.join(differing)}")))
    used = [*used, *(mime for mime in ignored if any(mime in output.get("data", {}) for output in kept))]
    fine = verdict not in ("similar", "changed")
    return Verdict(
        outcome.block_id, verdict, run, found.rules, detail, found.similarity, found.diff,
        uncompared=differing, cause=Cause("varies", ", ".join(used)) if used and fine else None,
    )  # fmt: skip


_Texts = tuple[list[str], list[str], str]  # stored, fresh, and the value of the last expression when a page may omit it


def _by_words(stored: list[str], fresh: Sequence[Mapping[str, Any]], ignored: Sequence[str], kept: Sequence) -> _Texts:
    """The plain texts; HTML's words where the plain text only stands for an object."""
    if kept:
        return [t for t in stored if not is_stand_in_text(t)], [t for t in shown(fresh) if not is_stand_in_text(t)], ""
    texts = []
    for output in fresh:
        text = output_text(output)
        form = rich(output, ignored)
        texts.append((form.html or form.json or text) if is_stand_in_text(text) else text)
    last = fresh[-1] if fresh else {}
    value = texts[-1] if last.get("output_type") == "execute_result" and len(fresh) > 1 else ""
    return stored, [text for text in (texts[:-1] if value else texts) if text.strip()], value


def _with_marks(
    stored: list[str], fresh: list[str], value: str, varying: Sequence[Varying]
) -> tuple[OutputComparison, list[str]]:
    """The comparison, and the marks without which it would be a difference."""
    found = _compare(stored, fresh, value)
    if found.verdict in ("same", "equivalent"):
        return found, []
    for texts in ([*fresh, value] if value else fresh, fresh):
        old, new = without_varying("\n".join(stored), "\n".join(text.rstrip("\n") for text in texts), varying)
        marked = compare([old], [new])
        if marked.verdict in ("same", "equivalent"):
            rules = marked._replace(verdict="equivalent", detail=f"marked as varying: {_words(varying)}")
            return rules, [mark.words for mark in varying if mark.kind != "mime"]
        if varying:
            found = marked  # what differs beside the marks
    return found, []


def _compare(stored: list[str], fresh: list[str], value: str) -> OutputComparison:
    if not stored and not fresh:
        return OutputComparison("same")
    if not stored:
        return OutputComparison("same") if not any(map(str.strip, fresh)) else compare([""], fresh)
    return compare_with_echo(stored, fresh, value) if value else compare(stored, fresh)


def _words(varying: Sequence[Varying]) -> str:
    return ", ".join(mark.words for mark in varying)


_ORDER = ("same", "equivalent", "similar", "changed")


def _worst(told: Sequence[tuple[OutputComparison, list[str]]]) -> tuple[OutputComparison, list[str]]:
    worst = max((found for found, _ in told), key=lambda found: _ORDER.index(found.verdict))
    rules = tuple(dict.fromkeys(rule for found, _ in told for rule in found.rules))
    return worst._replace(rules=rules), list(dict.fromkeys(mark for _, marks in told for mark in marks))


def _may_raise(block: Block) -> bool:
    return RAISES in block.marks or MAY_RAISE in block.marks


def error_sentence(error: CellError) -> str:
    """`ValueError: no (line 3: f())`; of a group, the exceptions in it too."""
    held = f" [{'; '.join(error.inner)}]" if "BaseExceptionGroup" in error.bases else ""
    words = " ".join((error.value + held).split())
    words = words if len(words) <= SHORT else words[: SHORT - 1] + "…"
    where = f" (line {error.line}: {error.source})" if error.line else ""
    return f"{error.name}: {words}".rstrip(": ") + where
