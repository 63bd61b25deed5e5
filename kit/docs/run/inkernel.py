"""What runs inside the page's kernel, in whatever environment it has: asked between cells, in silence.

Loaded as a text into a module of its own, so it uses nothing of the kit and leaves no name where the page works. It
asks over connections of its own (`GrpcHandler`), which no client of the page shares.
"""

import asyncio
import contextlib
import functools
import json
import logging
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

SECONDS = 5
STORES = ("langchain_milvus", "langchain_community.vectorstores.milvus", "langchain_community.vectorstores.zilliz")
PACKAGES = ("langchain-milvus", "pymilvus", "milvus-lite", "langchain-core", "langchain-openai", "langchain-community")
_ASKS = (
    "similarity_search",
    "embed_query",
    "invoke",
    "ainvoke",
    "as_retriever",
    "encode_queries",
    "chat",
    "embeddings",
)
_HOLDS = ("list_collections", "search")
_recorded: list = []
_handlers: dict = {}
_streams: dict = {}
_script: dict = {}
_recorder: list = []
_opened: set = set()


def prepare(allow_install, rewrites):
    """Write down installs and shell commands instead of running them, unless they are allowed.

    A gRPC connection to an address of `rewrites` goes to the other address, where the kit serves what is meant.
    """
    if rewrites:
        _lead_elsewhere(rewrites)
    _own = tuple(os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, ".", "/proc", "/dev", "/sys"))
    sys.addaudithook(functools.partial(_note_opened, _own))
    _streams.update(stdout=sys.stdout, stderr=sys.stderr)
    events = get_ipython().events  # noqa: F821 - given by the caller
    events.register("post_run_cell", _steady_stdout)
    events.register("pre_run_cell", _enter_script)
    events.register("post_run_cell", _leave_script)
    if allow_install:
        return
    shell = get_ipython()  # noqa: F821 - given by the caller

    def line_magic(name):
        return lambda line: _recorded.append("%" + name + " " + line)

    def cell_magic(name):
        return lambda line, cell: _recorded.append("%%" + (name + " " + line).strip() + "\n" + cell)

    for name in ("pip", "conda", "mamba", "micromamba", "uv"):
        shell.register_magic_function(line_magic(name), "line", name)
    for name in ("bash", "sh", "script", "cmd", "system", "sx", "!"):
        shell.register_magic_function(cell_magic(name), "cell", name)

    def system(command):
        _recorded.append("!" + command)

    def getoutput(command, split=True, depth=0):  # noqa: ARG001 - as IPython calls it
        _recorded.append("!" + command)
        return [] if split else ""

    for name in ("system", "system_raw", "system_piped"):
        setattr(shell, name, system)
    shell.getoutput = getoutput


def _lead_elsewhere(rewrites):
    if find_spec("grpc") is None:
        return
    import grpc
    import grpc.aio

    def led(channel):
        return lambda target, *given, **options: channel(
            rewrites.get(str(target).rpartition("/")[2], target), *given, **options
        )

    for module in (grpc, grpc.aio):
        module.insecure_channel = led(module.insecure_channel)


def record_web(file):
    """Replay from the file what it holds of the web, and record to it what else the page reads there."""
    if find_spec("vcr") is None:
        return "no vcrpy"
    import vcr

    logging.getLogger("vcr").setLevel(logging.ERROR)
    recorder = vcr.VCR(
        record_mode="new_episodes",
        ignore_localhost=True,
        filter_headers=["authorization", "cookie", "x-api-key", "api-key", "proxy-authorization"],
        filter_query_parameters=["api_key", "apikey", "key", "token", "access_token"],
        match_on=["method", "scheme", "host", "port", "path", "query"],
    )
    _recorder.append(recorder.use_cassette(file, allow_playback_repeats=True))
    _recorder[0].__enter__()
    return ""


def end():
    """Before the kernel ends: what was recorded is written."""
    while _recorder:
        _recorder.pop().__exit__(None, None, None)
    return ""


