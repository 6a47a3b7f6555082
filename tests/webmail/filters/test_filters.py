"""Rules, the absence notice and the script itself, by somebody without JavaScript."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from directory import delegations
from mailcore.sieve import rules, scripts
from mailcore.sieve.rules import Rule
from mailcore.store import mailboxes, messages
from tests.mailcore.routing import outside
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

DELIVERED_S = 10


@pytest_asyncio.fixture(loop_scope="session")
async def account(site: Site) -> AsyncIterator[int]:
    """The clerk's post; afterwards it has no scripts."""
    account_id = await site.account(INTERIOR)
    await site.services.store.open_account(account_id)  # which of the tests of a run comes first is not known
    yield account_id
    await site.services.db.write(scripts.activate, account_id, "")
    for one in (await site.services.db.read(scripts.state, account_id)).scripts:
        await site.services.db.write(scripts.delete, account_id, one.name)


async def active(site: Site, account_id: int) -> bytes | None:
    key = await site.services.store.open_account(account_id)
    return await site.services.db.read(scripts.active, key)


async def test_a_rule_is_added_shown_ordered_and_removed(site: Site, visitor: Visitor, account: int) -> None:
    home = f"/mail/{account}/filters"
    assert "There are no rules yet." in (await visitor.get(home)).text
    fields = {"action": "add", "sender": "وزارة", "subject": 'A "b" \\c', "new_folder": "Projets/2026", "flag": "1", "forward": EDUCATION}
    page = (await visitor.post(home, fields)).text
    assert "The filters were saved and are in force." in page
    assert "Projets/2026" in page
    await visitor.post(home, {"action": "add", "recipient": "x@y", "seen": "1"})
    await visitor.post(home, {"action": "up", "number": "1"})
    made = rules.read(await active(site, account) or b"")
    assert made is not None
    assert [rule.seen for rule in made.rules] == [True, False]
    assert made.rules[1] == Rule("وزارة", "", 'A "b" \\c', "Projets/2026", flag=True, forward=EDUCATION)
    await visitor.post(home, {"action": "remove", "number": "0"})
    made = rules.read(await active(site, account) or b"")
    assert made is not None
    assert len(made.rules) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"action": "add", "flag": "1"}, "Say what to look for"),
        ({"action": "add", "subject": "x"}, "Say what is to happen"),
        ({"action": "add", "subject": "x", "forward": "stranger@elsewhere.example"}, "people and posts of this node only"),
        ({"action": "absence", "text": " "}, "Write what the senders are to read."),
        ({"action": "absence", "text": "x", "since": "2026-12-02", "until": "2026-12-01"}, "the last day is before the first"),
    ],
)
async def test_what_makes_no_sense_is_said_and_changes_nothing(
    site: Site, visitor: Visitor, account: int, fields: dict[str, str], words: str
) -> None:
    await visitor.get(f"/mail/{account}/filters")
    answer = await visitor.post(f"/mail/{account}/filters", fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert await active(site, account) is None


async def test_rules_sort_what_arrives(site: Site, visitor: Visitor, account: int) -> None:
    await visitor.get(f"/mail/{account}/filters")
    await visitor.post(f"/mail/{account}/filters", {"action": "add", "subject": "réunion de MARS", "new_folder": "Réunions", "seen": "1"})
    other = await site.signed_in(site.people[EDUCATION])
    own = await site.account(EDUCATION)
    await other.get(f"/mail/{own}/compose")
    answer = await other.post(f"/mail/{own}/compose", {"to": INTERIOR, "subject": "Réunion de mars", "text": "x", "action": "send"})
    assert answer.status_code == 200
    with site.services.store.bus.subscribe(account) as changes:  # type: ignore[arg-type]
        for _ in range(DELIVERED_S):
            if await site.services.db.read(mailboxes.exists, account, "Réunions"):  # type: ignore[arg-type]
                break
            await changes.wait(1)
    folder = await site.services.db.read(mailboxes.find, account, "Réunions")  # type: ignore[arg-type]
    assert (folder.exists, folder.unseen) == (1, 0)
    await site.services.db.write(messages.remove, folder.key, await site.services.db.read(messages.uids, folder.key))
    await site.services.db.write(mailboxes.delete, account, "Réunions")  # type: ignore[arg-type]


async def test_the_notice_has_days_and_a_text_and_can_be_taken_back(site: Site, visitor: Visitor, account: int) -> None:
    home = f"/mail/{account}/filters"
    await visitor.get(home)
    page = (await visitor.post(home, {"action": "absence", "text": "غائب\nحتى الغد", "since": "2026-12-01", "until": "2026-12-15"})).text
    assert "غائب\nحتى الغد" in page
    script = (await active(site, account) or b"").decode()
    assert 'currentdate :value "ge" "date" "2026-12-01"' in script
    assert 'vacation :days 7 "غائب\r\nحتى الغد"' in script
    await visitor.post(home, {"action": "present"})
    assert b"vacation :days" not in (await active(site, account) or b"")


async def test_a_script_written_by_hand_is_never_lost(site: Site, visitor: Visitor, account: int) -> None:
    home = f"/mail/{account}/filters"
    await visitor.get(f"{home}/script")
    mine = "# mine\nkeep;\n"
    page = (await visitor.post(f"{home}/script", {"action": "use", "name": rules.NAME, "script": mine})).text
    assert "The script was saved and is in force." in page
    assert "A script written by hand is in force" in (await visitor.get(home)).text
    answer = await visitor.post(home, {"action": "add", "subject": "x", "flag": "1"})
    assert answer.status_code == 422
    assert await active(site, account) == mine.replace("\n", "\r\n").encode()
    await visitor.post(home, {"action": "add", "subject": "x", "flag": "1", "sure": "1"})
    assert rules.read(await active(site, account) or b"") is not None
    key = await site.services.store.open_account(account)
    assert await site.services.db.read(scripts.read, key, f"{rules.NAME}-2") == mine.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "there is no command"), ("fr", "il n&#39;y a pas de commande"), ("ar", "لا يوجد أمر")]
)
async def test_an_error_is_shown_at_its_line_in_the_readers_language(site: Site, account: int, language: str, words: str) -> None:
    visitor = await site.signed_in(site.people[INTERIOR], language)
    await visitor.get(f"/mail/{account}/filters/script")
    answer = await visitor.post(f"/mail/{account}/filters/script", {"action": "use", "name": "a", "script": "keep;\n  nonsense;\n"})
    assert answer.status_code == 422
    assert words in answer.text
    assert re.search(r"<mark>2    nonsense;</mark>", answer.text)
    assert "nonsense;" in answer.text.split("<textarea")[1]
    assert (await site.services.db.read(scripts.state, account)).scripts == ()


