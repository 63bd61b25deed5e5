"""A page's own Python cells, run unchanged, in order, in one fresh kernel; once, or again on the files they left."""

from __future__ import annotations

import ast
import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from kit.docs.records import BlockOutcome, Installs, Pass, Replay
from kit.docs.run.packages import named_requirements
from kit.docs.run.page_environment import page_environment
from kit.docs.run.scripts import scripts
from kit.docs.run.served import Engine, Protection, Served, served
from kit.docs.run.session import Session
from kit.docs.run.web import recorded_web
from kit.docs.verdicts.judge import judge, runs_on_page
from kit.errors import KitError
from kit.kernels.relays import is_own
from kit.kernels.sandbox import Limits, Sandbox, make_sandbox
from kit.models.openai_server import OpenAIServer, local_embed
from kit.pages.code import as_magics, imported_modules, installs_unknown, only_shell_installs, parse, text_constants
from kit.pages.page import Block, Page
from kit.settings import Settings, load_settings

INSTALLS_NOT_RUN = "installs are written down, not run"
INSTALLS = ("pip", "conda", "mamba", "micromamba", "uv", "system", "sx", "bash", "sh", "script", "cmd", "!")


@dataclass(frozen=True)
class Options:
    """How a page is run; `places` maps a path as the page writes it to a file, `answers` a prompt's words to a text."""

    places: Mapping[str, Path] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    allow_install: bool = False
    all_tabs: bool = False
    allow_local: bool = False
    milvus: Engine = "lite"  # what is served at the address of a Milvus that the page names
    protection: Protection = "auto"
    keys: tuple[str, ...] = ()  # names of variables of this process that the page is handed


# Called with the pass (1 or 2), the block, and how many blocks of how many have been reached.
Progress = Callable[[int, Block, int, int], None]


def replay_page(
    page: Page,
    *,
    twice: bool = False,
    requirements: str = "",
    options: Options | None = None,
    progress: Progress | None = None,
) -> Replay:
    """What happens when the page is run: this executes the page's code, in a scratch folder, as the user who calls.

    `requirements` is a set for another environment, such as "langchain-milvus==0.3.3"; the kit's own when empty.
    Raises KitError for a page without Python code, an environment that cannot be had, a kernel that does not start.
    """
    options = options or Options()
    reasons = runs_on_page(page, all_tabs=options.all_tabs)
    if not any(not reason for reason in reasons.values()):
        kinds = sorted({block.language or "no language" for block in page.code})
        found = f"code in {', '.join(kinds)}" if kinds else "no code at all"
        raise KitError(f"{page.name} has no Python code to run; found {found}.")
    settings = load_settings()
    codes = [block.text for block in page.code if not reasons[block.id]]
    python = _python(requirements, codes)
    sandbox = make_sandbox(text_constants(codes), options.places)
    try:
        with contextlib.ExitStack() as stack:
            if options.allow_install:
                whole = not any(installs_unknown(block.text) for block in page.code)
                place = sandbox.root / "installed"
                named = named_requirements(page.blocks)
                python = stack.enter_context(page_environment(python, named, place, keep=whole))
            service = stack.enter_context(_openai(settings))
            around = stack.enter_context(
                served(
                    sandbox, codes, service.addresses, options.limits, engine=options.milvus,
                    protection=options.protection, allow_local=options.allow_local,
                )
            )  # fmt: skip
            secrets = (*service.secrets, *settings.secrets)
            web = stack.enter_context(recorded_web(page.name, codes, sandbox.root, secrets))
            run = _Run(page, reasons, python, sandbox, service, around, settings, options, progress)
            run.web = web
            passes, versions = run.passes(2 if twice else 1)
    finally:
        sandbox.remove()
    return Replay(
        page=page.name,
        sha256=page.sha256,
        blocks=page.blocks,
        passes=passes,
        requirements=(requirements,) if requirements else (),
        versions=versions,
        embeddings=service.name,
        protection=around.apart.isolation.words,
        served=tuple(f"{engine}, served to the page alone" for engine in around.started),
        installs=run.installs,
        notes=(*_unparsed(page), *(f"placed {path}" for path in sandbox.placed), *run.notes),
    )


