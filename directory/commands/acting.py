"""Who a command acts as: the operator at the node, or (`--as ADDRESS`) somebody who signs in with a password."""

import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

from config import log, roles, settings
from config.clock import SystemClock
from config.commands import run
from config.database import Database, Tx
from config.engines import open_database
from config.errors import MailError
from directory.rights import CONSOLE, Actor
from directory.signin import SignIn
from directory.signin.steps import Code, Half
from directory.types import Identity

P = ParamSpec("P")
R = TypeVar("R")

As = Annotated[str, typer.Option("--as", metavar="ADDRESS", help="Act as this person, or person/post, instead of as the node's operator.")]
PasswordFile = Annotated[Path | None, typer.Option("--password-file", help="Where the password of --as stands; asked for without it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the journal.")]
PEER = "127.0.0.1"  # whoever runs a command sits at the node


class NoPassword(MailError):
    text = "no password was given"


def act(
    directory: Path, name: str, password_file: Path | None, unit: Callable[Concatenate[Tx, Actor, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Run one unit on a node's database in somebody's name. `name` is what `--as` said, "" for the console.

    Raises SettingsError, BadCredentials, TooManyAttempts and what the unit refuses.
    """
    log.configure("error")
    password = password_of(name, password_file)
    answer: R = run(_act(directory.absolute(), name, password, unit, *args, **kwargs))
    return answer


async def actor(db: Database, name: str, password: str, key: bytes = b"") -> Actor:
    """Return who signs in under a name; the console when there is none. `key` is the directory's own, which opens second factors.

    Raises BadCredentials, TooManyAttempts, NoPassword when a second proof is needed that cannot be asked for here.
    """
    if not name:
        return CONSOLE
    signin = SignIn(db, SystemClock(), key=key)
    try:
        proved = await signin.first_factor(name, password, PEER)
        identity = proved if isinstance(proved, Identity) else await signin.second_factor(proved.ticket, code(proved), PEER)
    finally:
        await signin.close()
    acting = identity.account_id if identity.account_id != identity.person_id else None
    return Actor(identity.name_fr or identity.name_ar, identity.person_id, on_behalf_of=acting)


@contextlib.asynccontextmanager
async def opened(directory: Path, name: str, password: str) -> AsyncIterator[tuple[Database, Actor]]:
    """Open a node's database for several units in somebody's name, who signs in first. Raises what `actor` does, SettingsError."""
    read = settings.load(directory)
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        yield db, await actor(db, name, password, _key(read.keys))
    finally:
        await db.close()


async def _act(
    directory: Path, name: str, password: str, unit: Callable[Concatenate[Tx, Actor, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    async with opened(directory, name, password) as (db, acting):
        return await db.write(unit, acting, *args, **kwargs)


def password_of(name: str, file: Path | None) -> str:
    """Return the password of `--as`, from a file or the terminal; "" for the console. Raises NoPassword."""
    if not name:
        return ""
    if file is not None:
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as reason:
            raise NoPassword(
                f"no password can be read from {file}: {getattr(reason, 'strerror', None) or 'it is not text in UTF-8'}"
            ) from reason
    if not sys.stdin.isatty():
        raise NoPassword(f"the password of {name} cannot be asked for here: name a file with --password-file")
    return getpass(f"Password of {name}: ")


def code(half: Half) -> Code:
    """Ask for a second proof at the terminal. Raises NoPassword where that cannot be."""
    if not {"otp", "recovery"} & set(half.factors):
        raise NoPassword("this account is protected by a passkey, which only a browser can ask for")
    if not sys.stdin.isatty():
        raise NoPassword("this account needs a second proof: run the command at a terminal, which asks for its code")
    return Code(getpass("Code: "))


def _key(keys: Path) -> bytes:
    name: Any = roles.load("mailcore.sign_in:DIRECTORY")
    file = keys / name
    return file.read_bytes() if file.exists() else b""
