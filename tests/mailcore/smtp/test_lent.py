"""Letters in the name of another, and letters to lists, as submission and reception take and refuse them."""

import pytest

from config.database import Tx
from directory import delegations, lists, organisations, resolve
from directory.address import parse
from directory.queries import Query
from mailcore.message.types import ACTING_FIELD
from mailcore.queue.accept import accept
from mailcore.queue.worker import drain
from tests.mailcore.queue.node import inbox
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, DOMAIN, KARIM, REGISTRY, Client
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_submit import signed_in

LIST = f"drh@{DOMAIN}"


def account(tx: Tx, address: str) -> int:
    target = resolve.resolve(tx, parse(address))
    assert target is not None
    return target.account_id


def lend(tx: Tx, *rights: str) -> int:
    """Karim lends his name to Amina."""
    return delegations.grant(tx, account(tx, KARIM), account(tx, AMINA), rights).delegation_id


def make_list(tx: Tx, senders: str, member: str = KARIM) -> None:
    ministry = organisations.by_code(tx, "interieur").organisation_id
    query = Query(members=(account(tx, member),))
    lists.create(tx, ministry, account(tx, KARIM), parse(LIST), "قائمة", "Liste", query, senders)  # type: ignore[arg-type]


def letter(author: str, sender: str = "", more: bytes = b"") -> bytes:
    extra = f"Sender: <{sender}>\r\n".encode() if sender else b""
    return f"From: <{author}>\r\n".encode() + extra + more + b"To: x@remote.example\r\nSubject: s\r\n\r\nBonjour\r\n"


async def answer(client: Client, envelope: str, raw: bytes) -> str:
    for line in (f"MAIL FROM:<{envelope}>", "RCPT TO:<x@remote.example>"):
        said = await client.ask(line)
        if not said.startswith("250"):
            return said
    assert (await client.ask("DATA")).startswith("354")
    await client.send(raw + b".\r\n")
    return await client.reply()


def added(submission: Listening, raw: bytes) -> bytes:
    """What stands in front of the letter as it was sent."""
    [taken] = submission.collector.taken
    assert taken.raw.endswith(raw)
    return taken.raw.removesuffix(raw)


async def test_on_behalf_both_names_stand_in_the_header(submission: Listening) -> None:
    await submission.services.db.write(lend, "send_on_behalf")
    raw = letter(KARIM)
    assert (await answer(await signed_in(submission), KARIM, raw)).startswith("250")
    assert b"\r\nSender: Amina Benali <amina.benali@interieur.gov.example>\r\n" in added(submission, raw)
    acting = submission.collector.taken[0].acting
    assert acting is not None
    assert (acting.sending, acting.address) == ("on_behalf", AMINA)


async def test_a_sender_field_that_the_client_wrote_right_is_enough(submission: Listening) -> None:
    await submission.services.db.write(lend, "send_on_behalf")
    raw = letter(KARIM, AMINA)
    assert (await answer(await signed_in(submission), AMINA, raw)).startswith("250")
    assert b"Sender" not in added(submission, raw)
    assert (await answer(await signed_in(submission), AMINA, letter(KARIM, REGISTRY))).startswith("250")  # a post she holds


async def test_on_behalf_the_owner_is_no_sender(submission: Listening) -> None:
    await submission.services.db.write(lend, "send_on_behalf")
    said = await answer(await signed_in(submission), KARIM, letter(KARIM, KARIM))
    assert said == "553 5.7.1 Sender is who signed in, in their own name"


@pytest.mark.parametrize("sender", ["", KARIM, AMINA])
async def test_as_the_owner_the_person_is_named_in_a_field_of_ours(submission: Listening, sender: str) -> None:
    await submission.services.db.write(lend, "send_as")
    raw = letter(KARIM, sender)
    assert (await answer(await signed_in(submission), KARIM, raw)).startswith("250")
    front = added(submission, raw)
    assert f"\r\n{ACTING_FIELD}: Amina Benali <{AMINA}>\r\n".encode() in front
    assert b"\r\nSender:" not in front


