"""What a page reads from the web is recorded once, and replayed without a network."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kit.docs.run.replay import replay_page
from kit.docs.run.web import web_addresses
from kit.kernels.isolation import isolation
from kit.pages.markdown import parse_text

PAGE = """```python
import urllib.request

print(urllib.request.urlopen("http://words.example/today?key=mine").read().decode())
```

```output
a word
```
"""


class Web(BaseHTTPRequestHandler):
    """The web, as a proxy of this machine gives it."""

    asked = 0

    def do_GET(self):
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"a word")

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not isolation().apart, reason="this system gives no namespaces")
def test_a_web_page_is_read_once_and_replayed_without_a_network(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_CACHE_DIR", str(tmp_path))
    for name in ("HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), Web) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{web.server_port}")
        assert [v.verdict for v in replay_page(parse_text(PAGE)).verdicts] == ["same"]
        web.shutdown()
    monkeypatch.delenv("http_proxy")
    assert [v.verdict for v in replay_page(parse_text(PAGE)).verdicts] == ["same"]
    assert Web.asked == 1
    (file,) = tmp_path.glob("web/*.yaml")
    assert "mine" not in file.read_text()
    file.unlink()
    assert [v.row for v in replay_page(parse_text(PAGE)).verdicts] == ["environment"]


def test_addresses_of_other_machines_are_read_from_the_code():
    codes = ["a('https://x.example/a')\nb('http://localhost:8000')\nc('see https://y.example.')", "'no address'"]
    assert web_addresses(codes) == ["https://x.example/a", "https://y.example."]
