"""NIST's Public Key Interoperability Test Suite, as mails: what each holds, and what is to be said of it.

Every mail carries the certificates and lists of its test. Names say what is expected with the default inputs of
RFC 5280 §6.1.1; PKITS repeats some tests with others (VARIANTS).
"""

import base64
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cryptography_vectors

from signing import der
from signing.cms import SIGNED_DATA
from signing.pki.cases import Case

FOLDER = Path(cryptography_vectors.__file__).parent / "x509/PKITS_data"
ANCHOR = (FOLDER / "certs/TrustAnchorRootCertificate.crt").read_bytes()
AT_US = 1_577_836_800 * 1_000_000  # 2020: certificates and lists are of 2010 to 2030
REFUSED = re.compile(r"Invalid|MissingCRL|DifferentPoliciesTest(4|5|7|8|9|12)\Z")
POLICY = "2.16.840.1.101.3.2.1.48."
P1, P2, P3, P6 = (POLICY + one for one in "1236")
INHERITS = "ValidDSAParameterInheritanceTest5"  # a key without parameters of its own
ODD_BITS = "InvalidDSASignatureTest6"  # a signature that is no whole octets
NEGATIVE = "InvalidNegativeSerialNumberTest15"  # a serial number that RFC 5280 §4.1.2.2 forbids


@dataclass(frozen=True)
class Inputs:
    policies: tuple[str, ...] = ()
    explicit: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False


EXPLICIT, ONLY_1, ONLY_2, ONLY_3, ONLY_6, ONLY_12 = (
    Inputs(explicit=True),
    *(Inputs(one, explicit=True) for one in ((P1,), (P2,), (P3,), (P6,), (P1, P2))),
)
VARIANTS: dict[str, tuple[tuple[Inputs, bool], ...]] = {
    "AllCertificatesSamePolicyTest1": ((EXPLICIT, True), (ONLY_1, True), (ONLY_2, False), (ONLY_12, True)),
    "AllCertificatesNoPoliciesTest2": ((EXPLICIT, False),),
    "DifferentPoliciesTest3": ((EXPLICIT, False), (ONLY_12, False)),
    "OverlappingPoliciesTest6": ((ONLY_1, True), (ONLY_2, False)),
    "AllCertificatesSamePoliciesTest10": ((ONLY_1, True), (ONLY_2, True)),
    "AllCertificatesAnyPolicyTest11": ((ONLY_1, True),),
    "AllCertificatesSamePoliciesTest13": ((ONLY_1, True), (ONLY_2, True), (ONLY_3, True), (ONLY_12, True)),
    "AnyPolicyTest14": ((ONLY_1, True), (ONLY_2, False), (ONLY_12, True)),
    "UserNoticeQualifierTest18": ((ONLY_1, True), (ONLY_2, True)),
    "ValidPolicyMappingTest1": (
        (ONLY_1, True),
        (ONLY_2, False),
        (Inputs(inhibit_mapping=True), False),
        (Inputs((P1,), inhibit_mapping=True), False),
    ),
    "InvalidPolicyMappingTest2": ((Inputs(inhibit_mapping=True), False),),
    "ValidPolicyMappingTest3": ((ONLY_1, False), (ONLY_2, True)),
    "ValidPolicyMappingTest5": ((ONLY_1, True), (ONLY_6, False)),
    "ValidPolicyMappingTest6": ((ONLY_1, True), (ONLY_6, False)),
    "ValidPolicyMappingTest12": ((ONLY_1, True), (ONLY_2, True)),
    "inhibitAnyPolicyTest3": ((Inputs(inhibit_any=True), False),),
}


@dataclass(frozen=True)
class Mail:
    """A test: its name, the octets of its mail, and what that carries."""

    name: str
    raw: bytes
    cms: bytes
    certificates: tuple[bytes, ...]
    lists: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes:
        """The certificate that the signer is named by, whatever its serial number."""
        return next(one for one in self.certificates if _names(one) == _signer(self.cms))

    @property
    def expected(self) -> bool:
        return not REFUSED.search(self.name)

    def case(self, inputs: Inputs = Inputs(), revocation: str = "required") -> Case:
        return Case(
            self.leaf,
            tuple(one for one in self.certificates if one != self.leaf),
            (ANCHOR,),
            self.lists,
            (),
            AT_US,
            AT_US,
            revocation,
            inputs.policies,
            inputs.explicit,
            inputs.inhibit_mapping,
            inputs.inhibit_any,
            weak=True,
        )


@cache
def mails() -> dict[str, Mail]:
    """Return all by their names."""
    found = (_mail(path.stem.removeprefix("Signed"), path.read_bytes()) for path in sorted((FOLDER / "smime").iterdir()))
    return {one.name: one for one in found}


def _mail(name: str, raw: bytes) -> Mail:
    encoded = raw.split(b'filename="smime.p7s"')[1].split(b"\n\n", 1)[1].split(b"------")[0]
    octets = base64.b64decode(encoded)
    fields = _signed(octets)
    certificates, lists = fields.maybe(der.context(0)), fields.maybe(der.context(1))
    assert certificates is not None
    return Mail(name, raw, octets, _whole(certificates), _whole(lists))


def _signed(octets: bytes) -> der.Fields:
    """The fields of a SignedData from its certificates on."""
    outer = der.Fields(der.read(octets))
    assert der.oid(outer.take()) == SIGNED_DATA
    fields = der.Fields(der.Fields(outer.take(der.context(0)), der.context(0)).take())
    for _ in range(3):
        fields.take()
    return fields


def _whole(element: der.Element | None) -> tuple[bytes, ...]:
    return () if element is None else tuple(one.whole for one in element.children())


def _signer(octets: bytes) -> tuple[bytes, bytes]:
    fields = _signed(octets)
    fields.maybe(der.context(0)), fields.maybe(der.context(1))
    signer = der.Fields(next(fields.take(der.SET).children()))
    signer.take()
    named = der.Fields(signer.take())
    return named.take().whole, named.take().whole


def _names(certificate: bytes) -> tuple[bytes, bytes]:
    """Issuer and serial number."""
    fields = der.Fields(der.Fields(der.read(certificate)).take())
    fields.maybe(der.context(0))
    serial = fields.take().whole
    fields.take()
    return fields.take().whole, serial
