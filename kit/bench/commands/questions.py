"""`kit bench questions`: questions on one's own texts, where nobody has asked any yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def questions(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Your texts: .md .txt .rst .ipynb .html .pdf .docx.")
    ],
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where they go; FOLDER/questions.jsonl if not given.")
    ] = None,
    kinds: Annotated[str, typer.Option(help="heading, link, keyphrase, masked; chat, where KIT_CHAT is set.")] = "",
    per_kind: Annotated[int, typer.Option(min=1, help="At most so many of each kind.")] = 50,
    seed: Annotated[int, typer.Option(help="Which are drawn.")] = 7,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts as JSON.")] = False,
) -> None:
    """Make questions from your texts, each with its kind, the place that answers it, and how much of it was copied.

    They find what is broken. They do not rank conditions: a report on them says so, unless the order by a kind of them
    was shown to agree with the order by human questions.

    Example: `kit bench questions docs --per-kind 30`
    """
    from statistics import fmean

    from langchain_core.documents import Document

    from kit.bench.collections.generated import KINDS, generate
    from kit.bench.collections.texts import readable_files
    from kit.errors import KitError
    from kit.files.write import write_whole
    from kit.settings import load_settings

    path = to or folder / "questions.jsonl"
    if path.exists() and not force:
        raise KitError(f"{path} is there already", wanted="another --to FILE, or --force")
    with_chat = bool(load_settings().chat)
    asked = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    if unknown := [kind for kind in asked if kind not in KINDS]:
        raise KitError(f'No kind of question is called "{unknown[0]}"', wanted=", ".join(KINDS))
    if "chat" in asked and not with_chat:
        raise KitError("Questions of the kind chat need a chat model; KIT_CHAT names none", wanted="KIT_CHAT")
    chosen = [kind for kind in KINDS if (kind in asked if asked else kind != "chat" or with_chat)]
    documents = [Document(page_content=text, id=name) for name, text in readable_files(folder, path)]
    made = generate(documents, chosen, per_kind, seed, _ask if with_chat else None)
    if not made:
        raise KitError(f"{folder} gives no question: its {len(documents)} files hold no headings and no sentences.")
    rows = [one.row(number) for number, one in enumerate(made, start=1)]
    write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    counts = {kind: [one for one in made if one.kind == kind] for kind in chosen}
    if as_json:
        summary = {
            kind: {
                "questions": len(of_kind),
                "leak": round(fmean(one.leak for one in of_kind), 2) if of_kind else 0,
                "copies": sum(one.copies for one in of_kind),
            }
            for kind, of_kind in counts.items()
        }
        typer.echo(json.dumps({"file": str(path), "kinds": summary}))
        return
    for kind, of_kind in counts.items():
        if of_kind:
            share = fmean(one.leak for one in of_kind)
            copies = sum(one.copies for one in of_kind)
            typer.echo(f"{kind}: {len(of_kind)} questions; {share:.0%} of their words stand in the text that answers "
                       f"them, {copies} repeat six of its words in a row")  # fmt: skip
        else:
            typer.echo(f"{kind}: none found")
    typer.echo(f"Wrote {path}. Now: kit bench run --dataset {folder} --questions {path}")


def _ask(prompt: str) -> str:
    """The answer of the chat model that KIT_CHAT names."""
    from kit.models.chat import load_chat

    return str(load_chat().invoke(prompt).content)
