"""A small nation: a government, two ministries below it, a wilaya below one of them. Each place has one of everything.

nation
└─ gov ── gov.a
   ├─ in ── in.a ── in.a.x          (the ministry whose roles are tried)
   │   │  └─ in.b
   │   └─ wilaya ── wilaya.a
   └─ out ── out.a
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from config.database import Tx
from directory import (
    aliases,
    client_certificates,
    credentials,
    delegations,
    dkim,
    domains,
    grants,
    held,
    holdings,
    lists,
    organisations,
    people,
    posts,
    services,
    units,
)
from directory.address import parse
from directory.delegations import Delegation
from directory.dkim import KeyRow
from directory.lists import MailingList
from directory.manifest import topology
from directory.manifest.topology import Node
from directory.oidc import clients, links
from directory.oidc.types import Client, ClientAuth, Registration
from directory.queries import Query
from directory.rights import NATION, Actor, Role, Scope, organisation, unit
from directory.services import Service
from directory.types import Holding, Organisation, PasswordHash, Person, Post, ScramVerifier, Unit

ORGANISATIONS = {"gov": None, "in": "gov", "wilaya": "in", "out": "gov"}
UNITS = {"gov.a": None, "in.a": None, "in.a.x": "in.a", "in.b": None, "wilaya.a": None, "out.a": None}
PLACES = tuple(UNITS)
PROVIDER = "https://other.example"
KEPT = PasswordHash("$argon2id$none", ScramVerifier(b"salt", 4096, b"stored", b"server"))
APP_SHA256 = bytes(32)
DKIM = KeyRow("s1", "ed25519", b"public", b"wrapped", b"sealed", 0, 0)
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
_NODE = ("mx.node.example", "192.0.2.1:25", "192.0.2.1:443")


@dataclass(frozen=True, slots=True)
class Place:
    """A unit of the nation, and one of everything in it."""

    name: str
    organisation: Organisation
    school: Organisation
    unit: Unit
    empty: Unit
    post: Post
    vacant: Post
    person: Person
    gone: Person
    holding: Holding
    alias: str
    domain: str
    spare_domain: str
    list: MailingList
    delegation: Delegation
    service: Service
    grant: grants.Grant
    app_password_id: int
    node: Node
    held_id: int
    certificate: str
    party: Client
    subject: str

    def address(self, local: str) -> str:
        """Return an address that is free in this place's administration."""
        return f"{local}.{self.name}@{self.domain}"


World = dict[str, Place]


def parent(name: str) -> str:
    """Return what a place or an administration stands in."""
    if name in UNITS:
        return UNITS[name] or name.partition(".")[0]
    return ORGANISATIONS[name] or "nation"


def lies_in(place: str, scope: str) -> bool:
    """Say whether a place is a scope or lies in it."""
    while place != scope and place != "nation":
        place = parent(place)
    return place == scope


def build(tx: Tx) -> World:
    """Write the nation."""
    made: dict[str, Organisation] = {}
    for code, above in ORGANISATIONS.items():
        made[code] = organisations.create(tx, "administration", code, code, code, made[above].organisation_id if above else None)
        domains.create(tx, f"{code}.gov.example", made[code].organisation_id)
        domains.create(tx, f"{code}.spare.example", made[code].organisation_id)
        dkim.add(tx, f"{code}.gov.example", [DKIM], first=True)
    world: World = {}
    for name, above in UNITS.items():
        world[name] = _place(tx, name, made[name.partition(".")[0]], world[above].unit.unit_id if above else None)
    return world


def _place(tx: Tx, name: str, owner: Organisation, parent_id: int | None) -> Place:
    domain = f"{owner.code}.gov.example"
    here = units.create(tx, owner.organisation_id, name, name, name, parent_id, address=parse(f"box.{name}@{domain}"))
    post = posts.create(tx, here.unit_id, name, name, parse(f"post.{name}@{domain}"))
    vacant = posts.create(tx, here.unit_id, name, name, parse(f"vacant.{name}@{domain}"))
    person = people.create(tx, name, name, parse(f"person.{name}@{domain}"), "fr", here.unit_id)
    other = people.create(tx, name, name, parse(f"other.{name}@{domain}"), "fr", here.unit_id)
    gone = people.create(tx, name, name, parse(f"gone.{name}@{domain}"), "fr", here.unit_id)
    people.close(tx, gone.person_id)
    service = services.create(tx, name, unit(here.unit_id), ["scim"], services.digest(name))
    listed = lists.create(
        tx, owner.organisation_id, person.person_id, parse(f"list.{name}@{domain}"), name, name, Query(members=(person.person_id,))
    )
    held_id = held.reserve(tx)
    held.hold(tx, held_id, listed.list_id, held_id, 0, f"far.{name}@elsewhere.example", 1)
    return Place(
        name,
        owner,
        organisations.create(tx, "school", f"school.{name}", name, name, owner.organisation_id),
        here,
        units.create(tx, owner.organisation_id, f"{name}.empty", name, name, here.unit_id),
        post,
        vacant,
        person,
        gone,
        holdings.start(tx, post.post_id, other.person_id),
        aliases.add(tx, person.person_id, "person", parse(f"alias.{name}@{domain}")),
        domain,
        f"{owner.code}.spare.example",
        listed,
        delegations.grant(tx, person.person_id, other.person_id, ["read"]),
        service,
        grants.give(tx, other.person_id, "clerk", unit(here.unit_id)),
        credentials.add_app_password(tx, person.person_id, APP_SHA256, ["imap"], name),
        topology.add(tx, name.replace(".", "-"), owner.organisation_id, "online", *_NODE, bytes(32), []),
        held_id,
        client_certificates.add(tx, person.person_id, certificate(name), name).sha256.hex(),
        clients.register(tx, platform(owner)),
        identity(tx, name, person),
    )


def certificate(name: str) -> bytes:
    """Return a self-signed certificate: what is in it does not matter here."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, _KEY.public_key(), sum(map(ord, name)))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return builder.not_valid_before(now).not_valid_after(now.replace(year=2036)).sign(_KEY, None).public_bytes(Encoding.DER)


def platform(owner: Organisation, auth: ClientAuth = "client_secret_basic") -> Registration:
    """Return what a platform of an administration registers."""
    return Registration(owner.organisation_id, "x", "x", auth, redirect_uris=("https://platform.example/back",))


def identity(tx: Tx, name: str, person: Person) -> str:
    """Link a person to another provider; return its subject for them."""
    links.add(tx, PROVIDER, name, person.person_id)
    return name


def scope_of(world: World, name: str) -> Scope:
    """Return a place, an administration or the nation as a scope."""
    if name in UNITS:
        return unit(world[name].unit.unit_id)
    if name in ORGANISATIONS:
        return organisation(next(one for one in world.values() if one.organisation.code == name).organisation.organisation_id)
    return NATION


def holder(tx: Tx, world: World, role: Role, scope: str, name: str = "holder") -> Actor:
    """Return somebody new, in the first ministry, who has a role in a scope; a machine for the roles of machines."""
    if role == "hr":
        service = services.create(tx, name, scope_of(world, scope), ["scim"], services.digest(f"{name} {scope}"))
        grants.give(tx, service.service_id, role, scope_of(world, scope))
        return service.actor
    person = people.create(tx, name, name, parse(f"{name}.{role}.{scope}@in.gov.example"), "fr", world["in.b"].unit.unit_id)
    grants.give(tx, person.person_id, role, scope_of(world, scope))
    return Actor(name, person.person_id)
