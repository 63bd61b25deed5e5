"""A cell's outputs: collected from the kernel's messages within a limit, and as text."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

KEPT = ("text/plain", "text/markdown", "text/latex")  # what a reader reads as it stands
LONGEST = 200_000  # characters of HTML or JSON that are kept; of anything else its hash is
HASH = "sha256 "
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OutputCollector:
    """Outputs as a notebook would store them: streams joined, displays updated, cleared when the cell says so."""

    def __init__(self, limit: int):
        self.limit, self.size = limit, 0
        self.outputs: list[dict[str, Any]] = []
        self._displays: dict[str, list[dict[str, Any]]] = {}
        self._clear = False

    @property
    def full(self) -> bool:
        """Whether more came than the limit allows; what is beyond it is dropped."""
        return self.size > self.limit

    def take(self, message: Mapping[str, Any]) -> None:
        """One iopub message of the cell."""
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output":
            self._clear = bool(content.get("wait"))
            if not self._clear:
                self.outputs.clear()
            return
        if kind == "update_display_data":
            for known in self._displays.get(content.get("transient", {}).get("display_id"), []):
                known["data"] = without_bulk(content)["data"]
            return
        if kind not in ("stream", "display_data", "execute_result", "error"):
            return
        if self._clear:
            self.outputs.clear()
            self._clear = False
        self.size += _bytes(content)
        if not self.full:
            self._add(kind, content)

    def _add(self, kind: str, content: Mapping[str, Any]) -> None:
        if kind == "stream":
            last = self.outputs[-1] if self.outputs else {}
            if last.get("name") == content["name"]:
                last["text"] += content["text"]
            else:
                self.outputs.append({"output_type": "stream", "name": content["name"], "text": content["text"]})
        elif kind == "error":
            row = {name: content[name] for name in ("ename", "evalue", "traceback")}
            self.outputs.append({"output_type": "error", **row})
        else:
            output = without_bulk({"output_type": kind, "data": content["data"]})
            self.outputs.append(output)
            if display := content.get("transient", {}).get("display_id"):
                self._displays.setdefault(display, []).append(output)


def output_text(output: Mapping[str, Any]) -> str:
    """An output as the text that a reader sees."""
    kind = output["output_type"]
    if kind == "stream":
        return plain_text(output["text"])
    if kind == "error":
        return f"{output['ename']}: {plain_text(output['evalue'])}"
    data = output["data"]
    if any(mime.startswith("image/") for mime in data):
        return "<picture>"  # its text, `<Figure size 640x480 with 1 Axes>`, is no part of what the page shows
    for mime in KEPT:
        if mime in data:
            return plain_text("".join(data[mime]) if isinstance(data[mime], list) else str(data[mime]))
    return f"<{', '.join(data)}>" if data else ""


def shown(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    """The texts of what a page would show of a run: everything but stderr and what is empty."""
    texts = [output_text(o) for o in outputs if not (o["output_type"] == "stream" and o["name"] == "stderr")]
    return [text for text in texts if text.strip()]


def without_bulk(output: Mapping[str, Any]) -> dict[str, Any]:
    """The output with a hash in place of pictures, scripts and what is very long."""
    if "data" not in output:
        return {name: value for name, value in output.items() if name not in ("metadata", "execution_count")}
    data = {}
    for mime, value in output["data"].items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        small = (mime == "text/html" or mime.endswith("json")) and len(text) <= LONGEST
        data[mime] = value if small or mime in KEPT else _hash(mime, value)
    return {"output_type": output.get("output_type", "display_data"), "data": data}


def _hash(mime: str, value: Any) -> str:
    """`sha256 0a1b…` of what a picture or a script holds, however its text is broken into lines."""
    text = "".join(value) if isinstance(value, list) else value if isinstance(value, str) else json.dumps(value)
    if mime.startswith("image/") and mime != "image/svg+xml":
        text = "".join(text.split())
    return f"{HASH}{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def plain_text(text: str) -> str:
    """Text without terminal colours, and without what a carriage return overwrote."""
    text = _ANSI.sub("", text)
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _bytes(content: Mapping[str, Any]) -> int:
    return (
        len(content.get("text", ""))
        + sum(len(str(v)) for v in content.get("data", {}).values())
        + len("".join(content.get("traceback", [])))
    )
