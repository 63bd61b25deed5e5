"""What a Milvus and its LangChain integration can really do: every probe, run on a new scratch database."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kit.docs.claims import probes_engine, probes_filters, probes_langchain, probes_search
from kit.docs.claims.probe import PROBES, Probe, Probed, Scratch, quiet
from kit.errors import KitError, nearest
from kit.milvus.connection import engine
from kit.milvus.schema import scratch_uri

PARTS = (probes_engine, probes_search, probes_filters, probes_langchain)
AT_ONCE = 6  # trials mostly wait for the engine


def all_probes() -> dict[str, Probe]:
    """Every probe by its id, in the order of the table."""
    order = [part.__name__ for part in PARTS]
    return dict(sorted(PROBES.items(), key=lambda item: order.index(item[1].trial.__module__)))


def run_probes(ids: Sequence[str] = ()) -> tuple[str, list[Probed]]:
    """The engine's name and the answers of the named probes (all when none is named), on a new scratch database.

    With MILVUS_URI naming a server the database is made there, and dropped when this process ends.
    """
    known = all_probes()
    for probe_id in ids:
        if probe_id not in known:
            raise KitError(
                f'No probe is called "{probe_id}".{nearest(probe_id, list(known))} ',
                mend="`kit docs probe` lists them.",
            )
    wanted = [known[probe_id] for probe_id in (ids or known)]
    timed = [probe for probe in wanted if probe.timed]
    with quiet(), ThreadPoolExecutor(AT_ONCE) as pool:
        # One client for all: Milvus Lite's server ends with the last client that closes, whoever else still asks.
        first = Scratch(uri := scratch_uri())
        name = engine(first.client)
        answers = {probe.id: first.run(probe) for probe in timed}  # alone, before the others
        others = [probe for probe in wanted if not probe.timed]
        ran = pool.map(lambda probe: Scratch(uri, first).run(probe), others)
        answers |= zip((probe.id for probe in others), ran, strict=True)
    return name, [answers[probe.id] for probe in wanted]
