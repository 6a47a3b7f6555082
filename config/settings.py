"""A node's settings: diwan.toml, typed. A wrong key or value is one line that names the file, the key and what was expected."""

import ipaddress
import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from config.checking import Checks, Dns
from config.errors import MailError
from config.evidence import Evidence
from config.explaining import explain
from config.openpgp import OpenPgp
from config.pki import Pki
from config.places import endpoint as endpoint
from config.section import Section
from config.sources import IdentityProvider, Sync

FILE = "diwan.toml"


class SettingsError(MailError):
    text = "the settings cannot be used"


class Node(Section, frozen=True, forbid_unknown_fields=True):
    """Who this node is."""

    hostname: str  # in EHLO, Received and certificates
    postmaster: str  # sender and address of last resort for reports

    def __post_init__(self) -> None:
        if not self.hostname.strip():
            raise ValueError("Expected the name of this machine - at `$.hostname`")
        if "@" not in self.postmaster:
            raise ValueError("Expected an address - at `$.postmaster`")


class DatabaseSettings(Section, frozen=True, forbid_unknown_fields=True):
    """Where rows are kept: ``sqlite`` or ``postgresql://user@host/name``."""

    url: str = "sqlite"

    def __post_init__(self) -> None:
        if self.url != "sqlite" and not self.url.startswith(("postgresql://", "postgres://")):
            raise ValueError("Expected `sqlite` or `postgresql://…` - at `$.url`")


class Listen(Section, frozen=True, forbid_unknown_fields=True):
    """Where to listen, ``host:port`` each; an empty text switches a listener off."""

    smtp: str = ""
    submission: str = ""
    submissions: str = ""
    imap: str = ""
    imaps: str = ""
    https: str = ""
    ldaps: str = ""
    sieve: str = ""
    pki: str = ""  # plain HTTP: lists of revoked certificates, answers about single ones
    lmtp: str = ""  # a path, relative to the node's directory: for other mail software of this machine

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value and name != "lmtp":
                try:
                    endpoint(value)
                except ValueError as error:
                    raise ValueError(f"{error} - at `$.{name}`") from None


class Tls(Section, frozen=True, forbid_unknown_fields=True):
    """The certificate that listeners show, with its chain, and its key: PEM files, relative to the node's directory."""

    certificate: Path
    key: Path


class Smtp(Section, frozen=True, forbid_unknown_fields=True):
    """Limits of reception; sources in the SMTP package."""

    max_message_bytes: int = 52_428_800  # 50 MiB, announced as SIZE (RFC 1870)
    max_recipients: int = 1000  # RFC 5321 §4.5.3.1.8 asks for at least 100
    max_connections: int = 1000
    max_connections_per_address: int = 50
    proxies: tuple[str, ...] = ()  # load balancers, addresses or networks: they say by the PROXY protocol whose connection it is

    def __post_init__(self) -> None:
        self.require_positive()
        for one in self.proxies:
            try:
                ipaddress.ip_network(one)
            except ValueError:
                raise ValueError(f"Expected an address or a network, got `{one}` - at `$.proxies`") from None


class Rate(Section, frozen=True, forbid_unknown_fields=True):
    """How much may be sent; 0 is no limit."""

    messages_per_hour: int = 0
    messages_per_day: int = 0
    recipients_per_hour: int = 0
    recipients_per_day: int = 0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"Expected a number, 0 for no limit - at `$.{name}`")


class Sending(Section, frozen=True, forbid_unknown_fields=True):
    """What a person and an administration may send of whom the register says nothing else, and the script of a mailbox.

    A person who writes day and night does not reach these numbers, and a stolen password does within the hour.
    """

    person: Rate = Rate(1_000, 5_000, 5_000, 20_000)
    administration: Rate = Rate(50_000, 500_000, 250_000, 2_500_000)
    script: Rate = Rate(500, 2_500, 500, 2_500)  # what the script of a mailbox sends on: many times what a busy one does
    priority: int = 0  # the highest that anybody may ask for (RFC 6710): routine

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= 9:
            raise ValueError("Expected a priority from 0 to 9 - at `$.priority`")