def look(folder):
    """Everything to know after a cell, as JSON."""
    recorded, _recorded[:] = list(_recorded), []
    with _quiet():
        opened = sorted(_opened)
        _opened.clear()
        return json.dumps({"recorded": recorded, "error": _error(), "state": _state(folder), "files": opened})


def _note_opened(own, event, arguments):
    """Write down which files the page reads that are neither its own nor Python's: its run depends on them."""
    if event not in ("open", "os.listdir", "os.scandir") or not arguments or not isinstance(arguments[0], str):
        return
    writes = event == "open" and isinstance(arguments[1], str) and any(letter in arguments[1] for letter in "wxa")
    path = arguments[0]
    if (
        not writes
        and path.startswith(os.sep)
        and not path.endswith((".py", ".pyc", ".so"))
        and not path.startswith(own)
    ):
        _opened.add(path)


@contextlib.contextmanager
def _quiet():
    """No log line of what is asked here among the page's outputs."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def begin(file="", arguments=(), code=""):
    """Before a cell: an error that an earlier one raised is no longer news; with `file` it runs as that script."""
    sys.last_value = None
    _script.clear()
    if file:
        _script.update(file=str(Path.cwd() / file), arguments=list(arguments), code=code)


def _enter_script(*_):
    """A script's surroundings: its own file and command line, and no event loop that runs already."""
    if not _script:
        return
    path = Path(_script["file"])
    with contextlib.suppress(OSError):
        path.write_text(_script["code"], encoding="utf-8")
    names = get_ipython().user_ns  # noqa: F821
    _script.update(argv=sys.argv, had_file="__file__" in names, running=asyncio._get_running_loop())
    with contextlib.suppress(RuntimeError):
        _script["loop"] = asyncio.get_event_loop_policy().get_event_loop()
    sys.argv = [path.name, *_script["arguments"]]
    names["__file__"] = str(path)
    asyncio._set_running_loop(None)
    _script["own"] = asyncio.new_event_loop()
    asyncio.set_event_loop(_script["own"])


def _leave_script(*_):
    if "own" not in _script:
        return
    sys.argv = _script["argv"]
    if not _script["had_file"]:
        get_ipython().user_ns.pop("__file__", None)  # noqa: F821
    asyncio.set_event_loop(_script.get("loop"))
    asyncio._set_running_loop(_script["running"])
    _script["own"].close()
    _script.clear()


def versions():
    """The releases in this environment, as JSON."""
    from importlib import metadata

    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return json.dumps(found)


def packages(modules, named):
    """What this environment says of imported modules and of install lines, as JSON."""
    from importlib.metadata import packages_distributions

    holders = {module: sorted(map(_canonical, found)) for module, found in packages_distributions().items()}
    brought, unknown = _brought(named)
    return json.dumps(
        {"modules": {m: holders[m] for m in modules if m in holders}, "brought": brought, "unknown": unknown}
    )


def _brought(named):
    """The named packages with all that they require, extras by name, and those that are not installed."""
    from importlib.metadata import PackageNotFoundError, requires

    from packaging.requirements import Requirement

    seen, unknown = {}, []
    waiting = [(_canonical(r.name), r.extras) for r in map(Requirement, named)]
    first = {name for name, _ in waiting}
    while waiting:
        name, extras = waiting.pop()
        extras = {"", *map(_canonical, extras)}
        new = extras - seen.setdefault(name, set())
        if not new:
            continue
        seen[name] |= new
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            unknown += [name] * (name in first)
            continue
        for one in needed:
            if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append((_canonical(one.name), one.extras))
    return sorted(seen), sorted(set(unknown))


def _canonical(name):
    return name.lower().replace("_", "-").replace(".", "-")


def _error():
    """What the cell raised: its line, from 1, and what the error says of itself."""
    error = getattr(sys, "last_value", None)
    if error is None:
        return None
    inner = [*getattr(error, "exceptions", ())][:10]
    return {
        "line": _line(error),
        "about": _about(error),
        "bases": [kind.__name__ for kind in type(error).__mro__],
        "inner": [f"{type(one).__name__}: {one}"[:300] for one in (*inner, *_chain(error))],
    }


