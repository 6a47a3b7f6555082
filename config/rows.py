"""Rows of tables whose columns are the fields of a struct, by name and in order."""

from typing import Any, TypeVar

import msgspec

from config.database import Row

S = TypeVar("S", bound=msgspec.Struct)


def columns(kind: type[msgspec.Struct]) -> str:
    """Return the columns as a SELECT names them."""
    return ", ".join(kind.__struct_fields__)


def insert(table: str, kind: type[msgspec.Struct]) -> str:
    """Return what writes a row; `params` are its parameters."""
    names = ", ".join(f":{name}" for name in kind.__struct_fields__)
    return f"INSERT INTO {table} ({columns(kind)}) VALUES ({names})"


def params(one: msgspec.Struct) -> dict[str, Any]:
    """Return the fields by name."""
    return {name: getattr(one, name) for name in one.__struct_fields__}


def read(kind: type[S], row: Row) -> S:
    """Return a row of these columns as the struct."""
    return kind(*(bytes(each) if isinstance(each, memoryview | bytearray) else each for each in row))
