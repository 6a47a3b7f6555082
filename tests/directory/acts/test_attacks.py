"""Ways to get more than one has: none of them leads anywhere."""

import pytest

from config.clock import DAY_US, ManualClock
from directory import delegations, grants, holdings, people, posts, rights
from directory.acts import Act, decide, perform, perform_many
from directory.acts.addresses import AliasAdd, DomainAlias, DomainCreate
from directory.acts.blanking import EvidenceErase
from directory.acts.cards import AttributesSet
from directory.acts.certification import (
    CertificateOrder,
    CertificateRenew,
    CertificateResume,
    CertificateRevoke,
    CertificateSuspend,
    EscrowOpen,
)
from directory.acts.credentials import PasswordReset, SessionsEnd
from directory.acts.delegations import DelegationGrant
from directory.acts.grants import GrantGive, GrantRevoke
from directory.acts.holdings import HoldingCorrect, HoldingEnd, HoldingStart
from directory.acts.organisations import OrganisationClose, OrganisationMove
from directory.acts.people import PersonClose, PersonCreate, PersonMove, PersonReopen, PersonTransfer
from directory.acts.posts import PostClose, PostCreate, PostMove
from directory.acts.services import ServiceCreate
from directory.acts.units import UnitClose, UnitMove
from directory.errors import BadEntry, NotPermitted
from directory.rights import CONSOLE, NATION, Actor
from directory.services import digest

from .conftest import Stage
from .world import KEPT

# rules know no engine; that their statements run on both is shown by the matrix
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def refused(stage: Stage, actor: Actor, *acts: Act) -> None:
    """Expect that an actor may do none of some acts, one by one or among many."""
    for act in acts:
        with pytest.raises(NotPermitted):
            await stage.db.write(perform, actor, act)
    assert [type(one) for one in await stage.db.write(perform_many, actor, acts)] == [NotPermitted] * len(acts)


async def test_a_certificate_for_hosts_is_not_ordered_in_the_name_of_an_account(stage: Stage) -> None:
    """Its place would be that of the account, and who decides there has no say about machines."""
    actor, person = await stage.holder("administrator", "in", "hosts"), stage.world["in.a"].person.person_id
    for act in (CertificateOrder("tls", person, "mail.gov.example", b"key"), CertificateOrder("sign", 0, "a@gov.example")):
        for who in (actor, CONSOLE):
            with pytest.raises((BadEntry, NotPermitted)):
                await stage.db.write(perform, who, act)


async def test_no_person_alone_ends_or_renews_the_certificate_of_a_machine(stage: Stage) -> None:
    operator = await stage.holder("national", "nation", "operator")
    for act in (CertificateRenew(0, "ca-x", "1f"), CertificateSuspend(0, "ca-x", "1f"), CertificateRevoke(0, "ca-x", "1f", "superseded")):
        assert (await stage.db.write(perform, operator, act)).approval_id is not None


async def test_nobody_has_their_own_key_of_the_escrow_opened(stage: Stage) -> None:
    """They read their letters already; with the key in hand others would."""
    person = stage.world["in.a"].person.person_id
    await refused(stage, Actor("holder", person), EscrowOpen(person, "encrypt-1"))


async def test_what_only_a_court_orders_names_the_order(stage: Stage) -> None:
    operator = await stage.holder("national", "nation", "nobody")
    for who in (operator, CONSOLE):
        with pytest.raises(BadEntry):
            await stage.db.write(perform, who, EvidenceErase("0000000000001", " "))


async def test_nobody_grants_to_themselves_nor_to_a_post_they_hold_or_will_hold(stage: Stage, clock: ManualClock) -> None:
    for role, scope in (("administrator", "in"), ("national", "nation")):
        actor = await stage.holder(role, scope, f"own-{role}")  # type: ignore[arg-type]
        now, later = stage.world["in.a"].vacant.post_id, stage.world["in.b"].vacant.post_id
        await stage.db.write(holdings.start, now, actor.actor_id)
        await stage.db.write(holdings.start, later, actor.actor_id, valid_from_us=clock.now_us() + DAY_US)
        unit = stage.world["in.a"].unit.unit_id
        await refused(stage, actor, *(GrantGive(one, "signer", "unit", unit) for one in (actor.actor_id, now, later)))


