"""Settings of what others know of people: providers that sign them in, servers from which they are taken over."""

import re
from pathlib import Path
from typing import Literal

import msgspec

from config.section import Section


class IdentityProvider(Section, frozen=True, forbid_unknown_fields=True):
    """Another OpenID provider, with which people may sign in to the webmail here."""

    name: str  # in addresses of ours: letters, digits, hyphens
    issuer: str
    client_id: str
    label_ar: str
    label_fr: str
    label_en: str = ""
    secret: Path | None = None  # a file with the client secret; None: we sign (private_key_jwt)
    scopes: tuple[str, ...] = ("openid", "email")
    domains: tuple[str, ...] = ()  # of which it may say whose address is whose; of others only people who were linked before sign in
    ca: Path | None = None  # PEM with the roots to trust; None: the system's

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]{1,40}", self.name):
            raise ValueError("Expected letters, digits and hyphens - at `$.name`")
        if not self.issuer.startswith("https://") or "openid" not in self.scopes:
            raise ValueError("Expected an https issuer and the scope openid - at `$.issuer`")


class Sync(Section, frozen=True, forbid_unknown_fields=True):
    """An LDAP server whose people are taken over into one administration."""

    name: str  # ours for it: letters, digits, hyphens
    kind: Literal["openldap", "ad"]
    url: str  # ldaps://host[:port], or ldap://host[:port], where StartTLS comes first
    base: str  # the distinguished name below which people are
    organisation: str  # the code of their administration here
    service: str  # the name of the service account in whose name they are taken over
    bind: str = ""  # the distinguished name to sign in with
    password: Path | None = None  # a file with its password
    ca: Path | None = None  # PEM with the roots to trust; None: the system's
    filter: str = ""  # who is taken over; "": every person
    unit: str = ""  # the code of the unit of whoever's entry names none
    units: dict[str, str] = msgspec.field(
        default_factory=dict
    )  # what the source calls a unit, when that is neither its code nor its name here
    mapping: dict[str, tuple[str, ...]] = msgspec.field(
        default_factory=dict
    )  # a field of ours, such as name_fr, and the attributes to take it from
    every_s: int = 300
    full_every_s: int = 3600  # how often all of it is read, which alone shows who has left
    brake_percent: float = 2.0  # when more people have left at once, two persons are asked first

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]{1,40}", self.name):
            raise ValueError("Expected letters, digits and hyphens - at `$.name`")
        if not re.fullmatch(r"ldaps?://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?/?", self.url):
            raise ValueError("Expected ldaps://host or ldap://host - at `$.url`")
        if self.every_s < 1 or self.full_every_s < self.every_s:
            raise ValueError("Expected seconds, 1 or more, and at most `full_every_s` - at `$.every_s`")