@dataclass(frozen=True)
class Service:
    """What answers OpenAIEmbeddings() and ChatOpenAI(): its name, the variables that say so, what must not be shown."""

    name: str
    environment: Mapping[str, str]
    key: str
    secrets: tuple[str, ...]
    addresses: tuple[str, ...] = ()  # of this machine, which the page must reach
    stand_in: str = ""  # what it is, when it is not what the page means
    answered: Callable[[], int] = lambda: 0  # how many requests so far


@contextlib.contextmanager
def _openai(settings: Settings):
    """The real service when a key is set; else the kit's own on loopback."""
    if settings.openai_api_key:
        key = settings.openai_api_key.get_secret_value()
        own = {"OPENAI_API_KEY": key}
        if settings.openai_base_url:
            own["OPENAI_BASE_URL"] = settings.openai_base_url
        where = settings.openai_base_url or "OpenAI"
        own_address = is_own(urlsplit(where).hostname or "")
        local = (settings.openai_base_url,) if settings.openai_base_url and own_address else ()
        yield Service(f"{where}, with your OPENAI_API_KEY", own, key, (key,), local)
        return
    name = settings.embeddings if ":" not in settings.embeddings else "minilm"
    embed = local_embed(name)
    with contextlib.suppress(KitError):  # said to the cell that embeds
        embed(["warm"])  # imports now, in this thread, and not within a cell's time
    with OpenAIServer(embed) as server:
        own = {"OPENAI_API_KEY": server.token, "OPENAI_BASE_URL": server.page_url, "OPENAI_API_BASE": server.page_url}
        yield Service(f"{name}, on loopback", own, server.token, (server.token,), (server.base_url,),
                      f"{name} in place of OpenAI's", lambda: server.answered)  # fmt: skip


class _Run:
    """The passes of one page, and what is worth a note on the way."""

    def __init__(
        self,
        page: Page,
        reasons: Mapping[str, str],
        python: str,
        sandbox: Sandbox,
        service: Service,
        around: Served,
        settings: Settings,
        options: Options,
        progress: Progress | None,
    ):
        self.page, self.reasons, self.python, self.sandbox = page, reasons, python, sandbox
        self.service, self.around, self.settings, self.options, self.progress = (
            service,
            around,
            settings,
            options,
            progress,
        )
        self.notes: list[str] = []
        self.scripts = scripts(page)
        self.installs: Installs | None = None
        self.web = ""  # where what the page reads from the web is recorded
        self.keys = handed_keys(options.keys)

    def passes(self, count: int) -> tuple[tuple[Pass, ...], dict[str, str]]:
        """Each pass in a kernel of its own, on the files that the one before left."""
        found: list[Pass] = []
        versions: dict[str, str] = {}
        for number in range(1, count + 1):
            began = time.perf_counter()
            with self._session() as session:
                self.around.ready()
                versions = versions or session.versions()
                outcomes = tuple(
                    self._reach(session, block, number, position) for position, block in enumerate(self.page.code, 1)
                )
                self.installs = self.installs or self._installs(session)
                if number < count:
                    session.shut_down()
            seconds = time.perf_counter() - began
            self._note_left(session.left)
            verdicts = judge(self.page, outcomes, found[0].outcomes if found else ())
            found.append(Pass(outcomes, verdicts, session.seconds, seconds))
        return tuple(found), versions

    def _installs(self, session: Session) -> Installs | None:
        """What the environment says of the page's install lines, when it has any."""
        named = named_requirements(self.page.blocks)
        if not named or session.dead:
            return None
        return session.installs(imported_modules(block.text for block in self.page.code), named)

    def _session(self) -> Session:
        return Session(
            self.python,
            self.sandbox,
            self.sandbox.environment(
                {**self.around.environment, **self.service.environment, **self.keys},
                allow_install=self.options.allow_install,
            ),
            self.options.limits,
            apart=self.around.apart,
            rewrites=self.around.rewrites,
            web=self.web,
            answer=self._answer,
            secrets=(*self.service.secrets, *self.settings.secrets, *self.keys.values()),
            allow_install=self.options.allow_install,
        )

    def _reach(self, session: Session, block: Block, number: int, position: int) -> BlockOutcome:
        if self.progress:
            self.progress(number, block, position, len(self.page.code))
        if only_shell_installs(block.text) and not self.options.allow_install:
            return BlockOutcome(block.id, "not run", INSTALLS_NOT_RUN, recorded=tuple(block.text.splitlines()))
        if reason := self.reasons[block.id]:
            return BlockOutcome(block.id, "not run", reason)
        before = self.service.answered()
        code = as_magics(block.text) if only_shell_installs(block.text) else block.text
        outcome = session.run(block.id, code, self.scripts.get(block.id))
        if self.service.answered() > before:
            outcome = replace(outcome, stand_in=self.service.stand_in)
        if self.around.started and self.around.engine == "lite":
            outcome = replace(outcome, engine="Milvus Lite in place of the server that the page names")
        if outcome.status == "ran" and not self.options.allow_install and only_installs(block.text):
            return replace(outcome, status="not run", why=INSTALLS_NOT_RUN)
        return outcome

    def _answer(self, prompt: str) -> str:
        """What is typed at a prompt: the longest --answer whose words it has, or the setting that it asks for."""
        asked = prompt.lower()
        for words in sorted(self.options.answers, key=len, reverse=True):
            if words.lower() in asked:
                return self.options.answers[words]
        if "milvus" in asked or "zilliz" in asked:
            token = self.settings.milvus_token
            wants_token = any(word in asked for word in ("token", "key", "password"))
            return (token.get_secret_value() if token else "") if wants_token else (self.settings.milvus_uri or "")
        if "openai" in asked or "open ai" in asked:
            return self.service.key
        if "key" in asked or "token" in asked:
            self._note(f"it asks for a key that the kit has not ({prompt.strip()!r}); an empty text was typed")
        else:
            self._note(f"it asks {prompt.strip()!r}; an empty text was typed (--answer 'WORDS=TEXT' answers)")
        return ""

    def _note_left(self, left: list[str]) -> None:
        for name in left:
            self._note(f"left running, and stopped: {name}")

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)


