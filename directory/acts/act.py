"""What an act is, and what a rule says of it.

An act is data: a msgspec struct with a tag such as ``person.create``, which can be stored until a second person agrees. Its rule
names the right, the places where it is needed, and how to carry it out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from config.database import Tx
from config.errors import MailError
from directory.rights import Actor, Right, Scope

SECRET = msgspec.Meta(extra={"secret": True})
"""Marks a field that the journal never sees, such as the hash of a password: ``field: Annotated[str, SECRET]``."""


class Act(msgspec.Struct, frozen=True, tag_field="act", forbid_unknown_fields=True):
    """One change of the directory. Subclasses carry ``frozen=True, tag="noun.verb"`` and plain fields."""


A = TypeVar("A", bound=Act)
Where = Callable[[Tx, A], Scope | tuple[Scope, ...]]
Image = Callable[[Tx, A, Any], Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an act: its number in the journal, and what it returned or the request that waits for a second person."""

    seq: int
    value: Any = None
    approval_id: int | None = None


def never(tx: Tx, actor: Actor, act: Any) -> bool:
    """Say that an act never needs a second person."""
    return False


def always(tx: Tx, actor: Actor, act: Any) -> bool:
    """Say that an act always needs a second person."""
    return True


def nobody(tx: Tx, act: Any) -> None:
    """Say that an act is never about somebody's own account."""


def unguarded(tx: Tx, actor: Actor, act: Any) -> None:
    """Ask for nothing beside the right."""


def nothing(tx: Tx, act: Any, value: Any) -> None:
    """Show nothing before or after."""


def made(tx: Tx, act: Any, value: Any) -> Any:
    """Show what was made: nothing before, the value after."""
    return value


@dataclass(frozen=True, slots=True)
class Rule(Generic[A]):
    """What holds for one kind of act.

    `right` is needed at every place that `where` returns, for a move the old and the new one; the act is journalled at the first.
    `run` carries out; its value goes back to the caller. `kind` and `subject` name what is changed: the latter from the act and
    `run`'s value, which is None beforehand. `image` shows the subject as JSON can hold it, before (value None) and after.
    `guard` raises NotPermitted for what rights alone cannot say; a second person passes it as well. `own` returns the account
    whose person or holder may do this without any role. `two_persons` says whether a second person must agree, `closes` that
    too many on one day need one. `bulk` carries out many acts of this kind at once and returns a value or a refusal for each,
    having changed nothing for those it refuses.
    """

    right: Right
    where: Where[A]
    run: Callable[[Tx, A], Any]
    kind: str
    subject: Callable[[A, Any], int | None]
    image: Image[A] = nothing
    guard: Callable[[Tx, Actor, A], None] = unguarded
    own: Callable[[Tx, A], int | None] = nobody
    two_persons: Callable[[Tx, Actor, A], bool] = never
    closes: bool = False
    bulk: Callable[[Tx, Sequence[A]], list[Any | MailError]] | None = None


Rules = dict[type[Act], Rule[Any]]


def tag(act: Act | type[Act]) -> str:
    """Return the name of a kind of act, such as ``person.create``."""
    return str(act.__struct_config__.tag)


def public(act: Act) -> dict[str, Any]:
    """Return an act as JSON can hold it, without its tag and its secrets."""
    shown: dict[str, Any] = msgspec.to_builtins(act)
    hidden = _secrets(type(act))
    return {name: value for name, value in shown.items() if name not in hidden and name != "act"}


@cache
def _secrets(kind: type[Act]) -> frozenset[str]:
    fields = msgspec.inspect.type_info(kind)
    assert isinstance(fields, msgspec.inspect.StructType)
    return frozenset(field.encode_name for field in fields.fields if _is_secret(field.type))


def _is_secret(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.Metadata) and kind.extra == SECRET.extra
