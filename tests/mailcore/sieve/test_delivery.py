"""Scripts at delivery: what ends up where, on each engine; `diwan check` finds nothing after each test."""

from dataclasses import replace

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from config.clock import SECOND_US
from config.settings import Rate, Sending
from mailcore.message.index import index
from mailcore.queue import listing, local
from mailcore.queue.accept import accept
from mailcore.queue.worker import drain
from mailcore.sieve import marks, scripts, shelf
from mailcore.sieve.letter import Letter
from mailcore.sieve.trace import FIELD
from mailcore.store import keywords, mailboxes, messages
from tests.mailcore.queue import node
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, inbox, letter, submission

DAY_US = 86_400 * SECOND_US


async def use(services, address, script):
    """Put a script in force."""
    account = await services.store.open_account(await services.db.read(node._account_id, address))
    await services.db.write(scripts.put_in_force, account, "rules", script.encode())


async def folder(services, address, name):
    """The messages of a mailbox as (octets, flags)."""
    account = await services.store.open_account(await services.db.read(node._account_id, address))
    mailbox = await services.db.read(mailboxes.find, account.account_id, name)
    uids = await services.db.read(messages.uids, mailbox.key)
    stored = await services.db.read(messages.fetch, mailbox.key, uids)
    names = await services.db.read(keywords.names, account.account_id)
    flags = [{1: "\\Seen", 4: "\\Flagged", **names} for _ in stored]
    return [
        (await services.store.raw(account, each), {name for bit, name in known.items() if each.flags & bit})
        for each, known in zip(stored, flags, strict=True)
    ]


async def fault(services, address):
    account = await services.store.open_account(await services.db.read(node._account_id, address))
    return (await services.db.read(scripts.state, account.account_id)).fault(account)


def to(name, text="bonjour", subject="essai", more=""):
    """A letter that names its recipient."""
    return f"From: Amina <{AMINA}>\r\nTo: <{name}>\r\nSubject: {subject}\r\nMessage-ID: <m1@x.example>\r\n{more}\r\n{text}\r\n".encode()


async def send(services, *recipients, **more):
    await accept(services, submission(*recipients, **more))
    await drain(services)


async def test_a_letter_is_filed_with_flags_into_an_existing_mailbox(services):
    await use(services, KARIM, 'require ["fileinto","imap4flags"]; fileinto :flags ["\\\\Flagged", "$Forwarded"] "Archive";')
    await send(services, KARIM)
    assert await folder(services, KARIM, "Archive") == [(letter(), {"\\Flagged", "$Forwarded"})]
    assert await inbox(services, KARIM) == []


@pytest.mark.parametrize(("create", "where"), [(":create ", "Projets/2026"), ("", "INBOX")])
async def test_a_missing_mailbox_is_made_when_asked_for_else_the_inbox_takes_the_letter(services, create, where):
    await use(services, KARIM, f'require ["fileinto","mailbox"]; fileinto {create}"Projets/2026";')
    await send(services, KARIM)
    assert len(await folder(services, KARIM, where)) == 1
    assert (await fault(services, KARIM) == "") == bool(create)


async def test_special_use_goes_before_the_name(services):
    await use(services, KARIM, 'require ["fileinto","special-use"]; fileinto :specialuse "\\\\Junk" "elsewhere";')
    await send(services, KARIM)
    assert len(await folder(services, KARIM, "Junk")) == 1


async def test_a_special_use_that_is_missing_is_made_with_its_mailbox(services):
    await use(services, KARIM, 'require ["fileinto","special-use","mailbox"]; fileinto :specialuse "\\\\Important" :create "Urgent";')
    await send(services, KARIM)
    account_id = await services.db.read(node._account_id, KARIM)
    assert (await services.db.read(mailboxes.by_role, account_id, "important")).name == "Urgent"
    assert len(await folder(services, KARIM, "Urgent")) == 1


