"""Delegations: what is lent to whom, in which limits, and when it is over."""

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Database, Tx
from directory import delegations, holdings, people
from directory.delegations import Delegated, Sends
from directory.errors import BadEntry, NotFound

from .conftest import Ministry, address


async def lend(database: Database, ministry: Ministry, *rights: str, **more: object) -> int:
    """Amina lends to Karim."""

    def grant(tx: Tx) -> int:
        return delegations.grant(tx, ministry.amina.person_id, ministry.karim.person_id, rights, **more).delegation_id  # type: ignore[arg-type]

    return await database.write(grant)


async def has(database: Database, ministry: Ministry, at_us: int = 0) -> Delegated | None:
    """What Karim has of Amina's."""

    def between(tx: Tx) -> Delegated | None:
        return delegations.between(tx, ministry.karim.person_id, ministry.amina.person_id, at_us or tx.now_us)

    return await database.read(between)


@pytest.mark.parametrize(
    ("rights", "opens", "access", "sends"),
    [
        (("read",), True, "read", None),
        (("write",), True, "write", None),
        (("read", "send_on_behalf"), True, "read", "on_behalf"),
        (("send_as", "send_on_behalf"), False, "read", "as"),
        (("write", "send_as"), True, "write", "as"),
    ],
)
async def test_rights_say_what_may_be_done(
    database: Database, ministry: Ministry, rights: tuple[str, ...], opens: bool, access: str, sends: str | None
) -> None:
    await lend(database, ministry, *rights)
    found = await has(database, ministry)
    assert found is not None
    assert (found.opens, found.access, found.sends) == (opens, access, sends)


async def test_nothing_is_lent_the_other_way_round_or_to_others(database: Database, ministry: Ministry) -> None:
    await lend(database, ministry, "write")

    def others(tx: Tx) -> tuple[Delegated | None, list[Delegated]]:
        stranger = people.create(tx, "", "X", address("x")).person_id
        back = delegations.between(tx, ministry.amina.person_id, ministry.karim.person_id, tx.now_us)
        return back, delegations.received(tx, stranger, tx.now_us)

    assert await database.write(others) == (None, [])


