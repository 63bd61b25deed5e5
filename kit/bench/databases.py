"""Scratch databases on a Milvus server, each of one --out folder, so that a killed run's can be dropped later."""

from __future__ import annotations

import re

from kit.errors import KitError
from kit.store import connect


def create_database(name: str) -> None:
    """Make a database; KitError says what to do where the server makes none."""
    from pymilvus import MilvusClient, MilvusException

    client = MilvusClient(**connect())
    try:
        client.create_database(name)
    except MilvusException as error:
        raise KitError(
            f"The server makes no database to work in ({error.message}). Name one that may be overwritten in "
            "MILVUS_URI: https://host/database."
        ) from None
    finally:
        client.close()


def drop_database(name: str) -> None:
    """Drop a scratch database of the kit, if it is there; a database of any other name is left alone."""
    from pymilvus import MilvusClient

    if not re.fullmatch(r"kit_[0-9a-f]{12}", name):
        return
    client = MilvusClient(**connect())
    if name in client.list_databases():
        inside = MilvusClient(**connect(), db_name=name)
        for collection in inside.list_collections():
            inside.drop_collection(collection)
        inside.close()
        client.drop_database(name)
    client.close()