async def test_a_delivery_that_fails_leaves_nothing_behind_and_comes_again_whole(services, clock, monkeypatch):
    await use(
        services,
        KARIM,
        f'require ["fileinto","copy","vacation"]; fileinto :copy "Archive"; redirect :copy "clerk@{DOMAIN}"; vacation "absent"; keep;',
    )
    broken = iter([True])

    def fail(name):
        if name == "script.before_commit" and next(broken, False):
            raise RuntimeError("power cut")

    monkeypatch.setattr(local, "failpoint", fail)
    await send(services, KARIM, raw=to(KARIM))
    assert await inbox(services, KARIM) == await inbox(services, AMINA) == await folder(services, KARIM, "Archive") == []
    clock.advance(3600 * SECOND_US)
    await drain(services)
    assert len(await inbox(services, KARIM)) == len(await folder(services, KARIM, "Archive")) == 1
    told = [Letter(index(raw).header, len(raw), "", AMINA) for raw in await inbox(services, AMINA)]
    assert sorted(letter.texts("auto-submitted")[0] for letter in told) == [
        "auto-replied",
        "auto-replied (vacation)",
    ]  # one bounce of clerk@
    assert await services.db.read(listing.depth) == 0


async def test_discard_delivers_nothing_and_finishes(services):
    await use(services, KARIM, "discard;")
    await send(services, KARIM, AMINA)
    assert await inbox(services, KARIM) == []
    assert len(await inbox(services, AMINA)) == 1
    assert await services.db.read(listing.depth) == 0


async def test_copies_of_one_letter_go_to_several_mailboxes_each_once(services):
    await use(services, KARIM, 'require ["fileinto","copy"]; fileinto :copy "Archive"; fileinto :copy "archive"; keep;')
    await send(services, KARIM)
    assert len(await folder(services, KARIM, "Archive")) == len(await inbox(services, KARIM)) == 1


async def test_a_redirect_keeps_the_sender_and_the_octets(services):
    await use(services, KARIM, f'redirect "{AMINA}";')
    await send(services, KARIM)
    assert await inbox(services, KARIM) == []
    [got] = await inbox(services, AMINA)
    assert got.endswith(letter())
    assert got.startswith(b"Received: by ")
    assert FIELD.encode() in got


async def test_a_large_letter_is_redirected_from_a_file(services):
    raw = to(KARIM, "x" * 400_000)
    await use(services, KARIM, f'redirect "{AMINA}";')
    await send(services, KARIM, raw=raw)
    [got] = await inbox(services, AMINA)
    assert got.endswith(raw)


async def test_what_a_script_sends_on_is_counted_and_stays_in_the_inbox_beyond(services):
    services = replace(services, settings=structs.replace(services.settings, sending=Sending(script=Rate(recipients_per_hour=1))))
    await use(services, KARIM, f'redirect "{AMINA}";')
    await send(services, KARIM)
    assert (len(await inbox(services, AMINA)), await inbox(services, KARIM)) == (1, [])
    await send(services, KARIM)
    assert len(await inbox(services, AMINA)) == 1
    assert await inbox(services, KARIM) == [letter()]
    assert "no more than 1 recipients in an hour" in await fault(services, KARIM)


async def test_two_who_redirect_to_each_other_end_with_a_copy(services):
    await use(services, KARIM, f'redirect "{AMINA}";')
    await use(services, AMINA, f'redirect "{KARIM}";')
    await send(services, KARIM)
    assert len(await inbox(services, KARIM)) == 1
    assert await inbox(services, AMINA) == []


async def test_what_has_the_null_sender_goes_on_to_one_address_only(services):
    await use(services, KARIM, f'redirect "{AMINA}"; redirect "other@{DOMAIN}";')
    await send(services, KARIM, sender="")
    assert len(await inbox(services, AMINA)) == len(await inbox(services, KARIM)) == 1


async def test_what_is_sent_on_bears_its_number_in_the_queue(services):
    await use(services, KARIM, f'redirect "{AMINA}";')
    with capture_logs() as logged:
        await send(services, KARIM)
    [passed] = await inbox(services, AMINA)
    told = [line["queue_id"].encode() for line in logged if line["event"] == "queue.delivered"]
    assert passed.startswith(b"Received: by %b with local id %b;" % (node.HOSTNAME.encode(), told[-1]))
    assert len(set(told)) == len(told)


async def test_a_refusal_is_told_to_a_sender_who_signed_in(services):
    await use(services, KARIM, 'require "reject"; reject "لا أقبل هذه الرسائل";')
    account_id = await services.db.read(node._account_id, AMINA)
    await send(services, KARIM, account_id=account_id)
    assert await inbox(services, KARIM) == []
    [report] = await inbox(services, AMINA)
    assert b"Status: 5.7.1" in report
    assert "لا أقبل هذه الرسائل" in await node.text(services, report)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (f"{node.HOSTNAME}; spf=pass smtp.mailfrom=x", True),
        (f"{node.HOSTNAME}; spf=fail", False),
        ("evil.example; spf=pass", False),
        ("", False),
    ],
)
async def test_a_refusal_goes_to_a_stranger_only_when_the_checks_vouch_for_the_sender(services, result, told):
    await use(services, KARIM, 'require "ereject"; ereject "no";')
    await send(services, KARIM, raw=to(KARIM, more=f"Authentication-Results: {result}\r\n" if result else ""))
    assert len(await inbox(services, AMINA)) == told
    assert len(await folder(services, KARIM, "Trash")) == (not told)


