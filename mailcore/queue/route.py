"""Which hosts take mail for a domain, and what must be true of each: a node's key, a route's certificate, DANE, MTA-STS.

RFC 5321 §5.1 (MX, equal preferences in random order, never to ourselves or worse), RFC 7505 (null MX), RFC 7672 §2.2 (DANE),
RFC 8461 §5 (MTA-STS, after DANE: §2). Hosts found in the DNS must have public addresses: a stranger's MX record does not make
us connect to our own networks.
"""

import asyncio
import ipaddress
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from config.settings import Route, endpoint
from directory.manifest.topology import Node
from mailcore.answers import Answer, Question
from mailcore.dns import Resolver
from mailcore.queue.types import Reply
from mailcore.routing import dane, sts
from mailcore.routing.dane import Tlsa
from mailcore.routing.policy import Way
from mailcore.routing.policy import static as static
from mailcore.routing.sts_client import Found, Policies

SMTP_PORT = 25
MAX_RECORDS = 100  # of one DNS answer; Postfix uses as many
MAX_ADDRESSES = 5  # tried per attempt, both families; Postfix smtp_mx_address_limit

# IPv6 addresses that stand for IPv4 ones, whichever: a translator of ours would lead back to our own networks.
TRANSLATED = tuple(
    ipaddress.ip_network(each)
    for each in (
        "64:ff9b::/96",  # RFC 6052 §2.1
        "64:ff9b:1::/48",  # RFC 8215
        "2002::/16",  # RFC 3056 §2
        "::/96",  # RFC 4291 §2.5.5.1
        "fec0::/10",  # RFC 3879 §4: site-local
    )
)

Allowed = Callable[[str], bool]
Kind = Literal["no-policy-found", "tlsa", "sts"]  # RFC 8460 §4.4

CIRCLE = Reply(554, "5.4.6", "the topology says that this node serves the domain, the register that it does not")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the recipient's domain asks of TLS, as reports call it: the kind, the lines of the policy, the patterns of hosts."""

    kind: Kind = "no-policy-found"
    lines: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    trouble: str = ""  # RFC 8460 §4.3, of a policy that could not be had


NOTHING_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class Hop:
    """One address to try. `host` is the name that a certificate must have; `verify` forbids plaintext and strangers.

    `testing`: try to verify, and go on without. `encrypt`: TLS, with whomever. With `tlsa` the certificate must fit one of those
    records, with `key_sha256` it must have that key, and come from `ca` where there is one. `node` is the name of a node.
    """

    host: str
    address: str
    port: int
    verify: bool
    ca: Path | None
    key_sha256: bytes = b""  # of the key that the certificate must have, whoever issued it; empty: any
    node: str = ""
    testing: bool = False
    encrypt: bool = False
    tlsa: tuple[Tlsa, ...] = ()
    names: tuple[str, ...] = ()  # what a certificate below a DANE-TA authority may be called
    domain: str = field(default="", compare=False)  # whose MX it is, for reports; a route's and a node's are not reported on
    asked: Asked = field(default=NOTHING_ASKED, compare=False)

    @property
    def relaxed(self) -> "Hop":
        """Return this hop as it is for a message that shall arrive rather than be encrypted (RFC 8689 §5).

        That is about what the recipient's domain asks for. What our topology and our routes demand stays.
        """
        return self if self.asked is NOTHING_ASKED else replace(self, verify=False, testing=False, encrypt=False, tlsa=())


def is_public(address: str) -> bool:
    """Say whether an address is one that strangers may send us to."""
    found = ipaddress.ip_address(address)
    return found.is_global and not found.is_multicast and not any(found in network for network in TRANSLATED)


@dataclass(frozen=True, slots=True)
class Map:
    """What finding hosts needs. Without `policies` no domain is asked for an MTA-STS policy. `ca` is the state's, for nodes.

    `roots` are to be trusted for MTA-STS instead of the system's, and `port` is where an MX listens. `failed` takes hosts that are left
    out: (host, result of RFC 8460).
    """

    own_name: str
    resolver: Resolver
    policies: Policies | None = None
    allowed: Allowed = is_public
    ca: Path | None = None
    roots: Path | None = None
    port: int = SMTP_PORT
    failed: list[tuple[str, str]] = field(default_factory=list)


async def hops(domain: str, way: Way, given: Map) -> tuple[Hop, ...] | Reply:
    """Return the addresses to try, in order, or the reply that says why there is none."""
    if way.kind == "circle":
        return CIRCLE
    if way.node is not None:
        return await _node_hops(way.node, way.believed, given.ca)
    if way.route is not None:
        return await _static_hops(way.route)
    if domain.startswith("["):
        return Reply(550, "5.1.2", "mail to address literals is not relayed")
    found = await _exchanges(domain, given)
    if isinstance(found, Reply):
        return found
    names, authentic = found
    asked = await given.policies.of(domain) if given.policies is not None else Found(None)
    return await _public_hops(domain, names, given, asked, authentic=authentic)


async def exchanges(domain: str, own_name: str, resolver: Resolver) -> tuple[str, ...] | Reply:
    """Return the hosts that take mail for a domain, best first (RFC 5321 §5.1)."""
    found = await _exchanges(domain, Map(own_name, resolver))
    return found if isinstance(found, Reply) else found[0]


