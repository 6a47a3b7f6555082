"""A mailbox that was lent: what its borrower sees, what is refused, and the end of it."""

import asyncio

import pytest

from config.clock import DAY_US
from config.database import Tx
from directory import delegations, people, resolve
from directory.address import parse
from mailcore.store import mailboxes
from mailcore.store.types import AccountId
from tests.mailcore.imap.node import AMINA, Client, Server, letter

KARIM = AMINA.replace("amina.benali", "karim.khelifi")
LOGIN = f"{AMINA}/{KARIM}"

WRITING = (
    "STORE 1 +FLAGS (\\Seen)",
    "UID STORE 1 +FLAGS (\\Deleted)",
    "COPY 1 Trash",
    "UID COPY 1 Trash",
    "MOVE 1 Trash",
    "UID MOVE 1 Trash",
    "EXPUNGE",
    "UID EXPUNGE 1",
    "CREATE Elsewhere",
    "DELETE Trash",
    "RENAME Trash Old",
    "SUBSCRIBE INBOX",
    "UNSUBSCRIBE INBOX",
)


def account(tx: Tx, address: str) -> int:
    target = resolve.resolve(tx, parse(address))
    assert target is not None
    return target.account_id


def lend(tx: Tx, rights: list[str], folder: str = "", days: int = 30) -> int:
    """Karim lends his mailbox to Amina."""
    if resolve.resolve(tx, parse(KARIM)) is None:
        people.create(tx, "كريم", "Karim", parse(KARIM))
    until_us = tx.now_us + days * DAY_US
    made = delegations.grant(tx, account(tx, KARIM), account(tx, AMINA), rights, valid_to_us=until_us, folder=folder)
    return made.delegation_id


async def borrowed(server: Server, rights: list[str], mailbox: str = "INBOX", folder: str = "") -> tuple[Client, int]:
    """Amina in Karim's mailbox, with two letters there."""
    lent = await server.services.db.write(lend, rights, folder)
    await server.services.store.open_account(await server.services.db.read(account, KARIM))
    await server.fill(2, address=KARIM)
    client = await server.connect()
    assert (await client.sign_in(LOGIN)).startswith(b"OK")
    if mailbox:
        assert (await client.ask(f"SELECT {mailbox}")).startswith(b"OK")
    return client, lent


async def make_folder(server: Server, name: str) -> None:
    key = await server.services.store.open_account(await server.services.db.read(account, KARIM))
    await server.services.db.write(mailboxes.create, AccountId(key.account_id), name, "")


@pytest.mark.parametrize("command", WRITING)
async def test_reading_only_refuses_every_command_that_writes(server: Server, command: str) -> None:
    client, _ = await borrowed(server, ["read"])
    assert (await client.ask(command)).startswith(b"NO [NOPERM] this mailbox was lent to you for reading only")
    assert (await client.ask("NOOP")).startswith(b"OK")


async def test_reading_only_refuses_append_and_opens_as_examine(server: Server) -> None:
    client, _ = await borrowed(server, ["read"], "")
    assert (await client.ask("SELECT INBOX")).startswith(b"OK [READ-ONLY]")
    assert (await client.append(letter(9))).startswith(b"NO [NOPERM]")
    assert (await client.ask("CLOSE")).startswith(b"OK")


async def test_fetching_marks_nothing_as_read(server: Server) -> None:
    client, _ = await borrowed(server, ["read"])
    assert (await client.ask("FETCH 1 BODY[TEXT]")).startswith(b"OK")
    await client.ask("FETCH 1 FLAGS")
    assert any(b"FLAGS ()" in line for line in client.untagged)


async def test_writing_is_writing(server: Server) -> None:
    client, _ = await borrowed(server, ["write"])
    assert (await client.ask("STORE 1 +FLAGS (\\Seen \\Deleted)")).startswith(b"OK")
    assert (await client.ask("EXPUNGE")).startswith(b"OK")
    assert (await client.ask("CREATE Elsewhere")).startswith(b"OK")


async def test_who_may_only_send_opens_nothing(server: Server) -> None:
    await server.services.db.write(lend, ["send_on_behalf"])
    client = await server.connect()
    assert (await client.sign_in(LOGIN)).startswith(b"NO [AUTHENTICATIONFAILED]")


async def test_a_folder_is_all_that_was_lent(server: Server) -> None:
    client, _ = await borrowed(server, ["write"], "", "Dossiers/2026")
    for name in ("Dossiers", "Dossiers/2026", "Dossiers/2026/Mars", "Dossiers/2026bis"):
        await make_folder(server, name)
    await client.ask('LIST "" *')
    assert [line for line in client.untagged if b'"/"' in line] == [
        b'* LIST (\\HasChildren) "/" Dossiers/2026',
        b'* LIST (\\HasNoChildren) "/" Dossiers/2026/Mars',
    ]
    for command in ("SELECT INBOX", "STATUS Dossiers (MESSAGES)", "EXAMINE Dossiers/2026bis", "RENAME Dossiers/2026/Mars Mars", "CREATE x"):
        assert (await client.ask(command)).startswith(b"NO [NOPERM]"), command
    assert (await client.append(letter(9))).startswith(b"NO [NOPERM]")
    assert (await client.ask("SELECT dossiers/2026")).startswith(b"OK")
    assert (await client.append(letter(9), "Dossiers/2026")).startswith(b"OK")
    assert (await client.ask("COPY 1 INBOX")).startswith(b"NO [NOPERM]")
    assert (await client.ask("COPY 1 Dossiers/2026/Mars")).startswith(b"OK")


async def test_a_revoked_borrower_gets_nothing_more_at_the_next_command(server: Server) -> None:
    client, lent = await borrowed(server, ["read"])
    await server.services.db.write(delegations.revoke, lent)
    await client.send(b"a FETCH 1 BODY[]\r\n")
    assert await client.everything() == b"* BYE the right to this mailbox has ended\r\n"


async def test_the_last_day_ends_it_by_itself(server: Server, clock) -> None:
    client, _ = await borrowed(server, ["read"])
    clock.advance(31 * DAY_US)
    await client.send(b"a NOOP\r\n")
    assert await client.everything() == b"* BYE the right to this mailbox has ended\r\n"


async def test_an_idle_borrower_is_told_nothing_after_the_end(server: Server) -> None:
    client, lent = await borrowed(server, ["read"])
    await client.send(b"a IDLE\r\n")
    assert await client.line() == b"+ idling"
    await server.services.db.write(delegations.revoke, lent)
    await server.fill(1, address=KARIM)
    async with asyncio.timeout(10):
        assert await client.everything() == b"* BYE the right to this mailbox has ended\r\n"
