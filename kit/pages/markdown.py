"""Markdown and MDX read into blocks; every line that holds text becomes part of a block or is reported."""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from doctest import SKIP as DOCTEST_SKIP
from doctest import DocTestParser
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

from kit.errors import KitError
from kit.pages.code import printed_comments
from kit.pages.marks import END, OUTPUT, SKIP, START, in_code, in_comments, in_fence, in_tags
from kit.pages.page import Block, Page, Unparsed, sha256
from kit.pages.sessions import prompted

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from kit.pages.mdx import Tag

PYTHON = ("python", "py", "python3", "py3", "ipython", "ipython3", "{python}", "{code-cell}", "{ipython3}")
SESSIONS = ("pycon", "python-repl", "python-console", "doctest", "{doctest}")
DIRECTIVES = ("{code}", "{code-block}", "{sourcecode}", "{code-cell}")  # of MyST: the language is their argument
_SHOWN = r"\b(?:outputs?|prints?|printed|results?|returns|response|gives|shows|displays|yields|produces?|produced)\b"
SHOWN = re.compile(rf"{_SHOWN}.*[:–—-]$|{_SHOWN}\.?$", re.IGNORECASE | re.DOTALL)  # `Output:`, `which produces`
HTML_CODE = re.compile(
    r"<pre[^>]*>\s*<code[^>]*\bclass=[\"'](?:language-|lang-|highlight-)?(?:python3?|py)\b[^>]*>\n?(?P<text>.*?)</code>\s*</pre>",
    re.DOTALL | re.IGNORECASE,
)
PLAIN = ("", "text", "txt", "console", "plaintext", "stdout")  # fences that below Python code show what it printed
_ATTRIBUTE = re.compile(r"([\w-]+)=(\"[^\"]*\"|'[^']*'|[^\s}]+)")
GROUPS = ("Tabs", "CodeGroup", "CodeTabs")  # components that show one of their parts at a time
# Components of LangChain's site that stand for code: what their first tab shows.
COMPONENTS = {
    "EmbeddingTabs": "from langchain_openai import OpenAIEmbeddings\n\n"
    '{var} = OpenAIEmbeddings(model="text-embedding-3-large")\n',
    "ChatModelTabs": 'from langchain_openai import ChatOpenAI\n\n{var} = ChatOpenAI(model="gpt-4o-mini")\n',
}
COMPONENTS |= {"EmbeddingsTabsPy": COMPONENTS["EmbeddingTabs"], "ChatModelTabsPy": COMPONENTS["ChatModelTabs"]}


class Component(NamedTuple):
    """An open JSX component: its name, its number when it is a group of tabs, `number/title` when it is a tab."""

    name: str
    group: int = 0
    tab: str = ""


def parse_text(source: str, *, name: str = "page", mdx: bool | None = None) -> Page:
    """A Markdown or MDX text as a page; `mdx=None` finds out by itself.

    Fences marked `output`, and unmarked ones right below Python code, are stored outputs; other fences are code.
    Raises KitError for a fence that is never closed.
    """
    reading = Reading()
    form = reading.text(source, mdx=mdx)
    return Page(name, sha256(source), form, tuple(reading.blocks), tuple(reading.unparsed))


