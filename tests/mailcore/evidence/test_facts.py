"""Evidence comes with its fact, in one transaction, for each way that a letter may take."""

from hashlib import sha256

import msgspec
import pytest

from config.database import Tx
from config.evidence import Evidence
from config.settings import Route
from mailcore.errors import OverQuota
from mailcore.evidence import facts
from mailcore.queue import express, queue
from mailcore.queue.accept import accept
from mailcore.queue.proofs import Ending
from mailcore.queue.types import Reply, queue_number
from mailcore.queue.worker import drain
from signing.evidence import record
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, queued, submission
from tests.mailcore.queue.test_lists import LIST, make

STRANGER = "paul@ailleurs.example"
RAW = b"Message-ID: <a@b>\r\n\r\nx"
SIGNED = b'Message-ID: <s@x>\r\nContent-Type: multipart/signed; boundary="b"\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\n'


UNKNOWN = f"nobody@{DOMAIN}"


def known(tx: Tx) -> None:
    """A topology in which the stranger's domain is a node's."""
    tx.execute(
        """INSERT INTO node (node_id, name, organisation_id, site_class, hostname, smtp, https, key_sha256, created_us, reason)
           VALUES (77, 'ailleurs', 1, 'online', 'mx.ailleurs.example', 'mx:25', '', :key, 0, '')""",
        key=bytes(32),
    )
    tx.execute("INSERT INTO node_domain (domain, node_id) VALUES ('ailleurs.example', 77)")


def everything(tx: Tx) -> list[record.Record]:
    return sorted((record.read(bytes(one)) for one in tx.column("SELECT record FROM evidence_fact")), key=lambda one: one.event)


async def told(services):
    """What evidence there is: event, sender, recipients."""
    return [(one.event, one.sender, one.recipients) for one in await services.db.read(everything)]


async def test_a_letter_delivered_at_once_has_two_records(services, clock):
    name = await accept(services, submission(KARIM, account_id=1, raw=RAW))
    consigned, accepted = await services.db.read(everything)
    assert (accepted.event, consigned.event) == ("SubmissionAcceptance", "ContentConsignment")
    for one in (accepted, consigned):
        assert (one.sender, one.recipients, one.message, one.queue) == (AMINA, (KARIM,), "a@b", name)
        assert one.digest == f"sha256:{sha256(RAW).hexdigest()}"
        assert (one.at, one.issuer, one.reasons) == (clock.now_us(), f"mx.{DOMAIN}", ())
    assert accepted.id != consigned.id


async def test_rows_of_a_letter_have_their_salt_and_no_place_yet(services):
    name = await accept(services, submission(KARIM))
    rows = await services.db.read(facts.rows_of, queue_number(name))
    assert [record.read(row.record).queue for row in rows] == [name, name]
    assert {(len(row.salt), row.index) for row in rows} == {(32, None)}
    assert len({row.salt for row in rows}) == 2


@pytest.mark.parametrize(
    ("more", "event"),
    [
        ({"account_id": 1}, "SubmissionAcceptance"),
        ({}, "ReceivedFromNonERDS"),
        ({"relayed": True}, "RelayAcceptance"),
    ],
)
async def test_who_brought_a_letter_is_the_event(services, more, event):
    await queued(services, submission(STRANGER, KARIM, **more))
    assert await told(services) == [(event, AMINA, (STRANGER, KARIM))]


@pytest.mark.parametrize(
    ("cover", "sent", "records"),
    [
        ("all", submission(KARIM), 2),
        ("all", submission(KARIM, sender=""), 0),  # a report
        ("official", submission(KARIM), 0),
        ("official", submission(KARIM, raw=SIGNED), 2),
        ("none", submission(KARIM, raw=SIGNED), 0),
    ],
)
async def test_settings_say_of_which_letters_evidence_is_kept(services, cover, sent, records):
    settings = msgspec.structs.replace(services.settings, evidence=Evidence(cover=cover))
    object.__setattr__(services, "settings", settings)
    await accept(services, sent)
    assert len(await told(services)) == records


