"""Issue certificates whose issuer's key never leaves the signer. RFC 5280 §4.1.1.

`cryptography` writes the certificate and signs it with a key of the same kind that is thrown away; what it wrote to be
signed goes, as a digest, to the signer, and its signature takes the place of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from signing import algorithms, der
from signing.certificate import key_kind, outline
from signing.errors import KeyExists
from signing.keys import Signer
from signing.pki import places, profiles
from signing.pki.profiles import Stamp, Subject
from signing.vault import PUBLIC, replace

CA_KIND = "p384"
CURVES: dict[str, tuple[type[ec.EllipticCurve], type[hashes.SHA256 | hashes.SHA384]]] = {
    "p256": (ec.SECP256R1, hashes.SHA256),
    "p384": (ec.SECP384R1, hashes.SHA384),
}


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its key in the signer, its certificate, and the certificates above it up to, without, the root. DER."""

    key_id: str
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @property
    def issued_chain(self) -> tuple[bytes, ...]:
        """Return what travels beside a certificate that this CA issued: nothing when it is a root."""
        return () if _is_root(self.certificate) else (self.certificate, *self.chain)


async def create_root(signer: Signer, name: str, now_us: int, *, key_id: str = "ca-root", country: str = "") -> Authority:
    """Make a root key (P-384) and its own certificate; raise KeyExists."""
    public_key = await signer.generate(key_id, CA_KIND)
    builder = profiles.root(name, country, public_key, x509.random_serial_number(), now_us)
    return Authority(key_id, await _signed(signer, key_id, public_key, builder))


async def create_issuing_ca(
    signer: Signer,
    root: Authority,
    organisation: str,
    domains: Sequence[str],
    now_us: int,
    *,
    key_id: str,
    purpose: str = "smime",
    country: str = "",
    url: str = "",
) -> Authority:
    """Make the issuing CA of an administration, for addresses in `domains` and below.

    `purpose` is `smime`, `node` for the seals of machines, `client` for certificates that sign in, `tls` for the listeners of nodes and
    `tsa` for authorities of time: mail domains do not limit these.
    """
    public_key = await _key(signer, key_id)
    above, stamp = profiles.issuer(root.certificate), _stamp(root, now_us, url, whole=True)
    builder = profiles.issuing(above, organisation, country, domains, purpose, public_key, stamp)
    return Authority(key_id, await _issue(signer, root, builder), root.issued_chain)


async def _key(signer: Signer, key_id: str) -> bytes:
    """Return the key of an issuing CA, made now or left behind by a crash before it was certified."""
    try:
        return await signer.generate(key_id, CA_KIND)
    except KeyExists:
        return await signer.public(key_id)


async def certify_again(signer: Signer, root: Authority, own: Authority, now_us: int, *, url: str = "") -> bytes:
    """Return another certificate of an issuing CA, DER: same name, key and limits, other days."""
    above, stamp = profiles.issuer(root.certificate), _stamp(root, now_us, url, whole=True)
    return await _issue(signer, root, profiles.again(above, own.certificate, stamp))


async def issue(
    signer: Signer, authority: Authority, kind: str, subject: Subject, public_key: bytes, now_us: int, *, url: str = "", policy: str = ""
) -> bytes:
    """Return a certificate, DER; `kind` is a key of `profiles.PROFILES`, `url` where this authority's lists and answers are found.

    Raise ValueError for an address that is not ASCII, BadDer for a key of a kind that is not made here.
    """
    above = profiles.issuer(authority.certificate)
    return await _issue(signer, authority, profiles.leaf(kind, above, subject, public_key, _stamp(authority, now_us, url, policy)))


async def write_tls(
    signer: Signer, authority: Authority, hosts: Sequence[str], certificate: Path, key: Path, *, now_us: int, url: str = ""
) -> bytes:
    """Make a TLS key here, where the TLS stack needs it, write it (mode 0600) and its certificate chain as PEM; return the certificate.

    `hosts` are host names and IP addresses; the first one is also the common name.
    """
    private = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    for path in (certificate, key):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace(key, private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return await certify_tls(signer, authority, hosts, certificate, key, now_us=now_us, url=url)


async def certify_tls(
    signer: Signer, authority: Authority, hosts: Sequence[str], certificate: Path, key: Path, *, now_us: int, url: str = ""
) -> bytes:
    """Write another certificate for the TLS key that is there, and return it.

    The key stays: other nodes know this one by it, and so does DNS (RFC 7671 §8.1). Raise ValueError for a key that is not ours, OSError.
    """
    private = serialization.load_pem_private_key(key.read_bytes(), None)  # noqa: ASYNC240  (as short as what is written below)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public_key = private.public_key().public_bytes(serialization.Encoding.DER, form)
    issued = await issue(signer, authority, "tls", Subject(hosts[0], hosts=tuple(hosts)), public_key, now_us, url=url)
    replace(certificate, pem(issued, *authority.issued_chain), PUBLIC)
    return issued


def pem(*certificates: bytes) -> bytes:
    """Return certificates in PEM, one after the other."""
    loaded = map(x509.load_der_x509_certificate, certificates)
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in loaded)


def _stamp(authority: Authority, now_us: int, url: str, policy: str = "", *, whole: bool = False) -> Stamp:
    serial = x509.random_serial_number()
    return Stamp(serial, now_us, places.places(url, authority.key_id, serial, whole=whole) if url else None, policy)


async def _issue(signer: Signer, authority: Authority, builder: x509.CertificateBuilder) -> bytes:
    return await _signed(signer, authority.key_id, outline(authority.certificate).public_key, builder)


async def _signed(signer: Signer, key_id: str, issuer_key: bytes, builder: x509.CertificateBuilder) -> bytes:
    """Return the certificate with the signature of a key in the signer."""
    kind = key_kind(issuer_key)
    digest_name, signature_name = algorithms.OURS[kind]
    to_sign = builder.sign(_throw_away(kind), CURVES[kind][1]()).tbs_certificate_bytes
    signature = await signer.sign(key_id, algorithms.digest(digest_name, to_sign))
    return der.sequence(to_sign, algorithms.identifier(signature_name), der.write_bits(signature))


@cache
def _throw_away(kind: str) -> ec.EllipticCurvePrivateKey:
    """A key that signs nothing that is kept."""
    return ec.generate_private_key(CURVES[kind][0]())


def _is_root(certificate: bytes) -> bool:
    fields = outline(certificate)
    return fields.issuer == fields.subject
