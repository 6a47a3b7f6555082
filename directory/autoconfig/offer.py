"""What a node offers to mail clients: a host name and ports. Pure.

Each form of automatic configuration (Thunderbird's, Outlook's, Apple's, the DNS) is written from this one value.
"""

from dataclasses import dataclass
from typing import Literal

from config.settings import Listen, endpoint

Tls = Literal["implicit", "starttls"]

# RFC 8314 §3: implicit TLS comes first; the others are for what knows nothing better.
LISTENERS: dict[str, Tls] = {
    "imaps": "implicit",
    "imap": "starttls",
    "submissions": "implicit",
    "submission": "starttls",
    "https": "implicit",
    "ldaps": "implicit",
    "smtp": "starttls",
    "sieve": "starttls",
}
HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Service:
    """One listener, as clients see it. `name` is its name in the settings."""

    name: str
    port: int
    tls: Tls


@dataclass(frozen=True, slots=True)
class Offer:
    """A node, as clients see it."""

    host: str
    services: tuple[Service, ...]

    def named(self, *names: str) -> tuple[Service, ...]:
        """Return the services of these names that the node has, in the order of the table above."""
        return tuple(service for service in self.services if service.name in names)

    def url(self, path: str = "/") -> str:
        """Return the address of a page; empty when the node has no web front."""
        web = self.named("https")
        if not web:
            return ""
        port = "" if web[0].port == HTTPS_PORT else f":{web[0].port}"
        return f"https://{self.host}{port}{path}"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whose account is to be set up: the address, its domain, and the names of the administration that owns the domain."""

    address: str
    domain: str
    name_ar: str
    name_fr: str


def offer(host: str, listen: Listen) -> Offer:
    """Return what a node with this name and these listeners offers. Listeners that are off are left out."""
    found = []
    for name, tls in LISTENERS.items():
        where: str = getattr(listen, name, "")
        if where:
            found.append(Service(name, endpoint(where)[1], tls))
    return Offer(host, tuple(found))