class Imap(Section, frozen=True, forbid_unknown_fields=True):
    """Limits of IMAP sessions; sources in the IMAP package."""

    max_connections: int = 10_000
    max_connections_per_address: int = 200
    idle_timeout_s: int = 1800  # RFC 3501 §5.4: at least 30 minutes
    login_timeout_s: int = 60
    # Messages of one command (RFC 9738): more than any client's mailbox, so that those who do not know of it never meet it.
    messages_per_command: int = 1_000_000

    def __post_init__(self) -> None:
        self.require_positive()


class Ldap(Section, frozen=True, forbid_unknown_fields=True):
    """The directory for LDAP clients; sources of the limits in the LDAP package."""

    base: str = ""  # the distinguished name at the top; "" makes it of the hostname: mx.gov.example gives dc=gov,dc=example
    anonymous: bool = False  # show what is public to clients that have not signed in
    max_entries: int = 100  # in one answer
    time_limit_s: int = 10
    max_connections: int = 2000
    max_connections_per_address: int = 100
    idle_timeout_s: int = 900
    login_timeout_s: int = 60

    def __post_init__(self) -> None:
        self.require_positive()


class Web(Section, frozen=True, forbid_unknown_fields=True):
    """The webmail."""

    session_idle_s: int = 8 * 3600
    session_max_s: int = 24 * 3600
    default_language: Literal["ar", "fr", "en"] = "ar"

    def __post_init__(self) -> None:
        self.require_positive()


class Queue(Section, frozen=True, forbid_unknown_fields=True):
    """How mail on its way is tried (RFC 5321 §4.5.4.1)."""

    workers: int = 4
    lease_s: int = 300
    retry_first_s: int = 300
    retry_max_s: int = 3600
    lifetime_s: int = 432_000  # five days
    delay_notice_s: int = 14_400  # four hours
    per_destination: int = 20  # connections at once, when all goes well; Postfix default_destination_concurrency_limit
    rest_after: int = 5  # failed connections in a row, then a destination is left alone for a while
    old_s: int = 14_400  # what waits longer than this is an alarm

    def __post_init__(self) -> None:
        self.require_positive()


def _is_loopback(where: str) -> bool:
    try:
        return endpoint(where)[0].startswith(("127.", "::1", "localhost"))
    except ValueError:
        return False


class Metrics(Section, frozen=True, forbid_unknown_fields=True):
    """Figures for Prometheus, over plain HTTP: only on loopback, where whoever collects them runs or a proxy asks who comes."""

    listen: str = ""  # host:port, "" for nowhere

    def __post_init__(self) -> None:
        if self.listen and not _is_loopback(self.listen):
            raise ValueError("Expected a loopback address such as `127.0.0.1:9465` - at `$.listen`")


class Manifest(Section, frozen=True, forbid_unknown_fields=True):
    """The signed manifest: a node publishes one for its nation, or follows the one that an anchor names, or neither."""

    publish: str = ""  # the name of the nation; this node is the centre
    anchor: Path | None = None  # JSON, as `diwan directory anchor` of the centre prints it
    site: Literal["online", "intermittent", "satellite"] = "online"  # how often this node sees the centre
    every_s: int = 30  # how often it asks; a revoked node must be refused within two minutes

    def __post_init__(self) -> None:
        if self.publish and self.anchor is not None:
            raise ValueError("Expected either `publish` or `anchor` - at `$`")
        if self.every_s < 1:
            raise ValueError("Expected seconds, 1 or more - at `$.every_s`")


class OpenId(Section, frozen=True, forbid_unknown_fields=True):
    """The OpenID provider that this node is for other platforms."""

    issuer: str = ""  # its name and address, https; "" is the node's own

    def __post_init__(self) -> None:
        if self.issuer and not re.fullmatch(r"https://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~-]+)*", self.issuer):
            raise ValueError("Expected an https address without a slash at its end - at `$.issuer`")


class Route(Section, frozen=True, forbid_unknown_fields=True):
    """Where mail for a domain goes instead of its MX: an exact domain, ``.suffix`` for all below, or "" for every other."""

    domain: str
    host: str
    port: int = 25
    ca: Path | None = None  # PEM with the roots to trust; None: the system's
    tls: Literal["verify", "opportunistic"] = "verify"

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("Expected the name or the address of a server - at `$.host`")
        if not 0 < self.port < 65_536:
            raise ValueError("Expected a port, 1 to 65535 - at `$.port`")