async def test_nobody_writes_our_field(submission: Listening) -> None:
    said = await answer(await signed_in(submission), AMINA, letter(AMINA, more=f"{ACTING_FIELD.lower()}: <{KARIM}>\r\n".encode()))
    assert said.startswith("553 5.7.1 Diwan-Acting is written here")


@pytest.mark.parametrize("rights", [(), ("read",), ("write",)])
async def test_reading_and_writing_is_not_sending(submission: Listening, rights: tuple[str, ...]) -> None:
    if rights:
        await submission.services.db.write(lend, *rights)
    assert (await answer(await signed_in(submission), KARIM, letter(KARIM))).startswith("553 5.7.1")
    assert (await answer(await signed_in(submission), AMINA, letter(KARIM))).startswith("553 5.7.1")
    assert (await answer(await signed_in(submission), AMINA, letter(AMINA, KARIM))).startswith("553 5.7.1")


async def test_the_right_ends_within_an_open_session(submission: Listening) -> None:
    lent = await submission.services.db.write(lend, "send_as")
    client = await signed_in(submission)
    assert (await answer(client, KARIM, letter(KARIM))).startswith("250")
    await submission.services.db.write(delegations.revoke, lent)
    assert (await answer(client, KARIM, letter(KARIM))).startswith("553 5.7.1")


@pytest.mark.parametrize(
    ("senders", "text"),
    [
        ("owners", "only its owner may write to this list"),
        ("members", "only its members may write to this list"),
    ],
)
async def test_who_may_not_write_to_a_list_is_told_at_once(submission: Listening, senders: str, text: str) -> None:
    await submission.services.db.write(make_list, senders)
    client = await signed_in(submission)
    await client.ask(f"MAIL FROM:<{AMINA}>")
    assert await client.ask(f"RCPT TO:<{LIST}>") == f"550 5.7.2 {text}"
    assert (await client.ask(f"RCPT TO:<{KARIM}>")).startswith("250")


@pytest.mark.parametrize(("senders", "member"), [("everyone", KARIM), ("nation", KARIM), ("organisation", KARIM), ("members", REGISTRY)])
async def test_who_may_write_to_a_list_is_let_in(submission: Listening, senders: str, member: str) -> None:
    await submission.services.db.write(make_list, senders, member)
    client = await signed_in(submission)
    await client.ask(f"MAIL FROM:<{AMINA}>")
    assert (await client.ask(f"RCPT TO:<{LIST}>")).startswith("250")


@pytest.mark.parametrize(("senders", "code"), [("everyone", "250 2.1.5"), ("nation", "550 5.1.1"), ("organisation", "550 5.1.1")])
async def test_a_stranger_is_let_in_only_where_everyone_is(mx: Listening, senders: str, code: str) -> None:
    await mx.services.db.write(make_list, senders)
    client = await mx.client("smtp")
    await client.ask(f"MAIL FROM:<{AMINA}>")  # what the envelope says proves nothing here
    assert (await client.ask(f"RCPT TO:<{LIST}>")).startswith(code)
    unknown = await client.ask(f"RCPT TO:<nobody@{LIST.partition('@')[2]}>")
    assert code != "550 5.1.1" or await client.ask(f"RCPT TO:<{LIST}>") == unknown  # that there is a list is not told


async def test_what_is_submitted_to_a_list_and_a_member_arrives_once_with_both_names(listening: Listening) -> None:
    await listening.start("submission", accept=accept)
    await listening.services.db.write(make_list, "organisation", REGISTRY)
    await listening.services.db.write(lend, "send_on_behalf")
    client = await signed_in(listening)
    raw = letter(KARIM)
    assert (await deliver(client, KARIM, LIST, REGISTRY, letter=raw)).startswith("250")
    await drain(listening.services)
    [arrived] = await inbox(listening.services, REGISTRY)
    assert arrived.endswith(raw)
    assert f"\r\nSender: Amina Benali <{AMINA}>\r\n".encode() in arrived
