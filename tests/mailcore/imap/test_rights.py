"""Every command with every right missing in turn. RFC 4314 §4."""

from dataclasses import dataclass

import pytest

from config.database import Tx
from directory.rights import Actor
from mailcore.imap.table import TABLE
from mailcore.store import mailboxes, rights
from mailcore.store.rights import ALL
from mailcore.store.types import AccountId
from tests.mailcore.imap.node import AMINA, Client, Server
from tests.mailcore.imap.test_lent import KARIM, account, lend

ROOT = f"Other Users/{KARIM}"
BOX, ELSEWHERE = "Boite", "Ailleurs"
THERE = f'"{ROOT}/{BOX}"'
BODY = "{14+}\r\nSubject: x\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """A command, what it needs in the mailbox of somebody else, and what is selected: that mailbox, one's own, nothing."""

    line: str
    needs: str
    selected: str = ""


CASES = {
    "LIST": Case(f'LIST "" {THERE}', "l"),
    "LSUB": Case(f'LSUB "" {THERE}', ""),
    "STATUS": Case(f"STATUS {THERE} (MESSAGES)", "r"),
    "SELECT": Case(f"SELECT {THERE}", "r"),
    "EXAMINE": Case(f"EXAMINE {THERE}", "r"),
    "SUBSCRIBE": Case(f"SUBSCRIBE {THERE}", "l"),
    "UNSUBSCRIBE": Case(f"UNSUBSCRIBE {THERE}", ""),
    "CREATE": Case(f'CREATE "{ROOT}/{BOX}/Neu"', "k"),
    "DELETE": Case(f"DELETE {THERE}", "x"),
    "RENAME": Case(f'RENAME {THERE} "{ROOT}/{ELSEWHERE}/{BOX}"', "x"),
    "RENAME into": Case(f'RENAME "{ROOT}/{ELSEWHERE}/Kind" "{ROOT}/{BOX}/Kind"', "k"),
    "APPEND": Case(f"APPEND {THERE} {BODY}", "i"),
    "MYRIGHTS": Case(f"MYRIGHTS {THERE}", ""),
    "GETACL": Case(f"GETACL {THERE}", "a"),
    "LISTRIGHTS": Case(f"LISTRIGHTS {THERE} anyone", "a"),
    "SETACL": Case(f"SETACL {THERE} anyone p", "a"),
    "DELETEACL": Case(f"DELETEACL {THERE} anyone", "a"),
    "GETMETADATA": Case(f"GETMETADATA {THERE} /private/comment", "l"),
    "SETMETADATA": Case(f'SETMETADATA {THERE} (/shared/comment "x")', "lw"),
    "GETQUOTAROOT": Case(f"GETQUOTAROOT {THERE}", "r"),
    "COPY": Case(f"COPY 1 {THERE}", "i", "own"),
    "UID COPY": Case(f"UID COPY 1 {THERE}", "i", "own"),
    "MOVE": Case(f"MOVE 1 {THERE}", "i", "own"),
    "UID MOVE": Case(f"UID MOVE 1 {THERE}", "i", "own"),
    "COPY from": Case("COPY 1 INBOX", "r", "theirs"),
    "UID COPY from": Case("UID COPY 1 INBOX", "r", "theirs"),
    "MOVE from": Case("MOVE 1 INBOX", "rte", "theirs"),
    "UID MOVE from": Case("UID MOVE 1 INBOX", "rte", "theirs"),
    "FETCH": Case("FETCH 1 BODY[]", "r", "theirs"),
    "UID FETCH": Case("UID FETCH 1 FLAGS", "r", "theirs"),
    "SEARCH": Case("SEARCH ALL", "r", "theirs"),
    "UID SEARCH": Case("UID SEARCH ALL", "r", "theirs"),
    "SORT": Case("SORT (DATE) UTF-8 ALL", "r", "theirs"),
    "UID SORT": Case("UID SORT (DATE) UTF-8 ALL", "r", "theirs"),
    "THREAD": Case("THREAD REFERENCES UTF-8 ALL", "r", "theirs"),
    "UID THREAD": Case("UID THREAD REFERENCES UTF-8 ALL", "r", "theirs"),
    "STORE": Case("STORE 1 +FLAGS (\\Seen)", "rs", "theirs"),
    "STORE deleted": Case("STORE 1 +FLAGS (\\Deleted)", "rt", "theirs"),
    "STORE others": Case("STORE 1 +FLAGS (\\Flagged)", "rw", "theirs"),
    "UID STORE": Case("UID STORE 1 -FLAGS (wichtig)", "rw", "theirs"),
    "STORE some": Case("STORE 1 +FLAGS (\\Seen \\Deleted \\Flagged)", "r", "theirs"),
    "STORE all": Case("STORE 1 FLAGS ()", "r", "theirs"),
    "EXPUNGE": Case("EXPUNGE", "re", "theirs"),
    "UID EXPUNGE": Case("UID EXPUNGE 1", "re", "theirs"),
    "REPLACE": Case(f"REPLACE 1 INBOX {BODY}", "rte", "theirs"),
    "UID REPLACE": Case(f"UID REPLACE 1 INBOX {BODY}", "rte", "theirs"),
    "NOOP": Case("NOOP", "r", "theirs"),
    "CHECK": Case("CHECK", "r", "theirs"),
    "CLOSE": Case("CLOSE", "r", "theirs"),
    "UNSELECT": Case("UNSELECT", "r", "theirs"),
}
NO_MAILBOX = {  # name none, or each on terms of its own
    *("CAPABILITY", "LOGOUT", "ID", "STARTTLS", "LOGIN", "AUTHENTICATE", "ENABLE", "NAMESPACE", "IDLE"),
    *("GETQUOTA", "ESEARCH", "COMPRESS", "UNAUTHENTICATE", "NOTIFY"),
}


