"""A signature judged whole: by two judges, one of them in a worker, with lists and answers that are really signed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing import signers, worker
from signing.cms import SigningIdentity
from signing.judging import Judging, overall
from signing.pki import places
from signing.pki.crl import Entry, Head
from signing.pki.ocsp import Said
from signing.pki.revocation import Material
from tests.signing.country import ADDRESS, CHANGED, ENTITY, Country, Holder
from tests.signing.pki.issuing import DAY_US, HOUR_US, KEY_ID, NOW_US, URL, Issuing, usage

A = Issuing()
CLERK, CLOCK = 0x11110, 0x22220  # serial numbers of one part
HEAD = Head(5, NOW_US - DAY_US, NOW_US + DAY_US, since_us=NOW_US - 1000 * DAY_US)
PART = replace(HEAD, part=places.places(URL, KEY_ID, CLERK).base, fresh=places.places(URL, KEY_ID, CLERK).delta)
DELTA = replace(PART, number=6, this_update_us=NOW_US - HOUR_US, base=5, fresh="")
BEFORE, AFTER = NOW_US - 20 * DAY_US, NOW_US - 2 * DAY_US  # the letter is of ten days ago
SIGNED_US = NOW_US - 10 * DAY_US


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    yield
    worker.close()


def holder(serial: int, *, clock: bool = False, days: int = 700) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.TIME_STAMPING if clock else ExtendedKeyUsageOID.EMAIL_PROTECTION
    extra: list[tuple[x509.ExtensionType, bool]] = [(x509.ExtendedKeyUsage([purpose]), clock)]
    extra += [] if clock else [(x509.SubjectAlternativeName([x509.RFC822Name(ADDRESS)]), False)]
    extra += [(one, False) for one in places.extensions(places.places(URL, KEY_ID, serial))]
    return Holder(key, SigningIdentity("", A._made("Greffe", key, serial, extra, usage(digital_signature=True), days), ()))


WHO, WATCH = holder(CLERK), holder(CLOCK, clock=True)
RETIRED = holder(CLERK, days=-5)  # good when it signed, run out since
PLAIN, STAMPED = WHO.sign(when_us=SIGNED_US), WHO.sign(when_us=SIGNED_US, clock=WATCH)


def gone(serial: int, at_us: int, reason: str = "keyCompromise") -> Entry:
    return Entry(serial, at_us, reason)


def listed(*entries: Entry, answers: Sequence[bytes] = ()) -> Material:
    return Material((A.lists(PART, *entries), A.lists(DELTA)), tuple(answers))


@dataclass
class Lists:
    """What can be had, and how often it was asked for."""

    material: Material
    asked: int = 0

    async def find(self, path: Sequence[bytes]) -> Material:
        assert len(path) == 2
        self.asked += 1
        return self.material


async def judged(material: Material, cms: bytes = STAMPED, *, entity: bytes = ENTITY) -> tuple[str, str, int | None]:
    verdict = await Judging([A.certificate_once], Lists(material).find).judge(entity, cms, ADDRESS, NOW_US)
    return verdict.code, verdict.status, verdict.proven_us


@pytest.mark.parametrize(
    ("cms", "entries", "wanted"),
    [
        (PLAIN, [], ("TOTAL_PASSED", "valid", None)),
        (STAMPED, [], ("TOTAL_PASSED", "valid", SIGNED_US)),
        (STAMPED, [gone(CLERK, BEFORE)], ("REVOKED", "invalid", SIGNED_US)),
        (STAMPED, [gone(CLERK, AFTER)], ("TOTAL_PASSED", "valid", SIGNED_US)),
        (PLAIN, [gone(CLERK, AFTER)], ("REVOKED_NO_POE", "undecided", None)),
        (PLAIN, [gone(CLERK, BEFORE)], ("REVOKED_NO_POE", "undecided", None)),
        (PLAIN, [gone(CLERK, AFTER, "certificateHold")], ("TRY_LATER", "undecided", None)),
        (STAMPED, [gone(CLOCK, AFTER, "superseded")], ("TOTAL_PASSED", "valid", SIGNED_US)),
        (STAMPED, [gone(CLOCK, AFTER)], ("TOTAL_PASSED", "valid", None)),  # its stamps prove nothing, the rest is good
        (STAMPED, [gone(CLOCK, AFTER), gone(CLERK, AFTER)], ("REVOKED_NO_POE", "undecided", None)),
        (STAMPED, [gone(CLOCK, BEFORE, "superseded"), gone(CLERK, AFTER)], ("REVOKED_NO_POE", "undecided", None)),
    ],
)
async def test_revocation_is_weighed_by_what_a_stamp_proves(cms: bytes, entries: list[Entry], wanted: tuple[str, str, int | None]) -> None:
    assert await judged(listed(*entries), cms) == wanted


async def test_without_lists_it_stays_open() -> None:
    assert await judged(Material(), PLAIN) == ("CERTIFICATE_CHAIN_GENERAL_FAILURE", "undecided", None)
    old = replace(PART, this_update_us=NOW_US - 9 * DAY_US, next_update_us=NOW_US - 8 * DAY_US)
    assert (await judged(Material((A.lists(old),)), PLAIN))[1] == "undecided"


async def test_an_answer_does_as_well_as_a_list() -> None:
    fresh = Said(NOW_US - HOUR_US, NOW_US + HOUR_US)
    assert await judged(Material(ocsps=(A.answer(CLERK, fresh),)), PLAIN) == ("TOTAL_PASSED", "valid", None)
    blocked = replace(fresh, revoked_us=AFTER, reason="keyCompromise")
    assert await judged(Material(ocsps=(A.answer(CLERK, blocked),)), PLAIN) == ("REVOKED_NO_POE", "undecided", None)


async def test_what_has_run_out_is_judged_by_what_is_proven() -> None:
    assert await judged(listed(), RETIRED.sign(when_us=SIGNED_US, clock=WATCH)) == ("TOTAL_PASSED", "valid", SIGNED_US)
    assert await judged(listed(), RETIRED.sign(when_us=SIGNED_US)) == ("OUT_OF_BOUNDS_NOT_REVOKED", "undecided", None)
    assert await judged(Material(), RETIRED.sign(when_us=SIGNED_US)) == ("OUT_OF_BOUNDS_NO_POE", "undecided", None)
    blocked = listed(gone(CLERK, AFTER))
    assert await judged(blocked, RETIRED.sign(when_us=SIGNED_US)) == ("REVOKED_NO_POE", "undecided", None)


async def test_a_changed_text_is_red_whatever_the_lists_say() -> None:
    assert await judged(Material(), entity=CHANGED) == ("HASH_FAILURE", "invalid", SIGNED_US)


async def test_a_path_is_judged_once_for_many_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    lists, asked = Lists(listed()), []
    judging, real = Judging([A.certificate_once], lists.find), worker.ask

    async def counted(*arguments: object) -> object:
        asked.append(arguments)
        return await real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "ask", counted)
    for _ in range(3):
        assert (await judging.judge(ENTITY, WHO.sign(when_us=SIGNED_US), ADDRESS, NOW_US)).status == "valid"
    assert (len(asked), lists.asked) == (1, 3)
    lists.material = listed(gone(CLERK, AFTER))  # a new list is seen at once
    assert (await judging.judge(ENTITY, PLAIN, ADDRESS, NOW_US)).reason_key == "revoked_since"
    assert len(asked) == 2


async def test_the_second_judge_can_refuse_what_the_first_accepts(monkeypatch: pytest.MonkeyPatch) -> None:
    for limits, reason in (({"MAX_WAITING": 0}, "busy"), ({"CPU_S": 0, "MAX_FRAME_BYTES": 10}, "too_costly")):
        with monkeypatch.context() as patched:
            for name, value in limits.items():
                patched.setattr(worker, name, value)
            verdict = await Judging([A.certificate_once], Lists(listed()).find).judge(ENTITY, PLAIN, ADDRESS, NOW_US)
            assert (verdict.status, verdict.reason_key, verdict.trusted_until_us) == ("undecided", reason, None)


async def test_a_certificate_that_names_no_place_is_taken_as_its_issuer_left_it(country: Country) -> None:
    async def nothing(_: Sequence[bytes]) -> Material:
        return Material()

    judging = Judging([country.root.certificate], nothing)
    verdict = await judging.judge(ENTITY, country.clerk.sign(when_us=NOW_US, clock=country.clock), ADDRESS, NOW_US + 10**9)
    assert (verdict.status, verdict.proven_us) == ("valid", NOW_US)
    assert verdict.trusted_until_us is not None
    assert len(verdict.path) == len(verdict.stamp_path) == 3


async def test_each_signer_has_a_verdict_the_author_first(country: Country) -> None:
    async def nothing(_: Sequence[bytes]) -> Material:
        return Material()

    judging, at_us = Judging([country.root.certificate], nothing), NOW_US + 10**9
    together = signers.join(country.stranger.sign(when_us=NOW_US), country.clerk.sign(when_us=NOW_US))
    author, sealer = await judging.each(ENTITY, together, ADDRESS, at_us)
    assert (author.status, author.address) == ("valid", ADDRESS)
    assert (sealer.address, sealer.reason_key) == ("clerk@finances.gov.example", "outside_domain")
    assert overall((author, sealer)) == sealer
    nobody, *_ = await judging.each(ENTITY, together, "x@interieur.gov.example", at_us)
    assert nobody.status != "valid"
    assert [one.code for one in await judging.each(ENTITY, b"no signature", ADDRESS, at_us)] == ["FORMAT_FAILURE"]
    assert {one.code for one in await judging.each(CHANGED, together, ADDRESS, at_us)} == {"HASH_FAILURE"}