async def test_it_begins_and_ends_on_its_dates(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    start_us = clock.now_us() + DAY_US
    await lend(database, ministry, "read", valid_from_us=start_us, valid_to_us=start_us + DAY_US)
    seen = [
        await has(database, ministry, at_us) is not None for at_us in (start_us - 1, start_us, start_us + DAY_US - 1, start_us + DAY_US)
    ]
    assert seen == [False, True, True, False]


async def test_it_ends_the_moment_it_is_revoked_and_stays_on_record(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    lent = await lend(database, ministry, "read", decision_ref="D-9")
    clock.advance(DAY_US)
    await database.write(delegations.revoke, lent)
    assert await has(database, ministry) is None
    assert await has(database, ministry, clock.now_us() - 1) is not None
    [one] = await database.read(delegations.given, ministry.amina.person_id)
    assert (one.decision_ref, one.revoked_us) == ("D-9", clock.now_us())
    with pytest.raises(NotFound):
        await database.write(delegations.revoke, lent)


async def test_the_widest_reading_counts_and_every_right_to_send(database: Database, ministry: Ministry) -> None:
    await lend(database, ministry, "write", folder="Archive")
    await lend(database, ministry, "send_on_behalf")
    whole = await lend(database, ministry, "read")
    found = await has(database, ministry)
    assert found == Delegated(whole, ministry.amina.person_id, frozenset({"read", "send_on_behalf"}), "")


async def test_what_is_lent_to_a_post_is_its_holders(database: Database, ministry: Ministry) -> None:
    def to_the_registry(tx: Tx) -> tuple[list[Delegated], list[Delegated]]:
        delegations.grant(tx, ministry.karim.person_id, ministry.registry.post_id, ["read"])
        before = delegations.received(tx, ministry.amina.person_id, tx.now_us)
        return before, delegations.received(tx, ministry.karim.person_id, tx.now_us)

    amina, karim = await database.write(to_the_registry)
    assert [one.account_id for one in amina] == [ministry.karim.person_id]
    assert karim == []


async def test_it_is_lost_with_the_post(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    await database.write(lambda tx: delegations.grant(tx, ministry.karim.person_id, ministry.registry.post_id, ["read"]))
    clock.advance(DAY_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    received = await database.read(delegations.received, ministry.amina.person_id, clock.now_us())
    assert received == []


async def test_the_mailbox_of_somebody_who_left_is_lent_no_more(database: Database, ministry: Ministry) -> None:
    await lend(database, ministry, "read")
    await database.write(people.close, ministry.amina.person_id)
    assert await has(database, ministry) is None


async def test_who_may_send_how_from_an_address(database: Database, ministry: Ministry) -> None:
    lent = await lend(database, ministry, "send_on_behalf")

    def sending(tx: Tx) -> list[Sends | None]:
        tried = (
            ("karim.khelifi", ministry.karim),
            ("amina.benali", ministry.karim),
            ("bureau.ordre", ministry.amina),
            ("bureau.ordre", ministry.karim),
        )
        return [delegations.sending(tx, person.person_id, address(local), tx.now_us) for local, person in tried]

    assert await database.read(sending) == [Sends("own"), Sends("on_behalf", ministry.amina.person_id, lent), Sends("own"), None]


@pytest.mark.parametrize(
    ("rights", "more", "said"),
    [
        ((), {}, "say what is lent: read, write, send_as, send_on_behalf"),
        (("read", "everything"), {}, "'everything' cannot be lent, but read, write"),
        (("read",), {"valid_from_us": 10, "valid_to_us": 10}, "ends after it begins"),
        (("read",), {"folder": "a\r\nb"}, "no control characters"),
        (("read",), {"folder": "x" * 1001}, "at most 1000 characters"),
    ],
)
async def test_a_delegation_that_cannot_be_is_refused_for_what_is_wrong_with_it(
    database: Database, ministry: Ministry, rights: tuple[str, ...], more: dict[str, object], said: str
) -> None:
    with pytest.raises(BadEntry, match=said):
        await lend(database, ministry, *rights, **more)


async def test_nobody_lends_to_themselves_or_to_nobody(database: Database, ministry: Ministry) -> None:
    amina, unit = ministry.amina.person_id, ministry.unit.unit_id
    with pytest.raises(BadEntry, match="nobody lends a mailbox to themselves"):
        await database.write(delegations.grant, amina, amina, ["read"])
    for lender, borrower, missing in ((amina, 999_999, 999_999), (999_999, amina, 999_999), (amina, unit, unit)):
        with pytest.raises(NotFound, match=f"^account {missing} does not exist or is closed$"):
            await database.write(delegations.grant, lender, borrower, ["read"])


async def test_a_list_lends_and_borrows_nothing(database: Database, ministry: Ministry) -> None:
    amina, karim = ministry.amina.person_id, ministry.karim.person_id
    await database.write(lambda tx: tx.execute("UPDATE address SET kind = 'list' WHERE account_id = :id", id=karim))
    with pytest.raises(NotFound, match="is a list, and no list can be lent one"):
        await database.write(delegations.grant, amina, karim, ["read"])
    with pytest.raises(NotFound, match="is a list, and no list has a mailbox to lend"):
        await database.write(delegations.grant, karim, amina, ["read"])


async def test_what_is_revoked_says_which_and_why_not(database: Database, ministry: Ministry) -> None:
    lent = await lend(database, ministry, "read")
    await database.write(delegations.revoke, lent)
    with pytest.raises(NotFound, match=f"^delegation {lent} was revoked already$"):
        await database.write(delegations.revoke, lent)
    with pytest.raises(NotFound, match=r"^there is no delegation 999999$"):
        await database.write(delegations.revoke, 999_999)
