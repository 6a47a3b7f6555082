import datetime as dt
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.errors import KeyExists
from signing.keys import Signer
from signing.pki import ca
from signing.pki.profiles import Subject
from tests.signing.country import ADDRESS, DAY_US, NAME, NOW_US, ORGANISATION, Country, public_octets
from tests.signing.peers import Desk


def loaded(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)


def test_each_certificate_is_signed_by_the_one_above(country: Country) -> None:
    root, ministry = loaded(country.root.certificate), loaded(country.ministry.certificate)
    root.verify_directly_issued_by(root)
    ministry.verify_directly_issued_by(root)
    loaded(country.clerk.identity.certificate).verify_directly_issued_by(ministry)


def test_a_persons_certificate_follows_its_profile(country: Country) -> None:
    certificate = loaded(country.clerk.identity.certificate)
    extensions = certificate.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_agreement
    assert not usage.value.key_cert_sign
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.RFC822Name) == [ADDRESS]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    identifier = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    above = loaded(country.ministry.certificate).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert identifier.key_identifier == above.digest
    assert (identifier.authority_cert_issuer, identifier.authority_cert_serial_number) == (None, None)
    [name] = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    [organisation] = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert (name.value, organisation.value) == (NAME, ORGANISATION)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= dt.timedelta(days=825)


def test_an_issuing_ca_signs_leaves_in_its_domains_only(country: Country) -> None:
    extensions = loaded(country.ministry.certificate).extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    limits = extensions.get_extension_for_class(x509.NameConstraints)
    assert not limits.critical  # gpgsm refuses critical ones
    permitted = [one.value for one in limits.value.permitted_subtrees]
    assert permitted == ["interieur.gov.example", ".interieur.gov.example"]


async def test_nobody_outlives_their_issuer(signer: Signer) -> None:
    root = await ca.create_root(signer, "Root", NOW_US - 7000 * DAY_US)
    ministry = await ca.create_issuing_ca(signer, root, ORGANISATION, [], NOW_US, key_id="ca-1")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = await ca.issue(signer, ministry, "sign", Subject("x" * 100, ORGANISATION, addresses=(ADDRESS,)), public_octets(key), NOW_US)
    ends = [loaded(certificate).not_valid_after_utc for certificate in (leaf, ministry.certificate, root.certificate)]
    assert ends == sorted(ends)
    [name] = loaded(leaf).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "x" * 61 + "…"


async def test_a_root_is_made_once(signer: Signer) -> None:
    await ca.create_root(signer, "Root", NOW_US)
    with pytest.raises(KeyExists):
        await ca.create_root(signer, "Root", NOW_US)
    assert (await signer.status()).signatures == {"ca-root": 1}


async def test_an_address_beyond_ascii_is_refused(signer: Signer) -> None:
    root = await ca.create_root(signer, "Root", NOW_US)
    public = public_octets(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ValueError):
        await ca.issue(signer, root, "sign", Subject(NAME, ORGANISATION, addresses=("بريد@x.example",)), public, NOW_US)


async def test_a_tls_stack_takes_what_was_written(signer: Signer, tmp_path: Path) -> None:
    root = await ca.create_root(signer, "Root", NOW_US)
    authority = await ca.create_issuing_ca(signer, root, "Nodes", [], NOW_US, key_id="ca-tls", purpose="tls")
    certificate, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    await ca.write_tls(signer, authority, ["mail.gov.example", "127.0.0.1"], certificate, key, now_us=NOW_US)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    for host in ("mail.gov.example", "127.0.0.1"):
        shaken_hands(server, ssl.create_default_context(cadata=ca.pem(root.certificate).decode()), host)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken_hands(server, ssl.create_default_context(cadata=ca.pem(root.certificate).decode()), "other.example")


def shaken_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> None:
    """Carry a TLS handshake to its end without a socket; raise what the client raises."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = server.wrap_bio(to_server, to_client, server_side=True)
    connecting = client.wrap_bio(to_client, to_server, server_hostname=host)
    for side in (connecting, serving, connecting, serving):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert connecting.version() == "TLSv1.3"


@pytest.mark.peer
@pytest.mark.parametrize(
    ("name", "purpose"), [("clerk", "smimesign"), ("judge_p384", "smimesign"), ("server", "sslserver"), ("stranger", "")]
)
def test_openssl_verifies_the_path_strictly(country: Country, desk: Desk, name: str, purpose: str) -> None:
    holder = getattr(country, name)
    desk.put("leaf.pem", ca.pem(holder.identity.certificate))
    desk.put("chain.pem", ca.pem(*holder.identity.chain))
    done = desk.run(f"openssl verify -x509_strict -purpose {purpose or 'smimesign'} -CAfile root.pem -untrusted chain.pem leaf.pem")
    if purpose:
        assert done.stdout == b"leaf.pem: OK\n", done.stderr
    else:
        assert b"permitted subtree violation" in done.stderr