def test_every_command_is_here() -> None:
    assert TABLE.keys() - CASES.keys() - NO_MAILBOX == set()


@pytest.fixture
async def node(server: Server) -> Server:
    """Karim, whose box Amina may do things in; nothing of his is hers otherwise."""
    lent = await server.services.db.write(lend, ["read"])
    assert lent
    await server.services.store.open_account(await server.services.db.read(account, KARIM))
    await server.services.db.write(_end_loans)
    return server


def _end_loans(tx: Tx) -> None:
    tx.execute("UPDATE delegation SET revoked_us = :now", now=tx.now_us)


def _prepare(tx: Tx, given: frozenset[str]) -> None:
    """A new box with these rights for Amina, beside one in which she may do everything."""
    karim = AccountId(account(tx, KARIM))
    for mailbox in reversed(mailboxes.listing(tx, karim)):
        if not mailbox.role:
            mailboxes.delete(tx, karim, mailbox.name)
    actor = Actor("karim")
    rights.set_(tx, actor, mailboxes.create(tx, karim, BOX), AMINA, "replace", given)
    rights.set_(tx, actor, mailboxes.create(tx, karim, ELSEWHERE), AMINA, "replace", ALL)
    mailboxes.create(tx, karim, f"{ELSEWHERE}/Kind")


def _restrict(tx: Tx, given: frozenset[str]) -> None:
    mailbox = mailboxes.find(tx, AccountId(account(tx, KARIM)), BOX)
    rights.set_(tx, Actor("karim"), mailbox, AMINA, "replace", given)


async def _try(server: Server, case: Case, given: frozenset[str]) -> tuple[Client, bytes]:
    await server.services.db.write(_prepare, ALL if case.selected == "theirs" else given)
    if case.selected:
        await server.fill(1, BOX, KARIM) if case.selected == "theirs" else await server.fill(1)
    client = await server.connect()
    await client.sign_in()
    if case.selected:
        assert (await client.ask(f"SELECT {THERE if case.selected == 'theirs' else 'INBOX'}")).startswith(b"OK")
    await server.services.db.write(_restrict, given)
    return client, await client.ask(case.line)


def _command(name: str) -> str:
    return " ".join(word for word in name.split(" ") if word.isupper())


@pytest.mark.parametrize("name", [name for name in CASES if _command(name) in TABLE])
async def test_each_right_counts_where_it_must_and_nowhere_else(node: Server, name: str) -> None:
    case = CASES[name]
    for missing in ("", *sorted(ALL)):
        client, answer = await _try(node, case, ALL - {missing})
        if name == "LIST":
            assert any(line.startswith(b"* LIST") for line in client.untagged) == (missing != "l")
        elif not missing or missing not in case.needs:
            assert answer.startswith(b"OK"), (case.line, missing, answer)
        elif case.selected == "theirs" and missing == "r":
            assert answer == b"", (case.line, answer)  # BYE: the mailbox that was open is not theirs any more
            assert client.untagged[-1].startswith(b"* BYE")
        else:
            assert answer.startswith((b"NO [NOPERM]", b"NO [NONEXISTENT]")), (case.line, missing, answer)
        await client.close()


@pytest.mark.parametrize("name", ["STATUS", "SELECT", "CREATE", "DELETE", "APPEND", "GETACL", "SUBSCRIBE", "COPY"])
async def test_without_any_right_it_is_absent(node: Server, name: str) -> None:
    _, answer = await _try(node, CASES[name], frozenset())
    assert answer.startswith(b"NO [NONEXISTENT]"), answer
