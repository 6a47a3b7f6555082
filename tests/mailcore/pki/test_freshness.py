"""What a node knows of certificates: of its own at once, of others by asking them over HTTP, and not too often."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import msgspec
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import HOUR_US, ManualClock, SystemClock
from mailcore.parts import Parts
from mailcore.pki import fetching, freshness
from mailcore.pki.publish import ANSWER_LASTS_US
from mailcore.services import Services, opened
from signing.pki import ocsp, places, revocation
from signing.pki.register import Issued
from signing.pki.revocation import Known, Material
from tests.mailcore.pki.station import Station, settings, station

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("pki_freshness")]


@dataclass
class Two:
    """A ministry that issues, and another node that trusts its root."""

    here: Station
    there: Services
    clock: ManualClock

    def path(self, one: Issued) -> list[bytes]:
        return [one.der, self.here.ministry.certificate, self.here.root.certificate]

    async def known(self, services: Services, one: Issued) -> Known:
        found = await freshness.material(services, self.path(one))
        return revocation.judge(one.der, self.here.ministry.certificate, found, self.clock.now_us())

    async def tried(self) -> dict[str, str]:
        rows = await self.there.db.read(lambda tx: tx.rows("SELECT url, failed FROM revocation_fetched"))
        return {url.removeprefix(self.here.url): failed for url, failed in rows}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    clock, folder = ManualClock(SystemClock().now_us()), tmp_path_factory.mktemp("two")
    async with station(folder / "here", clock) as here, opened(settings(folder / "there", 1, ""), clock) as there:
        yield Two(here, replace(there, roots=(here.root.certificate,)), clock)


@pytest_asyncio.fixture(loop_scope="module")
async def two(both: Two) -> Two:
    """The other node has asked for nothing yet."""
    await both.there.db.write(lambda tx: tx.execute("DELETE FROM revocation_fetched"))
    return both


async def test_our_own_are_answered_by_the_register_as_it_is(two: Two) -> None:
    one = await two.here.leaf()
    await two.here.publisher.look()
    found = await freshness.material(two.here.services, two.path(one))
    assert (len(found.crls), len(found.ocsps)) == (4, 2)  # of the leaf and of its authority
    assert (await two.known(two.here.services, one)).state == "good"
    await two.here.end(one)
    assert (await two.known(two.here.services, one)).state == "revoked"


async def test_of_what_we_never_issued_we_know_nothing(two: Two) -> None:
    one = await two.here.leaf()
    await two.here.services.db.write(lambda tx: tx.execute("DELETE FROM issued WHERE serial = :serial", serial=f"{one.serial:x}"))
    assert await two.known(two.here.services, one) == revocation.UNKNOWN


async def test_others_are_asked_and_not_again_before_the_soft_limit(two: Two) -> None:
    one = await two.here.leaf()
    assert (await two.known(two.there, one)).state == "good"
    assert await two.tried() == {"/ocsp": ""}
    await two.here.end(one)
    assert (await two.known(two.there, one)).state == "good"
    two.clock.advance(HOUR_US)
    assert (await two.known(two.there, one)).state == "revoked"


async def test_without_answers_lists_and_deltas_are_fetched(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocsp, "MAX_BYTES", 10)
    one = await two.here.leaf()
    await two.here.publisher.look()
    assert (await two.known(two.there, one)).state == "good"
    base, delta = (places.list_path(two.here.authority, places.part(one.serial), delta=kind) for kind in (False, True))
    tried = await two.tried()
    assert (tried[base], tried[delta]) == ("", "")
    assert "more than 10 octets" in tried["/ocsp"]
    await two.here.end(one)
    await two.here.publisher.look()
    two.clock.advance(HOUR_US)
    assert (await two.known(two.there, one)).state == "revoked"


async def test_what_is_away_is_good_until_its_hard_limit_and_not_asked_again_at_once(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await two.here.leaf()
    assert (await two.known(two.there, one)).state == "good"
    asked: list[str] = []

    async def away(self: fetching.Fetching, url: str, question: bytes) -> bytes:
        asked.append(url)
        raise TimeoutError

    monkeypatch.setattr(fetching.Fetching, "_got", away)
    two.clock.advance(HOUR_US)
    for _ in range(3):
        assert (await two.known(two.there, one)).state == "good"
    assert len(asked) == 2  # for the leaf and for its authority
    two.clock.advance(ANSWER_LASTS_US)
    assert (await two.known(two.there, one)).state == "unknown"


async def test_an_address_in_a_certificate_that_nobody_signed_is_not_asked(two: Two) -> None:
    """Whoever writes a letter puts certificates into it: one that only says that the root issued it leads nowhere."""
    one, key = x509.load_der_x509_certificate((await two.here.leaf()).der), ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(one.issuer, one.subject, key.public_key(), 7, one.not_valid_before_utc, one.not_valid_after_utc)
    for extension in one.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    forged = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    for path in ([forged, two.here.ministry.certificate], [forged], [(await two.here.leaf()).der, forged]):
        assert await freshness.material(two.there, [*path, two.here.root.certificate]) == Material()
    assert await two.tried() == {}


async def test_nobody_is_asked_below_a_root_that_is_not_ours_or_when_it_is_switched_off(two: Two) -> None:
    one = await two.here.leaf()
    off = msgspec.structs.replace(two.there.settings, pki=msgspec.structs.replace(two.there.settings.pki, fetch=False))
    for services in (replace(two.there, roots=()), replace(two.there, settings=off, parts=Parts())):
        assert await freshness.material(services, two.path(one)) in (Material(), Material((), ()))
    assert await two.tried() == {}
    assert await freshness.material(two.there, []) == await freshness.material(two.there, [b"x"]) == Material()
    assert await freshness.material(two.there, [b"x", b"y", two.here.root.certificate]) == Material()
