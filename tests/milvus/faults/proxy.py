"""A gRPC proxy on loopback between a client and a real engine: what passes through it may be changed on its way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import grpc

Forward = Callable[[bytes], bytes]
Hook = Callable[[str, bytes, Forward], bytes]  # (method, request, forward) -> response
FORWARD_SECONDS = 60


def pass_on(method: str, request: bytes, forward: Forward) -> bytes:
    """A hook that changes nothing."""
    return forward(request)


class _Everything(grpc.GenericRpcHandler):
    """Any method of any service, as bytes."""

    def __init__(self, channel: grpc.Channel, hook: Hook):
        self.channel, self.hook = channel, hook

    def service(self, details):
        call = self.channel.unary_unary(details.method)
        metadata = [pair for pair in details.invocation_metadata if not pair[0].startswith(("user-agent", "grpc-"))]

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return self.hook(
                    details.method.rsplit("/", 1)[1],
                    request,
                    lambda changed: call(changed, metadata=metadata, timeout=FORWARD_SECONDS),
                )
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return grpc.unary_unary_rpc_method_handler(answer)


@contextlib.contextmanager
def proxy(backend: str, hook: Hook = pass_on) -> Iterator[str]:
    """The address of a proxy before the Milvus at `backend`."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(urlsplit(backend).netloc, options=options) as channel:
        server = grpc.server(ThreadPoolExecutor(8), handlers=[_Everything(channel, hook)], options=options)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop(0).wait()


@contextlib.contextmanager
def served_lite(path: str) -> Iterator[str]:
    """The loopback address at which this process serves a Milvus Lite database."""
    from milvus_lite.server_manager import server_manager_instance

    try:
        yield server_manager_instance.start_and_get_uri(path)
    finally:
        server_manager_instance.release_server(path)
