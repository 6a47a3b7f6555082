"""The rule of two persons: what is dangerous waits for another person, named, with the right, once and not for ever."""

import asyncio
from typing import Any, cast

import pytest

from config.clock import ManualClock
from directory import credentials, grants, journal, people
from directory.acts import decide, pending, perform
from directory.acts.approvals import EXPIRES_US, MAX_WAITING
from directory.acts.credentials import PasswordReset
from directory.acts.delegations import DelegationGrant
from directory.acts.grants import GrantGive, GrantRevoke
from directory.acts.people import PeopleClose, PersonClose
from directory.acts.services import ServiceCreate, ServiceRevoke
from directory.errors import BadEntry, NotPending, NotPermitted
from directory.rights import CONSOLE, Actor
from directory.services import digest

from .conftest import Stage
from .world import KEPT


async def waiting(stage: Stage, asks: Actor) -> int:
    """Return the request to reset the credentials of an administrator."""
    admin = await stage.holder("administrator", "in", "target")
    assert admin.person_id is not None
    done = await stage.db.write(perform, asks, PasswordReset(admin.person_id, KEPT), "telephone lost")
    assert done.value is None
    assert done.approval_id is not None
    return done.approval_id


async def test_the_first_two_operators_of_the_nation_need_no_second_person_and_the_third_does(stage: Stage) -> None:
    first, second, third = [await stage.plain("in.a", name) for name in ("first", "second", "third")]
    for one in (first, second):
        assert (await stage.db.write(perform, CONSOLE, GrantGive(one.actor_id, "national", "nation"))).approval_id is None
    asked = await stage.db.write(perform, CONSOLE, GrantGive(third.actor_id, "national", "nation"))
    assert asked.approval_id is not None
    assert await stage.db.read(grants.of_holder, third.actor_id) == []
    with pytest.raises(NotPermitted):
        await stage.db.write(decide, CONSOLE, asked.approval_id, approve=True)
    await stage.db.write(decide, first, asked.approval_id, approve=True)
    assert [one.role for one in await stage.db.read(grants.of_holder, third.actor_id)] == ["national"]


async def test_operators_taken_back_do_not_bring_the_beginning_back_while_one_is_left(stage: Stage) -> None:
    first, second, third = [await stage.plain("in.a", name) for name in ("first", "second", "third")]
    given = [await stage.db.write(perform, CONSOLE, GrantGive(one.actor_id, "national", "nation")) for one in (first, second)]
    revoke = await stage.db.write(perform, CONSOLE, GrantRevoke(given[1].value.grant_id))
    assert revoke.approval_id is not None
    await stage.db.write(decide, first, revoke.approval_id, approve=True)
    assert (await stage.db.write(perform, CONSOLE, GrantGive(third.actor_id, "national", "nation"))).approval_id is not None
    await stage.db.write(people.close, first.actor_id)
    assert (await stage.db.write(perform, CONSOLE, GrantGive(third.actor_id, "national", "nation"))).approval_id is None


async def test_only_the_console_founds(stage: Stage) -> None:
    operator, other = await stage.holder("national", "nation"), await stage.plain("in.a")
    assert (await stage.db.write(perform, operator, GrantGive(other.actor_id, "national", "nation"))).approval_id is not None


async def test_an_approved_act_happens_once_and_names_both(stage: Stage) -> None:
    asks, agrees = await stage.holder("national", "nation", "asks"), await stage.holder("national", "nation", "agrees")
    approval_id = await waiting(stage, asks)
    assert [one.approval_id for one in await stage.db.read(pending, agrees)] == [approval_id]
    await stage.db.write(decide, agrees, approval_id, approve=True, reason="seen in person")
    for actor in (agrees, asks, CONSOLE):
        with pytest.raises(NotPending):
            await stage.db.write(decide, actor, approval_id, approve=True)
    done, decision, request, *_ = await stage.db.write(journal.entries, CONSOLE, stage.scope("in"))
    assert [one.act for one in (request, decision, done)] == ["approval.request", "approval.approve", "password.reset"]
    assert done.body is not None
    assert (done.body["actor"]["name"], done.body["approved_by"]["name"]) == ("asks", "agrees")
    assert await stage.db.read(pending, agrees) == []


