"""What is wrong with a setting, in the words of whoever wrote it: the key, what was expected there, and what stands there."""

import re
import types
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

_PATH = re.compile(r"(?P<what>.*) - at `\$\.?(?P<key>[^`]*)`", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_CHOICE = re.compile(r"Invalid enum value (?P<got>.*)", re.DOTALL)
_KIND = re.compile(r"Expected `(?P<wanted>\w+)`, got `(?P<got>\w+)`")
_INDEX = re.compile(r"\[[^]]*\]")
KINDS = {  # as TOML calls what msgspec names after JSON
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "str": "a text in quotes",
    "array": "a list in [ ]",
    "object": "a table",
}


def explain(message: str, whole: type) -> str:
    """Return "key: what was expected" for a validation message of msgspec about `whole`, the type of the file."""
    key = ""
    while match := _PATH.fullmatch(message):
        message = match["what"]
        key = ".".join(part for part in (key, match["key"]) if part)
    if unknown := _UNKNOWN.search(message):
        return f"{'.'.join(p for p in (key, unknown['field']) if p)}: there is no such setting"
    if missing := _MISSING.search(message):
        return f"{'.'.join(p for p in (key, missing['field']) if p)}: this setting is required"
    if choice := _CHOICE.fullmatch(message):
        return f"{key}: expected {' or '.join(f'`{one}`' for one in _choices(whole, key))}, got {choice['got']}"
    if kind := _KIND.fullmatch(message):
        return f"{key}: expected {_wanted(kind['wanted'], kind['got'], key)}, got {KINDS.get(kind['got'], kind['got'])}"
    return f"{key}: {message[:1].lower()}{message[1:]}"


def _wanted(wanted: str, got: str, key: str) -> str:
    if (wanted, got) == ("array", "object"):
        return f"a list of tables, each under `[[{key}]]`"
    return KINDS.get(wanted, wanted)


def _choices(kind: Any, key: str) -> tuple[object, ...]:
    """Return what may stand at a key below a type."""
    for name in _INDEX.sub("", key).split("."):
        kind = next((get_type_hints(each)[name] for each in _members(kind) if name in getattr(each, "__annotations__", {})), None)
    return next((get_args(each) for each in _members(kind) if get_origin(each) is Literal), ())


def _members(kind: Any) -> Iterator[Any]:
    """Yield a type, and those that it is a list or a choice of."""
    yield kind
    if get_origin(kind) in (list, tuple, types.UnionType):
        for each in get_args(kind):
            yield from _members(each)
