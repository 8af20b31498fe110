"""Rows of a running server's database, written as another process would."""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
import time
from typing import Any

from django.db import connection
from django.db.models import Model

from streams.models import ApiKey, Application, Subscriber, Token
from tests.server_process import ServerProcess

WAIT_S = 20
API_KEY = "testtest01.0123456789abcdef0123456789abcdef"

_numbers = itertools.count(1)


def add(server: ServerProcess, row: Model) -> int:
    """`row` is in the server's database; its key there."""
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in fields
    ]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join("?" * len(fields))
    table = row._meta.db_table
    return write(
        server,
        f'INSERT INTO "{table}" ({columns}) VALUES ({places})',  # noqa: S608
        *values,
    )


def write(server: ServerProcess, query: str, *values: object) -> int:
    """Done in one transaction; the last key that it made."""
    database = sqlite3.connect(server.data_dir / "db.sqlite3", timeout=WAIT_S)
    try:
        with database:
            return database.execute(query, values).lastrowid or 0
    finally:
        database.close()


def add_application(server: ServerProcess, **settings: Any) -> Application:
    """An application of these settings that no other test uses, with its key."""
    row = Application(name=f"App{next(_numbers)}", **settings)
    row.pk = add(server, row)
    return row


def add_token(
    server: ServerProcess,
    application: Application,
    stream_id: str,
    type_: str,
    *,
    room: str = "",
    lasts_s: int = 600,
) -> str:
    """The text of a token; negative `lasts_s`: it has expired."""
    row = Token(
        application=application,
        stream_id=stream_id,
        type=type_,
        room_id=room,
        expire_date=int(time.time()) + lasts_s,
    )
    add(server, row)
    return row.token_id


def add_subscriber(
    server: ServerProcess,
    application: Application,
    stream_id: str,
    subscriber_id: str,
    **values: Any,
) -> Subscriber:
    row = Subscriber(
        application=application,
        stream_id=stream_id,
        subscriber_id=subscriber_id,
        **values,
    )
    row.pk = add(server, row)
    return row


def add_api_key(server: ServerProcess) -> str:
    """A key that may do everything; its text. There is one in each server."""
    if not server.rows("SELECT 1 FROM streams_apikey WHERE prefix = 'testtest01'"):
        digest = hashlib.sha256(API_KEY.encode()).hexdigest()
        add(server, ApiKey(name="tests", prefix="testtest01", digest=digest))
    return API_KEY
