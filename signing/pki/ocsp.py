"""Questions about certificates and answers to them, pure. RFC 6960; about one, small and prepared beforehand as RFC 5019 has it.

Such an answer is signed once for everybody, so it repeats no nonce (RFC 5019 §2.1.1 forbids to ask for one): whoever serves it has no key.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from config.clock import HOUR_US, us
from signing import algorithms, der
from signing.certificate import CACHED, key_kind, outline
from signing.der import Fields
from signing.pki.crl import REASONS, ToSign, extension, identifiers

BASIC = "1.3.6.1.5.5.7.48.1.1"
CUTOFF = "1.3.6.1.5.5.7.48.1.6"
SHA1 = "1.3.14.3.2.26"
HASHES: dict[str, Callable[[bytes], algorithms.Hash]] = {  # they name issuers and guard nothing (RFC 5019 §2.1.1 wants SHA-1)
    SHA1: lambda octets: hashlib.sha1(octets, usedforsecurity=False),
    algorithms.SHA256: hashlib.sha256,
    algorithms.SHA384: hashlib.sha384,
    algorithms.SHA512: hashlib.sha512,
}
NAMES = {"sha1": SHA1, "sha256": algorithms.SHA256, "sha384": algorithms.SHA384, "sha512": algorithms.SHA512}
ENUMERATED = 0x0A
DER = Encoding.DER
MALFORMED, TRY_LATER, UNAUTHORIZED = 1, 3, 6  # RFC 6960 §4.2.1; the last is for whoever is not known here (RFC 5019 §2.2.3)
GOOD, UNKNOWN = der.write(0x80, b""), der.write(0x82, b"")
MAX_ASKED = 32  # certificates in one question: ten times the path of a signature; each is a row to read
MAX_REQUEST = 8192  # octets; one certificate is some 80, with SHA-512 some 170
MAX_BYTES = 1 << 16  # of an answer with the certificates of who signed it
UNDATED_US = HOUR_US  # how long an answer without next update counts: newer is to be had at any time (RFC 6960 §4.2.2.1)


@dataclass(frozen=True, slots=True)
class Asked:
    """One certificate: by its issuer's name and key, hashed, and its serial number; `identifier` is all of that as it came."""

    method: str
    name_hash: bytes
    key_hash: bytes
    serial: int
    identifier: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What is answered about a certificate. `revoked_us` is 0 for one that is not; `since_us` is from when on the answers are kept."""

    this_update_us: int
    next_update_us: int
    revoked_us: int = 0
    reason: str = ""
    cutoff_us: int = 0
    known: bool = True


def read_request(octets: bytes) -> tuple[Asked, ...]:
    """Read an OCSPRequest about at least one certificate and at most MAX_ASKED (RFC 6960 §4.1.1); raise BadDer."""
    if len(octets) > MAX_REQUEST:
        raise der.BadDer("too large")
    request = Fields(Fields(der.read(octets)).take(der.SEQUENCE))
    request.maybe(der.context(0))
    request.maybe(der.context(1))
    listed = list(islice(request.take(der.SEQUENCE).children(), MAX_ASKED + 1))
    if not 0 < len(listed) <= MAX_ASKED:
        raise der.BadDer("asks about nothing, or about too many")
    return tuple([_asked(Fields(one).take(der.SEQUENCE)) for one in listed])


def _asked(identifier: der.Element) -> Asked:
    fields = Fields(identifier)
    method = der.oid(Fields(fields.take(der.SEQUENCE)).take())
    name, key = fields.take(der.OCTET_STRING).octets, fields.take(der.OCTET_STRING).octets
    serial = der.integer(fields.take(der.INTEGER))
    fields.done()
    return Asked(method, name, key, serial, identifier.whole)


def identifier(issuer: bytes, serial: int, method: str = SHA1) -> bytes:
    """Return the CertID of a certificate, with the algorithm's parameters as most write them: NULL (RFC 6960 §4.1.1)."""
    name, key = issuer_hashes(issuer, method)
    algorithm = der.sequence(der.write_oid(method), der.write(der.NULL, b""))
    return der.sequence(algorithm, der.write_octets(name), der.write_octets(key), der.write_integer(serial))


def request(issuer: bytes, serial: int) -> bytes:
    """Return an OCSPRequest about one certificate, without a nonce."""
    return der.sequence(der.sequence(der.sequence(der.sequence(identifier(issuer, serial)))))


@lru_cache(CACHED)
def issuer_hashes(issuer: bytes, method: str) -> tuple[bytes, bytes]:
    """Return the hashes of an issuer's name and of its key (without tag and length); raise ValueError for an unknown method."""
    if method not in HASHES:
        raise ValueError(f"hash {method}")
    fields = outline(issuer)
    return HASHES[method](fields.subject).digest(), HASHES[method](_key_bits(fields.public_key)).digest()


def prepare(responder: bytes, answers: Sequence[tuple[bytes, Said]], now_us: int) -> ToSign:
    """Return what is said of each certificate by its CertID, to be signed by whoever has the certificate `responder`."""
    fields = outline(responder)
    digest_name, method = algorithms.OURS[key_kind(fields.public_key)]
    key_hash = issuer_hashes(responder, SHA1)[1]
    octets = der.sequence(
        der.write(der.context(2), der.write_octets(key_hash)),
        der.write_generalized_time(now_us),
        der.sequence(*[_single(asked, said) for asked, said in answers]),
    )
    return ToSign(octets, algorithms.digest(digest_name, octets), algorithms.identifier(method))


