"""The path judge against hand-made certificates; openssl is asked the same."""

import dataclasses
import datetime as dt
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.pki import path
from signing.pki.path import Refused
from tests.signing.country import NOW_US
from tests.signing.peers import Desk

NOW = dt.datetime.fromtimestamp(NOW_US / 1_000_000, dt.UTC)
KEYS = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "middle", "low", "leaf")}
MAIL = [ExtendedKeyUsageOID.EMAIL_PROTECTION]


@dataclass(frozen=True)
class Made:
    """A certificate in the making; what a test changes makes it unfit."""

    name: str
    issuer: str
    ca: bool | None = True
    path_length: int | None = None
    cert_sign: bool = True
    usage: bool = True
    purposes: tuple | None = None
    days: tuple[int, int] = (-10, 10)
    permitted: tuple = ()
    excluded: tuple = ()
    extra: tuple = ()
    signer: str = ""
    method: hashes.HashAlgorithm = dataclasses.field(default_factory=hashes.SHA256)

    def __call__(self, **changes: object) -> "Made":
        return dataclasses.replace(self, **changes)

    def certificate(self) -> x509.Certificate:
        builder = x509.CertificateBuilder(named(self.issuer), named(self.name), KEYS[self.name].public_key(), 1 + len(self.name))
        builder = builder.not_valid_before(NOW + dt.timedelta(self.days[0])).not_valid_after(NOW + dt.timedelta(self.days[1]))
        for value, critical in self.extensions():
            builder = builder.add_extension(value, critical)
        return builder.sign(KEYS[self.signer or self.issuer], self.method)

    def extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        made: list[tuple[x509.ExtensionType, bool]] = [*self.extra]
        if self.ca is not None:
            made.append((x509.BasicConstraints(self.ca, self.path_length), True))
        if self.usage:
            names = [
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
                "crl_sign",
            ]
            others = dict.fromkeys(names, False)
            signs = self.ca is True and self.cert_sign
            made.append((x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, **others), True))
        if self.purposes is not None:
            made.append((x509.ExtendedKeyUsage(self.purposes), False))
        if self.permitted or self.excluded:
            made.append((x509.NameConstraints(self.permitted or None, self.excluded or None), True))
        return made


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "State"), x509.NameAttribute(NameOID.COMMON_NAME, name)])


def address(text: str) -> tuple[x509.ExtensionType, bool]:
    return x509.SubjectAlternativeName([x509.RFC822Name(text)]), False


ROOT = Made("root", "root")
MIDDLE = Made("middle", "root")
LOW = Made("low", "middle")
LEAF = Made("leaf", "low", ca=False, purposes=tuple(MAIL), extra=(address("clerk@a.example"),))


def outcome(*chain: Made) -> str:
    """Return what is found for a chain given from the root down: the path's names, or why it is refused."""
    root, *middle, leaf = [made.certificate() for made in chain]
    try:
        found = path.search(leaf, middle, [root], NOW_US, NOW_US).path
    except Refused as refused:
        return refused.reason
    return " ".join(str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for one in found)


def rfc822(*limits: str) -> tuple[x509.RFC822Name, ...]:
    return tuple(map(x509.RFC822Name, limits))


