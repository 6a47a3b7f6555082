import email
import email.policy

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from signing import smime
from signing.cms import SigningIdentity
from signing.der import BadDer
from signing.errors import NotActivated, SigningRefused
from signing.keys import Signer
from signing.pki import ca
from signing.pki.profiles import Subject
from signing.smime import NotSigned
from signing.verdict import judge
from tests.signing.country import ADDRESS, CHANGED, DAY_US, ENTITY, NAME, NOW_US, ORGANISATION, TEXT, Country, token
from tests.signing.peers import Desk

BOUNDARY = "diwan-1"
TOP = b"From: bureau.ordre@interieur.gov.example\r\nSubject: test\r\nMIME-Version: 1.0\r\n"


def message(country: Country, *, stamped: bool = False) -> bytes:
    return TOP + smime.entity(ENTITY, country.clerk.sign(clock=country.clock if stamped else None), BOUNDARY)


@pytest.mark.parametrize(
    "entity",
    [b"", b"a\nb", b"a\rb", b"a\r", b"caf\xc3\xa9", b"a\0b", b"blank \r\nat the end", b"blank at the very end ", b"x" * 999 + b"\r\n"],
)
def test_what_would_not_survive_the_way_is_not_signed(country: Country, entity: bytes) -> None:
    with pytest.raises(SigningRefused):
        smime.prepare(entity, country.clerk.identity, NOW_US)


def test_the_form_is_that_of_rfc_8551(country: Country) -> None:
    content_type, body = smime.multipart(ENTITY, country.clerk.sign(), BOUNDARY)
    assert content_type.startswith('multipart/signed; protocol="application/pkcs7-signature";')
    assert 'micalg="sha-256"' in content_type
    assert body.startswith(b"--diwan-1\r\n" + ENTITY + b"\r\n--diwan-1\r\nContent-Type: application/pkcs7-signature")
    assert body.endswith(b"\r\n--diwan-1--\r\n")
    assert max(map(len, body.split(b"\r\n"))) <= 78
    assert b"\n" not in body.replace(b"\r\n", b"")


def test_another_mime_library_sees_two_parts(country: Country) -> None:
    parsed = email.message_from_bytes(message(country), policy=email.policy.SMTP)
    signed, signature = parsed.iter_parts()
    assert parsed.get_content_type() == "multipart/signed"
    assert signed.get_content() == TEXT
    assert signature.get_filename() == "smime.p7s"


def test_micalg_names_the_digest_of_a_p384_key(country: Country) -> None:
    assert 'micalg="sha-384"' in smime.multipart(ENTITY, country.judge_p384.sign(), BOUNDARY)[0]


@pytest.mark.parametrize("boundary", ["", "a b", 'a"', "x" * 71, "a\r\nb"])
def test_a_bad_boundary_is_refused(country: Country, boundary: str) -> None:
    with pytest.raises(ValueError):
        smime.multipart(ENTITY, country.clerk.sign(), boundary)


def test_a_boundary_that_occurs_in_the_entity_is_refused(country: Country) -> None:
    with pytest.raises(ValueError):
        smime.multipart(ENTITY + b"--diwan-1 is here\r\n", country.clerk.sign(), BOUNDARY)


def test_what_was_put_together_comes_apart_octet_by_octet(country: Country) -> None:
    signature = country.clerk.sign()
    _, body = smime.multipart(ENTITY, signature, BOUNDARY)
    for around in (body, b"preamble\r\n" + body, body + b"epilogue, a footer of a list\r\n", body.removesuffix(b"\r\n")):
        cut = smime.detached(around, BOUNDARY)
        assert (cut.entity, cut.cms) == (ENTITY, signature)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n",
        b"--b\r\nx\r\n--b--\r\n",
        b"--b\r\nx\r\n--b\r\nContent-Type: text/plain\r\n\r\nAAAA\r\n--b--",
        b"--b\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\n!!!!\r\n--b--",
        b"--b\r\nx\r\n--b\r\ny\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--b--",
        b"--b\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n",
    ],
)
def test_what_is_not_two_parts_is_not_signed(body: bytes) -> None:
    with pytest.raises(NotSigned):
        smime.detached(body, "b")


@given(st.lists(st.sampled_from([b"--b", b"--", b"\r\n", b"b", b"x", b"Content-Type: application/pkcs7-signature", b"AAAA"]), max_size=25))
def test_arbitrary_bodies_raise_nothing_but_not_signed(pieces: list[bytes]) -> None:
    try:
        smime.detached(b"".join(pieces), "b")
    except NotSigned:
        pass


async def test_a_post_signs_through_the_signer_what_its_holder_confirmed(signer: Signer, country: Country, tmp_path) -> None:
    public = await signer.generate("post-1", "p256", activated=True)
    root = await ca.create_root(signer, "Root", NOW_US)
    certificate = await ca.issue(signer, root, "sign", Subject(NAME, ORGANISATION, addresses=(ADDRESS,)), public, NOW_US)
    identity = SigningIdentity("post-1", certificate, root.issued_chain)
    with pytest.raises(NotActivated):
        await smime.sign(ENTITY, identity, signer, NOW_US)
    confirmed = token(tmp_path, "post-1", smime.prepare(ENTITY, identity, NOW_US).digest)
    signature = await smime.sign(ENTITY, identity, signer, NOW_US, confirmed)
    assert judge(ENTITY, signature, [root.certificate], NOW_US, ADDRESS).status == "valid"


