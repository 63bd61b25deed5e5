"""What a Milvus and its LangChain integration can really do: every probe, run on a new scratch database."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kit import registry
from kit.docs.claims import probes_collections, probes_engine, probes_filters, probes_langchain, probes_search
from kit.docs.claims.probe import PROBES, Answer, Probe, Probed, Scratch, quiet
from kit.errors import KitError, nearest
from kit.milvus.connection import engine
from kit.milvus.schema import scratch_uri

PARTS = (probes_engine, probes_collections, probes_search, probes_filters, probes_langchain)
AT_ONCE = 6  # trials mostly wait for the engine


def all_probes() -> dict[str, Probe]:
    """Every probe by its id, in the order of the table; those of outside packages last.

    A registered probe that cannot be loaded stands among them, and its answer says why.
    """
    for name in registry.names("probes"):
        try:
            _outside(name)
        except KitError as error:
            PROBES[name] = Probe(name, "a probe of another package", partial(_unknown, str(error)))
    order = {part.__name__: place for place, part in enumerate(PARTS)}
    return dict(
        sorted(PROBES.items(), key=lambda item: order.get(getattr(item[1].trial, "__module__", ""), len(order)))
    )


def _outside(name: str) -> Probe:
    """The probe of a registered name or a path: a function that `kit.docs.probe` decorates."""
    trial = registry.lookup("probes", name)
    probe = next((probe for probe in PROBES.values() if probe.trial is trial), None)
    if probe is None:
        raise KitError(f'The probe "{name}" is {trial!r}', wanted="a function decorated with kit.docs.probe")
    return probe


def _unknown(why: str, _: Scratch) -> Answer:
    return Answer("unknown", why)


def run_probes(ids: Sequence[str] = ()) -> tuple[str, list[Probed]]:
    """The engine's name and the answers of the named probes (all when none is named), on a new scratch database.

    With MILVUS_URI naming a server the database is made there, and dropped when this process ends.
    """
    ids = [_outside(name).id if registry.is_path(name) else name for name in ids]
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