@dataclass
class Reading:
    """What has been read of a page so far; headings and counts run on from one text to the next."""

    blocks: list[Block] = field(default_factory=list)
    unparsed: list[Unparsed] = field(default_factory=list)
    cell: int = 0
    _headings: list[tuple[int, str]] = field(default_factory=list)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _components: list[Component] = field(default_factory=list)  # open ones, outermost first
    _groups: int = 0
    _marks: list[str] = field(default_factory=list)  # of comments, for the code or output below them
    _skipping: bool = False

    def text(self, source: str, *, mdx: bool | None = None) -> str:
        """Read a text; returns its form, `markdown` or `mdx`."""
        environment: dict[str, Any] = {}
        tokens = _parser(mdx=bool(mdx)).parse(source, environment)
        if mdx is None and any(map(_looks_like_mdx, tokens)):
            mdx, environment = True, {}
            tokens = _parser(mdx=True).parse(source, environment)
        lines = source.splitlines()
        covered: set[int] = {n for ref in environment.get("references", {}).values() for n in range(*ref["map"])}
        for position, token in enumerate(tokens):
            self._token(token, tokens, position, lines, covered)
        self._left_over(lines, covered)
        return "mdx" if mdx else "markdown"

    def add(self, kind: str, text: str, lines: tuple[int, int], *, tab: str = "", **rest: Any) -> Block:
        """A block under the headings read so far."""
        heading = self._headings[-1][1] if self._headings else "top"
        slug = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "top"
        self._counts[slug, kind] += 1
        path = tuple(name for _, name in self._headings)
        tab = tab or next((c.tab for c in reversed(self._components) if c.tab), "")
        marks = (*self._taken_marks(kind, text), *rest.pop("marks", ()))
        block = Block(
            f"{slug}/{kind}-{self._counts[slug, kind]}", kind, heading, lines, sha256(text), text,
            path=path, cell=self.cell, tab=tab, marks=tuple(dict.fromkeys(marks)), **rest,
        )  # fmt: skip
        self.blocks.append(block)
        if kind == "code" and block.language == "python":
            for shown, first, last in printed_comments(text):
                top = lines[0] + (block.markup == "fence")
                self.add("output", shown, (top + first - 1, top + last - 1), tab=tab, markup="comment")
        return block

    def _taken_marks(self, kind: str, text: str) -> list[str]:
        """The marks of the comments above a block of code or output, and of the comments in it."""
        if kind == "prose":
            return []
        taken, self._marks = self._marks, []
        if kind == "code":
            taken += [f"{SKIP}: between skip start and skip end"] * self._skipping + in_code(text)
        return taken

    def _marked(self, marks: Sequence[str]) -> None:
        """Remember the marks of a comment for the block below it."""
        for mark in marks:
            if mark in (START, END):
                self._skipping = mark == START
            else:
                self._marks.append(mark)

    def _token(self, token: Token, tokens: Sequence[Token], position: int, lines: list[str], covered: set[int]) -> None:
        if token.type == "heading_open":
            depth = int(token.tag[1:])
            self._headings = [h for h in self._headings if h[0] < depth] + [(depth, tokens[position + 1].content)]
        if token.meta and "tags" in token.meta:
            self._tags(token, lines)
        if token.map and token.type not in ("bullet_list_open", "ordered_list_open", "list_item_open"):
            covered.update(range(*token.map))
        if token.type in ("fence", "code_block"):
            self._code(token, lines)
        elif token.type == "html_block" and (code := HTML_CODE.fullmatch(token.content.strip())):
            self.add("code", unescape(code["text"]), _lines(token, 1), markup="html", language="python")
        elif marks := in_comments(_comment(token, lines)):
            self._marked(marks)
        elif _is_prose(token, tokens, position):
            first, end = _lines(token)
            covered.update(range(first, end))
            text = "\n".join(lines[first:end]).strip()
            last = first + len("\n".join(lines[first:end]).rstrip().splitlines())
            self.add("prose", text, (first + 1, last))

    def _code(self, token: Token, lines: list[str]) -> None:
        first, end = _lines(token)
        if token.type == "fence" and not _is_closed(token, lines):
            raise KitError(
                f"{f'Cell {self.cell}, line' if self.cell else 'Line'} {first + 1} opens a code block with "
                f"{token.markup} that is never closed",
                mend=f"Close it with {token.markup} on a line of its own, at the same indent.",
            )
        language, words = fence_language(token.info)
        attributes = fence_attributes(token.info)
        self._marks += in_fence(words[1:], attributes)
        content, options = token.content, 0
        if words[:1] and words[0].lower() in DIRECTIVES:
            content = without_options(content)
            options = token.content.count("\n") - content.count("\n")
            self._marks += in_tags(option_tags(token.content.removesuffix(content)))
        last = first + len("\n".join(lines[first:end]).rstrip().splitlines())
        markup = "fence" if token.type == "fence" else "indented"
        if content.lstrip().startswith(">>> ") and (language in (*PYTHON, *PLAIN, *SESSIONS)):
            self._session(content, first + 1 + (token.type == "fence") + options)
        elif self._is_output(language, words, content) or self._is_shown_value(token, language):
            self.add("output", content, (first + 1, last), markup=markup, language=language)
        else:
            language = "python" if language in PYTHON else language
            group = self._components[-1].group if self._components else 0
            title = " ".join(word for word in words[1:] if "=" not in word and not word.startswith("{"))
            tab = f"{group}/{title or language}" if group else ""
            file = next((attributes[key] for key in ("title", "file", "filename") if attributes.get(key)), "")
            file = file.rpartition("/")[2]
            self.add("code", content, (first + 1, last), markup=markup, language=language, tab=tab, title=file)

    def _session(self, content: str, first: int) -> None:
        """An interactive session: each example a code block, what stands below it its output."""
        try:
            examples = DocTestParser().get_examples(prompted(content))
        except ValueError as error:
            self.leave(first - 1, first + len(content.splitlines()) - 1, f"no session that can be read: {error}")
            return
        for example in examples:
            line, count = first + example.lineno, len(example.source.splitlines())
            marks = (f"{SKIP}: doctest +SKIP",) if example.options.get(DOCTEST_SKIP) else ()
            lines = (line, line + count - 1)
            self.add("code", example.source, lines, markup="session", language="python", marks=marks)
            if example.want:
                text = example.want.replace("<BLANKLINE>", "")
                self.add("output", text, (line + count, line + count + len(text.splitlines()) - 1), markup="session")

    def _is_output(self, language: str, words: list[str], content: str) -> bool:
        if OUTPUT in self._marks:
            self._marks.remove(OUTPUT)
            return True
        if language in ("output", "pytb", "py3tb") or any(c.name == "CodeOutputBlock" for c in self._components):
            return True
        if content.lstrip().startswith(("$ ", "pip install ")):  # a shell's, whatever the fence is called
            return False
        above = self.blocks[-1] if self.blocks else None
        path = tuple(name for _, name in self._headings)
        below_python = (
            above is not None and (above.kind == "output" or above.language == "python") and above.path == path
        )
        titled = any(word.lower().strip("\"'") in ("output", "response") for word in words[1:])
        in_group = bool(self._components) and self._components[-1].group > 0
        if below_python:
            return titled or (language in PLAIN and not in_group)
        return self._is_announced() and language in (*PLAIN, "json") and not in_group

    def _is_announced(self) -> bool:
        """Whether words such as `Output:` or `which produces` stand between the section's code above and this place."""
        if len(self.blocks) < 2 or (words := self.blocks[-1]).kind != "prose":
            return False
        code = self.blocks[-2]
        named = len(words.text) < 120 and SHOWN.search(words.text.rstrip("*_ \n"))
        return bool(named) and code.path == words.path and (code.kind == "output" or code.language == "python")

    def _is_shown_value(self, token: Token, language: str) -> bool:
        """A fence marked `python` that holds a list or dict of values, right below code: what that code returned."""
        if language not in PYTHON or not self.blocks or self.blocks[-1].language != "python":
            return False
        try:
            shown = ast.parse(token.content.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            return False
        if not isinstance(shown, ast.List | ast.Tuple | ast.Dict | ast.Set):
            return False
        made = {id(node.func) for node in ast.walk(shown) if isinstance(node, ast.Call)}  # Document(…)
        return not any(isinstance(node, ast.Name) and id(node) not in made for node in ast.walk(shown))

    def _tags(self, token: Token, lines: list[str]) -> None:
        first, end = _lines(token)
        for tag in token.meta["tags"]:
            if tag.opens and tag.closes:
                self._stands_alone(tag, (first + 1, end))
            elif tag.opens:
                self._components.append(self._component(tag))
            elif any(c.name == tag.name for c in self._components):
                while self._components.pop().name != tag.name:
                    pass
            elif not any(f"<{tag.name}" in b.text for b in self.blocks if b.kind == "prose"):
                self.leave(first, end, f"</{tag.name}> closes what was not opened: {lines[first].strip()[:40]}")

    def _component(self, tag: Tag) -> Component:
        if tag.name in GROUPS:
            self._groups += 1
            return Component(tag.name, group=self._groups)
        group = self._components[-1].group if self._components else 0
        title = next((tag.attributes[key] for key in ("title", "label", "value") if tag.attributes.get(key)), "")
        return Component(tag.name, tab=f"{group}/{title}" if group else "")

    def _stands_alone(self, tag: Tag, lines: tuple[int, int]) -> None:
        """A component without content: code when it is known what it shows; others may hide content."""
        if code := COMPONENTS.get(tag.name):
            default = "llm" if tag.name.startswith("Chat") else "embeddings"
            text = code.format(var=tag.attributes.get("customVarName") or default)
            self.add("code", text, lines, markup="component", language="python")
        elif tag.name[:1].isupper():
            why = f"the component <{tag.name} /> is filled elsewhere; what it shows is not in the page"
            self.leave(lines[0] - 1, lines[1], why)

    def _left_over(self, lines: list[str], covered: set[int]) -> None:
        """Report each line with text on it that became no part of a block."""
        left = [n for n, line in enumerate(lines) if line.strip() and n not in covered]
        for n in left:
            self.leave(n, n + 1, f"not understood: {lines[n].strip()[:60]}")
        for component in self._components if not self.cell else ():
            self.leave(len(lines) - 1, len(lines), f"<{component.name}> is never closed")

    def leave(self, first: int, end: int, why: str) -> None:
        """Report lines (from 0, end excluded) that became no part of a block."""
        self.unparsed.append(Unparsed((first + 1, end), why, self.cell))


def fence_language(info: str) -> tuple[str, list[str]]:
    """The language in the words behind a fence's backticks, and these words without their attributes.

    `python title="a.py"`, `title="a.py" python`, `{.python .numberLines}` and `{code-block} python` are all Python.
    """
    try:
        words = shlex.split(info)
    except ValueError:
        words = info.split()
    words = [word for word in words if "=" not in word]
    if words and (words[0] == "{" or words[0].startswith("{.")):
        words = [word.strip("{}").lstrip(".") for word in words if word.strip("{}")]
    language = words[0].lower() if words else ""
    if language in DIRECTIVES and len(words) > 1:
        language = words[1].lower()
    if language.startswith("{") and "}" not in language:  # `{python, echo=FALSE}`
        language = language.rstrip(",") + "}"
    return (re.split(r"[,:{]", language)[0] or language), words


def fence_attributes(info: str) -> dict[str, str]:
    """The attributes behind a fence's backticks: `title="a.py" {test="skip"}` gives both."""
    return {name.lower(): value.strip("\"'") for name, value in _ATTRIBUTE.findall(info)}


def option_tags(options: str) -> list[str]:
    """The tags in the options at the head of a MyST directive."""
    return [
        tag
        for line in re.findall(r"(?m)^:?tags:\s*(.*(?:\n\s*- .*)*)", options)
        for tag in re.findall(r"[A-Za-z][\w-]*", line)
    ]


def without_options(content: str) -> str:
    """A MyST directive's text without the options at its head, `:name: value` or a YAML block."""
    lines = content.splitlines(keepends=True)
    if lines and lines[0].strip() == "---" and "---" in (line.strip() for line in lines[1:]):
        end = next(n for n, line in enumerate(lines[1:], 1) if line.strip() == "---")
        return "".join(lines[end + 1 :])
    while lines and re.match(r":[\w-]+:", lines[0]):
        lines = lines[1:]
    return "".join(lines)


def directive_options(fence: list[str]) -> list[str]:
    """The lines of a whole fence that are options of a MyST directive; none of any other fence."""
    _, words = fence_language(fence[0].strip().lstrip("`~"))
    if not words or words[0].lower() not in DIRECTIVES:
        return []
    content = "".join(fence[1:-1])
    return content[: len(content) - len(without_options(content))].splitlines(keepends=True)


def _lines(token: Token, base: int = 0) -> tuple[int, int]:
    """The lines that a block token spans: its first, counted from `base`, and the one after its last."""
    first, end = token.map or (0, 0)
    return first + base, end


def _comment(token: Token, lines: Sequence[str]) -> str:
    """The text of a token that may be a comment; '' of any other."""
    if token.type == "html_block" or token.type == "mdx_expression":
        return token.content
    if token.type == "paragraph_open" and lines[_lines(token)[0]].lstrip().startswith("%"):
        return "\n".join(lines[slice(*_lines(token))])
    return ""


def _parser(*, mdx: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.front_matter import front_matter_plugin

    from kit.pages.mdx import directive_plugin, mdx_plugin

    return MarkdownIt("commonmark").use(front_matter_plugin).use(mdx_plugin if mdx else directive_plugin)


def _looks_like_mdx(token: Token) -> bool:
    """Components, ES modules and MkDocs' tabs, none of which CommonMark knows."""
    text = token.content.lstrip()
    if token.type == "directive":
        return not text.startswith(":::")
    if token.type not in ("html_block", "inline"):
        return False
    if text.startswith(("<", "</")):
        return text.lstrip("</")[:1].isupper()
    return token.level == 1 and text.startswith("import ") and (" from '" in text or ' from "' in text)


def _is_prose(token: Token, tokens: Sequence[Token], position: int) -> bool:
    """A paragraph, quote or list is one block; one that holds code is taken apart down to its paragraphs."""
    if token.type == "html_block":
        return token.level == 0
    if token.type not in ("paragraph_open", "blockquote_open", "bullet_list_open", "ordered_list_open"):
        return False
    if token.type != "paragraph_open" and _holds_code(tokens, position):
        return False
    return all(_holds_code(tokens, outer) for outer in _containers(tokens, position))


def _containers(tokens: Sequence[Token], position: int) -> Iterator[int]:
    """The positions of the quotes and lists around a token."""
    level = tokens[position].level
    for outer in range(position - 1, -1, -1):
        if level == 0:
            return
        if tokens[outer].nesting == 1 and tokens[outer].level < level:
            level = tokens[outer].level
            if tokens[outer].type in ("blockquote_open", "bullet_list_open", "ordered_list_open"):
                yield outer


def _holds_code(tokens: Sequence[Token], position: int) -> bool:
    level = tokens[position].level
    for token in tokens[position + 1 :]:
        if token.level == level and token.nesting == -1:
            return False
        if token.type in ("fence", "code_block") or (token.meta and "tags" in token.meta):
            return True
    return False


def _is_closed(token: Token, lines: list[str]) -> bool:
    first, end = _lines(token)
    closing = lines[end - 1].strip().lstrip("> ") if end - first >= 2 else ""
    return closing.startswith(token.markup) and not closing.strip(token.markup[0])
