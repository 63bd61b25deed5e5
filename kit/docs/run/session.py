"""One fresh kernel in a sandbox: cells run unchanged, prompts answered, limits kept, the state asked after each."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import queue
import re
import secrets as secrets_module
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from types import MappingProxyType
from typing import Any

from kit.docs.records import BlockOutcome, CellError, Installs, State, Status, error_from, state_from
from kit.docs.run.scripts import Script
from kit.errors import KitError
from kit.kernels.isolation import Apart, isolation
from kit.kernels.launcher import SIGNAL_STATUS
from kit.kernels.outputs import OutputCollector, plain_text
from kit.kernels.sandbox import Limits, Sandbox, Watch
from kit.pages.code import statement_at
from kit.settings import mask

START_SECONDS = 60
LOOK_SECONDS, LEAST_LOOK_SECONDS = 20, 5  # what a look between two cells may take: no longer than a cell
OBEY_SECONDS = 3  # how long an interrupted cell may take to stop
POLL_SECONDS = 0.05


class Session:
    """A kernel of `python`; use as a context manager: leaving it kills the kernel and what it left running."""

    def __init__(
        self,
        python: str,
        sandbox: Sandbox,
        environment: Mapping[str, str],
        limits: Limits,
        *,
        apart: Apart | None = None,
        answer: Callable[[str], str] = lambda _: "",
        secrets: tuple[str, ...] = (),
        allow_install: bool = False,
        rewrites: Mapping[str, str] = MappingProxyType({}),
        web: str = "",
    ):
        self.python, self.sandbox, self.environment, self.limits = python, sandbox, environment, limits
        self.apart = apart or Apart(isolation(), file_bytes=limits.file_bytes)
        self.answer, self.secrets, self.allow_install = answer, secrets, allow_install
        self.rewrites, self.web = dict(rewrites), web
        self._probe = f"_{secrets_module.token_hex(8)}"  # a module of no name that a page could take
        self.seconds = 0.0  # what the kernel's start took
        self.left: list[str] = []  # what was still running at the end
        self.dead = ""  # why the kernel is no more
        self._watch: Watch | None = None
        self._reply: dict[str, Any] = {}

    def __enter__(self) -> Session:
        began = time.perf_counter()
        self._start()
        self.seconds = time.perf_counter() - began
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, block_id: str, code: str, script: Script | None = None) -> BlockOutcome:
        """What happens when the kernel runs this code, as a notebook's cell or as a script."""
        if self.dead:
            return BlockOutcome(block_id, "not run", f"the kernel was gone: {self.dead}")
        self._ask(f"begin({script.file!r}, {script.arguments!r}, {code!r})" if script else "begin()")
        if self.dead:
            return BlockOutcome(block_id, "not run", f"the kernel was gone: {self.dead}")
        collector = OutputCollector(self.limits.output_bytes)
        prompts: list[str] = []
        began = time.perf_counter()
        problem = self._execute(code, collector, prompts)
        seconds = time.perf_counter() - began
        status: Status
        status, why = problem or ("ran", "")
        asked = self._look() if not self.dead else {}
        error = _error(collector, self._reply, asked.get("error") or {}, code)
        if script and error and error.name == "SystemExit" and error.value in ("", "0", "None"):
            error = None  # how a script ends when all went well
            collector.outputs[:] = [o for o in collector.outputs if o["output_type"] != "error"]
        if error and status == "ran":
            status = "raised"
        elif status == "ran" and (problem := self._ended()):
            status, why = problem
        return BlockOutcome(
            block_id, status, self._clean(why),
            outputs=tuple(self._clean(collector.outputs)),
            error=error_from(self._clean(error._asdict())) if error else None,
            seconds=seconds,
            state=self._state(asked),
            recorded=tuple(self._clean(asked.get("recorded", []))),
            files=tuple(asked.get("files", ())),
            prompts=tuple(self._clean(prompts)),
        )  # fmt: skip

    def _look(self) -> dict[str, Any]:
        """What the probe says after a cell; nothing when the page stands in its way."""
        try:
            asked = json.loads(self._ask(f"look({str(self.sandbox.folder)!r})") or "{}")
        except ValueError:
            return {}
        return asked if isinstance(asked, dict) else {}

    def _ended(self) -> tuple[Status, str] | None:
        """A cell that ended well and the kernel with it, as `exit()` does."""
        if self.dead:
            return "kernel died", self.dead
        asked = any(p.get("source") == "ask_exit" for p in self._reply.get("payload", ()))
        if not asked and self._alive:
            return None
        self.dead = "the cell ended the kernel (exit())" if asked else "the kernel ended after this cell"
        return "kernel died", self.dead

    def versions(self) -> dict[str, str]:
        """The releases in the kernel's environment."""
        return json.loads(self._ask("versions()") or "{}")

    def installs(self, modules: Sequence[str], named: Sequence[str]) -> Installs | None:
        """What the kernel's environment says of imported modules and install lines; None when it says nothing."""
        asked = json.loads(self._ask(f"packages({list(modules)!r}, {list(named)!r})") or "{}")
        if "modules" not in asked:
            return None
        modules_held = {module: tuple(holders) for module, holders in asked["modules"].items()}
        return Installs(modules_held, tuple(asked["brought"]), tuple(asked["unknown"]))

    def shut_down(self) -> None:
        """Ask the kernel to end as a reader's restart does, so that what it holds is written; then close."""
        if not self.dead:
            with contextlib.suppress(RuntimeError, OSError):
                if self.web:
                    self._ask("end()")
                    self.web = ""
                self._client.shutdown()
                deadline = time.monotonic() + 5
                while self._alive and time.monotonic() < deadline:
                    time.sleep(POLL_SECONDS)
        self.close()

    def close(self) -> None:
        """Kill the kernel and everything that it started."""
        if self._watch is None:
            return
        if self.web and not self.dead:
            with contextlib.suppress(RuntimeError, OSError):
                self._ask("end()")
        self.left = self._clean(self._watch.end())
        self._watch = None
        with contextlib.suppress(RuntimeError, OSError):
            self._client.stop_channels()
        with contextlib.suppress(RuntimeError, OSError):
            self._manager.cleanup_resources()
        os.close(self._alive_end)
        self._log.close()

    def _start(self) -> None:
        reading, self._alive_end = os.pipe()
        from jupyter_client import BlockingKernelClient, KernelManager
        from jupyter_client.kernelspec import KernelSpec

        class OnePython(KernelManager):
            """Its kernel is the ipykernel of one Python, whatever kernels the user has installed."""

            kernel_spec = KernelSpec(
                argv=[*self.apart.command(reading), self.python, "-m", "ipykernel_launcher", "-f", "{connection_file}",
                      "--HistoryManager.enabled=False"],
                display_name="page", language="python", interrupt_mode="message",
            )  # fmt: skip
            client_class = f"{BlockingKernelClient.__module__}.{BlockingKernelClient.__qualname__}"

        sockets = {"transport": "ipc", "ip": str(self.sandbox.sockets / "kernel")} if self.apart.isolation.apart else {}
        self._log = (self.sandbox.root / "kernel.log").open("w+", encoding="utf-8", errors="replace")
        self._manager = OnePython(connection_file=str(self.sandbox.root / "kernel.json"), **sockets)
        try:
            self._manager.start_kernel(
                env=self.environment, cwd=str(self.sandbox.folder), stdout=self._log, stderr=self._log,
                pass_fds=(reading,),
            )  # fmt: skip
            os.close(reading)
            self._process: Popen[bytes] = getattr(self._manager.provisioner, "process")  # noqa: B009 - a local provisioner's
            self._watch = Watch(self._process.pid, self.sandbox, self.limits)
            self._client = self._manager.client()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=START_SECONDS)
            self._load_probe()
            if self.web:
                self._ask(f"record_web({self.web!r})")
            self._watch.ready()
        except (RuntimeError, OSError, TimeoutError) as error:
            self._log.flush()
            words = Path(self._log.name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if self._watch:
                self.close()
            raise KitError(
                f"The page's kernel did not start: {self._clean(words[-1] if words else str(error))}"
            ) from None

    def _load_probe(self) -> None:
        source = Path(__file__).with_name("inkernel.py").read_text(encoding="utf-8")
        module = f"__import__('types').ModuleType({self._probe!r})"
        load = (
            f"(lambda m: (m.__dict__.update(get_ipython=get_ipython), exec({source!r}, m.__dict__),"
            f" __import__('sys').modules.update({self._probe}=m)))({module})"
        )
        if self._evaluate(load) is None or self._ask(f"prepare({self.allow_install}, {self.rewrites!r})") is None:
            raise RuntimeError("its state could not be asked")

    @property
    def _alive(self) -> bool:
        return self._process.poll() is None

    def _execute(self, code: str, collector: OutputCollector, prompts: list[str]) -> tuple[Status, str] | None:
        """Run to the end; (status, why) when something other than the code ended it."""
        message = self._client.execute(code, allow_stdin=True, stop_on_error=False)
        deadline = time.monotonic() + self.limits.cell_seconds
        stopped: tuple[Status, str] | None = None
        self._reply = {}
        answered = 0.0
        while True:
            if not answered and (reply := self._shell_reply(message)) is not None:
                self._reply, answered = reply, time.monotonic()
            elif answered and time.monotonic() > answered + OBEY_SECONDS:
                return stopped  # the page took away what the kernel says `idle` with
            if (received := self._message(message)) is not None:
                if received["msg_type"] == "status" and received["content"]["execution_state"] == "idle":
                    self._reply = self._reply or self._shell_reply(message, 1.0) or {}
                    return stopped
                collector.take(received)
            self._answer_prompts(message, prompts)
            if not self._alive:
                return self._died(stopped)
            limit = self._exceeded(collector, deadline)
            if limit and not stopped:
                stopped, deadline = limit, time.monotonic() + OBEY_SECONDS
                self._manager.interrupt_kernel()
            elif stopped and time.monotonic() > deadline:
                self.dead = f"{stopped[1]}, and the cell did not obey an interrupt"
                self._process.kill()
                return stopped

    def _exceeded(self, collector: OutputCollector, deadline: float) -> tuple[Status, str] | None:
        if collector.full:
            return "too much output", f"it wrote more than {self.limits.output_bytes / 1e6:g} MB of output"
        if time.monotonic() > deadline:
            return "timed out", f"it ran longer than {self.limits.cell_seconds:g} s"
        return None

    def _died(self, stopped: tuple[Status, str] | None) -> tuple[Status, str]:
        if self._watch and self._watch.exceeded:
            self.dead = self._watch.exceeded
            return "kernel died", self.dead
        if stopped:
            self.dead = stopped[1]
            return stopped
        status = self._process.poll()
        number = -status if status and status < 0 else (status or 0) - SIGNAL_STATUS
        killed = f"killed by signal {signal.Signals(number).name}" if number > 0 else f"exit status {status}"
        self.dead = f"the kernel ended in this cell ({killed})"
        return "kernel died", self.dead

    def _message(self, message_id: str) -> dict[str, Any] | None:
        """The next message of this request, or None after a short wait."""
        try:
            received = self._client.iopub_channel.get_msg(timeout=POLL_SECONDS)
        except queue.Empty:
            return None
        return received if received["parent_header"].get("msg_id") == message_id else None

    def _shell_reply(self, message_id: str, seconds: float = 0.0) -> dict[str, Any] | None:
        """What the kernel says of the cell's end."""
        try:
            received = self._client.shell_channel.get_msg(timeout=seconds)
        except queue.Empty:
            return None
        return received["content"] if received["parent_header"].get("msg_id") == message_id else None

    def _answer_prompts(self, message_id: str, prompts: list[str]) -> None:
        with contextlib.suppress(queue.Empty):
            asked = self._client.stdin_channel.get_msg(timeout=0)
            if asked["parent_header"].get("msg_id") == message_id:
                prompts.append(asked["content"]["prompt"])
                self._client.input(self.answer(asked["content"]["prompt"]))

    def _ask(self, call: str) -> str | None:
        """What a function of the probe returns (its text), or None when the kernel does not answer."""
        found = self._evaluate(f"__import__('sys').modules[{self._probe!r}].{call}")
        if found is None:
            return None
        try:
            value = ast.literal_eval(found)
        except (ValueError, SyntaxError):
            return None
        return value if isinstance(value, str) else ""

    def _evaluate(self, expression: str) -> str | None:
        """The repr of an expression in the kernel, evaluated in silence: no history, no output, no counter."""
        request = self._client.execute("", silent=True, store_history=False, user_expressions={"it": expression})
        deadline = time.monotonic() + max(LEAST_LOOK_SECONDS, min(LOOK_SECONDS, self.limits.cell_seconds))
        while time.monotonic() < deadline and self._alive and not self.dead:
            try:
                reply = self._client.shell_channel.get_msg(timeout=0.5)
            except queue.Empty:
                continue
            if reply["parent_header"].get("msg_id") == request:
                found = reply["content"].get("user_expressions", {}).get("it", {})
                return found["data"]["text/plain"] if found.get("status") == "ok" else None
        if self._alive and not self.dead:
            self.dead = "the kernel answered no more after it"
        return None

    def _state(self, asked: Mapping[str, Any]) -> State | None:
        if self.dead:
            return None
        if "state" not in asked:
            return State(problem="the kernel did not answer between two cells")
        return state_from(self._clean(asked["state"]))

    def _clean(self, value: Any) -> Any:
        """The value without keys and without the scratch folder's path."""
        if isinstance(value, str):
            value = mask(value, self.secrets)
            for folder in (self.sandbox.folder, self.sandbox.root):
                value = value.replace(str(folder), "/page" if folder == self.sandbox.folder else "/scratch")
            return value
        if isinstance(value, dict):
            return {self._clean(name): self._clean(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(inner) for inner in value]
        return value


def _error(
    collector: OutputCollector, reply: Mapping[str, Any], asked: Mapping[str, Any], code: str
) -> CellError | None:
    """What the cell raised: as it was shown, or, when nothing was shown, as the kernel's reply says."""
    raised = next((o for o in reversed(collector.outputs) if o["output_type"] == "error"), None)
    if raised is None and reply.get("status") == "error":
        raised = {"output_type": "error", **{name: reply.get(name, "") for name in ("ename", "evalue", "traceback")}}
        collector.outputs.append(raised)
    if raised is None:
        return None
    lines, line = code.splitlines(), asked.get("line", 0)
    source = statement_at(code, line) or (lines[line - 1].strip() if 0 < line <= len(lines) else "")
    # IPython numbers a cell's file anew in each run: `invalid syntax (1843956808.py, line 1)`.
    value = re.sub(r" \(\d+\.py, line \d+\)$", "", plain_text(raised["evalue"]))
    known = raised["ename"] in asked.get("bases", ())
    about, bases, inner = (asked.get(name) if known else None for name in ("about", "bases", "inner"))
    traceback = plain_text("\n".join(raised["traceback"]))
    return CellError(
        raised["ename"], value, line, source, traceback, about or "", tuple(bases or ()), tuple(inner or ())
    )
