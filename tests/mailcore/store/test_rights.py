"""Rights at mailboxes: where they come from, what they are worth, and when they end."""

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Tx
from directory import delegations, domains, holdings, journal, organisations, people, posts, units
from directory.address import parse
from directory.errors import BadEntry
from directory.rights import Actor
from mailcore.errors import NoSuchMailbox
from mailcore.store import mailboxes, messages, rights
from mailcore.store.rights import ALL, READING, WORKING
from mailcore.store.store import Store
from mailcore.store.types import AccountId, Flag, Mailbox
from tests.mailcore.store.test_messages import fill

DOMAIN = "interieur.gov.example"
ALICE, BOB, CAROL, POST = 0, 1, 2, 3
ACTOR = Actor("alice")


def people_and_post(tx: Tx) -> list[int]:
    organisation = organisations.create(tx, "ministry", "interieur", "وزارة", "Ministère")
    domains.create(tx, DOMAIN, organisation.organisation_id)
    unit = units.create(tx, organisation.organisation_id, "BO", "مكتب", "Bureau")
    ids = [people.create(tx, "اسم", name, parse(f"{name}@{DOMAIN}"), "fr", unit.unit_id).person_id for name in ("alice", "bob", "carol")]
    return [*ids, posts.create(tx, unit.unit_id, "مكتب", "Bureau", parse(f"bureau@{DOMAIN}"), rank=4).post_id]


@pytest.fixture
async def ids(store: Store) -> list[int]:
    made = await store.db.write(people_and_post)
    for account_id in made:
        await store.open_account(account_id)
    return made


async def inbox(store: Store, account_id: int, name: str = "INBOX") -> Mailbox:
    return await store.db.read(mailboxes.find, AccountId(account_id), name)


async def may(store: Store, person_id: int, mailbox: Mailbox) -> frozenset[str]:
    return await store.db.read(rights.in_mailbox, person_id, mailbox.key)


async def give(store: Store, mailbox: Mailbox, who: str, letters: str, op: str = "replace") -> None:
    await store.db.write(rights.set_, ACTOR, mailbox, who, op, frozenset(letters))


async def test_an_owner_has_everything_and_a_stranger_nothing(store: Store, ids: list[int]) -> None:
    box = await inbox(store, ids[ALICE])
    assert await may(store, ids[ALICE], box) == ALL
    assert await may(store, ids[BOB], box) == frozenset()
    with pytest.raises(NoSuchMailbox):
        await store.db.read(rights.locate, ids[BOB], f"alice@{DOMAIN}", "INBOX")


async def test_a_holder_has_everything_until_the_holding_ends(store: Store, ids: list[int], clock: ManualClock) -> None:
    box = await inbox(store, ids[POST])
    await store.db.write(holdings.start, ids[POST], ids[BOB], valid_to_us=clock.now_us() + DAY_US)
    assert await may(store, ids[BOB], box) == ALL
    clock.advance(DAY_US)
    assert await may(store, ids[BOB], box) == frozenset()


@pytest.mark.parametrize(("lent", "worth"), [(["read"], READING), (["write"], WORKING), (["send_as"], frozenset())])
async def test_what_a_loan_is_worth(store: Store, ids: list[int], lent: list[str], worth: frozenset[str]) -> None:
    await store.db.write(delegations.grant, ids[ALICE], ids[BOB], lent)
    assert await may(store, ids[BOB], await inbox(store, ids[ALICE])) == worth


async def test_a_loan_of_a_folder_is_worth_nothing_beside_it(store: Store, ids: list[int]) -> None:
    for name in ("Un/Deux", "Unbis"):
        await store.db.write(mailboxes.create, AccountId(ids[ALICE]), name)
    await store.db.write(delegations.grant, ids[ALICE], ids[BOB], ["write"], folder="Un")
    await store.db.write(delegations.grant, ids[ALICE], ids[BOB], ["read"], folder="Unbis")
    worth = {name: await may(store, ids[BOB], await inbox(store, ids[ALICE], name)) for name in ("Un", "Un/Deux", "Unbis", "INBOX")}
    assert worth == {"Un": WORKING, "Un/Deux": WORKING, "Unbis": READING, "INBOX": frozenset()}


async def test_a_loan_to_a_post_serves_its_holder(store: Store, ids: list[int]) -> None:
    await store.db.write(holdings.start, ids[POST], ids[BOB])
    await store.db.write(delegations.grant, ids[ALICE], ids[POST], ["read"])
    box = await inbox(store, ids[ALICE])
    assert (await may(store, ids[BOB], box), await may(store, ids[CAROL], box)) == (READING, frozenset())


async def test_rights_of_several_sources_add_up(store: Store, ids: list[int]) -> None:
    box = await inbox(store, ids[ALICE])
    await store.db.write(holdings.start, ids[POST], ids[BOB])
    await store.db.write(delegations.grant, ids[ALICE], ids[BOB], ["read"])
    await give(store, box, f"bob@{DOMAIN}", "s")
    await give(store, box, f"bureau@{DOMAIN}", "i")
    await give(store, box, "anyone", "p")
    assert await may(store, ids[BOB], box) == frozenset("lrsip")
    assert await may(store, ids[CAROL], box) == frozenset("p")


async def test_who_left_reaches_nothing_and_lends_nothing(store: Store, ids: list[int]) -> None:
    box = await inbox(store, ids[ALICE])
    await give(store, box, f"bob@{DOMAIN}", "lr")
    await give(store, box, "anyone", "lr")
    await store.db.write(people.close, ids[ALICE])
    assert await may(store, ids[BOB], box) == frozenset()
    assert ids[ALICE] not in {reach.account_id for reach in await store.db.read(rights.reachable, ids[BOB])}


