"""On a healthy collection with an exact index nothing is broken, whatever the collection holds."""

import pytest

from kit.milvus.connection import connect, is_lite, open_client
from kit.milvus.prove.reloaded import NAME
from kit.milvus.prove.run import prove_collection
from tests.milvus.prove.rows import any_collection

RUNS = 100


def alarms(uri: str, seeds: range) -> dict[int, list]:
    """What was called broken, or could not be asked, in collections drawn from these seeds, by seed; nothing is."""
    raised = {}
    client = open_client(connect(uri))
    for seed in seeds:
        any_collection(client, seed, is_lite(uri))
        reload = "copy" if is_lite(uri) else "no"
        proof = prove_collection(client, "anything", uri, lite=is_lite(uri), seed=seed, reload=reload)
        refused = [
            outcome
            for outcome in proof.outcomes
            if outcome.reason.startswith("Milvus refuses")
            and outcome.relation != NAME  # Lite may read an index of a copy that it has not yet written
        ]
        if proof.broken or refused:
            raised[seed] = [*proof.broken, *refused]
        client.drop_collection("anything")
    client.close()
    return raised


def test_no_alarm_on_healthy_collections(uri):
    assert alarms(uri, range(4)) == {}


@pytest.mark.long
def test_no_alarm_in_a_hundred_runs(database):
    assert alarms(database, range(RUNS)) == {}
