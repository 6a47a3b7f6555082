"""What is published when: lists of the day, deltas of the hour and at once, answers beforehand."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import HOUR_US, SECOND_US, ManualClock
from mailcore.pki import lasting, lists_commands, publish
from signing.errors import CertificateRefused
from signing.pki import ocsp, places, published, register, revocation
from signing.pki.crl import Head
from signing.pki.places import PARTS, WHOLE
from signing.pki.published import List
from signing.pki.register import Issued, New
from signing.pki.revocation import Known, Material
from tests.mailcore.pki.station import DAY_US, Station, loaded, station
from tests.signing.pki.issuing import Issuing

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("pki_publish")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_for_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Station, ManualClock]]:
    clock = ManualClock()
    async with station(tmp_path_factory.mktemp("node"), clock) as made:
        yield made, clock


@pytest.fixture
def clock(one_for_all: tuple[Station, ManualClock]) -> ManualClock:
    return one_for_all[1]


@pytest_asyncio.fixture(loop_scope="module")
async def here(one_for_all: tuple[Station, ManualClock]) -> Station:
    """A day later, with everything just published."""
    made, clock = one_for_all
    clock.advance(DAY_US)
    await made.publisher.look(everything=True)
    return made


async def listed(here: Station, part: int, *, delta: bool = False) -> List:
    found = await here.services.db.read(published.find, here.authority, part, delta=delta)
    assert found is not None
    return found


async def known(here: Station, one: Issued, *, delta: bool = True, part: bool = True) -> Known:
    number = places.part(one.serial) if part else WHOLE
    kinds = (False, True) if delta else (False,)
    octets = tuple([(await listed(here, number, delta=kind)).octets for kind in kinds])
    return revocation.judge(one.der, here.ministry.certificate, Material(octets), here.services.clock.now_us())


async def test_a_life_in_lists(here: Station, clock: ManualClock) -> None:
    """Good, suspended, resumed, revoked: in the delta at once, in the list with the next day."""
    one, other = await here.leaf(), await here.leaf()
    assert one.serial != other.serial
    await here.publisher.look()
    first = await listed(here, WHOLE)
    assert (await known(here, one)).state == "good"
    clock.advance(HOUR_US // 2)
    await here.suspend(one)
    await here.publisher.look()
    for part in (True, False):
        assert (await known(here, one, part=part)).state == "suspended"
        assert (await known(here, one, part=part, delta=False)).state == "good"
        assert (await known(here, other, part=part)).state == "good"
    clock.advance(SECOND_US)
    await here.resume(one)
    await here.publisher.look()
    assert (await known(here, one)).state == "good"
    clock.advance(SECOND_US)
    await here.end(one, "superseded")
    ended_us = clock.now_us()
    await here.publisher.look()
    assert (await known(here, one)) == Known("revoked", ended_us, "superseded", ended_us, ended_us + publish.DELTA_LASTS_US)
    assert await listed(here, WHOLE) == first
    clock.advance(DAY_US)
    await here.publisher.look()
    again = await listed(here, WHOLE)
    assert again.number > first.number
    assert (await known(here, one, delta=False)).state == "revoked"
    assert (await known(here, other, delta=False)).state == "good"
    base, delta = await listed(here, places.part(one.serial)), await listed(here, places.part(one.serial), delta=True)
    assert delta.base == base.number < delta.number


async def test_nothing_is_made_anew_before_its_time(here: Station, clock: ManualClock) -> None:
    one = await here.leaf()
    await here.publisher.look(everything=True)
    before = await here.services.db.read(published.heads, here.authority)
    answer = await here.services.db.read(published.standing, here.authority, one.serial)
    assert len(before) == 2 * (PARTS + 1)
    clock.advance(HOUR_US - SECOND_US)
    await here.publisher.look(everything=True)
    assert await here.services.db.read(published.heads, here.authority) == before
    assert await here.services.db.read(published.standing, here.authority, one.serial) == answer
    clock.advance(SECOND_US)
    await here.publisher.look(everything=True)
    after = await here.services.db.read(published.heads, here.authority)
    assert {key for key in after if after[key] != before[key]} == {key for key in before if key[1]}
    clock.advance(publish.ANSWER_EVERY_US)
    await here.publisher.look(everything=True)
    assert await here.services.db.read(published.standing, here.authority, one.serial) != answer


async def test_a_quick_look_sees_changes_and_leaves_what_time_does_to_others(here: Station, clock: ManualClock) -> None:
    one = await here.leaf()
    await here.publisher.look(quick=True)
    before = await here.services.db.read(published.heads, here.authority)
    await here.end(one)
    await here.publisher.look(quick=True)
    after = await here.services.db.read(published.heads, here.authority)
    assert {key for key in after if after[key] != before[key]} == {(WHOLE, True), (places.part(one.serial), True)}
    clock.advance(DAY_US)
    await here.publisher.look(quick=True)
    assert await here.services.db.read(published.heads, here.authority) == after
    await here.publisher.look()
    assert await here.services.db.read(published.heads, here.authority) != after


async def test_answers_are_there_before_anybody_asks_and_without_the_signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "BATCH", 2)
    async with station(tmp_path, ManualClock()) as here:
        every = [await here.leaf() for _ in range(5)]
        await here.publisher.look(everything=True)
        later = await here.leaf()
        await here.services.signer.close()
        for one in every:
            answer = await here.answers.to(ocsp.request(here.ministry.certificate, one.serial))
            assert not ocsp.read(answer.octets, here.ministry.certificate, one.serial).revoked_us
        answer = await here.answers.to(ocsp.request(here.ministry.certificate, later.serial))
        assert answer.octets == ocsp.refusal(ocsp.TRY_LATER)


async def test_an_answer_that_no_longer_holds_is_not_served(here: Station, clock: ManualClock) -> None:
    one = await here.leaf()
    asked = ocsp.request(here.ministry.certificate, one.serial)
    first = await here.answers.to(asked)
    assert await here.answers.to(asked) == first
    clock.advance(publish.ANSWER_LASTS_US)
    second = await here.answers.to(asked)
    assert second.this_update_us > first.this_update_us
    await here.end(one)
    said = ocsp.read((await here.answers.to(asked)).octets, here.ministry.certificate, one.serial)
    assert (said.revoked_us, said.reason) == (clock.now_us(), "keyCompromise")


async def test_the_responder_is_renewed_with_its_key(here: Station, clock: ManualClock) -> None:
    one = await here.leaf()
    await here.answers.to(ocsp.request(here.ministry.certificate, one.serial))
    key_id = f"ocsp-{here.authority}"
    [first] = await here.services.db.read(register.of_key, key_id)
    clock.advance(first.not_after_us - clock.now_us() - 10 * DAY_US)
    answer = await here.answers.to(ocsp.request(here.ministry.certificate, one.serial))
    assert ocsp.read(answer.octets, here.ministry.certificate, one.serial).this_update_us == clock.now_us() // SECOND_US * SECOND_US
    newest, _ = await here.services.db.read(register.of_key, key_id)
    assert newest.not_after_us > first.not_after_us
    assert loaded(newest.der).public_key() == loaded(first.der).public_key()


async def test_an_authority_whose_key_is_elsewhere_keeps_nobody_else_from_being_published(here: Station) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    offline = Issuing("Hors ligne", key).certificate()
    await here.services.db.write(register.add, "ca-offline", offline, New("root", "ca-offline"))
    await here.publisher.look(everything=True)
    assert await here.services.db.read(published.heads, "ca-offline") == {}
    assert await here.services.db.read(published.heads, here.authority)


async def test_lists_that_end_soon_are_an_alarm(here: Station, clock: ManualClock) -> None:
    """At half of their life: then nobody has made new ones for days."""
    own = {"ca-nation", here.authority}
    found, waiting = await here.services.db.read(lasting.standing)
    assert not {one.authority for one in found if one.alarm} & own
    assert f'diwan_revocation_lasts_seconds{{authority="ca-nation",kind="list"}} {7 * 86_400}' in list(lasting.lines((found, waiting)))
    clock.advance(publish.DELTA_LASTS_US // 2)
    found = await here.services.db.read(published.lasting)
    assert {(one.authority, one.delta) for one in found if one.alarm and one.authority in own} == {(key_id, True) for key_id in own}
    good, said = lasting.said(found)
    assert not good
    assert "ca-nation" in said
    assert lasting.said([]) == (True, "lists of revoked certificates are fresh")


async def test_lists_made_elsewhere_are_taken_when_they_are_newer(here: Station, clock: ManualClock) -> None:
    offline = Issuing("Ailleurs", ec.generate_private_key(ec.SECP384R1()))
    stranger = Issuing("Ailleurs", ec.generate_private_key(ec.SECP384R1()))
    db, now_us, year_us = here.services.db, clock.now_us(), 365 * DAY_US
    await db.write(register.add, "ca-elsewhere", offline.certificate_once, New("root", "ca-elsewhere"))
    head = Head(now_us, now_us, now_us + year_us)
    taken = await db.write(lists_commands.take_list, offline.lists(head))
    assert (taken.authority, taken.part, taken.kind, taken.number) == ("ca-elsewhere", "all", "list", now_us)
    part = replace(head, part=f"http://other.example{places.list_path('ca-elsewhere', 3)}", base=now_us, number=now_us + 1)
    pem = x509.load_der_x509_crl(offline.lists(part)).public_bytes(Encoding.PEM)
    taken = await db.write(lists_commands.take_list, pem)
    assert (taken.part, taken.kind) == ("3", "delta")
    shown = {parts: await db.read(lists_commands.standing, "ca-elsewhere", parts=parts) for parts in (False, True)}
    assert [[one.part for one in shown[parts]] for parts in (False, True)] == [["all"], ["all", "3"]]
    refused = {
        "as new as this one": offline.lists(head),
        "run out": offline.lists(Head(now_us + 2, now_us - 9, now_us)),
        "no list of an authority": stranger.lists(head),
        "not published here": offline.lists(replace(head, part="http://x.example/other.crl", number=now_us + 3)),
        "no list in PEM": b"-----BEGIN X509 CRL-----\n",
    }
    for why, octets in refused.items():
        with pytest.raises(CertificateRefused, match=why):
            await db.write(lists_commands.take_list, octets)
    with pytest.raises(CertificateRefused, match="no list of an authority"):
        await db.write(lists_commands.take_list, b"")
    await here.publisher.look()
    assert (await db.read(published.heads, "ca-elsewhere"))[WHOLE, False].number == now_us
