"""Who can be written to in secret: known from what they signed, as long as it is theirs, in force, and the newest."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import DAY_US, ManualClock
from config.database import Database
from mailcore import correspondents
from mailcore.correspondents import Known
from signing import capabilities, cms, signers
from signing.cms import SigningIdentity
from tests.signing.readers import NOW, Reader, certified, reader

ADDRESS = "reader@elsewhere.example"
ENTITY = b"Content-Type: text/plain\r\n\r\nText.\r\n"
NOW_US = int(NOW.timestamp()) * 1_000_000
GCM, CBC = capabilities.AES256_GCM, capabilities.AES256_CBC


def signed(holder: Reader, encryption: bytes) -> bytes:
    """Return a signature that tells of a certificate to encrypt for."""
    to_sign = cms.prepare(ENTITY, SigningIdentity("", holder.certificate, (), encryption), NOW_US)
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    return cms.finish(to_sign, holder.key.sign(to_sign.digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))


def announced(holder: Reader, encryption: bytes, address: str = ADDRESS, at_us: int = NOW_US) -> Known | None:
    return correspondents.announced(signed(holder, encryption), (holder.certificate, holder.issuer), address, at_us)


def test_a_signature_tells_which_certificate_to_write_to_and_what_is_read_there() -> None:
    holder, encryption = reader("p256", common_name="Signer"), reader("rsa").certificate
    assert announced(holder, encryption) == Known(encryption, frozenset(capabilities.OURS), (holder.issuer,))
    assert announced(holder, b"") == Known(holder.certificate, frozenset(), (holder.issuer,))


@pytest.mark.parametrize(("address", "days"), [("other@elsewhere.example", 0), (ADDRESS, 31), (ADDRESS, -1)])
def test_what_is_not_theirs_or_not_in_force_is_not_believed(address: str, days: int) -> None:
    assert announced(reader("p256", common_name="Signer"), reader("rsa").certificate, address, NOW_US + days * DAY_US) is None


def test_a_certificate_of_another_issuer_is_not_believed() -> None:
    holder = reader("p256", common_name="Signer")
    key = ec.generate_private_key(ec.SECP256R1())
    foreign = certified(key.public_key(), issuer=(key, certified(key.public_key()))).public_bytes(Encoding.DER)
    assert announced(holder, foreign) is None


@pytest.mark.parametrize("octets", [b"", b"no signature"])
def test_what_is_no_signature_tells_nothing(octets: bytes) -> None:
    assert correspondents.announced(octets, (reader("rsa").certificate, reader("rsa").issuer), ADDRESS, NOW_US) is None


def test_a_certificate_that_was_added_to_a_signature_is_not_believed() -> None:
    """Whoever resends a good signature may add certificates to it, but changes nothing that was signed."""
    holder, told, added = reader("p256", common_name="Signer"), reader("rsa"), reader("p384", common_name="Former")
    octets = signed(holder, told.certificate)
    more = signers.join(octets, signed(holder, added.certificate))
    both = signers.split(more).each  # each has the certificates of both
    found = {
        one.certificate
        for one in (correspondents.announced(each, (holder.certificate, holder.issuer), ADDRESS, NOW_US) for each in both)
        if one
    }
    assert found == {told.certificate, added.certificate}
    assert all(added.certificate in each and told.certificate in each for each in both)


async def test_the_last_that_was_signed_counts_until_it_runs_out(database: Database, clock: ManualClock) -> None:
    old = Known(reader("rsa").certificate, frozenset({CBC}), (reader("rsa").issuer,))
    new = Known(reader("p256").certificate, frozenset({GCM, CBC}), (reader("rsa").issuer,))
    assert await database.write(correspondents.learn, "Reader@Elsewhere.Example", old, 1_000)
    assert await database.write(correspondents.learn, "Reader@elsewhere.example", new, 2_000)
    assert not await database.write(correspondents.learn, "Reader@elsewhere.example", old, 1_500)
    assert await database.read(correspondents.find, "Reader@ELSEWHERE.example") == new
    assert await database.read(correspondents.find, ADDRESS) is None  # local parts differ
    asked = ["Reader@elsewhere.example", "nobody@elsewhere.example", "no address"]
    assert await database.read(correspondents.known_of, asked) == dict(zip(asked, (new, None, None), strict=True))
    clock.advance(NOW_US - clock.now_us() + 31 * DAY_US)
    assert await database.read(correspondents.find, "Reader@elsewhere.example") is None
