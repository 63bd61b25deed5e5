"""Which errors of a Milvus server pass by waiting."""

from __future__ import annotations

CALL_SECONDS = 30  # one call to a server
AWAY = (
    "unavailable",
    "connect",
    "deadline",
    "timeout",
    "timed out",
    "not ready",
    "channel",
    "no available",
    "shutting",
)
REFUSED = ("unauthenticated", "auth check", "permission", "exceeds max", "schema", "invalid", "no such field")


def away(error: BaseException) -> bool:
    """Whether an error says that the server is away, or just back and not ready."""
    import grpc

    if isinstance(error, grpc.RpcError) and getattr(error, "code", None):
        return error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    said = f"{error} {error.__cause__ or ''}".lower()
    return any(words in said for words in AWAY)


def too_late(error: BaseException) -> bool:
    """Whether another writer made meanwhile what was about to be made: a collection, or an index on it."""
    said = f"{error} {error.__cause__ or ''}".lower()
    return any(words in said for words in ("already exist", "duplicate collection", "at most one distinct index"))


def passes(error: BaseException) -> bool:
    """Whether an error may pass by itself; one that is about the request does not."""
    import grpc
    from pymilvus import exceptions

    lasting = (exceptions.ParamError, exceptions.DataNotMatchException, exceptions.SchemaNotReadyException)
    if isinstance(error, lasting) or not isinstance(error, exceptions.MilvusException | grpc.RpcError):
        return False
    said = f"{error} {error.__cause__ or ''}".lower()
    return not any(words in said for words in REFUSED)
