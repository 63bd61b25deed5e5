"""Documents into a collection, each of them once."""

from kit.milvus.ingest.identity import content_id
from kit.milvus.ingest.run import Ingested, ingest

__all__ = ["Ingested", "content_id", "ingest"]
