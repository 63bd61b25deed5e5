"""Small pages and replays that the tests of the docs room share."""

from kit.docs.records import BlockOutcome, CellError, Pass, Replay, Verdict
from kit.pages.markdown import parse_text

PAGE = """# Notes

It keeps notes.

```python
store = [1, 2]
```

```python
store
```

```output
[1]
```

> It cannot sort.
"""


def page(text: str = PAGE, name: str = "notes"):
    """A Markdown text as a page."""
    return parse_text(text, name=name)


def a_replay(*passes: list[tuple[str, str, str]], text: str = PAGE, requirements: str = "") -> Replay:
    """A replay of a page; each pass is (verdict, detail, printed) for its code blocks in order."""
    read = page(text)
    found = []
    for number, rows in enumerate(passes, start=1):
        verdicts, outcomes = [], []
        for block, (verdict, detail, printed) in zip(read.code, rows, strict=True):
            outputs = ({"output_type": "stream", "name": "stdout", "text": printed},) if printed else ()
            error = CellError(detail.partition(":")[0], detail, 1, "store") if verdict == "raised" else None
            status = verdict if verdict in ("raised", "not run") else "ran"
            outcomes.append(BlockOutcome(block.id, status, outputs=outputs, error=error, seconds=0.5))
            verdicts.append(Verdict(block.id, verdict, number, detail=detail))
        found.append(Pass(tuple(outcomes), tuple(verdicts), 1.0, 2.0))
    sets = (requirements,) if requirements else ()
    versions = {"langchain-milvus": "0.4.0", "pymilvus": "3.0.2", "milvus-lite": "3.2.2"}
    return Replay(read.name, read.sha256, read.blocks, tuple(found), sets, versions)
