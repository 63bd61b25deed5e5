"""An OpenAI-compatible address on loopback, answered by the kit's local model, behind a bearer token."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from kit.errors import KitError
from kit.models.openai_wire import (
    ApiError,
    answer_chat,
    answer_embeddings,
    list_models,
    model_card,
    read_embedding_request,
    stream_chat,
)

HOST = "127.0.0.1"
MAX_BODY = 32_000_000
SOCKET_SECONDS = 60

Embed = Callable[[list[str]], Sequence[Sequence[float]]]


class OpenAIServer(ThreadingHTTPServer):
    """Serves in a thread of its own while it is used as a context manager.

    `base_url` wants the token as a bearer token, as OpenAI's clients send a key. `page_url` carries the token in its
    path instead and accepts any key, for pages that set a key of their own such as "sk-...".
    """

    daemon_threads = True

    def __init__(self, embed: Embed, *, port: int = 0, token: str | None = None):
        self.embed = embed
        self.answered = 0  # how many requests were answered
        self.token = token or f"sk-kit-{secrets.token_urlsafe(24)}"
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise KitError(
                f"Port {port} of {HOST} cannot be served ({why})", mend="Choose another, or 0 for any."
            ) from None

    @property
    def base_url(self) -> str:
        """The address for OPENAI_BASE_URL."""
        return f"http://{HOST}:{self.server_port}/v1"

    @property
    def page_url(self) -> str:
        """The address that carries the token itself."""
        return f"http://{HOST}:{self.server_port}/{self.token}/v1"

    def __enter__(self) -> OpenAIServer:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="openai", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


def local_embed(name: str | None = None) -> Embed:
    """The kit's embeddings as a function, loaded on first use; `name` as for `kit.load_embeddings`."""
    lock = threading.Lock()
    loaded: list[Any] = []

    def embed(texts: list[str]) -> Sequence[Sequence[float]]:
        with lock:
            if not loaded:
                from kit.models.embeddings import load_embeddings

                loaded.append(load_embeddings(name))
        return loaded[0].embed_documents(texts) if texts else []

    return embed


class _Handler(BaseHTTPRequestHandler):
    server: OpenAIServer
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_SECONDS

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, *_: object) -> None:
        """Say nothing: requests are not news."""

    def _answer(self, answer: Callable[[str], dict[str, Any] | None]) -> None:
        try:
            try:
                row = answer(self._path())
                if row is not None:
                    self._send(200, row)
            except ApiError as error:
                self._send(error.status, error.body)
            except KitError as error:
                self._send(400, ApiError(400, str(error)).body)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _path(self) -> str:
        """The path below /v1, once the token was seen in the header or in the path."""
        path = urlsplit(self.path).path
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ").strip()
        first, _, rest = path.lstrip("/").partition("/")
        if _equal(first, self.server.token):
            path = f"/{rest}"
        elif not _equal(given, self.server.token):
            message = "Incorrect API key provided." if given else "You didn't provide an API key."
            raise ApiError(401, message, code="invalid_api_key")
        if not path.startswith("/v1/"):
            raise ApiError(404, f"Invalid URL ({self.command} {path})")
        return path.removeprefix("/v1")

    def _get(self, path: str) -> dict[str, Any]:
        if path == "/models":
            return list_models()
        if path.startswith("/models/"):
            return model_card(path.removeprefix("/models/"))
        raise ApiError(404, f"Invalid URL (GET /v1{path})")

    def _post(self, path: str) -> dict[str, Any] | None:
        body = self._body()
        self.server.answered += 1
        if path == "/embeddings":
            return answer_embeddings(read_embedding_request(body), self.server.embed)
        if path == "/chat/completions":
            if isinstance(body, dict) and body.get("stream"):
                self._stream(body)
                return None
            return answer_chat(body)
        raise ApiError(404, f"Invalid URL (POST /v1{path})")

    def _body(self) -> Any:
        length = self.headers.get("Content-Length") or ""
        if not length.isdigit():
            self.close_connection = True
            raise ApiError(411, "Wanted a Content-Length.")
        if int(length) > MAX_BODY:
            self.close_connection = True
            raise ApiError(413, f"The request has {length} bytes; at most {MAX_BODY} are read.")
        try:
            return json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise ApiError(400, "We could not parse the JSON body of your request.") from None

    def _send(self, status: int, row: dict[str, Any]) -> None:
        if status == 401:
            self.close_connection = True  # a body that was not read would be taken for the next request
        data = json.dumps(row).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, body: dict[str, Any]) -> None:
        events = list(stream_chat(body))  # an error comes before the first byte
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events:
            self.wfile.write(event.encode())
        self.close_connection = True


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
