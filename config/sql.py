"""One SQL text for both engines: the rewriting of parameters, lists, locks and column types.

The text is the common subset of SQLite and PostgreSQL, with some marks of our own:

``:name``                              a parameter
``IN (:ids[])`` ``IN (:names[text])``  a list of integers or of texts, as one parameter; ``[bytes]`` for octet strings
``FROM (:ids[#]) one``                 a list of integers as a table of `place`, from 0 on, and `id`
``/* FOR UPDATE SKIP LOCKED */``       a row lock: a comment on SQLite, which has one writer anyway
``{int} {small} {bytes} {table}``      in schema files: column types, and STRICT where there is such a thing
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)(\[(?:text|bytes|#)?\])?")
_TABLE = "[#]"
_LISTED = {"[]": "bigint", "[text]": "text", "[bytes]": "bytea"}
_LOCK = re.compile(r"/\* (FOR UPDATE[A-Z ]*) \*/")

SQLITE_TYPES = {
    "int": "INTEGER",
    "small": "INTEGER",
    "bytes": "BLOB",
    "table": "STRICT",
    "narrow": "STRICT, WITHOUT ROWID",
}
POSTGRES_TYPES = {"int": "BIGINT", "small": "SMALLINT", "bytes": "BYTEA", "table": "", "narrow": ""}


@lru_cache(maxsize=4096)
def for_sqlite(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return the text for SQLite and the names of its list parameters, which travel as JSON."""
    lists: dict[str, None] = {}  # a list may stand in a statement twice

    def replace(match: re.Match[str]) -> str:
        name, listed = match.groups()
        if listed is None:
            return f":{name}"
        lists[name] = None
        if listed == _TABLE:
            return f"SELECT key AS place, value AS id FROM json_each(:{name})"
        return f"SELECT {'unhex(value)' if listed == '[bytes]' else 'value'} FROM json_each(:{name})"

    return _PARAMETER.sub(replace, sql), tuple(lists)


@lru_cache(maxsize=4096)
def for_postgres(sql: str) -> str:
    """Return the text for psycopg: ``%(name)s``, unnested arrays, row locks switched on."""

    def replace(match: re.Match[str]) -> str:
        name, listed = match.groups()
        if listed is None:
            return f"%({name})s"
        if listed == _TABLE:
            return f"SELECT CAST(n - 1 AS integer) AS place, id FROM unnest(%({name})s::bigint[]) WITH ORDINALITY AS listed (id, n)"
        return f"SELECT unnest(%({name})s::{_LISTED[listed]}[])"

    return _PARAMETER.sub(replace, _LOCK.sub(r"\1", sql.replace("%", "%%")))


_json = json.JSONEncoder(default=bytes.hex).encode  # `json.dumps` makes an encoder for each call: four times as long


def bind_lists(lists: tuple[str, ...], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return `params` with the named lists as JSON texts, which `json_each` reads."""
    bound = dict(params)
    for name in lists:
        bound[name] = _json(list(bound[name]))
    return bound
