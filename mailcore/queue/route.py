"""Which hosts take mail for a foreign domain: a route of the settings, else its MX, else its own addresses.

RFC 5321 §5.1 (MX, equal preferences in random order, never to ourselves or worse), RFC 7505 (null MX). Hosts found in
the DNS must have public addresses: a stranger's MX record does not make us connect to our own networks.
"""

import asyncio
import ipaddress
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver

from config.settings import Route, endpoint
from directory.manifest.topology import Node
from mailcore.queue.types import Reply

SMTP_PORT = 25
MAX_RECORDS = 100  # of one DNS answer; Postfix uses as many
MAX_ADDRESSES = 5  # tried per attempt, both families; Postfix smtp_mx_address_limit
DNS_LIFETIME_S = 20.0

Resolver = dns.asyncresolver.Resolver
Allowed = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Hop:
    """One address to try. `host` is the name that a certificate must have; `verify` forbids plaintext."""

    host: str
    address: str
    port: int
    verify: bool
    ca: Path | None
    key_sha256: bytes = b""  # of the key that the certificate must have, whoever issued it; empty: any


def system_resolver() -> Resolver:
    """Return a caching resolver with the machine's name servers; without any, every question fails for a while."""
    try:
        made = Resolver()
    except dns.resolver.NoResolverConfiguration:
        made = Resolver(configure=False)
    made.cache = dns.resolver.LRUCache()
    return made


def is_public(address: str) -> bool:
    """Say whether an address is one that strangers may send us to."""
    return ipaddress.ip_address(address).is_global


def static(domain: str, routes: Sequence[Route]) -> Route | None:
    """Return the settings' route for a domain: the exact one, else the longest ".suffix", else "" for any."""
    exact = [route for route in routes if route.domain == domain]
    suffix = [route for route in routes if route.domain.startswith(".") and domain.endswith(route.domain)]
    others = [route for route in routes if route.domain == ""]
    ranked = [*exact, *sorted(suffix, key=lambda route: -len(route.domain)), *others]
    return ranked[0] if ranked else None


async def hops(
    domain: str,
    routes: Sequence[Route],
    own_name: str,
    resolver: Resolver,
    allowed: Allowed = is_public,
    node: tuple[Node, bool] | None = None,
) -> tuple[Hop, ...] | Reply:
    """Return the addresses to try, in order, or the reply that says why there is none.

    `node` is the one that the topology names for the domain, and whether the topology may still be believed. A route of the
    settings for exactly this domain goes before it.
    """
    route = static(domain, routes)
    if node is not None and (route is None or route.domain != domain):
        return await _node_hops(*node)
    if route is not None:
        return await _static_hops(route)
    if domain.startswith("["):
        return Reply(550, "5.1.2", "mail to address literals is not relayed")
    names = await exchanges(domain, own_name, resolver)
    if isinstance(names, Reply):
        return names
    return await _public_hops(domain, names, resolver, allowed)


async def exchanges(domain: str, own_name: str, resolver: Resolver) -> tuple[str, ...] | Reply:
    """Return the hosts that take mail for a domain, best first (RFC 5321 §5.1)."""
    try:
        answer = await resolver.resolve(domain, "MX", lifetime=DNS_LIFETIME_S)
    except dns.resolver.NXDOMAIN:
        return Reply(550, "5.1.2", f"the domain {domain} does not exist")
    except dns.resolver.NoAnswer:
        return (domain,)
    except dns.exception.DNSException:
        return Reply(451, "4.4.3", f"the DNS gives no answer about {domain} now")
    found = [(int(record.preference), record.exchange.to_text(omit_final_dot=True).lower()) for record in answer]
    if [name for _, name in found] in ([""], ["."]):
        return Reply(556, "5.1.10", f"the domain {domain} takes no mail")  # RFC 7505 §4.1
    ours = min((preference for preference, name in found if name == own_name.lower()), default=None)
    usable = [pair for pair in found[:MAX_RECORDS] if ours is None or pair[0] < ours]
    if not usable:
        return Reply(554, "5.4.6", f"mail for {domain} would come back to this server")
    random.shuffle(usable)
    return tuple(name for _, name in sorted(usable, key=lambda pair: pair[0]))


async def _public_hops(domain: str, names: Sequence[str], resolver: Resolver, allowed: Allowed) -> tuple[Hop, ...] | Reply:
    found: list[Hop] = []
    refused = failed = False
    for name in names:
        if len(found) >= MAX_ADDRESSES:
            break
        addresses = await _addresses(name, resolver)
        failed |= addresses is None
        for address in addresses or ():
            if allowed(address):
                found.append(Hop(name, address, SMTP_PORT, verify=False, ca=None))
            else:
                refused = True
    if found:
        return tuple(found[:MAX_ADDRESSES])
    if failed:
        return Reply(451, "4.4.3", f"the DNS gives no addresses of the mail servers of {domain} now")
    if refused:
        return Reply(554, "5.4.4", f"the mail servers of {domain} have no public address")
    return Reply(550, "5.4.4", f"the mail servers of {domain} have no address")


async def _addresses(name: str, resolver: Resolver) -> list[str] | None:
    """Return IPv6 and IPv4 addresses in turn; None when the DNS does not answer."""
    try:
        answers = await resolver.resolve_name(name, lifetime=DNS_LIFETIME_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException:
        return None
    return list(answers.addresses())[:MAX_RECORDS]


async def _static_hops(route: Route) -> tuple[Hop, ...] | Reply:
    verify = route.tls == "verify"
    found = await _machine(route.host, route.port)
    return found if isinstance(found, Reply) else tuple(Hop(route.host, each, route.port, verify, route.ca) for each in found)


async def _node_hops(node: Node, believed: bool) -> tuple[Hop, ...] | Reply:
    """A node of the topology is known by its key; one that was revoked, or of which we know too little now, waits."""
    if node.revoked_us is not None:
        return Reply(451, "4.7.1", f"the node {node.name} is revoked: {node.reason}")
    if not believed:
        return Reply(451, "4.7.1", f"what is known of the node {node.name} is too old to be believed: no manifest came for too long")
    host, port = endpoint(node.smtp)
    found = await _machine(host, port)
    if isinstance(found, Reply):
        return found
    return tuple(Hop(node.hostname, each, port, True, None, node.key_sha256) for each in found)


async def _machine(host: str, port: int) -> list[str] | Reply:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return Reply(451, "4.4.3", f"the host {host} has no address now")
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))[:MAX_ADDRESSES]


async def look_up(name: str, kind: str, resolver: Resolver) -> tuple[str, ...] | None:
    """Return the records of a name as a zone file writes them; None when the DNS does not answer."""
    try:
        answer = await resolver.resolve(name, kind, lifetime=DNS_LIFETIME_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except dns.exception.DNSException:
        return None
    return tuple(record.to_text() for record in answer)
