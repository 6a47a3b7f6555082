"""People who can be written to in secret: their keys, certificates of a CA of their own, and foreign programs that decrypt."""

import datetime as dt
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing import capabilities
from signing.unwrapping import Keys
from tests.signing.pki.issuing import usage

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
MAKERS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
}


@dataclass(frozen=True)
class Reader:
    """Somebody who can decrypt."""

    key: Keys
    certificate: bytes
    issuer: bytes

    def pem(self) -> bytes:
        """Return the certificate."""
        return x509.load_der_x509_certificate(self.certificate).public_bytes(Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the private key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def p12(self, password: bytes) -> bytes:
        """Return both, and the issuer, as PKCS#12 that old programs read."""
        build = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2000)
        how = build.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1()).build(password)
        certificate, above = map(x509.load_der_x509_certificate, (self.certificate, self.issuer))
        return pkcs12.serialize_key_and_certificates(b"reader", self.key, certificate, [above], how)


@cache
def reader(kind: str, *, modern: bool = False, common_name: str = "Reader") -> Reader:
    """Return somebody with a key of a kind: `rsa`, `p256` or `p384`; `modern` says so in the certificate."""
    key = MAKERS[kind]()
    certificate = certified(key.public_key(), modern=modern, common_name=common_name).public_bytes(Encoding.DER)
    return Reader(key, certificate, _authority()[1].public_bytes(Encoding.DER))


def certified(
    public: PublicKeyTypes,
    *,
    modern: bool = False,
    common_name: str = "Reader",
    issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None,
) -> x509.Certificate:
    """Return a certificate for encryption."""
    above_key, above = issuer or _authority()
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(above.subject)
        .serial_number(x509.random_serial_number())
        .public_key(public)  # type: ignore[arg-type]
        .not_valid_before(NOW - dt.timedelta(hours=1))
        .not_valid_after(NOW + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)  # type: ignore[arg-type]
        .add_extension(usage(**{"key_encipherment" if isinstance(public, rsa.RSAPublicKey) else "key_agreement": True}), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("reader@elsewhere.example")]), critical=False)
    )
    if modern:
        known = x509.UnrecognizedExtension(x509.ObjectIdentifier(capabilities.CAPABILITIES), capabilities.write())
        builder = builder.add_extension(known, critical=False)
    return builder.sign(above_key, hashes.SHA256())


@cache
def _authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Elsewhere")
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .serial_number(x509.random_serial_number())
        .public_key(key.public_key())
        .not_valid_before(NOW - dt.timedelta(hours=1))
        .not_valid_after(NOW + dt.timedelta(days=60))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return key, builder.sign(key, hashes.SHA256())


def spki(key: Keys) -> bytes:
    """Return the SubjectPublicKeyInfo, DER."""
    return key.public_key().public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
