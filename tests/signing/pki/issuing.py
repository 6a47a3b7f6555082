"""An authority whose key a test may use directly, with certificates that say where their revocation is found."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.pki import crl, ocsp, places
from signing.pki.crl import Entry, Head, ToSign
from signing.pki.ocsp import Said

NOW = datetime.now(UTC).replace(microsecond=0)  # openssl judges by the machine's clock
NOW_US = int(NOW.timestamp()) * 1_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
URL = "http://pki.gov.example"
KEY_ID = "ca-gov.example"
OURS_SERIAL = 0x1234567


def usage(**named: bool) -> x509.KeyUsage:
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    every = dict.fromkeys([*names.split(), "encipher_only", "decipher_only"], False)
    return x509.KeyUsage(**every | named)


@dataclass(frozen=True)
class Issuing:
    """An authority and what it says."""

    name: str = "Autorité"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP384R1()))
    crl_sign: bool = True

    def certificate(self) -> bytes:
        return self._made(self.name, self.key, 1, [(x509.BasicConstraints(True, None), True)], self.usage(), days=3000)

    def usage(self) -> x509.KeyUsage:
        return usage(key_cert_sign=True, crl_sign=self.crl_sign)

    def leaf(self, serial: int, *, days: int = 700, named: bool = True, ca: bool = False) -> bytes:
        extra = [(x509.BasicConstraints(ca, None), True), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)]
        if named:
            extra += [(one, False) for one in places.extensions(places.places(URL, KEY_ID, serial))]
        return self._made("Greffe", ec.generate_private_key(ec.SECP256R1()), serial, extra, usage(digital_signature=True), days=days)

    def responder(self, key: ec.EllipticCurvePrivateKey, *, use: bool = True, nocheck: bool = True) -> bytes:
        wanted = ExtendedKeyUsageOID.OCSP_SIGNING if use else ExtendedKeyUsageOID.EMAIL_PROTECTION
        extra: list[tuple[x509.ExtensionType, bool]] = [(x509.ExtendedKeyUsage([wanted]), False)]
        extra += [(x509.OCSPNoCheck(), False)] if nocheck else []
        return self._made("Réponses", key, 2, extra, usage(digital_signature=True), days=90)

    def lists(self, head: Head, *entries: Entry) -> bytes:
        return crl.finish(*self._signed(crl.prepare(self.certificate_once, head, entries)))

    def answer(self, serial: int, said: Said) -> bytes:
        asked = ocsp.identifier(self.certificate_once, serial)
        return ocsp.finish(*self._signed(ocsp.prepare(self.certificate_once, [(asked, said)], said.this_update_us)))

    @property
    def certificate_once(self) -> bytes:
        """The same octets each time: a signature differs."""
        return CERTIFICATES.setdefault(self.key, self.certificate())

    def _signed(self, to_sign: ToSign) -> tuple[ToSign, bytes]:
        return to_sign, signed(self.key, to_sign)

    def _made(self, name: str, key: ec.EllipticCurvePrivateKey, serial: int, extra: list, used: x509.KeyUsage, days: int) -> bytes:
        subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, self.name))
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).serial_number(serial).public_key(key.public_key())
        builder = builder.not_valid_before(NOW - timedelta(days=1000)).not_valid_after(NOW + timedelta(days=days))
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False).add_extension(used, True)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        for one, critical in extra:
            builder = builder.add_extension(one, critical)
        return builder.sign(self.key, hashes.SHA384()).public_bytes(Encoding.DER)


CERTIFICATES: dict[ec.EllipticCurvePrivateKey, bytes] = {}


def signed(key: ec.EllipticCurvePrivateKey, to_sign: ToSign) -> bytes:
    """Return what the signer answers."""
    method = hashes.SHA256() if len(to_sign.digest) == 32 else hashes.SHA384()
    return key.sign(to_sign.digest, ec.ECDSA(utils.Prehashed(method)))