class Routing(Section, frozen=True, forbid_unknown_fields=True):
    """Where mail may go once there is a topology (decision 0022); without one nothing is outside and these change nothing.

    `outside` is about domains that neither the topology nor a route of the settings names: refused unless the sender's domain is
    allowed to write there, sent to the gateway unless it is denied, or sent to their MX from here unless it is denied.
    """

    outside: Literal["deny", "gateway", "direct"] = "deny"
    ca: Path | None = None  # PEM with the state's roots: nodes must show a certificate below them, beside the key that the topology names
    reports: bool = True  # send reports of a day's TLS sessions to domains that ask for them (RFC 8460)


class _File(Section, frozen=True, forbid_unknown_fields=True):
    node: Node
    tls: Tls
    database: DatabaseSettings = DatabaseSettings()
    listen: Listen = Listen()
    smtp: Smtp = Smtp()
    sending: Sending = Sending()
    imap: Imap = Imap()
    ldap: Ldap = Ldap()
    web: Web = Web()
    queue: Queue = Queue()
    metrics: Metrics = Metrics()
    manifest: Manifest = Manifest()
    routing: Routing = Routing()
    openid: OpenId = OpenId()
    identity_provider: tuple[IdentityProvider, ...] = ()
    sync: tuple[Sync, ...] = ()
    dns: Dns = Dns()
    checks: Checks = Checks()
    evidence: Evidence = Evidence()
    pki: Pki = Pki()
    openpgp: OpenPgp = OpenPgp()
    route: list[Route] = msgspec.field(default_factory=list)


_LISTS = {"identity_provider": "identity_providers", "sync": "syncs", "route": "routes"}  # of tables that may stand several times


class Settings(msgspec.Struct, frozen=True, dict=True):
    """Everything that diwan.toml of one node says. Paths are absolute."""

    directory: Path
    node: Node
    tls: Tls
    database: DatabaseSettings
    listen: Listen
    smtp: Smtp
    imap: Imap
    web: Web
    queue: Queue
    routes: list[Route]
    ldap: Ldap = Ldap()
    sending: Sending = Sending()
    manifest: Manifest = Manifest()
    routing: Routing = Routing()
    openid: OpenId = OpenId()
    identity_providers: tuple[IdentityProvider, ...] = ()
    syncs: tuple[Sync, ...] = ()
    dns: Dns = Dns()
    checks: Checks = Checks()
    metrics: Metrics = Metrics()
    evidence: Evidence = Evidence()
    pki: Pki = Pki()
    openpgp: OpenPgp = OpenPgp()

    @property
    def issuer(self) -> str:
        """Who this node is as an OpenID provider: an https address."""
        port = endpoint(self.listen.https)[1] if self.listen.https else 443
        return self.openid.issuer or f"https://{self.node.hostname}" + (f":{port}" if port != 443 else "")

    @property
    def pki_url(self) -> str:
        """Where certificates of this node say that their revocation is found; "" for nowhere."""
        return self.pki.place(self.node.hostname, self.listen.pki)

    @cached_property  # asked for with each message
    def data(self) -> Path:
        """Where databases and blobs are."""
        return self.directory / "data"

    @property
    def keys(self) -> Path:
        """Where the signer keeps its keys, and certificates stand beside them."""
        return self.directory / "keys"

    @property
    def run(self) -> Path:
        """Where sockets and process ids are."""
        return self.directory / "run"


def load(directory: Path) -> Settings:
    """Read a node's diwan.toml. Raises SettingsError with one line for people."""
    path = directory / FILE
    try:
        return parse(path.read_text("utf-8"), directory)
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; `diwan init {directory}` makes a node") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8: {error}") from None


def parse(text: str, directory: Path) -> Settings:
    """Return the settings that the text of a diwan.toml says. Raises SettingsError."""
    path = directory / FILE
    try:
        read = msgspec.convert(tomllib.loads(text), _File, dec_hook=_decode)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{path}: {explain(str(error), _File)}") from None
    return Settings(directory, **{_LISTS.get(name, name): _placed(getattr(read, name), directory) for name in _File.__struct_fields__})


def _placed(read: Any, directory: Path) -> Any:
    """Return a table, or several of one name, with absolute paths."""
    if isinstance(read, list | tuple):
        return type(read)(_placed(one, directory) for one in read)
    named = {name: getattr(read, name) for name in read.__struct_fields__}
    return msgspec.structs.replace(read, **{name: directory / value for name, value in named.items() if isinstance(value, Path)})


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"Expected a text, got `{type(value).__name__}`")