def handed_keys(names: Sequence[str]) -> dict[str, str]:
    """Variables of this process by name, for a page; KitError for one that is not set."""
    if missing := [name for name in names if not os.environ.get(name)]:
        raise KitError(f"The page is to be handed {', '.join(missing)}, which this environment does not have",
                       mend="Set it, or leave it out of keys.")  # fmt: skip
    return {name: os.environ[name] for name in names}


def only_installs(code: str) -> bool:
    """Whether a cell holds nothing but %pip, %conda and shell commands."""
    tree = parse(code)
    if tree is None:  # `pip install …` without its %, which IPython understands too
        lines = [line.split() for line in code.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        return all(words[0].lstrip("%!") in INSTALLS or words[0].startswith("!") for words in lines)
    return bool(tree.body) and all(map(_is_install, tree.body))


def _is_install(node: ast.stmt) -> bool:
    """`get_ipython().system('…')` or `get_ipython().run_line_magic('pip', '…')`, as IPython rewrites magics."""
    call = getattr(node, "value", None)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr in ("system", "getoutput"):
        return True
    names = [a.value for a in call.args[:1] if isinstance(a, ast.Constant)]
    return call.func.attr in ("run_line_magic", "run_cell_magic") and bool(names) and names[0] in INSTALLS


def _python(requirements: str, codes: list[str]) -> str:
    if not requirements:
        return sys.executable
    from kit.docs.run.environments import environment
    from kit.docs.run.packages import distributions_of

    return str(environment(requirements, sorted(set(distributions_of(imported_modules(codes)).values()))).python)


def _unparsed(page: Page) -> list[str]:
    stray = [
        f"{block.where}: an output below no code of its section; it was compared with nothing" for block in page.stray
    ]
    return stray + [
        f"{f'cell {u.cell}, ' if u.cell else ''}lines {u.lines[0]}-{u.lines[1]} were not read: {u.why}"
        for u in page.unparsed
    ]