def _line(error):
    """The line of the cell, which is the outermost frame outside of IPython."""
    if isinstance(error, SyntaxError) and error.lineno and not error.__traceback__:
        return error.lineno
    entry = error.__traceback__
    while entry is not None:
        if "IPython" not in entry.tb_frame.f_code.co_filename:
            return entry.tb_lineno
        entry = entry.tb_next
    return (error.lineno or 0) if isinstance(error, SyntaxError) else 0


def _about(error):
    """The name, module or file that is missing; of a module whose package is installed, the whole dotted name.

    A part of a package that its extra of that name brings is told as `pymilvus[model]`.
    """
    if isinstance(error, ImportError) and (extra := _extra(error)):
        return extra
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        return error.name if top in sys.modules or _is_installed(top) else top
    return str(getattr(error, "name", None) or getattr(error, "filename", None) or "")


def _extra(error):
    """`pymilvus[model]` for `pymilvus.model`, or for `model` out of `pymilvus`, when the package has such an extra."""
    from importlib.metadata import metadata, packages_distributions

    whole = error.name or ""
    match = re.search(r"cannot import name '(\w+)'", str(error))
    top, _, part = (f"{whole}.{match[1]}" if match else whole).partition(".")
    for package in packages_distributions().get(top, ()) if part else ():
        extras = metadata(package).get_all("Provides-Extra") or ()
        if _canonical(part) in map(_canonical, extras):
            return f"{_canonical(package)}[{part}]"
    return ""


def _is_installed(module):
    with contextlib.suppress(Exception):
        return find_spec(module) is not None
    return False


def _chain(error):
    """The errors that led to this one, the nearest first."""
    seen = []
    while (error := error.__cause__ or error.__context__) is not None and error not in seen and len(seen) < 5:
        seen.append(error)
    return seen


def _steady_stdout(*_):
    """Give the streams back that the kernel itself needs, when a cell closed them or put something else in place."""
    for name, stream in _streams.items():
        try:
            getattr(sys, name).flush()
        except Exception:  # noqa: BLE001 - whatever stands there now, the kernel must be able to answer
            setattr(sys, name, stream)


def _state(folder):
    names = {k: v for k, v in get_ipython().user_ns.items() if not k.startswith("_")}  # noqa: F821
    stores = {name: value for name, value in names.items() if type(value).__module__.startswith(STORES)}
    state = {"documents": _documents(names), "databases": {}, "engines": {}, "opened": {}, "problem": ""}
    hidden = set(get_ipython().user_ns_hidden)  # noqa: F821
    own = {name: names[name] for name in set(names) - hidden}
    state["values"] = sorted(name for name, value in own.items() if _is_data(value))
    state["askers"] = _askers(own)
    databases = list(_open(list(names.values()), folder))
    only = databases[0][0] if len(databases) == 1 else ""  # older stores do not keep their address
    for name, store in stores.items():
        uri = _uri(store)
        with contextlib.suppress(Exception):
            state["opened"][name] = [_address(uri, folder) if uri else only, str(store.collection_name)]
    for address, handler in databases:
        try:
            state["engines"][address] = str(handler.get_server_version(timeout=SECONDS))
            found = _collections(handler, address, folder)
            state["databases"][address] = {name: _collection(handler, name, address, folder) for name in found}
        except Exception as error:  # noqa: BLE001 - whatever it is, the page goes on
            state["problem"] = f"{address} could not be asked: {type(error).__name__}"
    return state


def _is_data(value):
    """Whether a value holds what was found or said, and is nothing that finds or says it anew."""
    if isinstance(value, type) or type(value).__name__ in ("module", "function", "builtin_function_or_method"):
        return False
    return not any(hasattr(type(value), name) for name in (*_ASKS, *_HOLDS))


def _askers(names):
    """The names that ask a model when they are used, and the functions of the page that use them."""
    found = {name for name, value in names.items() if any(hasattr(type(value), asks) for asks in _ASKS)}
    functions = {name: value.__code__ for name, value in names.items() if type(value).__name__ == "function"}
    while more := {n for n, code in functions.items() if n not in found and found & _names_in(code)}:
        found |= more
    return sorted(found)