async def _exchanges(domain: str, given: Map) -> tuple[tuple[str, ...], bool] | Reply:
    """Return the hosts, and whether the answer was verified."""
    answer = await given.resolver.ask(Question(domain, "MX"))
    if answer.failed:
        return Reply(451, "4.4.3", f"the DNS gives no answer about {domain} now")
    if not answer.exists:
        return Reply(550, "5.1.2", f"the domain {domain} does not exist")
    if not answer.records:
        return (domain,), answer.authentic
    found = [(int(preference), name.lower()) for preference, _, name in (record.partition(" ") for record in answer.records)]
    if [name for _, name in found] in ([""], ["."]):
        return Reply(556, "5.1.10", f"the domain {domain} takes no mail")  # RFC 7505 §4.1
    ours = min((preference for preference, name in found if name == given.own_name.lower()), default=None)
    usable = [pair for pair in found[:MAX_RECORDS] if ours is None or pair[0] < ours]
    if not usable:
        return Reply(554, "5.4.6", f"mail for {domain} would come back to this server")
    random.shuffle(usable)
    return tuple(name for _, name in sorted(usable, key=lambda pair: pair[0])), answer.authentic


async def _public_hops(domain: str, names: Sequence[str], given: Map, asked: Found, *, authentic: bool) -> tuple[Hop, ...] | Reply:
    """Return addresses of the hosts with what is asked of each; a reply when there is none, of the least bad reason."""
    found: list[Hop] = []
    reasons: list[Reply] = []
    for name in names:
        if len(found) >= MAX_ADDRESSES:
            break
        answer = await given.resolver.addresses(name)
        usable = [address for address in answer.records if given.allowed(address)]
        if not usable:
            reasons.append(_no_address(domain, answer))
            continue
        demand = await _demand(domain, name, given, asked, authentic=authentic and answer.authentic)
        if isinstance(demand, Reply):
            reasons.append(demand)
        else:
            found += [replace(demand, address=address) for address in usable]
    return tuple(found[:MAX_ADDRESSES]) or min(reasons, key=lambda reason: reason.code)


def _no_address(domain: str, answer: Answer) -> Reply:
    if answer.failed:
        return Reply(451, "4.4.3", f"the DNS gives no addresses of the mail servers of {domain} now")
    if answer.records:
        return Reply(554, "5.4.4", f"the mail servers of {domain} have no public address")
    return Reply(550, "5.4.4", f"the mail servers of {domain} have no address")


async def _demand(domain: str, name: str, given: Map, asked: Found, *, authentic: bool) -> Hop | Reply:
    """Return a hop without its address: by DANE when the zone is signed and has records, else by MTA-STS, else whoever answers."""
    hop = Hop(name, "", given.port, verify=False, ca=given.roots, domain=domain)
    if authentic:
        answer = await given.resolver.ask(Question(f"_{SMTP_PORT}._tcp.{name}", "TLSA"))
        if answer.failed:  # RFC 7672 §2.1: somebody may be hiding the records
            given.failed.append((name, "dnssec-invalid"))
            return Reply(451, "4.7.5", f"the DNS gives no good answer about the TLSA records of {name}: the host is left out for now", name)
        if answer.records and answer.authentic:
            records = dane.usable(answer.records)
            said = Asked("tlsa", tuple(str(record) for record in records) or answer.records, (name,))
            return replace(hop, verify=bool(records), encrypt=True, tlsa=records, names=(name, domain), asked=said)
    demand = _by_policy(domain, hop, asked)
    if isinstance(demand, Reply):
        given.failed.append((name, "validation-failure"))
    return demand


def _by_policy(domain: str, hop: Hop, asked: Found) -> Hop | Reply:
    if asked.kept is None or asked.kept.policy.mode == "none":
        return replace(hop, asked=Asked("sts", trouble=asked.trouble)) if asked.trouble else hop
    policy = asked.kept.policy
    said = Asked("sts", policy.lines(), policy.mx, asked.trouble)
    if not sts.names(policy, hop.host):
        if policy.mode == "enforce":
            return Reply(451, "4.7.5", f"{hop.host} is not among the servers that the MTA-STS policy of {domain} names", hop.host)
        said = replace(said, trouble="validation-failure")
    return replace(hop, verify=policy.mode == "enforce", testing=policy.mode == "testing", asked=said)


async def _static_hops(route: Route) -> tuple[Hop, ...] | Reply:
    verify = route.tls == "verify"
    found = await _machine(route.host, route.port)
    return found if isinstance(found, Reply) else tuple(Hop(route.host, each, route.port, verify, route.ca) for each in found)


async def _node_hops(node: Node, believed: bool, ca: Path | None) -> tuple[Hop, ...] | Reply:
    """A node of the topology is known by its key; one that was revoked, or of which we know too little now, waits."""
    if node.revoked_us is not None:
        return Reply(451, "4.7.1", f"the node {node.name} is revoked: {node.reason}")
    if not believed:
        return Reply(451, "4.7.1", f"what is known of the node {node.name} is too old to be believed: no manifest came for too long")
    host, port = endpoint(node.smtp)
    found = await _machine(host, port)
    if isinstance(found, Reply):
        return found
    return tuple(Hop(node.hostname, each, port, True, ca, node.key_sha256, node.name) for each in found)


async def _machine(host: str, port: int) -> list[str] | Reply:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return Reply(451, "4.4.3", f"the host {host} has no address now")
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:MAX_ADDRESSES]
