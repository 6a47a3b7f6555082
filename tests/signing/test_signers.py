"""Several signatures over one content, beside it and with it inside, as others read them."""

from dataclasses import replace

import pytest
from asn1crypto import cms as asn1_cms
from asn1crypto.x509 import Certificate as X509
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.sign.validation.generic_cms import async_validate_cms_signature, async_validate_detached_cms
from pyhanko_certvalidator import ValidationContext

from signing import asn1, capabilities, cms, signers, smime
from signing.certificate import outline
from signing.der import BadDer
from signing.verdict import judge
from tests.signing.country import ADDRESS, CHANGED, DAY_US, ENTITY, NOW_US, Country
from tests.signing.peers import Desk

asn1.mend()  # or it does not compare Arabic names


def both(country: Country) -> bytes:
    """The clerk's signature and another office's, P-256 and P-384, the first with a time stamp."""
    return signers.join(country.clerk.sign(clock=country.clock), country.judge_p384.sign())


def test_each_of_several_signers_is_judged_alone(country: Country) -> None:
    found = signers.split(signers.join(country.clerk.sign(clock=country.clock), country.judge_p384.sign(), country.foreigner.sign()))
    assert found.content is None
    verdicts = [judge(ENTITY, one, [country.root.certificate], NOW_US, ADDRESS) for one in found.each]
    assert sorted(one.reason_key for one in verdicts) == ["good", "good", "unknown_issuer"]
    assert len({one.serial for one in verdicts}) == 3
    assert sum(one.proven_us is not None for one in verdicts) == 1
    assert {judge(CHANGED, one, [country.root.certificate], NOW_US, ADDRESS).code for one in found.each} == {"HASH_FAILURE"}


def test_one_signature_comes_apart_as_it_was(country: Country) -> None:
    alone = country.clerk.sign()
    assert signers.split(alone).each == (alone,)
    assert signers.join(alone) == alone


def test_what_is_inside_comes_out_with_its_signature(country: Country) -> None:
    joined = both(country)
    found = signers.split(signers.enclose(joined, ENTITY))
    assert found.content == ENTITY
    assert found.each == signers.split(joined).each
    assert len(found.each) == 2
    assert judge(ENTITY, found.each[0], [country.root.certificate], NOW_US, ADDRESS).reason_key == "good"


@pytest.mark.parametrize("count", [0, signers.MAX_SIGNERS + 1])
def test_none_and_too_many_are_refused(country: Country, count: int) -> None:
    with pytest.raises(BadDer):
        signers.join(*[country.clerk.sign()] * count)


def test_what_holds_its_content_is_not_joined(country: Country) -> None:
    with pytest.raises(BadDer):
        signers.join(signers.enclose(country.clerk.sign(), ENTITY))


@given(st.binary(max_size=300))
def test_any_octets_are_taken_apart_or_refused(octets: bytes) -> None:
    try:
        signers.split(octets)
    except BadDer:
        pass


@given(position=st.integers(0, 10_000), octet=st.integers(0, 255))
def test_no_changed_octet_makes_another_text_good(trusted: list[bytes], signature: bytes, position: int, octet: int) -> None:
    octets = bytearray(signers.enclose(signature, ENTITY))
    octets[position % len(octets)] = octet
    try:
        found = signers.split(bytes(octets))
    except BadDer:
        return
    if found.content is not None and any(judge(found.content, one, trusted, NOW_US, ADDRESS).status == "valid" for one in found.each):
        assert found.content == ENTITY


@pytest.mark.peer
def test_openssl_accepts_both_and_writes_what_we_take_apart(country: Country, desk: Desk) -> None:
    desk.put("entity", ENTITY)
    desk.put("cms", both(country))
    assert desk.openssl_accepts()
    desk.put("entity", CHANGED)
    assert not desk.openssl_accepts()
    desk.put("entity", ENTITY)
    command = (
        "openssl cms -sign -binary -cades -outform DER -in entity -signer clerk.pem -inkey clerk.key -certfile ministry.pem {} -out {}"
    )
    for options, name in (("-nodetach", "one"), ("-nodetach -stream", "two"), ("-signer stranger.pem -inkey stranger.key", "three")):
        done = desk.run(command.format(options, name))
        assert done.returncode == 0, done.stderr
        found = signers.split(desk.get(name))
        assert found.content == (None if name == "three" else ENTITY)
        verdicts = [judge(ENTITY, one, [country.root.certificate], NOW_US + DAY_US, ADDRESS).code for one in found.each]
        assert verdicts.count("TOTAL_PASSED") == 1


@pytest.mark.peer
@pytest.mark.parametrize("many", [False, True])
def test_openssl_nss_and_gpgsm_accept_the_opaque_form(country: Country, desk: Desk, many: bool) -> None:
    opaque = signers.enclose(both(country) if many else country.clerk.sign(), ENTITY)
    mail = b"From: " + ADDRESS.encode() + b"\r\nMIME-Version: 1.0\r\n" + smime.opaque(opaque)
    desk.put("mail", mail), desk.put("cms", opaque)
    done = desk.run("openssl smime -verify -in mail -CAfile root.pem -out out")
    assert done.returncode == 0, done.stderr
    assert desk.get("out") == ENTITY
    assert desk.run("openssl cms -verify -cades -binary -inform DER -in cms -CAfile root.pem -out out").returncode == 0
    said = desk.nss()
    assert said.count(b"status=GoodSignature") == (2 if many else 1), said
    said = desk.verdict_of_gpgsm(country.root.certificate)
    assert said.count(b"[GNUPG:] VALIDSIG") == (2 if many else 1), said


@pytest.mark.peer
async def test_pyhanko_accepts_the_opaque_form_and_each_of_several(country: Country) -> None:
    for one in (signers.enclose(country.clerk.sign(), ENTITY), *signers.split(both(country)).each):
        content = asn1_cms.ContentInfo.load(one)["content"]
        trusted = ValidationContext(trust_roots=[X509.load(country.root.certificate)])
        if content["encap_content_info"]["content"].native is None:
            status = await async_validate_detached_cms(ENTITY, content, signer_validation_context=trusted)
        else:
            status = await async_validate_cms_signature(content, validation_context=trusted)
        assert (status.intact, status.valid, status.trusted) == (True, True, True)


@pytest.mark.peer
def test_openssl_nss_and_gpgsm_accept_a_signature_that_tells_how_to_write_back(country: Country, desk: Desk) -> None:
    identity = replace(country.clerk.identity, encryption=country.stranger.identity.certificate)
    telling = replace(country.clerk, identity=identity).sign(clock=country.clock)
    said = capabilities.said(cms.read(telling).signer.signed_octets)
    assert said.capabilities == set(capabilities.OURS)
    assert said.serial == outline(country.stranger.identity.certificate).serial
    desk.put("entity", ENTITY), desk.put("cms", telling)
    assert desk.openssl_accepts()
    assert b"status=GoodSignature" in desk.nss("entity")
    desk.put("cms", signers.enclose(telling, ENTITY))
    assert desk.verdict_of_gpgsm(country.root.certificate).count(b"[GNUPG:] VALIDSIG") == 1
