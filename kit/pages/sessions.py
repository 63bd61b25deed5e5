"""Interactive sessions as people write them: a statement whose lines after the first have no `...` before them."""

from __future__ import annotations

import io
import tokenize

PROMPT, MORE = ">>>", "..."


def prompted(session: str) -> str:
    """The session, line for line, with the prompts that doctest wants and a reader does not miss.

    Lines below `>>> dumps(` belong to it until its bracket is closed; lines below a bare `>>>` are code up to the next
    prompt.
    """
    lines: list[str] = []
    source: list[str] = []  # of the statement that may still be open
    margin, bare = "", False  # bare: below a prompt without code
    for line in session.splitlines():
        text = line.strip()
        if text == PROMPT or text.startswith(PROMPT + " "):
            margin, source, bare = line[: line.index(PROMPT)], [text[4:]], text == PROMPT
        elif bare:
            begun = any(source)
            if text or begun:
                line = f"{margin}{MORE if begun else PROMPT} {line.removeprefix(margin)}"
            source.append(text)
        elif source and (text == MORE or text.startswith(MORE + " ")):
            source.append(text[4:])
        elif source and _is_open("\n".join(source)):
            source.append(line)
            line = f"{margin}{MORE} {line.removeprefix(margin)}"
        else:
            source = []
        lines.append(line)
    return "\n".join(lines) + "\n" * session.endswith("\n")


def _is_open(source: str) -> bool:
    """Whether a bracket or a long text is not closed yet; what waits for a block is not open."""
    try:
        list(tokenize.generate_tokens(io.StringIO(source).readline))
    except tokenize.TokenError as error:
        return "EOF in multi-line" in str(error.args[0])
    except SyntaxError:
        pass
    return False
