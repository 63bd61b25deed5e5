"""A small server on the loopback interface that speaks OpenAI's chat completions over real HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk-loopback-secret"


class ChatServer(ThreadingHTTPServer):
    """Answers each prompt with `brain(prompt)`; `prompts` are those that arrived."""

    daemon_threads = True

    def __init__(self, brain: Callable[[str], str]):
        super().__init__(("127.0.0.1", 0), _Chat)
        self.brain = brain
        self.prompts: list[str] = []

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL must be."""
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def chat_server(brain: Callable[[str], str]) -> Iterator[ChatServer]:
    """A running server, stopped at the end."""
    server = ChatServer(brain)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def asked_for(prompt: str) -> str:
    """The model of ragas that a prompt wants filled, such as ContextPrecisionOutput; "" for the plain question."""
    titles = re.findall(r'"title": "(\w+)", "type": "object"', prompt)
    return titles[-1] if titles else ""


def asked_about(prompt: str) -> dict:
    """The input that a prompt of ragas ends with."""
    return json.loads(prompt[prompt.rindex("\ninput: ") + len("\ninput: ") : prompt.rindex("\nOutput:")])


class _Chat(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions" or self.headers["Authorization"] != f"Bearer {KEY}":
            self._send(401, {"error": {"message": f"Incorrect API key provided: {self.headers['Authorization']}."}})
            return
        prompt = body["messages"][-1]["content"]
        self.server.prompts.append(prompt)
        said = self.server.brain(prompt)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        head = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"]}
        self._send(200, {**head, "choices": [choice], "usage": usage})

    def _send(self, status: int, content: dict) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args) -> None:
        """Say nothing on stderr."""