async def test_nobody_approves_their_own_request(stage: Stage) -> None:
    asks = await stage.holder("national", "nation")
    approval_id = await waiting(stage, asks)
    for actor in (asks, Actor("another name", asks.person_id), Actor("x", asks.person_id, on_behalf_of=1), CONSOLE, Actor("nobody")):
        with pytest.raises(NotPermitted):
            await stage.db.write(decide, actor, approval_id, approve=True)


async def test_who_has_no_right_to_the_act_decides_nothing(stage: Stage) -> None:
    approval_id = await waiting(stage, CONSOLE)
    for actor in (
        await stage.plain("in.a"),
        await stage.holder("administrator", "out", "neighbour"),
        await stage.holder("administrator", "in.a", "lower"),
        await stage.holder("auditor", "in", "auditor"),
    ):
        assert await stage.db.read(pending, actor) == []
        for approve in (True, False):
            with pytest.raises(NotPermitted):
                await stage.db.write(decide, actor, approval_id, approve=approve)


async def test_a_refused_request_is_over(stage: Stage) -> None:
    asks, other = await stage.holder("national", "nation", "asks"), await stage.holder("national", "nation", "other")
    first, second = await waiting(stage, CONSOLE), await waiting_again(stage, asks)
    await stage.db.write(decide, other, first, approve=False)
    await stage.db.write(decide, asks, second, approve=False)  # taken back
    for approval_id in (first, second):
        with pytest.raises(NotPending):
            await stage.db.write(decide, other, approval_id, approve=True)


async def waiting_again(stage: Stage, asks: Actor) -> int:
    admin = await stage.holder("administrator", "in.a", "another")
    done = await stage.db.write(perform, asks, PasswordReset(admin.actor_id, KEPT))
    assert done.approval_id is not None
    return done.approval_id


async def test_a_request_expires_and_forgets_its_secrets(stage: Stage, clock: ManualClock) -> None:
    agrees = await stage.holder("national", "nation")
    approval_id = await waiting(stage, CONSOLE)
    clock.advance(EXPIRES_US)
    with pytest.raises(NotPending):
        await stage.db.write(decide, agrees, approval_id, approve=True)
    await waiting_again(stage, CONSOLE)
    rows = await stage.db.read(lambda tx: tx.rows("SELECT state, body IS NULL FROM approval ORDER BY approval_id"))
    assert [(state, bool(gone)) for state, gone in rows] == [("expired", True), ("pending", False)]


async def test_whoever_asked_must_still_have_the_right(stage: Stage) -> None:
    asks, agrees = await stage.holder("administrator", "in", "asks"), await stage.holder("national", "nation", "agrees")
    approval_id = await waiting(stage, asks)
    await stage.db.write(grants.revoke_of, asks.actor_id)
    with pytest.raises(NotPermitted):
        await stage.db.write(decide, agrees, approval_id, approve=True)