async def test_nobody_grants_more_than_they_have(stage: Stage) -> None:
    other = stage.world["in.a"].person.person_id
    below = await stage.holder("administrator", "in.a", "below")
    scopes = {name: stage.scope(name) for name in ("in", "gov", "out", "in.b", "nation")}
    await refused(stage, below, *(GrantGive(other, "administrator", one.kind, one.id) for one in scopes.values()))
    above = await stage.holder("administrator", "in", "above")
    ministry = scopes["in"]
    await refused(
        stage,
        above,
        GrantGive(other, "national", "nation"),
        GrantGive(other, "auditor", ministry.kind, ministry.id),
        GrantGive(other, "auditor", "nation"),
        GrantGive(other, "administrator", "organisation", scopes["out"].id),
    )
    for role in ("clerk", "signer", "auditor"):
        actor = await stage.holder(role, "in", role)  # type: ignore[arg-type]
        await refused(stage, actor, GrantGive(other, role, ministry.kind, ministry.id))  # type: ignore[arg-type]


async def test_a_role_goes_only_to_whom_it_is_for(stage: Stage) -> None:
    place = stage.world["in.a"]
    for holder_id, role, kind, scope_id in (
        (place.service.service_id, "national", "nation", 0),
        (place.post.post_id, "national", "nation", 0),
        (place.service.service_id, "administrator", "unit", place.unit.unit_id),
        (place.person.person_id, "hr", "unit", place.unit.unit_id),
        (place.person.person_id, "administrator", "nation", 0),
        (place.person.person_id, "national", "unit", place.unit.unit_id),
    ):
        with pytest.raises(BadEntry):
            await stage.db.write(grants.give, holder_id, role, rights.Scope(kind, scope_id))  # type: ignore[arg-type]


async def test_nobody_takes_over_by_pulling_something_into_their_scope(stage: Stage) -> None:
    mine, theirs = stage.world["in.a"], stage.world["in.b"]
    for scope in ("in.a", "in"):
        actor = await stage.holder("administrator", scope, f"puller-{scope}")
        victim = theirs if scope == "in.a" else stage.world["out.a"]
        await refused(
            stage,
            actor,
            UnitMove(victim.unit.unit_id, mine.unit.unit_id),
            PostMove(victim.post.post_id, mine.unit.unit_id),
            PersonMove(victim.person.person_id, mine.unit.unit_id),
            PersonTransfer(victim.person.person_id, mine.unit.unit_id),
        )
    ministry = await stage.holder("administrator", "in", "collector")
    above, neighbour = (stage.world[name].organisation.organisation_id for name in ("gov.a", "out.a"))
    await refused(
        stage,
        ministry,
        OrganisationMove(above, mine.organisation.organisation_id),
        OrganisationMove(neighbour, mine.organisation.organisation_id),
        OrganisationMove(mine.organisation.organisation_id, neighbour),
        OrganisationMove(mine.organisation.organisation_id, None),
    )


async def test_nobody_frees_their_unit_from_what_is_above_it(stage: Stage) -> None:
    unit = stage.world["in.a.x"].unit.unit_id
    actor = await stage.holder("administrator", "in.a.x")
    await refused(stage, actor, UnitMove(unit, None), UnitMove(unit, stage.world["in.b"].unit.unit_id), UnitClose(unit))


async def test_nobody_appoints_themselves_to_a_post_that_brings_more(stage: Stage) -> None:
    place = stage.world["in.a"]
    actor = await stage.holder("administrator", "in.a")
    await stage.db.write(grants.give, place.vacant.post_id, "administrator", stage.scope("in"))
    started = await stage.db.write(holdings.start, place.vacant.post_id, place.person.person_id)
    ended = await stage.db.write(holdings.end, started.holding_id, started.valid_from_us + 1)
    await refused(
        stage,
        actor,
        HoldingStart(place.vacant.post_id, actor.actor_id),
        HoldingStart(place.vacant.post_id, place.person.person_id),
        HoldingCorrect(started.holding_id, "titular", ended.valid_from_us, None, "D-1"),
        HoldingEnd(started.holding_id),
        PostClose(place.vacant.post_id),
        PostMove(place.vacant.post_id, stage.world["in.a.x"].unit.unit_id),
    )


