"""A small country for bundles: root, two authorities, a node's seal and a clock, all with keys here; a log; what was published of them."""

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing import cms, timestamp
from signing.algorithms import SHA256
from signing.cms import SigningIdentity
from signing.evidence import bundle, checkpoint, merkle, note, record
from signing.evidence.bundle import Contents, Proof
from signing.evidence.note import COSIGNATURE, ED25519, Key, Note
from signing.evidence.record import Event, Reason, Record

NOW_US = (time.time_ns() // 1_000_000_000 - 7_200) * 1_000_000  # the program of a court judges by the machine's clock
DAY_US = 86_400 * 1_000_000
HOST, ORIGIN = "mail.interieur.gov.example", "mail.interieur.gov.example/evidence"
URL = "http://pki.gov.example/crl"
MAIL, TIMES = (ExtendedKeyUsageOID.EMAIL_PROTECTION,), (ExtendedKeyUsageOID.TIME_STAMPING,)
LETTER = "From: a@interieur.gov.example\r\nTo: b@finances.gov.example\r\nSubject: =?utf-8?b?2YPYqtin2Kg=?=\r\n\r\nكتاب\r\n".encode()


def moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


@dataclass(frozen=True)
class Party:
    """A certificate, its key, and the certificates above it without the root."""

    key: Any  # of an elliptic curve but for a clock elsewhere
    certificate: x509.Certificate
    chain: tuple[bytes, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def is_root(self) -> bool:
        return self.certificate.issuer == self.certificate.subject

    @property
    def identity(self) -> SigningIdentity:
        return SigningIdentity("", self.der, self.chain)

    def raw(self, digest: bytes) -> bytes:
        method = hashes.SHA256() if len(digest) == 32 else hashes.SHA384()
        return self.key.sign(digest, ec.ECDSA(utils.Prehashed(method)))

    def stamp(self, octets: bytes, when_us: int) -> bytes:
        """Return a time stamp over octets."""
        asked = timestamp.read_request(timestamp.request(SHA256, sha256(octets).digest(), 1))
        info = timestamp.info(asked, secrets.randbits(64), when_us)
        to_sign = timestamp.prepare(info, self.identity, when_us)
        return timestamp.finish(to_sign, self.raw(to_sign.digest), info, asked)

    def seal(self, content: bytes, when_us: int, clock: "Party | None", stamped_us: int | None = None) -> bytes:
        """Return a seal over content, with a stamp of a clock if there is one."""
        to_sign = cms.prepare(content, self.identity, when_us)
        signature = self.raw(to_sign.digest)
        stamp = b"" if clock is None else clock.stamp(signature, when_us if stamped_us is None else stamped_us)
        return cms.finish(to_sign, signature, timestamp=stamp)

    def crl(self, revoked: dict[int, int], since_us: int, days: int = 7, *extensions: x509.ExtensionType, number: int = 1) -> bytes:
        """Return the list of what this authority has revoked: serial number to the time at which it did."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(moment(since_us)).next_update(moment(since_us + days * DAY_US))
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        for serial, at_us in revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment(at_us)).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, hashes.SHA384()).public_bytes(serialization.Encoding.DER)


def certify(
    name: str,
    above: Party | None = None,
    *,
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
    ca: bool = False,
    host: str = "",
    since_us: int = NOW_US - 30 * DAY_US,
    days: int = 730,
    key: Any = None,
) -> Party:
    """Return somebody with a certificate by `above`, a root without."""
    key = key or ec.generate_private_key(ec.SECP384R1() if ca else ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "وزارة الداخلية"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = subject if above is None else above.certificate.subject
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).serial_number(x509.random_serial_number())
    builder = builder.public_key(key.public_key()).not_valid_before(moment(since_us)).not_valid_after(moment(since_us + days * DAY_US))
    builder = builder.add_extension(x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    signer = key if above is None else above.key
    if above is not None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        point = x509.DistributionPoint(
            [x509.UniformResourceIdentifier(f"{URL}/{sha256(issuer.public_bytes()).hexdigest()[:8]}.crl")], None, None, None
        )
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    if ca:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None if above is None else 0), critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=purposes == TIMES)
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    certificate = builder.sign(signer, hashes.SHA384() if signer.curve.key_size == 384 else hashes.SHA256())
    return Party(key, certificate, () if above is None or above.is_root else (above.der, *above.chain))


@dataclass(frozen=True)
class State:
    """Who there is."""

    root: Party
    nodes: Party
    times: Party
    seal: Party
    clock: Party
    log: Ed25519PrivateKey
    witness: Ed25519PrivateKey

    def crls(self, revoked: tuple[Party, ...] = (), at_us: int = NOW_US) -> tuple[bytes, ...]:
        """Return what each authority publishes an hour before NOW_US, with some of its certificates revoked."""
        since_us = NOW_US - 3_600_000_000
        return tuple(
            authority.crl(
                {one.certificate.serial_number: at_us for one in revoked if one.certificate.issuer == authority.certificate.subject},
                since_us,
            )
            for authority in (self.root, self.nodes, self.times)
        )

    @property
    def certificates(self) -> tuple[bytes, ...]:
        return tuple(one.der for one in (self.seal, self.nodes, self.clock, self.times, self.root))


@cache
def state() -> State:
    root = certify("الجذر الوطني", ca=True, days=7305)
    nodes = certify("Nodes", root, ca=True, purposes=MAIL, days=3652)
    times = certify("Clocks", root, ca=True, purposes=TIMES, days=3652)
    seal = certify(HOST, nodes, purposes=MAIL, host=HOST)
    clock = certify("Horloge", times, purposes=TIMES, days=3000)
    return State(root, nodes, times, seal, clock, Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate())


def happened(event: Event, letter: bytes = LETTER, at_us: int = NOW_US - 30_000_000) -> bytes:
    """Return a record."""
    reasons = (Reason("550 5.1.1", "no such mailbox ‹здесь›"),) if event in record.NEGATIVE else ()
    return record.write(
        Record(
            at=at_us,
            digest=record.digest_name(sha256(letter).digest()),
            event=event,
            id=secrets.token_hex(16),
            issuer=HOST,
            message="1@interieur.gov.example",
            policy="http://mail.interieur.gov.example/evidence/policy.txt",
            queue="ABC",
            reasons=reasons,
            recipients=("b@finances.gov.example", "ج@finances.gov.example"),
            sender="a@interieur.gov.example",
        )
    )


def key_of(private: Ed25519PrivateKey, name: str, kind: int) -> Key:
    form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return Key(name, kind, private.public_key().public_bytes(*form))


def noted(held: State, size: int, root: bytes) -> tuple[bytes, str]:
    """Return the note of a checkpoint, signed by the log and its witness, and its text."""
    text = checkpoint.write(checkpoint.Checkpoint(ORIGIN, size, root))
    log, witness, time_s = key_of(held.log, ORIGIN, ED25519), key_of(held.witness, "witness.example", COSIGNATURE), NOW_US // 1_000_000
    first = note.signature(log, held.log.sign(note.signed_octets(text, ED25519)))
    second = note.signature(witness, held.witness.sign(note.signed_octets(text, COSIGNATURE, time_s)), time_s)
    return note.write(Note(text, (first, second))), text


def contents(
    events: tuple[Event, ...] = ("SubmissionAcceptance", "ContentConsignment", "ContentConsignmentFailure"),
    letter: bytes = LETTER,
    others: int = 10,
    records: tuple[bytes, ...] = (),
) -> Contents:
    """Return what is in a good bundle: records of one letter, among others in the log."""
    held, salt = state(), [secrets.token_bytes(32) for _ in events]
    records = records or tuple(happened(event, letter) for event in events)
    entries = [secrets.token_bytes(32) for _ in range(others)] + [record.entry(one, each) for one, each in zip(salt, records, strict=False)]
    kept = {(level, index): found for level, index, found in merkle.grown(0, [merkle.leaf_hash(one) for one in entries], _none)}
    read = lambda level, index: kept[level, index]  # noqa: E731
    size = len(entries)
    proofs = [Proof(one, others + at, size, tuple(merkle.inclusion(others + at, size, read))) for at, one in enumerate(salt)]
    octets, text = noted(held, size, merkle.root(size, read))
    seal = held.seal.seal(text.encode(), NOW_US - 20_000_000, held.clock)
    keys = key_of(held.log, ORIGIN, ED25519).written(), key_of(held.witness, "witness.example", COSIGNATURE).written()
    return Contents(
        letter, tuple(zip(records, proofs, strict=False)), (bundle.Checkpoint(octets, seal),), keys, held.certificates, held.crls()
    )


def bound(inside: Contents, when_us: int = NOW_US) -> bytes:
    """Return a bundle of this."""
    held, listed = state(), bundle.files(inside)
    written = bundle.manifest(listed)
    return bundle.pack(listed, written, held.seal.seal(written, when_us, held.clock))


def _none(level: int, index: int) -> bytes:
    raise KeyError((level, index))