async def test_two_approvals_at_once_carry_out_once(stage: Stage) -> None:
    target = await stage.holder("administrator", "in", "target")
    before = await stage.db.read(credentials.epoch, target.actor_id)
    people_ = [await stage.holder("national", "nation", f"agrees{n}") for n in range(6)]
    done = await stage.db.write(perform, CONSOLE, PasswordReset(target.actor_id, KEPT))
    assert done.approval_id is not None
    racing = (stage.db.write(decide, one, done.approval_id, approve=True) for one in people_)
    results = await asyncio.gather(*racing, return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == [*["NotPending"] * 5, "Outcome"]
    assert await stage.db.read(credentials.epoch, target.actor_id) == before + 1


async def test_who_made_a_machine_does_not_approve_what_it_asks_for(stage: Stage) -> None:
    maker, other = await stage.holder("administrator", "in", "maker"), await stage.holder("administrator", "in", "other")
    unit = stage.world["in.a"].unit.unit_id
    made = await stage.db.write(perform, maker, ServiceCreate("hr", "unit", unit, ("scim",), digest("t").hex()))
    await stage.db.write(perform, maker, GrantGive(made.value.service_id, "hr", "unit", unit))
    asked = await stage.db.write(perform, made.value.actor, PeopleClose((stage.world["in.a"].person.person_id,)))
    assert asked.approval_id is not None
    with pytest.raises(NotPermitted):
        await stage.db.write(decide, maker, asked.approval_id, approve=True)
    await stage.db.write(decide, other, asked.approval_id, approve=True)
    assert (await stage.db.read(people.find, stage.world["in.a"].person.person_id)).closed_us is not None


async def test_a_revoked_machine_gets_nothing_that_it_asked_for(stage: Stage) -> None:
    maker, other = await stage.holder("administrator", "in", "maker"), await stage.holder("administrator", "in", "other")
    unit = stage.world["in.a"].unit.unit_id
    made = await stage.db.write(perform, maker, ServiceCreate("hr", "unit", unit, ("scim",), digest("t").hex()))
    await stage.db.write(perform, maker, GrantGive(made.value.service_id, "hr", "unit", unit))
    asked = await stage.db.write(perform, made.value.actor, PeopleClose((stage.world["in.a"].person.person_id,)))
    assert asked.approval_id is not None
    await stage.db.write(perform, maker, ServiceRevoke(made.value.service_id))
    with pytest.raises(NotPermitted):
        await stage.db.write(decide, other, asked.approval_id, approve=True)


async def test_an_operator_of_the_nation_goes_by_two(stage: Stage) -> None:
    asks, goes = await stage.holder("national", "nation", "asks"), await stage.holder("national", "nation", "goes")
    assert (await stage.db.write(perform, asks, PersonClose(goes.actor_id))).approval_id is not None


async def test_nobody_floods_those_who_decide(stage: Stage) -> None:
    admin = await stage.holder("administrator", "in")
    person_id = stage.world["in.a"].person.person_id
    for _ in range(MAX_WAITING):
        await stage.db.write(perform, admin, PeopleClose((person_id,)))
    with pytest.raises(NotPermitted):
        await stage.db.write(perform, admin, PeopleClose((person_id,)))


async def test_what_cannot_be_carried_out_any_more_stays_undecided(stage: Stage) -> None:
    agrees, person_id = await stage.holder("national", "nation"), stage.world["in.a"].person.person_id
    asked = await stage.db.write(perform, CONSOLE, GrantGive(person_id, "auditor", "nation"))
    assert asked.approval_id is not None
    await stage.db.write(grants.give, person_id, "auditor", stage.scope("nation"))
    with pytest.raises(BadEntry):
        await stage.db.write(decide, agrees, asked.approval_id, approve=True)
    assert [one.approval_id for one in await stage.db.read(pending, agrees)] == [asked.approval_id]


async def test_what_nobody_could_read_again_is_not_asked_for(stage: Stage) -> None:
    owner, delegate = await stage.holder("administrator", "in", "owner"), await stage.plain("in.a", "delegate")
    wrong = DelegationGrant(owner.actor_id, delegate.actor_id, cast(Any, ("raed",)))
    with pytest.raises(BadEntry, match="raed"):
        await stage.db.write(perform, CONSOLE, wrong)


async def test_a_request_in_another_form_hides_none_of_the_others(stage: Stage) -> None:
    first = await waiting(stage, CONSOLE)
    other = await stage.holder("administrator", "in", "other")
    second = (await stage.db.write(perform, CONSOLE, PasswordReset(other.actor_id, KEPT))).approval_id
    await stage.db.write(lambda tx: tx.execute("UPDATE approval SET body = :body WHERE approval_id = :id", body=b"{}", id=first))
    assert [one.approval_id for one in await stage.db.read(pending, CONSOLE)] == [second]
    with pytest.raises(NotPending, match="anew"):
        await stage.db.write(decide, CONSOLE, first, approve=False)
