"""The grammar that docs pages add to Markdown, as a markdown-it plugin: JSX tags, `import`, `{…}`, `:::`, `=== "tab"`.

Each rule consumes whole lines and leaves a token whose `meta["tags"]` holds the tags on them; what stands between an
opening and a closing tag is parsed as Markdown, at any indent.
"""

from __future__ import annotations

from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

MARKERS = ("mdx_tags", "mdx_esm", "mdx_expression", "directive")  # lines of syntax, without content of their own
_PAIRS = {"(": ")", "[": "]", "{": "}"}


class Tag(NamedTuple):
    """`<Tab title="Python">`: name, attributes with plain string values, and whether it opens, closes or does both."""

    name: str
    attributes: dict[str, str]
    opens: bool
    closes: bool


def mdx_plugin(md: MarkdownIt) -> None:
    """Parse MDX and its relatives: no indented code, no HTML blocks but comments."""
    html_block = next(rule.fn for rule in md.block.ruler.__rules__ if rule.name == "html_block")

    def comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return _line(state, start).startswith("<!--") and html_block(state, start, end, silent)

    md.disable("code")
    md.block.ruler.at("html_block", comment, {"alt": ["paragraph", "reference", "blockquote"]})
    md.block.ruler.before("html_block", "mdx_tags", _tags, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.block.ruler.before("html_block", "mdx_expression", _expression, {"alt": ["paragraph"]})
    md.block.ruler.before("html_block", "mdx_esm", _esm)
    directive_plugin(md)


def directive_plugin(md: MarkdownIt) -> None:
    """Lines such as `:::note Title`, `!!! tip` and `=== "Python"` stand alone; what they hold is parsed as usual."""
    md.block.ruler.before("fence", "directive", _directive, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def is_directive(line: str) -> bool:
    """Whether a line opens or closes an admonition (Docusaurus, MkDocs) or a MkDocs tab."""
    line = line.strip()
    return line.startswith((":::", "!!! ", "??? ", "???+ ")) or (line.startswith('=== "') and line.endswith('"'))


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _push(state: StateBlock, kind: str, start: int, end: int, tags: list[Tag] | None = None) -> bool:
    token = state.push(kind, "", 0)
    token.map, token.meta = [start, end], {"tags": tags or []}
    token.content = state.getLines(start, end, state.blkIndent, False)
    state.line = end
    return True


def _directive(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    if not is_directive(_line(state, start)):
        return False
    return silent or _push(state, "directive", start, start + 1)


def _esm(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if silent or state.level or state.sCount[start] or not _is_esm(_line(state, start)):
        return False
    last = start + 1
    while last < end and not state.isEmpty(last):
        last += 1
    return _push(state, "mdx_esm", start, last)


def _is_esm(line: str) -> bool:
    """An ES module's import or export, and not a sentence that begins with the word."""
    word, _, rest = line.partition(" ")
    if word == "import":
        return rest.lstrip()[:1] in tuple("\"'{*") or " from " in rest
    return word == "export" and rest.split(" ")[0] in ("const", "default", "function", "let", "async", "*", "{")


def _expression(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    text, begin = state.src, state.bMarks[start] + state.tShift[start]
    if text[begin : begin + 1] != "{":
        return False
    stop = _closing(text, begin, state.eMarks[end - 1])
    if stop is None or (last := _line_of(state, stop, start, end)) is None or not _blank_after(state, stop, last):
        return False
    return silent or _push(state, "mdx_expression", start, last + 1)


def _tags(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """One or more tags that fill their lines; a tag with text behind it belongs to a paragraph."""
    position, limit = state.bMarks[start] + state.tShift[start], state.eMarks[end - 1]
    found: list[Tag] = []
    while (read := read_tag(state.src, position, limit)) is not None:
        tag, position = read
        found.append(tag)
        last = _line_of(state, position - 1, start, end)
        if last is None:
            return False
        if _blank_after(state, position - 1, last):
            return silent or _push(state, "mdx_tags", start, last + 1, found)
        while state.src[position : position + 1] in (" ", "\t"):
            position += 1
    return False


def read_tag(text: str, position: int, limit: int) -> tuple[Tag, int] | None:
    """The JSX tag that begins at `position` and the position behind it; None when there is none."""
    if text[position : position + 1] != "<":
        return None
    position += 1
    closing = text[position : position + 1] == "/"
    position += closing
    begin = position
    while position < limit and (text[position].isalnum() or text[position] in "._-"):
        position += 1
    name = text[begin:position]
    if name and not name[0].isalpha():
        return None
    attributes: dict[str, str] = {}
    attribute = ""
    while position < limit:
        character = text[position]
        if character == ">":
            opens = not closing
            closes = closing or text[position - 1] == "/"
            return Tag(name, attributes, opens, closes), position + 1
        if character in "\"'":
            stop = text.find(character, position + 1, limit)
            if stop < 0:
                return None
            if attribute:
                attributes[attribute] = text[position + 1 : stop]
            position, attribute = stop + 1, ""
        elif character == "{":
            brace = _closing(text, position, limit)
            if brace is None:
                return None
            position, attribute = brace + 1, ""
        elif character.isalpha() or character in "_$":
            begin = position
            while position < limit and (text[position].isalnum() or text[position] in "_-$:."):
                position += 1
            attribute = text[begin:position]
        elif character in " \t\r\n=/":
            position += 1
        else:
            return None  # `<https://…>` or `a < b`
    return None


def _closing(text: str, position: int, limit: int) -> int | None:
    """The position of the bracket that closes the one at `position`, past JavaScript's strings and comments."""
    stack: list[str] = []
    while position < limit:
        character = text[position]
        if text.startswith("/*", position):
            stop = text.find("*/", position + 2, limit)
            position = limit if stop < 0 else stop + 1
        elif character in "\"'`":
            position += 1
            while position < limit and text[position] != character:
                position += 2 if text[position] == "\\" else 1
        elif character in _PAIRS:
            stack.append(_PAIRS[character])
        elif stack and character == stack[-1]:
            stack.pop()
            if not stack:
                return position
        position += 1
    return None


def _line_of(state: StateBlock, position: int, start: int, end: int) -> int | None:
    return next((line for line in range(start, end) if position < state.eMarks[line] + 1), None)


def _blank_after(state: StateBlock, position: int, line: int) -> bool:
    return not state.src[position + 1 : state.eMarks[line]].strip()
