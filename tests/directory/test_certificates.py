"""Certificates of accounts: what is offered at a time."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory import certificates
from directory.errors import BadEntry

from .conftest import Ministry


def certificate(from_us: int, days: int) -> bytes:
    start = datetime.fromtimestamp(from_us // 1_000_000, UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Amina Benali")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, start + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


async def test_the_newest_valid_certificate_is_offered(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    account_id, now = ministry.amina.person_id, clock.now_us()
    old, new = certificate(now - 10 * DAY_US, 20), certificate(now - DAY_US, 5)
    await database.write(certificates.add, account_id, "sign", "k1", old, [b"issuer", b"root"])
    await database.write(certificates.add, account_id, "sign", "k2", new, [])

    async def current(at_us: int) -> str | None:
        found = await database.read(certificates.current, account_id, "sign", at_us)
        return found and found.key_id

    assert await current(now) == "k2"
    assert await current(now - 2 * DAY_US) == "k1"
    assert await current(now + 6 * DAY_US) == "k1"
    assert await current(now + 30 * DAY_US) is None
    assert await database.read(certificates.current, account_id, "decrypt", now) is None
    first = await database.read(certificates.current, account_id, "sign", now - 2 * DAY_US)
    assert first is not None
    assert (first.der, first.chain) == (old, (b"issuer", b"root"))


async def test_a_revoked_certificate_is_not_offered_any_more(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    account_id, now = ministry.registry.post_id, clock.now_us()
    await database.write(certificates.add, account_id, "sign", "k1", certificate(now - 2 * DAY_US, 9), [])
    assert await database.write(certificates.revoke, account_id, "k1") == 1
    assert await database.read(certificates.current, account_id, "sign", now) is None
    assert await database.read(certificates.current, account_id, "sign", now - DAY_US) is not None


async def test_bytes_that_are_no_certificate_are_refused(database: Database, ministry: Ministry) -> None:
    with pytest.raises(BadEntry):
        await database.write(certificates.add, ministry.amina.person_id, "sign", "k1", b"\x30\x00", [])
