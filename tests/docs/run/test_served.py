"""A Milvus at the address that a page names, served to it alone: nothing of the user's is touched."""

import socket

import pytest

from kit.docs.run.local_services import milvus_hosts, milvus_ports
from kit.docs.run.replay import Options, replay_page
from kit.kernels.isolation import isolation
from kit.pages.markdown import parse_text

PAGE = """# A server

```python
from pymilvus import MilvusClient

client = MilvusClient(uri="http://localhost:19530", token="root:Milvus")
client.create_collection("notes", dimension=4)
client.insert("notes", [{"id": 1, "vector": [0.1, 0.2, 0.3, 0.4]}])
client.query("notes", filter="id == 1", output_fields=["id"])
```

```output
data: ["{'id': 1}"]
```
"""


@pytest.fixture
def mine():
    """A service of the user's on Milvus' own port, which must see nobody."""
    with socket.socket() as service:
        service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            service.bind(("127.0.0.1", 19530))
        except OSError:
            pytest.skip("port 19530 is taken")
        service.listen()
        service.settimeout(0.1)
        yield service


@pytest.mark.parametrize("protection", ["auto", "limits"])
def test_a_page_that_means_a_server_gets_one_and_the_users_own_is_not_touched(mine, protection):
    replay = replay_page(parse_text(PAGE), options=Options(protection=protection))
    assert [v.row for v in replay.verdicts] == ["holds"]
    assert replay.served == ("milvus-lite, served to the page alone",)
    state = replay.passes[0].outcomes[0].state
    assert state.databases["http://localhost:19530"]["notes"].rows == 1
    with pytest.raises(TimeoutError):
        mine.accept()


def test_a_page_without_a_server_starts_none_and_the_report_says_what_kept_it_apart():
    replay = replay_page(parse_text("```python\nimport pymilvus\n```\n"))
    assert replay.served == ()
    assert replay.protection == isolation().words


@pytest.mark.skipif(not isolation().apart, reason="this system gives no namespaces")
@pytest.mark.parametrize("host", ["milvus-standalone", "10.102.7.3"])
def test_a_server_is_found_by_its_name_or_number_too(host):
    page = PAGE.replace("localhost", host)
    assert [v.row for v in replay_page(parse_text(page)).verdicts] == ["holds"]


@pytest.mark.long
def test_a_page_may_run_on_a_real_server():
    replay = replay_page(parse_text(PAGE), options=Options(milvus="server"))
    assert replay.served == ("milvus 2.3.5, served to the page alone",)


@pytest.mark.parametrize(
    ("code", "ports", "hosts"),
    [
        ("MilvusClient('http://localhost:19531')", {19530, 19531}, set()),
        ("connections.connect(host='127.0.0.1', port='19540')", {19530, 19540}, set()),
        ("URI = 'http://0.0.0.0:19550'", {19530, 19550}, set()),
        ("Milvus(e, connection_args={'uri': 'http://db:19530'})", {19530}, {"db"}),
        ("MilvusClient(uri='https://in01.zillizcloud.com:19531')", {19530}, set()),
        ("redis = 'redis://localhost:6379'", {19530}, set()),
    ],
)
def test_the_addresses_of_milvus_are_read_from_the_code(code, ports, hosts):
    codes = ["import pymilvus", code]
    assert (milvus_ports(codes), milvus_hosts(codes)) == (ports, hosts)


def test_a_page_without_milvus_is_served_none():
    assert milvus_ports(["MilvusClient('http://localhost:19531')"]) == set()