async def test_an_absence_notice_is_sent_once_in_its_period_and_never_answered(services, clock):
    await use(services, KARIM, 'require "vacation"; vacation :days 7 "أنا غائب";')
    await use(services, AMINA, 'require "vacation"; vacation "absent aussi";')
    await send(services, KARIM, raw=to(KARIM))
    [notice] = await inbox(services, AMINA)
    fields = Letter(index(notice).header, len(notice), "", AMINA)
    assert fields.texts("auto-submitted") == ["auto-replied (vacation)"]
    assert fields.texts("in-reply-to") == fields.texts("references") == ["<m1@x.example>"]
    assert fields.texts("subject") == ["Auto: essai"]
    assert [(box.name, box.address) for box in fields.mailboxes("from")] == [("كريم خليفي", KARIM)]
    assert "أنا غائب" in await node.text(services, notice)
    await send(services, KARIM, raw=to(KARIM, "again"))
    assert len(await inbox(services, AMINA)) == 1
    clock.advance(7 * DAY_US + 1)
    await send(services, KARIM, raw=to(KARIM, "later"))
    assert len(await inbox(services, AMINA)) == 2
    assert len(await inbox(services, KARIM)) == 3


@pytest.mark.parametrize(("said", "shown"), [(f"Karim K. <{KARIM}>", ("Karim K.", KARIM)), (f"Boss <{AMINA}>", ("Karim Khelifi", KARIM))])
async def test_a_notice_comes_from_an_address_of_the_owner(services, said, shown):
    await use(services, KARIM, f'require "vacation"; vacation :from "{said}" "absent";')
    await send(services, KARIM, raw=to(KARIM))
    [notice] = await inbox(services, AMINA)
    fields = Letter(index(notice).header, len(notice), "", AMINA)
    assert [(box.name, box.address) for box in fields.mailboxes("from")] == [shown]


async def test_what_went_wrong_is_sealed(services):
    await use(services, KARIM, 'require ["variables","fileinto"]; if header :matches "subject" "*" { fileinto "secret ${1}"; }')
    await send(services, KARIM)
    assert "secret essai" in await fault(services, KARIM)

    def readable(tx):
        return tx.value("SELECT fault FROM sieve_account WHERE fault_us > 0")

    assert b"essai" not in bytes(await services.db.read(readable))


@pytest.mark.parametrize(
    "more",
    [
        {"raw": letter()},  # does not name Karim
        {"sender": ""},
        {"sender": f"no-reply@{DOMAIN}"},
        {"sender": f"owner-list@{DOMAIN}"},
        {"sender": KARIM},
        {"raw": to(KARIM, more="List-Id: <l.x.example>\r\n")},
        {"raw": to(KARIM, more="Precedence: bulk\r\n")},
        {"raw": to(KARIM, more="Auto-Submitted: auto-generated\r\n")},
        {"raw": to(KARIM, more="X-Auto-Response-Suppress: OOF\r\n")},
        {"raw": to(KARIM), "junk": True},
    ],
)
async def test_no_absence_notice_for_lists_machines_and_those_who_wrote_to_others(services, more):
    await use(services, KARIM, 'require "vacation"; vacation "absent";')
    await send(services, KARIM, **{"raw": to(KARIM), **more})
    assert await inbox(services, AMINA) == []
    assert await services.db.read(listing.depth) == 0


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("", True),  # nobody looked
        ("evil.example; spf=fail; dmarc=fail", True),  # others' words do not count
        (f"{node.HOSTNAME}; dkim=none; spf=none smtp.mailfrom={DOMAIN}; dmarc=none", True),  # a domain that publishes nothing
        (f"{node.HOSTNAME}; spf=pass smtp.mailfrom={DOMAIN}; dmarc=pass header.from={DOMAIN}", True),
        (f"{node.HOSTNAME}; dkim=pass header.d={DOMAIN}; spf=fail smtp.mailfrom={DOMAIN}", True),  # came by a forwarder, and is proven
        (f"{node.HOSTNAME}; dkim=pass header.d=evil.example; spf=fail smtp.mailfrom={DOMAIN}", False),
        (f"{node.HOSTNAME}; dkim=none; spf=softfail smtp.mailfrom={DOMAIN}; dmarc=none", False),
        (f"{node.HOSTNAME}; dkim=none; spf=none; dmarc=fail header.from={DOMAIN}", False),
    ],
)
async def test_no_absence_notice_for_a_stranger_whom_the_checks_speak_against(services, result, told):
    await use(services, KARIM, 'require "vacation"; vacation "absent";')
    await send(services, KARIM, raw=to(KARIM, more=f"Authentication-Results: {result}\r\n" if result else ""))
    assert len(await inbox(services, AMINA)) == told
    assert len(await inbox(services, KARIM)) == 1