def finish(to_sign: ToSign, signature: bytes, certificates: tuple[bytes, ...] = ()) -> bytes:
    """Return the OCSPResponse with a signature, and the certificate of a responder that the issuer named."""
    beside = der.write(der.context(0), der.sequence(*certificates)) if certificates else b""
    basic = der.sequence(to_sign.octets, to_sign.method, der.write_bits(signature), beside)
    body = der.sequence(der.write_oid(BASIC), der.write_octets(basic))
    return der.sequence(der.write(ENUMERATED, b"\0"), der.write(der.context(0), body))


def refusal(status: int) -> bytes:
    """Return an OCSPResponse without an answer; nobody signs it."""
    return der.sequence(der.write(ENUMERATED, bytes((status,))))


def read(octets: bytes, issuer: bytes, serial: int) -> Said:
    """Return what an answer says of a certificate of this issuer (DER).

    Raises one of `certificate.UNREADABLE` when it says nothing or is not to be believed.
    """
    loaded = _verified(octets, issuer)
    for one in loaded.responses:
        hashes = one.issuer_name_hash, one.issuer_key_hash
        if one.serial_number == serial and hashes == issuer_hashes(issuer, NAMES.get(one.hash_algorithm.name, "")):
            return _said(one, _cutoff(loaded))
    raise ValueError("no answer about this certificate")


def _said(one: ocsp.OCSPSingleResponse, cutoff_us: int) -> Said:
    this_us = us(one.this_update_utc)
    next_us = this_us + UNDATED_US if one.next_update_utc is None else us(one.next_update_utc)
    if one.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        raise ValueError("the responder does not know this certificate")
    if one.certificate_status is ocsp.OCSPCertStatus.GOOD or one.revocation_time_utc is None:
        return Said(this_us, next_us, cutoff_us=cutoff_us)
    reason = "" if one.revocation_reason is None else one.revocation_reason.value
    return Said(this_us, next_us, us(one.revocation_time_utc), reason, cutoff_us)


def _single(asked: bytes, said: Said) -> bytes:
    """Return a SingleResponse (RFC 6960 §4.2.1); how far back answers go is §4.4.4."""
    reason = REASONS.get(said.reason, 0)
    why = der.write(der.context(0), der.write(ENUMERATED, bytes((reason,)))) if reason else b""
    ended = der.write(der.context(1), der.write_generalized_time(said.revoked_us), why)
    cutoff = der.sequence(extension(CUTOFF, der.write_generalized_time(said.cutoff_us))) if said.cutoff_us else b""
    return der.sequence(
        asked,
        (ended if said.revoked_us else GOOD) if said.known else UNKNOWN,
        der.write_generalized_time(said.this_update_us),
        der.write(der.context(0), der.write_generalized_time(said.next_update_us)),
        der.write(der.context(1), cutoff) if cutoff else b"",
    )


@lru_cache(CACHED)
def _verified(octets: bytes, issuer: bytes) -> ocsp.OCSPResponse:
    """Read an answer and verify who signed it: true or false for ever, so remembered. Raises one of `certificate.UNREADABLE`."""
    if len(octets) > MAX_BYTES:
        raise ValueError(f"an answer of more than {MAX_BYTES} octets")
    loaded = ocsp.load_der_ocsp_response(octets)
    if loaded.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"no answer: {loaded.response_status.name}")
    if any(one.critical for one in loaded.extensions):
        raise ValueError("a critical extension")
    key = _responder(loaded, x509.load_der_x509_certificate(issuer)).public_key()
    method, beside = loaded.signature_algorithm_oid.dotted_string, tuple(one.public_bytes(DER) for one in loaded.certificates)
    if octets not in (finish(ToSign(loaded.tbs_response_bytes, b"", one), loaded.signature, beside) for one in identifiers(method)):
        raise ValueError("not written as it must be")  # X.690 §10: there is one way to write it
    algorithms.verify_alone(key, method, loaded.signature, loaded.tbs_response_bytes)
    return loaded


def _responder(loaded: ocsp.OCSPResponse, issuer: x509.Certificate) -> x509.Certificate:
    """Return who signed: the issuer, or whom the issuer named for that in a certificate beside the answer (RFC 6960 §4.2.2.2).

    Deviates from §4.2.2.2.1 because a responder that could itself be revoked would ask for an answer about it: refused.
    """
    for one in (issuer, *loaded.certificates):
        if one.subject == loaded.responder_name or _key_hash(one) == loaded.responder_key_hash:
            if one is not issuer:
                _check_named(one, issuer, loaded.produced_at_utc)
            return one
    raise ValueError("nobody knows who signed it")


def _check_named(responder: x509.Certificate, issuer: x509.Certificate, at: datetime) -> None:
    try:
        responder.verify_directly_issued_by(issuer)
        uses = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except (InvalidSignature, TypeError, x509.ExtensionNotFound) as reason:
        raise ValueError("not named by the issuer") from reason
    if ExtendedKeyUsageOID.OCSP_SIGNING not in uses or not responder.not_valid_before_utc <= at <= responder.not_valid_after_utc:
        raise ValueError("not named by the issuer for this, or not then")


def _cutoff(loaded: ocsp.OCSPResponse) -> int:
    """Return how far back answers of this responder go, 0 when it does not say."""
    if len(list(loaded.responses)) != 1:
        return 0
    try:
        octets = loaded.single_extensions.get_extension_for_oid(x509.ObjectIdentifier(CUTOFF)).value.public_bytes()
        return der.time(der.read(octets))
    except (x509.ExtensionNotFound, der.BadDer):
        return 0


def _key_bits(public_key: bytes) -> bytes:
    fields = Fields(der.read(public_key))
    fields.take(der.SEQUENCE)
    return der.bits(fields.take(der.BIT_STRING))


def _key_hash(certificate: x509.Certificate) -> bytes:
    return HASHES[SHA1](_key_bits(certificate.public_key().public_bytes(DER, PublicFormat.SubjectPublicKeyInfo))).digest()