@pytest.mark.peer
async def test_an_rsa_key_signs_as_well(signer: Signer, desk: Desk) -> None:
    public = await signer.generate("card-1", "rsa3072")
    root = await ca.create_root(signer, "Root", NOW_US)
    certificate = await ca.issue(signer, root, "sign", Subject(NAME, ORGANISATION, addresses=(ADDRESS,)), public, NOW_US)
    identity = SigningIdentity("card-1", certificate, root.issued_chain)
    signature = await smime.sign(ENTITY, identity, signer, NOW_US)
    assert judge(ENTITY, signature, [root.certificate], NOW_US, ADDRESS).status == "valid"
    assert judge(CHANGED, signature, [root.certificate], NOW_US, ADDRESS).status == "invalid"
    for name, octets in (("entity", ENTITY), ("cms", signature), ("root.pem", ca.pem(root.certificate)), ("empty", b"")):
        desk.put(name, octets)
    assert desk.openssl_accepts()
    desk.run("certutil -N -d sql:. --empty-password")
    assert desk.run("certutil -A -d sql:. -n root -t ,C, -i root.pem").returncode == 0
    assert b"status=GoodSignature" in desk.run("cmsutil -D -d sql:. -i cms -c entity -u 4 -h 0 -n").stdout


async def test_a_short_rsa_key_is_not_certified(signer: Signer) -> None:
    root, short = await ca.create_root(signer, "Root", NOW_US), rsa.generate_private_key(65537, 1024).public_key()
    octets = short.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(BadDer, match="1024 bits"):
        await ca.issue(signer, root, "sign", Subject(NAME, ORGANISATION, addresses=(ADDRESS,)), octets, NOW_US)


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\xe9", b"x" * 998]), max_size=8).map(b"".join))
def test_the_quick_look_and_the_pattern_that_finds_the_place_agree(entity: bytes) -> None:
    assert smime._is_safe(entity) == (bool(entity) and smime._UNSAFE.search(entity) is None)


STAMPED = pytest.mark.parametrize("stamped", [False, True], ids=["B-B", "B-T"])


@pytest.mark.peer
@STAMPED
@pytest.mark.parametrize("name", ["clerk", "judge_p384"])
def test_openssl_cms_accepts_it_as_cades(country: Country, desk: Desk, name: str, stamped: bool) -> None:
    desk.put("entity", ENTITY)
    desk.put("cms", getattr(country, name).sign(clock=country.clock if stamped else None))
    assert desk.openssl_accepts()
    assert desk.get("out") == ENTITY


@pytest.mark.peer
@STAMPED
@pytest.mark.parametrize("tool", ["cms", "smime"])
def test_openssl_reads_the_whole_message(country: Country, desk: Desk, tool: str, stamped: bool) -> None:
    desk.put("mail", message(country, stamped=stamped))
    done = desk.run(f"openssl {tool} -verify -in mail -CAfile root.pem -purpose smimesign -signer signer.pem -out out")
    assert done.returncode == 0, done.stderr
    assert desk.get("out") == ENTITY
    assert desk.get("signer.pem") == desk.get("clerk.pem")


@pytest.mark.peer
def test_openssl_refuses_a_changed_message(country: Country, desk: Desk) -> None:
    desk.put("mail", message(country).replace(ENTITY, CHANGED))
    done = desk.run("openssl smime -verify -in mail -CAfile root.pem -out out")
    assert done.returncode != 0
    assert b"digest failure" in done.stderr


@pytest.mark.peer
@STAMPED
def test_nss_accepts_it(country: Country, desk: Desk, stamped: bool) -> None:
    desk.put("entity", ENTITY)
    desk.put("cms", country.clerk.sign(clock=country.clock if stamped else None))
    said = desk.nss("entity")
    assert b"SMIME: " in said
    assert b"status=GoodSignature" in said
    desk.put("entity", CHANGED)
    said = desk.nss("entity")
    assert b"SMIME: " in said
    assert b"GoodSignature" not in said


@pytest.mark.peer
@STAMPED
def test_gpgsm_accepts_it(country: Country, desk: Desk, stamped: bool) -> None:
    desk.put("entity", ENTITY)
    desk.put("cms", country.clerk.sign(clock=country.clock if stamped else None))
    said = desk.verdict_of_gpgsm(country.root.certificate, "entity")
    assert b"[GNUPG:] VALIDSIG" in said, said
    assert b"[GNUPG:] TRUST_FULLY" in said, said
    desk.put("entity", CHANGED)
    assert b"[GNUPG:] BADSIG" in desk.verdict_of_gpgsm(country.root.certificate, "entity")


@pytest.mark.peer
def test_openssl_refuses_a_certificate_that_has_run_out(country: Country, desk: Desk) -> None:
    desk.put("entity", ENTITY)
    desk.put("cms", country.retired.sign(when_us=NOW_US - 900 * DAY_US))
    assert not desk.openssl_accepts()
