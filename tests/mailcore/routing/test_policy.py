import pytest

from config.settings import Route
from directory import domains, organisations
from directory.manifest import topology
from mailcore.errors import OutsideNotAllowed
from mailcore.routing import policy
from mailcore.routing.policy import View

OURS, THEIRS, OUT = "interieur.gov.example", "education.gov.example", "elsewhere.example"
HERE, THERE, GATE = bytes(32), bytes([1] * 32), bytes([2] * 32)


def view(outside="deny", routes=(), key=HERE):
    return View(outside, tuple(routes), "online", key)


def ministry(tx):
    organisation = organisations.create(tx, "ministry", "interieur", "x", "x")
    domains.create(tx, OURS, organisation.organisation_id)
    return organisation.organisation_id


def nation(tx):
    owner = ministry(tx)
    where = ("mx.example", "mx.example:25", "mx.example:443")
    topology.add(tx, "interieur", owner, "online", *where, HERE, [OURS])
    topology.add(tx, "education", owner, "online", *where, THERE, [THEIRS])
    return topology.add(tx, "gate", owner, "online", *where, GATE, []).node_id


async def ways(database, *views, to=OUT):
    return [(await database.read(policy.way, to, each)).kind for each in views]


async def allowed(database, sender, to, seen):
    try:
        return (await database.read(policy.permit, sender, to, seen)).kind
    except OutsideNotAllowed as error:
        return "refused" if to in error.text else error.text


async def test_without_a_topology_nothing_is_outside(database):
    await database.write(ministry)
    for outside in ("deny", "gateway", "direct"):
        assert await allowed(database, OURS, OUT, view(outside)) == "exchange"
    route = Route(domain="", host="smart.example")
    assert await ways(database, view(routes=[route])) == ["route"]
    assert await ways(database, view(), to=OURS) == ["here"]


async def test_the_topology_says_the_way_to_another_node(database):
    await database.write(nation)
    assert await ways(database, view(), view("direct"), to=THEIRS) == ["node", "node"]
    found = await database.read(policy.way, THEIRS, view())
    assert (found.node.name, found.believed, found.outside) == ("education", True, False)
    exact, suffix = Route(domain=THEIRS, host="x.example"), Route(domain=".gov.example", host="x.example")
    assert await ways(database, view(routes=[exact]), view(routes=[suffix]), to=THEIRS) == ["route", "node"]
    assert await allowed(database, OURS, "justice.gov.example", view(routes=[suffix])) == "route"


async def test_a_domain_that_only_the_topology_says_is_ours_goes_round_no_further(database):
    await database.write(nation)
    assert await ways(database, view(key=THERE), to=THEIRS) == ["circle"]


@pytest.mark.parametrize(
    ("outside", "said", "sender", "want"),
    [
        ("deny", "", OURS, "refused"),
        ("deny", "allow", OURS, "gateway"),
        ("deny", "deny", OURS, "refused"),
        ("deny", "allow", "", "refused"),
        ("deny", "allow", "stranger.example", "refused"),
        ("gateway", "", OURS, "gateway"),
        ("gateway", "deny", OURS, "refused"),
        ("gateway", "deny", "", "gateway"),
        ("direct", "", OURS, "exchange"),
        ("direct", "deny", OURS, "refused"),
        ("direct", "allow", OURS, "exchange"),
    ],
)
async def test_outside_is_closed_until_the_settings_or_the_domain_open_it(database, outside, said, sender, want):
    gate = await database.write(nation)
    await database.write(topology.open_gateway, gate, gateway=True)
    await database.write(domains.let_outside, OURS, said)
    assert await allowed(database, sender, OUT, view(outside)) == want


async def test_without_a_gateway_nothing_leaves_but_by_a_route_for_any_domain(database):
    gate = await database.write(nation)
    await database.write(domains.let_outside, OURS, "allow")
    assert await allowed(database, OURS, OUT, view()) == "refused"
    assert await allowed(database, OURS, OUT, view(routes=[Route(domain="", host="gate.example")])) == "gateway"
    await database.write(topology.open_gateway, gate, gateway=True)
    assert (await database.read(policy.way, OUT, view())).node.name == "gate"
    await database.write(topology.revoke, gate, "stolen")
    assert await allowed(database, OURS, OUT, view()) == "refused"


async def test_a_gateway_sends_what_another_node_let_through_and_judges_its_own(database):
    gate = await database.write(nation)
    await database.write(topology.open_gateway, gate, gateway=True)
    here = view(key=GATE)
    assert await allowed(database, THEIRS, OUT, here) == "exchange"
    assert await allowed(database, "", OUT, here) == "exchange"
    assert await allowed(database, "stranger.example", OUT, here) == "refused"
    assert await allowed(database, OURS, OUT, here) == "refused"


@pytest.mark.parametrize(
    ("node", "sender", "key", "want"),
    [
        ("education", THEIRS, GATE, True),
        ("education", "", GATE, True),
        ("education", OURS, GATE, False),
        ("interieur", THEIRS, GATE, False),
        ("education", "stranger.example", GATE, False),
        ("education", THEIRS, HERE, False),
    ],
)
async def test_a_gateway_relays_for_nodes_that_write_in_the_name_of_their_domains(database, node, sender, key, want):
    gate = await database.write(nation)
    await database.write(topology.open_gateway, gate, gateway=True)
    assert await database.read(policy.may_relay, node, sender, view(key=key)) is want


async def test_recipients_are_refused_one_by_one(database):
    await database.write(nation)
    asked = [f"a@{OURS}", f"b@{THEIRS}", f"c@{OUT}", f"d@{OUT}"]
    assert await database.read(policy.refused, OURS, asked, view()) == asked[2:]
