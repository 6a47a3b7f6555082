"""Which way mail for a domain goes, and whether a sender's mail may leave the topology. Units of work.

Decision 0022. The topology says which node takes mail for which domain. All other domains are outside, and closed unless the
settings or the sender's domain open them; then mail goes through the gateway. Without a topology nothing is outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from config.database import Tx
from config.settings import Route, Settings
from directory import domains, resolve
from directory.manifest import follow, topology
from directory.manifest.document import SiteClass
from directory.manifest.topology import Node
from mailcore.errors import OutsideNotAllowed
from mailcore.routing import identity

# here: ours. node: another node's. route: as a route of the settings says. exchange: by its MX. gateway: outside, through the
# gateway. closed: outside, and no gateway is named. circle: the topology says that it is ours, the register that it is not.
Kind = Literal["here", "node", "route", "exchange", "gateway", "closed", "circle"]


@dataclass(frozen=True, slots=True)
class View:
    """What the settings of this node say of ways. `key_sha256` is that of its own key in the topology."""

    outside: Literal["deny", "gateway", "direct"]
    routes: tuple[Route, ...]
    site: SiteClass
    key_sha256: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """How mail for a domain travels. `believed`: what we know of the node is fresh enough. `outside` the topology, if there is one."""

    kind: Kind
    node: Node | None = None
    believed: bool = True
    route: Route | None = None
    outside: bool = False


def view(settings: Settings) -> View:
    """Return what the settings of a node say of ways."""
    return _view(settings.routing.outside, tuple(settings.routes), settings.manifest.site, identity.key_sha256(settings.tls.certificate))


@lru_cache(maxsize=16)
def _view(outside: Literal["deny", "gateway", "direct"], routes: tuple[Route, ...], site: SiteClass, key: bytes) -> View:
    return View(outside, routes, site, key)


def static(domain: str, routes: Sequence[Route]) -> Route | None:
    """Return the settings' route for a domain: the exact one, else the longest ".suffix", else "" for any."""
    exact = [route for route in routes if route.domain == domain]
    suffix = [route for route in routes if route.domain.startswith(".") and domain.endswith(route.domain)]
    others = [route for route in routes if route.domain == ""]
    ranked = [*exact, *sorted(suffix, key=lambda route: -len(route.domain)), *others]
    return ranked[0] if ranked else None


def way(tx: Tx, domain: str, view: View) -> Way:
    """Return how mail for a domain travels. A route for exactly this domain goes before the topology, one for any after it."""
    if resolve.is_local_domain(tx, domain):
        return Way("here")
    route = static(domain, view.routes)
    if route is not None and route.domain == domain:
        return Way("route", route=route)
    known = follow.node_of(tx, domain, view.site)
    if known is not None:
        node, believed = known
        return Way("circle" if node.key_sha256 == view.key_sha256 else "node", node, believed)
    if route is not None and route.domain:
        return Way("route", route=route)
    if topology.is_empty(tx):
        return Way("exchange") if route is None else Way("route", route=route)
    return _outside(tx, route, view)


def _outside(tx: Tx, route: Route | None, view: View) -> Way:
    if view.outside == "direct" or is_gateway(tx, view):
        return Way("exchange", outside=True) if route is None else Way("route", route=route, outside=True)
    if route is not None:
        return Way("gateway", route=route, outside=True)
    until_us = follow.trusted_until_us(tx, view.site)
    for node in topology.gateways(tx):
        return Way("gateway", node, until_us is None or tx.now_us <= until_us, outside=True)
    return Way("closed", outside=True)


def is_gateway(tx: Tx, view: View) -> bool:
    """Say whether the topology names this node as a gateway."""
    node = topology.by_key(tx, view.key_sha256) if view.key_sha256 else None
    return node is not None and node.gateway and node.revoked_us is None


def permit(tx: Tx, sender_domain: str, domain: str, view: View) -> Way:
    """Return the way of mail from one domain ("" for the null sender) to another. Raises OutsideNotAllowed."""
    found = way(tx, domain, view)
    if found.outside:
        _require(tx, sender_domain, domain, view)
    if found.kind == "closed":
        raise OutsideNotAllowed(f"{domain} is outside the state's network, and no gateway is named", domain=domain)
    return found


def domain_of(tx: Tx, sender: str, account_id: int | None) -> str:
    """Return the domain in whose name a message is sent: that of its sender, or of whoever submitted a report; "" for nobody's."""
    if not sender and account_id is not None:
        sender = next(iter(resolve.addresses(tx, account_id)), "")
    return sender.rpartition("@")[2]


def refused(tx: Tx, sender_domain: str, recipients: Sequence[str], view: View) -> list[str]:
    """Return the recipients whom mail from a domain may not reach."""
    found: dict[str, bool] = {}
    for address in recipients:
        domain = address.rpartition("@")[2]
        if domain not in found:
            try:
                permit(tx, sender_domain, domain, view)
            except OutsideNotAllowed:
                found[domain] = True
            else:
                found[domain] = False
    return [address for address in recipients if found[address.rpartition("@")[2]]]


def _require(tx: Tx, sender_domain: str, domain: str, view: View) -> None:
    """Let out what the sender's domain is allowed, else what the settings let out; a gateway, what another node let through."""
    said = domains.outside(tx, sender_domain) if sender_domain else None
    allowed = said == "allow" or (said != "deny" and view.outside != "deny")
    judged = said is None and is_gateway(tx, view) and (not sender_domain or topology.of_domain(tx, sender_domain) is not None)
    if not allowed and not judged:
        who = sender_domain or "reports"
        text = f"{domain} is outside the state's network, where mail from {who} may not go"
        raise OutsideNotAllowed(text, domain=domain, sender=sender_domain)


def may_relay(tx: Tx, node_name: str, sender_domain: str, view: View) -> bool:
    """Say whether this gateway takes mail for outside from a node: it must be trusted and write in the name of its own domains."""
    if not is_gateway(tx, view):
        return False
    if not sender_domain:
        return True
    node = topology.of_domain(tx, sender_domain)
    return node is not None and node.name == node_name and node.revoked_us is None