async def test_every_change_is_journalled_once(store: Store, ids: list[int]) -> None:
    box = await inbox(store, ids[ALICE])
    before = (await store.db.read(journal.verify)).entries
    await give(store, box, f"bob@{DOMAIN}", "lr")
    await give(store, box, f"bob@{DOMAIN}", "lr")  # nothing changes
    await give(store, box, f"bob@{DOMAIN}", "r", "remove")
    await give(store, box, f"bob@{DOMAIN}", "")
    verdict = await store.db.read(journal.verify)
    assert (verdict.entries - before, verdict.bad_seq) == (3, None)


@pytest.mark.parametrize("who", ["nobody@interieur.gov.example", "bob", "@", "", f"alice@{DOMAIN}"])
async def test_who_can_be_given_nothing(store: Store, ids: list[int], who: str) -> None:
    with pytest.raises(BadEntry):
        await give(store, await inbox(store, ids[ALICE]), who, "lr")


LENT = "lent by delegation {}: diwan delegation revoke {}"


@pytest.mark.parametrize(
    ("op", "letters", "refused"),
    [
        *(("replace", "", True), ("replace", "l", True), ("replace", "lr", False), ("replace", "s", False), ("replace", "lrs", False)),
        *(("remove", "r", True), ("remove", "rs", True), ("remove", "s", False), ("add", "s", False)),
    ],
)
async def test_what_was_lent_is_not_taken_away_here(store: Store, ids: list[int], op: str, letters: str, refused: bool) -> None:
    box = await inbox(store, ids[ALICE])
    lent = await store.db.write(delegations.grant, ids[ALICE], ids[BOB], ["read"])
    said = ""
    try:
        await give(store, box, f"bob@{DOMAIN}", letters, op)
    except BadEntry as refusal:
        said = refusal.text
    assert said == (LENT.format(lent.delegation_id, lent.delegation_id) if refused else "")


async def test_every_loan_that_keeps_a_right_is_named_and_no_other(store: Store, ids: list[int]) -> None:
    box = await inbox(store, ids[ALICE])
    await store.db.write(mailboxes.create, AccountId(ids[ALICE]), "Un")
    await store.db.write(holdings.start, ids[POST], ids[BOB])
    for who, what, folder in ((POST, "read", ""), (BOB, "write", ""), (BOB, "write", "Un"), (BOB, "send_as", "")):
        await store.db.write(delegations.grant, ids[ALICE], ids[who], [what], folder=folder)
    first, second = [one.delegation_id for one in await store.db.read(delegations.given, ids[ALICE])][:2]
    with pytest.raises(BadEntry) as raised:
        await give(store, box, f"bob@{DOMAIN}", "")
    wanted = f"lent by delegations {first}, {second}: diwan delegation revoke {first}, diwan delegation revoke {second}"
    assert raised.value.text == wanted
    with pytest.raises(BadEntry, match=f"^lent by delegation {second}:"):
        await give(store, box, f"bob@{DOMAIN}", "w", "remove")
    with pytest.raises(BadEntry, match="holds a post"):
        await give(store, await inbox(store, ids[POST]), f"bob@{DOMAIN}", "lr")
    for one in (first, second):
        await store.db.write(delegations.revoke, one)
    await give(store, box, f"bob@{DOMAIN}", "")


async def test_access_lists_go_with_their_mailbox_and_to_what_is_made_in_it(store: Store, ids: list[int]) -> None:
    alice = AccountId(ids[ALICE])
    made = await store.db.write(mailboxes.create, alice, "Un")
    await give(store, made, f"bob@{DOMAIN}", "lr")
    deep = await store.db.write(mailboxes.create, alice, "Un/Deux/Trois")
    assert await may(store, ids[BOB], deep) == READING
    await store.db.write(mailboxes.rename, alice, "Un", "Zwei")
    assert await may(store, ids[BOB], await inbox(store, alice, "Zwei/Deux")) == READING
    await store.db.write(mailboxes.delete, alice, "Zwei/Deux/Trois")
    again = await store.db.write(mailboxes.create, alice, "Trois")
    assert await may(store, ids[BOB], again) == frozenset()


@pytest.mark.parametrize(
    ("given", "text"),
    [("", ""), ("lr", "lr"), ("k", "kc"), ("x", "xc"), ("t", "td"), ("aetxkpiwsrl", "lrswipkxteacd")],
)
def test_rights_are_written_in_order_with_the_obsolete_ones(given: str, text: str) -> None:
    assert rights.written(given) == text


def test_flags_follow_from_rights() -> None:
    assert rights.settable(ALL) == messages.EVERY_FLAG
    assert rights.settable(frozenset("st")) == Flag.SEEN | Flag.DELETED
    assert rights.settable(frozenset("w")) & (Flag.SEEN | Flag.DELETED) == 0
    assert rights.settable(frozenset("lripkxea")) == 0


async def test_removing_a_mailbox_with_many_messages_is_one_short_step(store: Store, ids: list[int], clock: ManualClock) -> None:
    alice = AccountId(ids[ALICE])
    await store.db.write(mailboxes.create, alice, "Un")
    _, key = await fill(store, alice, 3, "Un")
    await store.db.write(mailboxes.delete, alice, "Un")
    assert len(await store.db.read(messages.fetch, key, [1, 2, 3])) == 3  # for who had it open a moment ago
    await store.sweep(clock.now_us())
    assert await store.db.read(_rows, key.account_id) == (0, 3, 0)


def _rows(tx: Tx, account_id: int) -> tuple[int, ...]:
    return tuple(
        tx.value(f"SELECT COUNT(*) FROM {table} WHERE account_id = :account_id", account_id=account_id)
        for table in ("entry", "expunged", "deleted_mailbox")
    )
