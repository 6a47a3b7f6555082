"""Every kind of certificate: what it is for, who judges it so, and where it says that its revocation is found."""

import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

from signing.der import BadDer
from signing.pki import ca, places, profiles
from signing.pki.ca import Authority
from signing.pki.profiles import PROFILES, Subject
from signing.process import running
from tests.signing.country import NOW_US

URL = "http://pki.gov.example"
POLICY = "1.3.6.1.4.1.32473.1.1"
ADDRESS = "amina.benali@interieur.gov.example"
SUBJECT = Subject("أمينة بن علي", "وزارة الداخلية", "DZ", (ADDRESS,), ())
HOST = Subject("mx.interieur.gov.example", hosts=("mx.interieur.gov.example", "127.0.0.1"))
UNDER = {"tls": "tls", "client": "client", "tsa": "tsa", "node": "node"}  # others are below the authority for mail
PURPOSES = {
    **dict.fromkeys(("sign", "post", "seal", "node"), "smimesign"),
    "encrypt": "smimeencrypt",
    "client": "sslclient",
    "tls": "sslserver",
    "tsa": "timestampsign",
    "ocsp": "ocsphelper",
}


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class Made:
    root: Authority
    authorities: dict[str, Authority]
    leaves: dict[str, bytes]
    rsa: bytes


async def make(directory: Path) -> Made:
    key, wide = public(ec.generate_private_key(ec.SECP256R1())), public(rsa.generate_private_key(65537, 3072))
    async with running(directory) as signer:
        root = await ca.create_root(signer, "الجذر الوطني", NOW_US, country="DZ")
        authorities = {
            purpose: await ca.create_issuing_ca(
                signer, root, "وزارة الداخلية", domains, NOW_US, key_id=f"ca-{purpose}", purpose=purpose, country="DZ", url=URL
            )
            for purpose, domains in (("smime", ["interieur.gov.example"]), *((one, []) for one in UNDER.values()))
        }

        async def issue(kind: str, key: bytes) -> bytes:
            subject = HOST if kind in ("tls", "tsa", "ocsp") else SUBJECT
            above = authorities[UNDER.get(kind, "smime")]
            return await ca.issue(signer, above, kind, subject, key, NOW_US, url=URL, policy=POLICY)

        leaves = {kind: await issue(kind, key) for kind in PROFILES}
        with pytest.raises(BadDer):
            await issue("encrypt", public(rsa.generate_private_key(65537, 2048)))
        return Made(root, authorities, leaves, await issue("encrypt", wide))


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with tempfile.TemporaryDirectory(prefix="d-") as directory:
        yield asyncio.run(make(Path(directory)))


@pytest.mark.peer
@pytest.mark.parametrize("kind", PROFILES)
def test_openssl_finds_each_kind_good_for_its_purpose_and_no_other(kind: str, made: Made, tmp_path: Path) -> None:
    above = made.authorities[UNDER.get(kind, "smime")]
    leaf = made.rsa if kind == "encrypt" else made.leaves[kind]  # of keys that agree, openssl's word for receiving knows nothing
    for name, octets in (("root", made.root.certificate), ("above", above.certificate), ("leaf", leaf)):
        (tmp_path / name).write_bytes(ca.pem(octets))
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "root", "-untrusted", "above", "-purpose"]
    for purpose in sorted(set(PURPOSES.values())):
        done = subprocess.run([*command, purpose, "leaf"], cwd=tmp_path, capture_output=True, text=True, check=False)
        fits = purpose in (PURPOSES[kind], "ocsphelper") or (kind == "tls" and purpose == "sslclient")
        assert (done.returncode == 0) is fits, (purpose, done.stderr)  # openssl leaves what helps with OCSP to whoever judges the answer


def test_key_usages_are_those_of_the_use(made: Made) -> None:
    def bits(der: bytes) -> set[str]:
        usage = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        names = ("digital_signature", "content_commitment", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
        return {name for name in names if getattr(usage.value, name)}

    assert bits(made.leaves["encrypt"]) == {"key_agreement"}
    assert bits(made.rsa) == {"key_encipherment"}
    for kind in ("sign", "post", "seal", "node", "tsa"):
        assert bits(made.leaves[kind]) == {"digital_signature", "content_commitment"}
    for kind in ("tls", "client", "ocsp"):
        assert bits(made.leaves[kind]) == {"digital_signature"}
    assert bits(made.root.certificate) == bits(made.authorities["smime"].certificate) == {"key_cert_sign", "crl_sign"}


def test_a_responder_is_not_asked_about_itself(made: Made) -> None:
    extensions = x509.load_der_x509_certificate(made.leaves["ocsp"]).extensions
    assert extensions.get_extension_for_class(x509.OCSPNoCheck)
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.CRLDistributionPoints)


@pytest.mark.parametrize("kind", [kind for kind in PROFILES if kind != "ocsp"])
def test_each_says_by_plain_http_where_its_revocation_and_its_issuer_are_found(kind: str, made: Made) -> None:
    leaf = x509.load_der_x509_certificate(made.leaves[kind])
    extensions, wanted = leaf.extensions, places.places(URL, made.authorities[UNDER.get(kind, "smime")].key_id, leaf.serial_number)
    [point] = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    [fresh] = extensions.get_extension_for_class(x509.FreshestCRL).value
    assert ([one.value for one in point.full_name], [one.value for one in fresh.full_name]) == ([wanted.base], [wanted.delta])
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    found = {one.access_method: one.access_location.value for one in access}
    assert found == {AuthorityInformationAccessOID.OCSP: wanted.ocsp, AuthorityInformationAccessOID.CA_ISSUERS: wanted.issuer}


def test_an_authority_is_told_of_by_the_whole_list_of_its_root(made: Made) -> None:
    for authority in made.authorities.values():
        certificate = x509.load_der_x509_certificate(authority.certificate)
        [point] = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        assert [one.value for one in point.full_name] == [places.places(URL, "ca-root", 1, whole=True).base]
        assert certificate.signature_hash_algorithm.name == "sha384"  # gpgsm refuses less for P-384


def test_mail_names_one_reserved_policy_and_what_it_can_read(made: Made) -> None:
    for kind, wanted in (("sign", "2.23.140.1.5.3.3"), ("post", "2.23.140.1.5.2.3"), ("tls", None)):
        extensions = x509.load_der_x509_certificate(made.leaves[kind]).extensions
        policies = extensions.get_extension_for_class(x509.CertificatePolicies).value
        assert [one.policy_identifier.dotted_string for one in policies] == [one for one in (wanted, POLICY) if one]
        capable = [one.value.value for one in extensions if one.oid.dotted_string == "1.2.840.113549.1.9.15"]
        assert capable == ([] if wanted is None else [AES])


# written by hand after RFC 8551 §2.5.2 and RFC 3565 §4.1: AES-256-GCM, AES-256-CBC, AES-128-CBC
AES = bytes.fromhex("3027 300b0609608648016503040 12e 300b060960864801650304012a 300b0609608648016503040102".replace(" ", ""))


def test_no_two_authorities_have_one_name() -> None:
    long = "services-deconcentres.ministere-de-l-interieur.gov.example"
    names = [profiles._of_authority(whose, "S/MIME") for whose in ("a.example", "b.example", f"a.{long}", f"{long}x", f"{long}y", "ش" * 99)]
    assert names[0] == "a.example S/MIME CA"
    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 64 and name.endswith(" S/MIME CA") for name in names)