async def test_who_signed_in_is_told_whatever_a_letter_says_of_itself(services):
    await use(services, KARIM, 'require "vacation"; vacation "absent";')
    raw = to(KARIM, more=f"Authentication-Results: {node.HOSTNAME}; spf=fail\r\n")
    await send(services, KARIM, raw=raw, account_id=await services.db.read(node._account_id, AMINA))
    assert len(await inbox(services, AMINA)) == 1


async def test_a_script_that_cannot_go_on_keeps_the_letter_and_tells_the_owner(services):
    await use(services, KARIM, 'require ["variables","fileinto"]; set "x" ""; fileinto "Archive"; fileinto "${x}";')
    await send(services, KARIM)
    assert await inbox(services, KARIM) == [letter()]
    assert await folder(services, KARIM, "Archive") == []
    assert await fault(services, KARIM) == "line 1, column 76: this is not a name that a mailbox can have: "


async def test_a_change_counts_from_the_next_letter_on_also_when_another_process_made_it(services):
    await send(services, KARIM)
    await use(services, KARIM, "discard;")
    await send(services, KARIM)
    assert len(await inbox(services, KARIM)) == 1
    await services.db.write(scripts.activate, await services.db.read(node._account_id, KARIM), "")
    await send(services, KARIM)
    assert len(await inbox(services, KARIM)) == 2


async def test_an_account_without_a_script_is_looked_up_once(services, monkeypatch):
    await send(services, KARIM)
    asked = []
    monkeypatch.setattr(scripts, "active", lambda tx, account: asked.append(account))
    await send(services, KARIM)
    assert asked == []
    known = shelf.of(services)
    assert known.knows(await services.db.read(node._account_id, KARIM))


async def test_a_duplicate_is_known_within_its_period_and_within_one_batch(services, clock):
    await use(services, KARIM, 'require ["duplicate","fileinto"]; if duplicate :seconds 60 { fileinto "Trash"; }')
    for text in ("one", "two"):
        await accept(services, submission(KARIM, raw=to(KARIM, text)))
    await drain(services)
    assert len(await inbox(services, KARIM)) == 1
    clock.advance(301 * SECOND_US * 2)
    await drain(services)
    assert await services.db.read(listing.depth) == 0
    assert len(await inbox(services, KARIM)) + len(await folder(services, KARIM, "Trash")) == 2
    await send(services, KARIM, raw=to(KARIM, "three"))
    assert len(await folder(services, KARIM, "Trash")) >= 1


async def test_scripts_ask_which_mailboxes_there_are(services):
    await use(
        services,
        KARIM,
        'require ["mailbox","special-use"]; if anyof(mailboxexists ["INBOX","nowhere"], not specialuse_exists "\\\\Junk") { discard; }',
    )
    await send(services, KARIM)
    assert len(await inbox(services, KARIM)) == 1


async def test_what_is_remembered_is_forgotten_when_it_is_over(services, clock):
    await use(services, KARIM, 'require "vacation"; vacation :days 1 "absent";')
    await send(services, KARIM, raw=to(KARIM))
    assert await services.db.write(marks.drop) == 0
    clock.advance(DAY_US + 1)
    assert await services.db.write(marks.drop) == 1


async def test_body_tests_read_the_letter(services):
    await use(services, KARIM, 'require ["body","fileinto"]; if body :contains "bonjour" { fileinto "Archive"; }')
    await send(services, KARIM)
    assert len(await folder(services, KARIM, "Archive")) == 1