async def test_a_post_of_the_registry_is_filled_by_who_appoints_in_its_whole_scope(stage: Stage) -> None:
    place = stage.world["in.a"]
    await stage.db.write(grants.give, place.vacant.post_id, "clerk", stage.scope("in"))
    here = await stage.holder("administrator", "in.a", "here")
    await refused(stage, here, HoldingStart(place.vacant.post_id, place.person.person_id))
    personnel = await stage.holder("hr", "in", "personnel")
    await stage.db.write(perform, personnel, HoldingStart(place.vacant.post_id, place.person.person_id))


async def test_nobody_lays_hands_on_who_stands_above_them(stage: Stage) -> None:
    """An administrator of the ministry works in a unit that has an administrator of its own."""
    unit = stage.world["in.b"]
    actor, personnel = await stage.holder("administrator", "in.b", "below"), await stage.holder("hr", "in", "personnel")
    above = await stage.holder("administrator", "in", "above")
    watching = await stage.holder("auditor", "nation", "watching")
    operator = await stage.holder("national", "nation", "operator")
    for victim in (above, watching, operator):
        await refused(
            stage,
            actor,
            PasswordReset(victim.actor_id, KEPT),
            SessionsEnd(victim.actor_id),
            PersonClose(victim.actor_id),
            PersonMove(victim.actor_id, unit.unit.unit_id),
            CertificateOrder("sign", victim.actor_id, "x@x.example"),
            CertificateRenew(victim.actor_id, "ca-x", "1f"),
            CertificateSuspend(victim.actor_id, "ca-x", "1f"),
            CertificateResume(victim.actor_id, "ca-x", "1f"),
            CertificateRevoke(victim.actor_id, "ca-x", "1f", "superseded"),
            EscrowOpen(victim.actor_id, "encrypt-1"),
        )
        await refused(stage, personnel, PersonClose(victim.actor_id))
    await refused(stage, above, PasswordReset(operator.actor_id, KEPT), PersonClose(operator.actor_id))


async def test_a_role_that_comes_with_a_post_protects_its_holder_too(stage: Stage, clock: ManualClock) -> None:
    place, other = stage.world["in.a"], stage.world["in.b"]
    actor = await stage.holder("administrator", "in.a")
    await stage.db.write(grants.give, other.vacant.post_id, "administrator", stage.scope("in"))
    await stage.db.write(holdings.start, other.vacant.post_id, place.person.person_id, valid_from_us=clock.now_us() + DAY_US)
    await refused(stage, actor, PasswordReset(place.person.person_id, KEPT), PersonClose(place.person.person_id))


async def test_nobody_takes_an_address_in_the_domain_of_another_administration(stage: Stage) -> None:
    here, there = stage.world["in.a"], stage.world["out.a"]
    actor = await stage.holder("administrator", "in")
    await refused(
        stage,
        actor,
        AliasAdd(here.person.person_id, there.address("minister")),
        AliasAdd(there.person.person_id, here.address("minister")),
        PersonCreate("x", "x", there.address("minister"), "fr", here.unit.unit_id),
        PersonCreate("x", "x", here.address("minister"), "fr", there.unit.unit_id),
        PersonCreate("x", "x", here.address("minister"), "fr", None),
        PostCreate(here.unit.unit_id, "x", "x", there.address("minister")),
        DomainCreate("minister.example", here.organisation.organisation_id),
        DomainAlias("minister.example", here.domain),
        DomainAlias(there.domain, here.domain),
    )
    with pytest.raises(BadEntry):
        await stage.db.write(perform, CONSOLE, AliasAdd(here.person.person_id, there.address("minister")))


async def test_nobody_acts_through_a_post_just_lost(stage: Stage, clock: ManualClock) -> None:
    place = stage.world["in.a"]
    await stage.db.write(grants.give, place.vacant.post_id, "administrator", stage.scope("in.a"))
    person = await stage.plain("in.a")
    held = await stage.db.write(holdings.start, place.vacant.post_id, person.actor_id)
    for_post = Actor(person.name, person.person_id, on_behalf_of=place.vacant.post_id)
    act = AttributesSet(place.person.person_id, {"phone": "1"})
    await stage.db.write(perform, person, act)
    await stage.db.write(perform, for_post, act)
    clock.advance(DAY_US)
    await stage.db.write(holdings.end, held.holding_id)
    await refused(stage, person, act)
    await refused(stage, for_post, act, AttributesSet(place.vacant.post_id, {"phone": "1"}))