CASES = [
    ((ROOT, MIDDLE, LOW, LEAF), "leaf low middle root"),
    ((ROOT, LEAF(issuer="root")), "leaf root"),
    ((ROOT, MIDDLE(ca=False), LOW, LEAF), "issuer_not_fit"),
    ((ROOT, MIDDLE(ca=None), LOW, LEAF), "issuer_not_fit"),
    ((ROOT, MIDDLE(cert_sign=False), LOW, LEAF), "issuer_not_fit"),
    ((ROOT, MIDDLE(usage=False), LOW, LEAF), "issuer_not_fit"),
    ((ROOT(path_length=0), MIDDLE, LOW, LEAF), "issuer_not_fit"),
    ((ROOT(path_length=2), MIDDLE(path_length=0), LOW, LEAF), "issuer_not_fit"),
    ((ROOT(path_length=2), MIDDLE(path_length=1), LOW(path_length=0), LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE(signer="leaf"), LOW, LEAF), "unknown_issuer"),
    ((ROOT, MIDDLE, LOW, LEAF(signer="middle")), "unknown_issuer"),
    ((ROOT, MIDDLE, LEAF), "unknown_issuer"),
    ((ROOT, MIDDLE(days=(-10, -1)), LOW, LEAF), "issuer_not_fit"),
    ((ROOT, MIDDLE(days=(1, 10)), LOW, LEAF), "issuer_not_fit"),
    ((ROOT(days=(-10, -1)), MIDDLE, LOW, LEAF), "issuer_not_fit"),
    ((ROOT, MIDDLE, LOW, LEAF(days=(-10, -1))), "signed_after_expiry"),
    ((ROOT, MIDDLE, LOW, LEAF(days=(1, 10))), "signed_too_early"),
    ((ROOT, MIDDLE, LOW, LEAF(purposes=None)), "not_for_mail"),
    ((ROOT, MIDDLE, LOW, LEAF(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))), "not_for_mail"),
    ((ROOT, MIDDLE, LOW(purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)), LEAF), "not_for_mail"),
    ((ROOT, MIDDLE, LOW(purposes=tuple(MAIL)), LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE, LOW, LEAF(ca=True)), "not_for_mail"),  # a CA's key signs certificates, not mail
    ((ROOT, MIDDLE, LOW, LEAF(method=hashes.SHA3_256())), "weak"),
    ((ROOT, MIDDLE(permitted=rfc822("a.example")), LOW, LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE(permitted=rfc822("A.Example")), LOW, LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE(permitted=rfc822("clerk@a.example")), LOW, LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE(permitted=rfc822("Clerk@a.example")), LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(permitted=rfc822("b.example")), LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(permitted=rfc822(".a.example")), LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(permitted=rfc822(".example")), LOW, LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE(permitted=rfc822("example")), LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(excluded=rfc822("a.example")), LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(excluded=rfc822("b.example")), LOW, LEAF), "leaf low middle root"),
    ((ROOT(permitted=rfc822("b.example")), MIDDLE, LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(permitted=(x509.DNSName("a.example"),)), LOW, LEAF), "leaf low middle root"),
    ((ROOT, MIDDLE(excluded=(x509.DirectoryName(named("leaf")),)), LOW, LEAF), "outside_domain"),
    ((ROOT, MIDDLE(permitted=(x509.DirectoryName(named("root")),)), LOW, LEAF), "outside_domain"),
]


@pytest.mark.peer
@pytest.mark.parametrize(("chain", "want"), CASES)
def test_paths_are_judged_and_openssl_agrees(desk: Desk, chain: tuple[Made, ...], want: str) -> None:
    """Where we refuse more than openssl: a leaf that names no purpose or is a CA, a CA without key usage, and SHA-3."""
    assert outcome(*chain) == want
    for name, made in zip(("top.pem", "leaf.pem"), (chain[0], chain[-1]), strict=True):
        desk.put(name, made.certificate().public_bytes(Encoding.PEM))
    desk.put("between.pem", b"".join(made.certificate().public_bytes(Encoding.PEM) for made in chain[1:-1]) or desk.get("top.pem"))
    done = desk.run("openssl verify -purpose smimesign -CAfile top.pem -untrusted between.pem leaf.pem")
    stricter = chain[-1].purposes is None or chain[-1].ca or want == "weak" or not all(one.usage for one in chain)
    assert (done.returncode == 0) == want.startswith("leaf") or (done.returncode == 0 and stricter)


@pytest.mark.parametrize(
    "extra",
    [
        (x509.PolicyConstraints(0, None), True),
        (x509.InhibitAnyPolicy(0), True),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
    ],
)
@pytest.mark.parametrize("place", [1, 3])
def test_a_critical_extension_that_is_not_understood_refuses(extra: tuple, place: int) -> None:
    chain = [ROOT, MIDDLE, LOW, LEAF]
    chain[place] = chain[place](extra=(*chain[place].extra, extra))
    assert outcome(*chain) == "issuer_not_fit"
    chain[place] = chain[place](extra=(*chain[place].extra[:-1], (extra[0], False)))
    assert outcome(*chain) == "leaf low middle root"


def test_one_good_path_among_several_is_enough() -> None:
    unfit, fit, low, leaf, root = (made.certificate() for made in (MIDDLE(ca=False), MIDDLE, LOW, LEAF, ROOT))
    for others in ([unfit, fit, low], [fit, unfit, low], [low, low, fit, unfit]):
        assert path.search(leaf, others, [root], NOW_US, NOW_US).path == (leaf, low, fit, root)


def test_certificates_that_certify_each_other_end_the_search() -> None:
    """The work is bounded however they are crossed."""
    crossed = [Made("middle", "low", days=(-10, day)).certificate() for day in range(1, 15)]
    crossed += [Made("low", "middle", days=(-10, day)).certificate() for day in range(1, 15)]
    with pytest.raises(Refused, match="unknown_issuer"):
        path.search(LEAF.certificate(), crossed, [ROOT.certificate()], NOW_US, NOW_US)
