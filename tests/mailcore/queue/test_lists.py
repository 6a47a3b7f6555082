"""Letters to lists: who gets them, once each, who may write, and what an owner decides."""

import pytest

from config.clock import DAY_US
from directory import aliases, held, lists, organisations, people, posts, quotas, units
from directory.acts.lists import ListRelease
from directory.address import parse
from directory.commands.lists import decide as release
from directory.errors import NotPermitted
from directory.queries import Query
from directory.quotas import Quota
from directory.rights import CONSOLE, Actor
from mailcore.queue import circular, fanout, listing, moderation, steering
from mailcore.queue.accept import accept
from mailcore.queue.steering import Choice
from mailcore.queue.types import Recipient, queue_number
from mailcore.queue.worker import drain
from tests.mailcore.queue.node import AMINA, DOMAIN, KARIM, inbox, letter, submission

CONVERSATIONS = "SELECT thread_id FROM message WHERE account_id = :id"
TOKENS = "SELECT thread_id FROM thread_token WHERE account_id = :id"
LIST, OUTER = f"drh@{DOMAIN}", f"tous@{DOMAIN}"


def account(tx, address):
    return tx.value("SELECT account_id FROM address WHERE address = :address", address=address)


def ministry_id(tx):
    return organisations.by_code(tx, "interieur").organisation_id


def make(tx, members=(KARIM,), address=LIST, owner=AMINA, senders="nation", moderation="none"):
    query = Query(members=tuple(account(tx, one) for one in members))
    return lists.create(tx, ministry_id(tx), account(tx, owner), parse(address), "قائمة", "Liste", query, senders, moderation).list_id


def staff(tx, count):
    """Directions of human resources, each with a head; return their addresses."""
    for n in range(count):
        unit = units.create(tx, ministry_id(tx), f"DRH{n}", "موارد", "Ressources humaines", kind="hr")
        posts.create(tx, unit.unit_id, "مدير", "Directeur", parse(f"drh{n}@{DOMAIN}"), rank=10, function="head")
        posts.create(tx, unit.unit_id, "كاتب", "Secrétaire", parse(f"sec{n}@{DOMAIN}"), function="secretary")
    return [f"drh{n}@{DOMAIN}" for n in range(count)]


def heads(tx, senders="nation"):
    query = Query(within=ministry_id(tx), unit_kind="hr", function="head")
    return lists.create(tx, ministry_id(tx), account(tx, AMINA), parse(LIST), "", "Chefs", query, senders).list_id


def said(report):
    """What a report says, lines put together again."""
    return " ".join(report.decode("utf-8", "replace").split())


def rows(tx, table):
    return tx.value(f"SELECT COUNT(*) FROM {table}")


async def signed_in(services, sender=AMINA):
    return {"sender": sender, "account_id": await services.db.read(account, sender)}


async def post(services, *recipients, sender=AMINA, raw=None):
    """Send as somebody who signed in, and deliver everything."""
    await accept(services, submission(*recipients, raw=raw, **await signed_in(services, sender)))
    await drain(services)


async def waiting(services, list_id):
    return await services.db.read(moderation.waiting, [list_id])


async def decide(services, held_id, state, reason=""):
    decided = await services.db.write(held.decide, held_id, state, reason)
    await services.db.write(moderation.wake, decided)
    await drain(services)


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(fanout, "CHUNK", 3)


async def test_a_list_that_is_a_query_reaches_every_match_once_with_the_octets_as_accepted(services, small_pieces):
    reached = await services.db.write(staff, 8)
    await services.db.write(heads)
    raw = letter("إلى رؤساء الموارد البشرية")
    await post(services, LIST, raw=raw)
    assert [await inbox(services, one) for one in reached] == [[raw]] * 8
    assert await inbox(services, f"sec0@{DOMAIN}") == []
    assert await services.db.read(listing.depth) == 0


async def test_a_circular_joins_the_conversation_that_a_member_knows(services):
    await services.db.write(make, (AMINA, KARIM))
    named = b"Message-ID: <one@x.example>\r\n" + letter("un")
    await post(services, KARIM, raw=named)
    await post(services, LIST, raw=named)
    await post(services, LIST, raw=b"Message-ID: <two@x.example>\r\nIn-Reply-To: <one@x.example>\r\n" + letter("deux"))
    for one, count in ((AMINA, 2), (KARIM, 3)):
        key = await services.db.read(account, one)
        assert len(await inbox(services, one)) == count
        assert await services.db.read(lambda tx, key=key: set(tx.column(CONVERSATIONS, id=key))) == {1}
        assert await services.db.read(lambda tx, key=key: set(tx.column(TOKENS, id=key))) == {1}


async def test_a_full_mailbox_goes_the_ordinary_way_and_others_are_served_at_once(services):
    await services.db.write(make, (AMINA, KARIM))
    await services.db.write(quotas.give, await services.db.read(account, KARIM), Quota(len(letter()) + 1, None))
    await post(services, KARIM)
    await post(services, LIST)
    assert len(await inbox(services, AMINA)) == 1
    [left] = await services.db.read(listing.listing)
    assert (left.address, left.last_text[:9]) == (KARIM, "452 4.2.2")