async def test_scripts_are_checked_saved_rested_and_removed(site: Site, visitor: Visitor, account: int) -> None:
    path = f"/mail/{account}/filters/script"
    await visitor.get(path)
    assert "The script is sound." in (await visitor.post(path, {"action": "check", "name": "a", "script": "keep;"})).text
    await visitor.post(path, {"action": "save", "name": "a", "script": "keep;"})
    await visitor.post(path, {"action": "use", "name": "b", "script": "discard;"})
    assert await active(site, account) == b"discard;"
    assert "cannot be removed" in (await visitor.post(path, {"action": "remove", "name": "b"})).text
    await visitor.get(path)
    assert "No script is in force." in (await visitor.post(path, {"action": "rest"})).text
    await visitor.post(path, {"action": "remove", "name": "b"})
    assert [one.name for one in (await site.services.db.read(scripts.state, account)).scripts] == ["a"]
    assert "keep;" in (await visitor.get(f"{path}?name=a")).text


@pytest.mark.parametrize("action", ["check", "save", "use"])
async def test_a_redirect_that_may_not_leave_is_named(site: Site, visitor: Visitor, account: int, action: str) -> None:
    home = f"/mail/{account}/filters/script"
    fields = {"name": "away", "script": f'redirect "x@elsewhere.example";\nredirect "{EDUCATION}";', "action": action}
    assert "outside the state" not in (await visitor.post(home, fields)).text
    await site.services.db.write(outside.found)
    try:
        await visitor.post(home, fields)
        page = await visitor.get(f"{home}?name=away") if action != "check" else await visitor.post(home, fields)
    finally:
        await site.services.db.write(outside.lost)
    told = page.text.partition("This address is outside the state&#39;s network")[2].partition("</p>")[0]
    assert "x@elsewhere.example" in told
    assert EDUCATION not in told


async def test_a_failure_at_a_delivery_is_shown(site: Site, visitor: Visitor, account: int) -> None:
    await visitor.get(f"/mail/{account}/filters/script")
    await visitor.post(f"/mail/{account}/filters/script", {"action": "use", "name": "a", "script": "keep;"})
    key = await site.services.store.open_account(account)
    await site.services.db.write(scripts.note_fault, key, "line 1, column 1: oops")
    assert "line 1, column 1: oops" in (await visitor.get(f"/mail/{account}/filters")).text


async def test_nobody_sorts_somebody_elses_mail(site: Site, visitor: Visitor, account: int) -> None:
    other = await site.account(EDUCATION)
    assert (await visitor.get(f"/mail/{other}/filters")).status_code == 404
    stranger = await site.signed_in(site.people[EDUCATION])
    assert (await stranger.get(f"/mail/{account}/filters/script")).status_code == 404
    await stranger.get("/")
    assert (await stranger.send(f"/mail/{account}/filters", {"csrf": stranger.token(), "action": "add"})).status_code == 404


async def test_whoever_was_lent_a_mailbox_does_not_decide_over_it(site: Site, account: int) -> None:
    borrower = site.people[EDUCATION]
    delegate_id = await site.account(EDUCATION)
    lent = await site.services.db.write(delegations.grant, account, delegate_id, ("write",))
    try:
        visitor = await site.signed_in(borrower)
        assert (await visitor.get(f"/mail/{account}/filters")).status_code == 403
    finally:
        await site.services.db.write(delegations.revoke, lent.delegation_id)
