"""A run, the same run again, and a run that is killed with -9 and resumed: texts embedded and seconds.

python benchmarks/resume.py [documents]
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import kit
from kit.bench.grid.chunkers import parse_chunker
from kit.bench.out_folder import OutFolder
from kit.models.embeddings import CACHE_BATCH


def main(documents: int = 5000) -> None:
    """Print what each run embedded and how long it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_collection(folder / "data", documents)
        out = OutFolder(folder / "whole")
        first, _ = _run(folder, out, "cache-1")
        embedded = _embedded(out)
        second, _ = _run(folder, out, "cache-1")
        print(f"first run: {embedded} texts embedded, {first:.1f} s")
        print(f"same run again: {_embedded(out) - embedded} texts embedded, {second:.1f} s")
        print(f"ratio again / first: {second / first:.2f}")

        broken = OutFolder(folder / "broken")
        _run(folder, broken, "cache-2", kill_at=documents // 2)
        at_kill = _embedded(broken)
        _run(folder, broken, "cache-2")
        again = _embedded(broken) - embedded
        print(f"killed with -9 after {at_kill} texts, then resumed: {again} texts embedded again "
              f"(wanted: at most one batch, {CACHE_BATCH})")  # fmt: skip
        ids = [row.id for row in out.read().rows]
        same = all(out.run(i).read_bytes() == broken.run(i).read_bytes() for i in ids)
        same &= all(out.read().row(i).scores == broken.read().row(i).scores for i in ids)
        print(f"run files and scores of {len(ids)} conditions equal to the uninterrupted run's: {same}")
        print(f"ratio embedded in the killed and resumed run / documents: {_embedded(broken) / embedded:.4f}")


def _write_collection(folder: Path, documents: int) -> None:
    speeches = kit.load_speeches(1960, 2026)
    for speech in speeches:
        speech.id = speech.metadata["speech_id"]
    chunks = list(parse_chunker("recursive-500").split(speeches))[:documents]
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": chunk.id, "text": chunk.page_content} for chunk in chunks]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [(f"q{n}", row["_id"], row["text"][:80]) for n, row in enumerate(rows[:50])]
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": q, "text": t}) + "\n" for q, _, t in asked))
    judged = "".join(f"{query}\t{document}\t1\n" for query, document, _ in asked)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)


def _embedded(out: OutFolder) -> int:
    lines = out.embedding_log.read_text().splitlines() if out.embedding_log.is_file() else []
    return sum(row["texts"] for row in map(json.loads, lines) if row["chunker"] == "whole")


def _run(folder: Path, out: OutFolder, cache: str, kill_at: int | None = None) -> tuple[float, int]:
    command = [sys.executable, "-m", "kit", "bench", "run", "--dataset", str(folder / "data"), "--retrievers",
               "dense,bm25", "--embeddings", "wordllama", "--extras", "none", "--out", str(out.path)]  # fmt: skip
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | {"KIT_CACHE_DIR": str(folder / cache)}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while kill_at is not None and process.poll() is None and _embedded(out) < kill_at:
        time.sleep(0.002)
    if kill_at is not None:
        process.send_signal(signal.SIGKILL)
    status = process.wait()
    return time.perf_counter() - started, status


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
