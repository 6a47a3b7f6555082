"""What the DNS must say about a mail domain, as records and as text for a zone file. Pure.

RFC 1035 §5 (zone files), RFC 2782 (SRV), RFC 6186 and RFC 8314 §5.1 (mail), RFC 6764 (CardDAV), RFC 7672 (DANE for SMTP),
RFC 8461 (MTA-STS), RFC 8460 (reports about TLS), RFC 5804 §1.8 (ManageSieve), RFC 7208 (who sends), RFC 9989 (DMARC).
The names of Thunderbird's and Outlook's look-ups are in their own modules.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from directory.autoconfig.offer import Offer

Kind = Literal["MX", "SRV", "CNAME", "TXT", "TLSA"]

TTL_S = 3600
STS_HOST = "mta-sts"  # RFC 8461 §3.3
STS_PATH = "/.well-known/mta-sts.txt"
STS_AGE_S = 604_800  # §3.2 suggests weeks
SPF, DMARC = "v=spf1", "v=DMARC1"  # how these records begin (RFC 7208 §4.5, RFC 9989)
HOSTS = ("autoconfig", "autodiscover", STS_HOST)

# RFC 6186 §3.4: one looks for the lowest priority first. RFC 8314 §5.1 puts implicit TLS there.
_MAIL = {"submissions": 0, "submission": 10, "imaps": 0, "imap": 10}
_ABSENT = ("_pop3._tcp", "_pop3s._tcp", "_carddav._tcp")  # RFC 2782: a target of "." says that there is no such service
_TLSA = ("smtp", "submission", "submissions", "imap", "imaps")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `name` without its final dot, `data` as a zone file writes it."""

    name: str
    kind: Kind
    data: str


def policy(host: str) -> bytes:
    """Return the MTA-STS policy of a domain whose mail this host takes.

    Testing (RFC 8461 §5.1): senders report what goes wrong and deliver all the same. Enforcing is for a node whose certificate the whole
    world trusts, which one of the state's own authority is not.
    """
    lines = ("version: STSv1", "mode: testing", f"mx: {host}", f"max_age: {STS_AGE_S}", "")
    return "\r\n".join(lines).encode()


def records(domain: str, offer: Offer, postmaster: str, address_books: str, exits: Sequence[str] = ()) -> list[Record]:
    """Return what the zone of a mail domain needs. `address_books` is the path of CardDAV, `exits` other hosts by which mail leaves."""
    host = f"{offer.host}."
    found: list[Record] = []
    if offer.named("smtp"):
        version = hashlib.sha256(policy(offer.host)).hexdigest()[:16]
        found += [
            Record(domain, "MX", f"10 {host}"),
            Record(domain, "TXT", _text(" ".join([SPF, "mx", *map(_sender, exits), "-all"]))),
            Record(f"_dmarc.{domain}", "TXT", _text(f"{DMARC}; p=quarantine")),
            Record(f"_mta-sts.{domain}", "TXT", _text(f"v=STSv1; id={version}")),
            Record(f"_smtp._tls.{domain}", "TXT", _text(f"v=TLSRPTv1; rua=mailto:{postmaster}")),
        ]
    for service in offer.named(*_MAIL):
        found.append(Record(f"_{service.name}._tcp.{domain}", "SRV", f"{_MAIL[service.name]} 1 {service.port} {host}"))
    for service in offer.named("ldaps"):
        found.append(Record(f"_ldaps._tcp.{domain}", "SRV", f"0 1 {service.port} {host}"))
    for service in offer.named("sieve"):
        found.append(Record(f"_sieve._tcp.{domain}", "SRV", f"0 1 {service.port} {host}"))
    for service in offer.named("https"):
        found += _web(domain, service.port, host, address_books)
    return found + [Record(f"{name}.{domain}", "SRV", "0 0 0 .") for name in _ABSENT]


def pins(offer: Offer, key_sha256: bytes) -> list[Record]:
    """Return the TLSA records of the host: its certificate is the one with this public key, whoever signed it (RFC 7672 §3.1.1)."""
    ports = dict.fromkeys(service.port for service in offer.named(*_TLSA))
    return [Record(f"_{port}._tcp.{offer.host}", "TLSA", f"3 1 1 {key_sha256.hex()}") for port in ports]


def text(domain: str, offer: Offer, wanted: Sequence[Record], pinned: Sequence[Record]) -> str:
    """Return the snippet of a zone file. What belongs into another zone stands there as a comment."""
    inside = offer.host == domain or offer.host.endswith(f".{domain}")
    names = ", ".join(f"{name}.{domain}" for name in HOSTS)
    head = [f"; {domain}: mail by {offer.host}", f"$ORIGIN {domain}.", f"$TTL {TTL_S}"]
    notes = [
        f"; {offer.host} itself needs an A or AAAA record with its public address.",
        f"; Its certificate must also name {names}.",
        "; SPF and DMARC tell others what not to believe; ask for p=reject there when the DKIM keys have been published for a while.",
        "; TLSA records count only in a signed zone; change them before the certificate's key changes.",
    ]
    tail = list(_lines(pinned, domain)) if inside else [f"; for the zone of {offer.host}:", *(f"; {line}" for line in _lines(pinned, "."))]
    return "\n".join([*head, *notes, *_lines(wanted, domain), *tail, ""])


def key(name: str, strings: Sequence[str]) -> Record:
    """Return the record of a key that signs mail (RFC 6376 §3.6.2.2), in strings that fit."""
    return Record(name, "TXT", " ".join(map(_text, strings)))


def _sender(host: str) -> str:
    """Return a host as a term of SPF (RFC 7208 §5.3, §5.6)."""
    try:
        return f"ip{ipaddress.ip_address(host).version}:{host}"
    except ValueError:
        return f"a:{host}"


def _web(domain: str, port: int, host: str, address_books: str) -> Iterable[Record]:
    yield from (Record(f"{name}.{domain}", "CNAME", host) for name in HOSTS)
    yield Record(f"_autodiscover._tcp.{domain}", "SRV", f"0 1 {port} {host}")
    yield Record(f"_carddavs._tcp.{domain}", "SRV", f"0 1 {port} {host}")
    yield Record(f"_carddavs._tcp.{domain}", "TXT", _text(f"path={address_books}"))


def _lines(wanted: Iterable[Record], origin: str) -> Iterable[str]:
    for record in wanted:
        name = "@" if record.name == origin else record.name.removesuffix(f".{origin}") if origin != "." else f"{record.name}."
        yield f"{name:<28} IN {record.kind:<5} {record.data}"


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