def _names_in(code):
    inner = [constant for constant in code.co_consts if hasattr(constant, "co_names")]
    return {*code.co_names, *code.co_freevars}.union(*map(_names_in, inner))


def _documents(names):
    """How many Documents each name holds, and whether they are hits, whose metadata carries a primary key."""
    found = {}
    for name, value in names.items():
        if isinstance(value, list) and value and all(hasattr(d, "page_content") for d in value[:3]):
            found[name] = [len(value), "pk" in (getattr(value[0], "metadata", None) or {})]
    return found


def _open(values, folder):
    """(address, handler) of each database that is open in this process."""
    manager = getattr(sys.modules.get("milvus_lite.server_manager"), "server_manager_instance", None)
    for path, server in list(getattr(manager, "_servers", {}).items()):
        port = server[2] if isinstance(server, tuple) else None
        uri = f"http://127.0.0.1:{port}" if port else getattr(server, "uds_path", None)
        if uri:
            yield _address(str(path), folder), _handler(uri)
    for value in values:
        client = value if type(value).__name__ == "MilvusClient" else getattr(value, "_milvus_client", None)
        config = getattr(client, "_config", None)
        uri = getattr(config, "uri", "")
        if uri and "127.0.0.1" not in uri and not uri.startswith("unix:"):
            yield _address(uri, folder), client._handler


def _handler(uri):
    if uri not in _handlers:
        from pymilvus.client.grpc_handler import GrpcHandler

        handler = GrpcHandler(uri=uri)
        handler._wait_for_channel_ready(SECONDS)
        _handlers[uri] = handler
    return _handlers[uri]


def _collections(handler, address, folder):
    """The collections' names; a Lite that an older pymilvus cannot ask for them has a folder for each."""
    import grpc
    from pymilvus import MilvusException

    lite = Path(folder, address, "collections")
    try:
        return handler.list_collections(timeout=SECONDS)
    except (MilvusException, grpc.RpcError):
        if not lite.is_dir():
            raise
    return sorted(path.name for path in lite.iterdir())


def _collection(handler, name, address, folder):
    schema = handler.describe_collection(name, timeout=SECONDS)
    primary = next((f for f in schema["fields"] if f.get("is_primary")), {})
    indexes = []
    for index in handler.list_indexes(name, timeout=SECONDS):
        params = {p.key: p.value for p in index.params}
        if "params" in params:
            with contextlib.suppress(ValueError):
                params = {**json.loads(params["params"]), **params}
        indexes.append(f"{index.field_name} {params.get('index_type')} {params.get('metric_type')}")
    return {
        "rows": _rows(handler, name),
        "fields": [_field(f) for f in schema["fields"]],
        "primary_key": primary.get("name", ""),
        "auto_id": bool(primary.get("auto_id") or schema.get("auto_id")),
        "dynamic_field": bool(schema.get("enable_dynamic_field")),
        "partition_key": next((f["name"] for f in schema["fields"] if f.get("is_partition_key")), ""),
        "indexes": sorted(indexes),
        "identity": str(schema.get("collection_id") or _made(address, name, folder)),
    }


def _rows(handler, name):
    with contextlib.suppress(Exception):
        for pair in handler.get_collection_stats(name, timeout=SECONDS):
            if pair.key == "row_count":
                return int(pair.value)
    return None


def _field(field):
    size = field["params"].get("dim") or field["params"].get("max_length")
    return f"{field['name']}: {field['type'].name}" + (f"({size})" if size else "")


def _made(address, name, folder):
    """When the Lite collection's schema was written: Lite numbers every collection 0."""
    with contextlib.suppress(OSError):
        return Path(folder, address, "collections", name, "schema.json").stat().st_mtime_ns
    return 0


def _uri(store):
    arguments = getattr(store, "_connection_args", None) or getattr(store, "connection_args", None) or {}
    return str(arguments.get("uri") or "")


def _address(uri, folder):
    """A path as the page would write it; an address without user and password."""
    if "://" in uri:
        scheme, rest = uri.split("://", 1)
        return scheme + "://" + rest.rpartition("@")[2]
    return os.path.relpath(Path(folder, uri), folder)
