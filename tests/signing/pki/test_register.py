"""The register of certificates, on both engines, with real certificates that throw-away keys signed."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from config.clock import DAY_US, SECOND_US, ManualClock
from config.database import Database
from signing.errors import CertificateRefused, NoSuchCertificate
from signing.pki import published, register
from signing.pki.register import Ended, New

KEY = ec.generate_private_key(ec.SECP256R1())
CA = "ca-interieur.gov.example"


def certificate(serial: int, now_us: int, days: int = 730) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "أمينة بن علي")])
    start = datetime.fromtimestamp(now_us // SECOND_US, UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(serial)
    builder = builder.public_key(KEY.public_key())
    return (
        builder.not_valid_before(start).not_valid_after(start + timedelta(days=days)).sign(KEY, hashes.SHA256()).public_bytes(Encoding.DER)
    )


async def issued(database: Database, clock: ManualClock, serial: int, days: int = 730) -> None:
    der = certificate(serial, clock.now_us(), days)
    await database.write(register.add, CA, der, New("sign", f"sign-{serial}", 7, "amina@interieur.gov.example"))


async def test_what_was_issued_is_found_as_it_was(database: Database, clock: ManualClock) -> None:
    serial = 2**158 + 0xABCDEF
    await issued(database, clock, serial)
    one = await database.read(register.find, CA, serial)
    assert (one.kind, one.key_id, one.account_id, one.state) == ("sign", f"sign-{serial}", 7, "good")
    assert x509.load_der_x509_certificate(one.der).serial_number == one.serial == serial
    assert one.is_good(one.not_before_us)
    assert one.is_good(one.not_after_us)
    assert not one.is_good(one.not_after_us + SECOND_US)
    assert await database.read(register.named, "40:00:00:00") == one
    assert await database.read(register.of_key, one.key_id) == [one]


async def test_a_second_entry_changes_nothing(database: Database, clock: ManualClock) -> None:
    await issued(database, clock, 5)
    await database.write(register.revoke, CA, 5, "keyCompromise")
    await issued(database, clock, 5)
    assert (await database.read(register.find, CA, 5)).state == "revoked"


async def test_what_was_never_issued_is_refused(database: Database, clock: ManualClock) -> None:
    await issued(database, clock, 0x5100000051)
    await issued(database, clock, 0x5100000052)
    for number, authority in ((9, CA), (0x5100000051, "ca-other")):
        with pytest.raises(NoSuchCertificate):
            await database.read(register.find, authority, number)
    for written in ("51", "5100000051x", "5100000099", "51000000", "51000000%", ""):
        with pytest.raises(NoSuchCertificate):
            await database.read(register.named, written)
    assert (await database.read(register.named, "0x5100000051")).serial == 0x5100000051


async def test_lists_and_deltas_say_what_ended_and_what_was_resumed(database: Database, clock: ManualClock) -> None:
    for serial in (1, 2, 3):
        await issued(database, clock, serial)
    start_us, to_us = clock.now_us(), (await database.read(register.find, CA, 1)).not_after_us
    await database.write(register.suspend, CA, 1)
    await database.write(register.suspend, CA, 2)
    clock.advance(60 * SECOND_US)
    later_us = clock.now_us()
    await database.write(register.resume, CA, 1)
    await database.write(register.revoke, CA, 2, "affiliationChanged")
    await database.write(register.revoke, CA, 3, "keyCompromise")
    whole = await database.read(register.revoked, CA)
    assert whole == [Ended(2, start_us, "affiliationChanged", to_us), Ended(3, later_us, "keyCompromise", to_us)]
    delta = await database.read(register.revoked, CA, later_us)
    assert {one.serial: one.reason for one in delta} == {1: "removeFromCRL", 2: "affiliationChanged", 3: "keyCompromise"}
    assert await database.read(register.revoked, CA, later_us + 1) == []
    assert await database.read(register.revoked, "ca-other") == []
    assert await database.read(published.changes) == {CA: later_us}


async def test_an_end_is_an_end(database: Database, clock: ManualClock) -> None:
    await issued(database, clock, 1)
    with pytest.raises(CertificateRefused, match="suspended"):
        await database.write(register.resume, CA, 1)
    with pytest.raises(CertificateRefused, match="keyCompromise"):
        await database.write(register.revoke, CA, 1, "certificateHold")
    await database.write(register.revoke, CA, 1)
    for unit in (register.suspend, register.resume, register.revoke):
        with pytest.raises(CertificateRefused, match="for ever"):
            await database.write(unit, CA, 1)


async def test_what_runs_out_is_announced_once_until_it_is_replaced(database: Database, clock: ManualClock) -> None:
    for serial, days in ((1, 10), (2, 20), (3, 90), (4, 10), (5, 1)):
        await issued(database, clock, serial, days)
    await database.write(register.revoke, CA, 4)
    clock.advance(2 * DAY_US)
    soon_us = clock.now_us() + 30 * DAY_US
    first, second = await database.read(register.expiring, soon_us)
    assert (first.serial, second.serial) == (1, 2)
    since_us = clock.now_us() - DAY_US
    assert [await database.write(register.warn, first, since_us) for _ in range(2)] == [True, False]
    await database.write(register.succeed, first, 3)
    assert [one.serial for one in await database.read(register.expiring, soon_us)] == [2]
    assert (await database.read(register.find, CA, 1)).successor == 3


async def test_those_who_issue_and_lists_by_kind(database: Database, clock: ManualClock) -> None:
    await database.write(register.add, "ca-root", certificate(1, clock.now_us()), New("root", "ca-root"))
    await database.write(register.add, "ca-root", certificate(2, clock.now_us()), New("authority", CA))
    await issued(database, clock, 3)
    assert [(one.authority, one.key_id) for one in await database.read(register.authorities)] == [("ca-root", "ca-root"), ("ca-root", CA)]
    await database.write(register.suspend, CA, 3)
    assert [one.serial for one in await database.read(register.listed, state="suspended")] == [3]
    assert [one.kind for one in await database.read(register.listed, kind="root")] == ["root"]
    assert await database.read(register.listed, address="nobody@x.example") == []