async def test_who_acts_for_a_post_has_what_the_post_has_and_no_more(stage: Stage) -> None:
    person = await stage.holder("administrator", "in")
    post_id = stage.world["in.a"].vacant.post_id
    await stage.db.write(holdings.start, post_id, person.actor_id)
    await refused(stage, Actor(person.name, person.person_id, on_behalf_of=post_id), PersonClose(stage.world["in.a"].person.person_id))
    foreign = Actor(person.name, person.person_id, on_behalf_of=stage.world["out.a"].post.post_id)
    await refused(stage, foreign, PersonClose(stage.world["in.a"].person.person_id))


async def test_roles_end_when_their_holder_goes_elsewhere_or_goes(stage: Stage) -> None:
    moved, left = await stage.holder("administrator", "in", "moved"), await stage.holder("administrator", "in", "left")
    await stage.db.write(grants.give, moved.actor_id, "signer", stage.scope("out"))
    await stage.db.write(perform, CONSOLE, PersonTransfer(moved.actor_id, stage.world["out.a"].unit.unit_id))
    assert [one.role for one in await stage.db.read(grants.of_holder, moved.actor_id)] == ["signer"]
    await stage.db.write(perform, CONSOLE, PersonClose(left.actor_id))
    await stage.db.write(people.reopen, left.actor_id)
    assert await stage.db.read(rights.held, left) == ()


async def test_who_left_and_comes_back_opens_no_mailbox_of_others(stage: Stage, clock: ManualClock) -> None:
    person, place = await stage.plain("in.a"), stage.world["in.a"]
    lent = await stage.db.write(delegations.grant, place.person.person_id, person.actor_id, ("read",))
    clock.advance(DAY_US)
    await stage.db.write(perform, CONSOLE, PersonClose(person.actor_id))
    clock.advance(DAY_US)
    await stage.db.write(perform, CONSOLE, PersonReopen(person.actor_id))
    assert await stage.db.read(delegations.received, person.actor_id, clock.now_us()) == []
    assert (await stage.db.read(delegations.find, lent.delegation_id)).revoked_us == clock.now_us() - DAY_US


async def test_a_grant_counts_from_its_day_to_its_day_and_not_once_taken_back(stage: Stage, clock: ManualClock) -> None:
    person, scope = await stage.plain("in.a"), stage.scope("in.a")
    from_us, to_us = clock.now_us() + DAY_US, clock.now_us() + 2 * DAY_US
    await stage.db.write(grants.give, person.actor_id, "administrator", scope, valid_from_us=from_us, valid_to_us=to_us)
    seen = []
    for _ in range(3):
        seen.append(await stage.db.read(rights.may, person, "people", scope))
        clock.advance(DAY_US)
    assert seen == [False, True, False]
    given = await stage.db.write(grants.give, person.actor_id, "administrator", scope)
    await stage.db.write(perform, CONSOLE, GrantRevoke(given.grant_id))
    assert not await stage.db.read(rights.may, person, "people", scope)


async def test_nobody_acts_in_what_is_closed_not_even_the_console(stage: Stage) -> None:
    admin = await stage.holder("administrator", "in")
    school = stage.world["in.a"].school
    agrees = await stage.holder("national", "nation")
    asked = await stage.db.write(perform, admin, OrganisationClose(school.organisation_id))
    assert asked.approval_id is not None
    await stage.db.write(decide, agrees, asked.approval_id, approve=True)
    for actor in (admin, CONSOLE):
        await refused(
            stage,
            actor,
            GrantGive(stage.world["in.a"].person.person_id, "clerk", "organisation", school.organisation_id),
            ServiceCreate("x", "organisation", school.organisation_id, ("scim",), digest("x").hex()),
        )


async def test_nobody_dissolves_their_own_administration(stage: Stage) -> None:
    actor = await stage.holder("administrator", "in")
    await refused(stage, actor, OrganisationClose(stage.world["in.a"].organisation.organisation_id))