async def test_what_is_not_delivered_leaves_no_evidence(services, monkeypatch):
    def full(*_: object) -> None:
        raise OverQuota

    monkeypatch.setattr(express.messages, "deliver", full)
    await accept(services, submission(KARIM))
    assert await told(services) == [("ReceivedFromNonERDS", AMINA, (KARIM,))]  # it waits in the queue


async def test_what_undoes_the_fact_undoes_its_evidence(services, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(queue, "wake", broken)
    with pytest.raises(RuntimeError):
        await queued(services, submission(KARIM))
    assert await told(services) == []


async def test_what_the_queue_delivers_is_evidence_once(services):
    await queued(services, submission(KARIM, AMINA))
    await drain(services)
    wanted = {("ContentConsignment", AMINA, (KARIM, AMINA)), ("ReceivedFromNonERDS", AMINA, (KARIM, AMINA))}
    assert set(await told(services)) == wanted


async def test_an_unknown_recipient_is_a_failure_with_its_reason(services):
    await queued(services, submission(UNKNOWN))
    await drain(services)
    failed, _ = await services.db.read(everything)
    assert (failed.event, failed.recipients) == ("ContentConsignmentFailure", (UNKNOWN,))
    assert [(one.code, one.text) for one in failed.reasons] == [("550 5.1.1", "no such recipient here")]


@pytest.mark.parametrize(("reply", "event"), [(None, "RelayToNonERDS"), (b"550 5.1.1 nobody", "RelayToNonERDSFailure")])
async def test_what_a_peer_says_is_evidence(opener, sink, reply, event):
    if reply is not None:
        sink.replies += [(b"RCPT", reply), (b"RCPT", reply)]
    async with opener(routes=[Route(domain="", host="127.0.0.1", port=sink.port, tls="opportunistic")]) as services:
        await queued(services, submission(STRANGER, f"autre@{STRANGER.partition('@')[2]}"))
        await drain(services)
        ending = next(one for one in await services.db.read(everything) if one.event != "ReceivedFromNonERDS")
    assert (ending.event, len(ending.recipients)) == (event, 2)
    assert [one.code for one in ending.reasons] == ([] if reply is None else ["550 5.1.1"])


@pytest.mark.parametrize(
    ("reply", "failed", "event", "text"),
    [
        (Reply(250, "2.0.0", "ok", "mx.ailleurs.example"), False, "RelayAcceptance", None),
        (Reply(550, "5.1.1", "nobody", "mx.ailleurs.example"), True, "RelayRejection", "mx.ailleurs.example: nobody"),
        (Reply(550, "5.4.7", "not delivered in time"), True, "RelayFailure", "not delivered in time"),
    ],
)
async def test_a_node_is_no_stranger(services, reply, failed, event, text):
    await services.db.write(known)
    await queued(services, submission(STRANGER))
    leases = await services.db.write(queue.lease_remote, "me", 1 << 60, 10, [])
    proven = (facts.issuer(services.settings), [Ending(lease, reply, failed) for lease in leases])
    await services.db.write(queue.settle, leases, (), (), proven)
    assert await services.db.write(queue.settle, leases, (), (), proven) == leases  # lost: no second record
    ending, _ = sorted(await services.db.read(everything), key=lambda one: one.event == "ReceivedFromNonERDS")
    assert (ending.event, ending.recipients) == (event, (STRANGER,))
    assert [one.text for one in ending.reasons] == ([] if text is None else [text])


async def test_a_letter_to_a_list_is_evidence_for_each_member(services):
    await services.db.write(make, (KARIM, AMINA))
    name = await accept(services, submission(LIST, account_id=1))
    await drain(services)
    accepted, consigned = sorted(await services.db.read(everything), key=lambda one: one.event, reverse=True)
    assert (accepted.event, accepted.recipients) == ("SubmissionAcceptance", (LIST,))
    assert (consigned.event, set(consigned.recipients), consigned.queue) == ("ContentConsignment", {KARIM, AMINA}, name)
    assert len(await services.db.read(facts.rows_of, queue_number(name))) == 2
