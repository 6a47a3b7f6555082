import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import algorithms, cms, der
from signing.cms import SeveralSigners, SigningIdentity
from signing.der import BadDer, Fields
from tests.signing.country import ENTITY, NOW_US, Country


def test_what_is_built_reads_back(country: Country) -> None:
    signed = cms.read(country.clerk.sign())
    identity, signer = country.clerk.identity, signed.signer
    assert set(signed.certificates) == {identity.certificate, *identity.chain}
    assert signer.signed_at_us == NOW_US
    assert signer.message_digest == algorithms.digest(algorithms.SHA256, ENTITY)
    assert signer.certificate_digest == (algorithms.SHA256, algorithms.digest(algorithms.SHA256, identity.certificate))
    assert (signer.digest_algorithm, signer.signature_algorithm) == (algorithms.SHA256, algorithms.ECDSA_SHA256)


def test_a_p384_key_signs_sha384(country: Country) -> None:
    signer = cms.read(country.judge_p384.sign()).signer
    assert (signer.digest_algorithm, signer.signature_algorithm) == (algorithms.SHA384, algorithms.ECDSA_SHA384)


def test_the_same_input_gives_the_same_octets(country: Country) -> None:
    first, second = (cms.prepare(ENTITY, country.clerk.identity, NOW_US) for _ in range(2))
    assert cms.finish(first, b"signature") == cms.finish(second, b"signature")


def test_every_truncation_is_refused(country: Country) -> None:
    octets = country.clerk.sign()
    for size in range(len(octets)):
        with pytest.raises(BadDer):
            cms.read(octets[:size])


def test_octets_after_the_end_are_refused(country: Country) -> None:
    with pytest.raises(BadDer):
        cms.read(country.clerk.sign() + b"\0")


@given(st.binary(max_size=200))
def test_arbitrary_octets_raise_nothing_but_bad_der(octets: bytes) -> None:
    with pytest.raises(BadDer):
        cms.read(octets)


@given(st.data())
def test_changed_octets_raise_nothing_but_bad_der(signature: bytes, data: st.DataObject) -> None:
    octets = bytearray(signature)
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        cms.read(bytes(octets))
    except BadDer:
        pass


def rebuilt(octets: bytes, *, signers: int = 1, content: bytes = b"", attributes: bytes | None = None) -> bytes:
    """Take a signature apart and put it together in another way."""
    outer = Fields(der.read(octets))
    name, wrapper = outer.take().whole, outer.take()
    fields = Fields(next(wrapper.children()))
    version, digests, encapsulated = fields.take().whole, fields.take().whole, fields.take()
    certificates, signer = fields.take().whole, next(fields.take().children())
    if attributes is not None:
        parts = list(signer.children())
        kept = [part.whole for part in parts]
        kept[3] = attributes
        octets_of_signer = der.sequence(*kept)
    else:
        octets_of_signer = signer.whole
    inner = der.sequence(next(encapsulated.children()).whole, content)
    signed_data = der.sequence(version, digests, inner, certificates, der.write(der.SET, *[octets_of_signer] * signers))
    return der.sequence(name, der.write(der.context(0), signed_data))


def test_taking_apart_and_putting_together_changes_nothing(country: Country) -> None:
    octets = country.clerk.sign()
    assert rebuilt(octets) == octets


@pytest.mark.parametrize("signers", [0, 2])
def test_exactly_one_signer(country: Country, signers: int) -> None:
    with pytest.raises(SeveralSigners):
        cms.read(rebuilt(country.clerk.sign(), signers=signers))


def test_content_inside_is_refused(country: Country) -> None:
    """Two contents, one inside and one beside: a reader could be shown the wrong one."""
    with pytest.raises(BadDer):
        cms.read(rebuilt(country.clerk.sign(), content=der.write(der.context(0), der.write_octets(ENTITY))))


@pytest.mark.parametrize("change", ["missing", "twice", "two values"])
def test_attributes_are_there_once_with_one_value(country: Country, change: str) -> None:
    digest = der.write_octets(bytes(32))
    name = der.write_oid(cms.MESSAGE_DIGEST)
    content_type = der.sequence(der.write_oid(cms.CONTENT_TYPE), der.set_of(der.write_oid(cms.DATA)))
    one = der.sequence(name, der.set_of(digest))
    attributes = {
        "missing": [content_type],
        "twice": [content_type, one, one],
        "two values": [content_type, der.sequence(name, der.write(der.SET, digest, digest))],
    }[change]
    with pytest.raises(BadDer):
        cms.read(rebuilt(country.clerk.sign(), attributes=der.write(der.context(0), *attributes)))


def test_a_certificate_of_another_kind_of_key_cannot_sign_here() -> None:
    with pytest.raises(BadDer):
        cms.prepare(ENTITY, SigningIdentity("k", b"\x30\x00"), NOW_US)