async def test_a_tree_deeper_than_any_real_one_gives_no_right_from_afar(stage: Stage) -> None:
    """Rows that were written past the rules cannot make the walk upwards endless."""
    unit = stage.world["in.a"].unit.unit_id
    await stage.db.write(lambda tx: tx.execute("UPDATE unit SET parent_id = unit_id WHERE unit_id = :id", id=unit))
    assert await stage.db.read(rights.may, CONSOLE, "people", rights.unit(unit))
    plain = await stage.plain("in.b")
    assert not await stage.db.read(rights.may, plain, "people", rights.unit(unit))


async def test_roles_at_a_place_are_those_of_the_person_and_of_their_posts(stage: Stage) -> None:
    place, person = stage.world["in.a"], await stage.holder("signer", "in")
    await stage.db.write(grants.give, place.vacant.post_id, "clerk", stage.scope("in.a"))
    await stage.db.write(holdings.start, place.vacant.post_id, person.actor_id)
    assert await stage.db.read(rights.roles_at, person.actor_id, stage.scope("in.a.x")) == {"signer", "clerk"}
    assert await stage.db.read(rights.roles_at, person.actor_id, stage.scope("in.b")) == {"signer"}
    assert await stage.db.read(rights.roles_at, person.actor_id, NATION) == frozenset()
    await stage.db.write(posts.close, place.vacant.post_id)
    assert await stage.db.read(rights.roles_at, person.actor_id, stage.scope("in.a.x")) == {"signer"}


async def test_nobody_makes_themselves_the_second_person(stage: Stage) -> None:
    """Whoever could name an administrator alone, or appoint one, could approve with an account of their own what takes two."""
    place, scope = stage.world["in.a"], stage.scope("in")
    for role, where in (("administrator", "in"), ("national", "nation")):
        actor = await stage.holder(role, where, f"alone-{role}")  # type: ignore[arg-type]
        puppet = await stage.plain("in.a", f"puppet-{role}")
        await stage.db.write(perform, actor, PasswordReset(puppet.actor_id, KEPT))
        asked = await stage.db.write(perform, actor, GrantGive(puppet.actor_id, "administrator", scope.kind, scope.id))
        assert asked.approval_id is not None
        with pytest.raises(NotPermitted):
            await stage.db.write(decide, puppet, asked.approval_id, approve=True)
    await stage.db.write(perform, CONSOLE, GrantGive(place.vacant.post_id, "administrator", scope.kind, scope.id))
    actor = await stage.holder("administrator", "in", "appoints")
    asked = await stage.db.write(perform, actor, HoldingStart(place.vacant.post_id, puppet.actor_id))
    assert asked.approval_id is not None
    assert await stage.db.read(rights.held, puppet) == ()
    held = await stage.db.write(perform, CONSOLE, HoldingStart(place.vacant.post_id, puppet.actor_id))
    assert held.approval_id is None
    corrected = HoldingCorrect(held.value.holding_id, "interim", held.value.valid_from_us, None, "D-2")
    assert (await stage.db.write(perform, actor, corrected)).approval_id is not None


async def test_nobody_appoints_themselves(stage: Stage, clock: ManualClock) -> None:
    place = stage.world["in.a"]
    actor = await stage.holder("administrator", "in")
    held = await stage.db.write(holdings.start, place.post.post_id, actor.actor_id)
    clock.advance(DAY_US)
    await stage.db.write(holdings.end, held.holding_id)
    await refused(
        stage,
        actor,
        HoldingStart(place.vacant.post_id, actor.actor_id, "interim"),
        HoldingCorrect(held.holding_id, "titular", held.valid_from_us, None, "D-1"),
    )
    assert await stage.db.read(holdings.held_by, actor.actor_id, clock.now_us()) == ()


async def test_nobody_lends_themselves_what_comes_with_a_post(stage: Stage, clock: ManualClock) -> None:
    """The loan would stay when the post has gone to somebody else."""
    place, person = stage.world["in.a"], await stage.plain("in.a")
    held = await stage.db.write(holdings.start, place.vacant.post_id, person.actor_id)
    lent = DelegationGrant(place.vacant.post_id, person.actor_id, ("read", "send_as"))
    with pytest.raises(NotPermitted):
        await stage.db.write(perform, person, lent)
    clock.advance(DAY_US)
    await stage.db.write(holdings.end, held.holding_id)
    assert await stage.db.read(delegations.received, person.actor_id, clock.now_us()) == []
    assert (await stage.db.write(perform, person, DelegationGrant(person.actor_id, place.post.post_id, ("read",)))).value is not None