async def test_a_letter_is_found_by_the_id_that_its_sender_was_told_while_a_list_has_it(services):
    await services.db.write(make)
    await services.db.write(quotas.give, await services.db.read(account, KARIM), Quota(len(letter()) + 1, None))
    await post(services, KARIM)
    told = [queue_number(await accept(services, submission(LIST, **await signed_in(services)))) for _ in range(2)]
    await drain(services)
    shown = [await services.db.read(listing.show, number) for number in told]
    assert [[one.address for one in found] for found in shown] == [[KARIM], [KARIM]]
    assert not {found[0].queue_id for found in shown} & set(told)
    assert [await services.db.read(listing.show, found[0].queue_id) for found in shown] == shown


async def test_one_mailbox_gets_one_copy_however_many_ways_lead_there(services):
    await services.db.write(make, (KARIM, AMINA))
    outer = await services.db.write(make, (KARIM, LIST), OUTER)
    await post(services, OUTER, KARIM, LIST)
    assert [len(await inbox(services, one)) for one in (AMINA, KARIM)] == [1, 1]
    assert await services.db.read(lists.count, outer) == 2
    assert await services.db.read(listing.depth) == 0


async def test_two_letters_with_the_same_octets_are_two_copies(services):
    await services.db.write(make)
    await post(services, LIST)
    await post(services, LIST)
    assert len(await inbox(services, KARIM)) == 2


async def test_lists_that_contain_each_other_end(services):
    inner = await services.db.write(make)
    outer = await services.db.write(make, (AMINA, LIST), OUTER)
    query = Query(members=(await services.db.read(account, KARIM), outer))
    await services.db.write(lists.change, inner, query=query)
    await post(services, LIST)
    await post(services, OUTER)
    assert [len(await inbox(services, one)) for one in (AMINA, KARIM)] == [2, 2]
    assert await services.db.read(listing.depth) == 0


async def test_members_are_frozen_when_the_letter_is_expanded(services, monkeypatch):
    monkeypatch.setattr(fanout, "CHUNK", 1)
    list_id = await services.db.write(make, (AMINA, KARIM))
    await accept(services, submission(LIST, **await signed_in(services)))
    real = fanout.begin

    def begin_and_change(tx, *args):
        done = real(tx, *args)
        lists.change(tx, list_id, query=Query(members=(account(tx, AMINA),)))
        return done

    monkeypatch.setattr(fanout, "begin", begin_and_change)
    await drain(services)
    assert len(await inbox(services, KARIM)) == 1


async def test_who_left_meanwhile_is_passed_over(services):
    await services.db.write(make, (AMINA, KARIM))
    await accept(services, submission(LIST, **await signed_in(services)))
    karim = await services.db.read(account, KARIM)
    await services.db.write(people.close, karim)
    await drain(services)
    assert len(await inbox(services, AMINA)) == 1
    assert await services.db.read(listing.depth) == 0


async def test_a_stranger_and_a_null_sender_are_refused_where_only_the_nation_may_write(services):
    await services.db.write(make)
    await accept(services, submission(LIST, sender=AMINA))  # from outside: nobody signed in
    await accept(services, submission(LIST, sender=""))
    await drain(services)
    assert await inbox(services, KARIM) == []
    [report] = await inbox(services, AMINA)
    assert b"Status: 5.7.2" in report
    assert "only people who signed in here may write to this list" in said(report)


async def test_a_list_inside_another_asks_its_own_rules_about_the_author(services):
    await services.db.write(make, (KARIM,), LIST, AMINA, "owners")
    await services.db.write(make, (AMINA, LIST), OUTER, KARIM)
    await post(services, OUTER, sender=KARIM)
    assert len(await inbox(services, AMINA)) == 1
    [report] = await inbox(services, KARIM)  # the owner of the outer list is told what did not work
    assert b"5.7.2" in report
    await post(services, OUTER, sender=AMINA)
    assert len(await inbox(services, KARIM)) == 2


async def test_what_cannot_be_delivered_is_told_to_the_owner_not_to_the_author(services, monkeypatch):
    await services.db.write(make, (AMINA,), LIST, KARIM)
    await accept(services, submission(LIST, **await signed_in(services)))
    real = fanout.begin

    def begin_and_close(tx, *args):
        done = real(tx, *args)
        aliases.close(tx, account(tx, AMINA))
        return done

    monkeypatch.setattr(fanout, "begin", begin_and_close)
    await drain(services)
    [report] = await inbox(services, KARIM)
    assert b"Status: 5.1.1" in report
    assert await inbox(services, AMINA) == []


async def test_success_is_reported_when_it_was_asked_for(services):
    await services.db.write(make)
    await post(services, Recipient(LIST, frozenset({"SUCCESS"})))
    [report] = await inbox(services, AMINA)
    assert b"Action: delivered" in report
    assert "distributed to the members of the list" in said(report)


async def test_a_moderated_list_holds_letters_and_tells_its_owner(services):
    list_id = await services.db.write(make, (KARIM,), LIST, KARIM, "nation", "all")
    await post(services, LIST, raw=letter("à voir"))
    [notice] = await inbox(services, KARIM)
    assert b"message/rfc822" in notice
    assert "à voir".encode() in notice
    [one] = await waiting(services, list_id)
    assert (one.sender, one.state) == (AMINA, "held")
    assert str(one.held_id).encode() in notice


async def test_a_released_letter_reaches_the_members_once(services):
    list_id = await services.db.write(make, (AMINA, KARIM), LIST, KARIM, "nation", "all")
    raw = letter("à voir")
    await post(services, LIST, AMINA, raw=raw)
    [one] = await waiting(services, list_id)
    await decide(services, one.held_id, "released")
    assert await inbox(services, AMINA) == [raw]
    assert (await inbox(services, KARIM))[1:] == [raw]
    assert await waiting(services, list_id) == []
    assert await services.db.read(listing.depth) == 0


async def test_a_rejected_letter_goes_back_with_the_owners_reason(services):
    list_id = await services.db.write(make, (KARIM,), LIST, KARIM, "nation", "all")
    await post(services, LIST)
    [one] = await waiting(services, list_id)
    await decide(services, one.held_id, "rejected", "hors sujet")
    [report] = await inbox(services, AMINA)
    assert b"hors sujet" in report
    assert len(await inbox(services, KARIM)) == 1  # the notice
    assert await services.db.read(listing.depth) == 0


async def test_the_act_of_an_owner_is_what_lets_a_letter_in(services):
    await services.db.write(make, (AMINA,), LIST, KARIM, "nation", "all")
    await post(services, LIST)
    karim, amina = [await services.db.read(account, one) for one in (KARIM, AMINA)]
    [one] = await services.db.read(lambda tx: moderation.waiting(tx, tx.column("SELECT list_id FROM list")))
    with pytest.raises(NotPermitted):
        await services.db.write(release, Actor("Amina", amina), ListRelease(one.held_id), "")
    outcome = await services.db.write(release, Actor("Karim", karim), ListRelease(one.held_id), "bon")
    assert outcome.seq > 0
    await drain(services)
    assert len(await inbox(services, AMINA)) == 1


async def test_a_retry_by_the_operator_neither_releases_nor_tells_twice(services):
    list_id = await services.db.write(make, (KARIM,), LIST, KARIM, "nation", "all")
    await post(services, LIST)
    await steering.retry(services.db, CONSOLE, Choice())
    await drain(services)
    assert len(await waiting(services, list_id)) == 1
    assert len(await inbox(services, KARIM)) == 1


async def test_a_letter_that_nobody_decided_on_goes_back(services, clock):
    list_id = await services.db.write(make, (KARIM,), LIST, KARIM, "nation", "all")
    await post(services, LIST)
    clock.advance(31 * DAY_US)
    await drain(services)
    [report] = await inbox(services, AMINA)
    assert "did not decide in time" in said(report)
    assert await waiting(services, list_id) == []


async def test_the_owner_is_never_held_and_outsiders_are(services):
    list_id = await services.db.write(make, (AMINA,), LIST, KARIM, "everyone", "outsiders")
    await post(services, LIST, sender=KARIM)
    await accept(services, submission(LIST, sender="far@elsewhere.example"))
    await drain(services)
    assert len(await inbox(services, AMINA)) == 1
    [one] = await waiting(services, list_id)
    assert one.sender == "far@elsewhere.example"


async def test_an_alias_of_a_list_is_the_list(services):
    list_id = await services.db.write(make)
    await services.db.write(aliases.add, list_id, "list", parse(f"rh@{DOMAIN}"))
    await post(services, f"rh@{DOMAIN}", LIST)
    assert len(await inbox(services, KARIM)) == 1


async def test_a_closed_list_is_nobody(services):
    list_id = await services.db.write(make)
    await services.db.write(lists.close, list_id)
    await post(services, LIST)
    [report] = await inbox(services, AMINA)
    assert b"5.1.1" in report


async def test_notes_of_copies_go_when_the_letter_is_through(services):
    await services.db.write(make)
    await accept(services, submission(LIST, AMINA, **await signed_in(services)))
    assert await services.db.write(fanout.drop) == 0
    await drain(services)
    assert await services.db.write(fanout.drop) > 0
    counts = [await services.db.read(rows, table) for table in ("queue_copy", "queue_fanout", "queue_fanout_piece", "queue_message")]
    assert counts == [0, 0, 0, 0]


async def test_a_transaction_takes_less_after_one_that_held_the_database_long():
    sizes, at_once = [], 1
    for held_s in (0.005, 0.01, 0.015, 0.02, 0.03, 0.03, 0.03, 0.001):
        at_once = circular.next_size(at_once, held_s)
        sizes.append(at_once)
    assert sizes == [2, 3, 4, 4, 2, 1, 1, 2]
