"""What the role serves, judged by openssl over HTTP: `verify -crl_download`, `ocsp`, `ts`."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import pytest_asyncio

from config.clock import SystemClock
from mailcore import certify
from mailcore.stamping import stamps
from signing import der, timestamp
from signing.pki import ca, ocsp, places
from signing.pki.register import Issued
from tests.mailcore.pki.station import Station, station
from tests.signing.peers import Desk

VERIFY = "openssl verify -x509_strict -purpose smimesign -CAfile root.pem -untrusted ministry.pem"


pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("pki_role")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    async with station(tmp_path_factory.mktemp("node"), SystemClock()) as made:
        await made.publisher.look()
        yield made


def laid(desk: Desk, here: Station, one: Issued) -> Desk:
    desk.put("root.pem", ca.pem(here.root.certificate))
    desk.put("ministry.pem", ca.pem(here.ministry.certificate))
    desk.put("leaf.pem", ca.pem(one.der))
    return desk


async def says(desk: Desk, command: str) -> str:
    """What a foreign program prints; it runs beside our server."""
    done = await asyncio.to_thread(desk.run, command)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


async def get(here: Station, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.get(here.url + path, headers=headers)


@pytest.mark.peer
async def test_openssl_fetches_lists_and_deltas_by_itself(here: Station, tmp_path: Path) -> None:
    good, bad = await here.leaf(), await here.leaf()
    desk = laid(Desk(tmp_path), here, bad)
    desk.put("root.crl", (await get(here, places.list_path(here.root.key_id, places.WHOLE))).content)
    every = f"{VERIFY} -crl_download -crl_check_all -CRLfile root.crl leaf.pem"  # a root names no list of its own
    assert "leaf.pem: OK" in await says(desk, every)
    await here.end(bad)
    await here.publisher.look()
    assert "leaf.pem: OK" in await says(desk, every)  # its list is of the day
    assert "certificate revoked" in await says(desk, f"{VERIFY} -crl_download -crl_check -extended_crl -use_deltas leaf.pem")
    desk.put("leaf.pem", ca.pem(good.der))
    assert "leaf.pem: OK" in await says(desk, f"{VERIFY} -crl_download -crl_check -extended_crl -use_deltas leaf.pem")


@pytest.mark.peer
async def test_openssl_asks_and_a_revocation_is_answered_at_once(here: Station, tmp_path: Path) -> None:
    one = await here.leaf()
    desk = laid(Desk(tmp_path), here, one)
    ask = f"openssl ocsp -issuer ministry.pem -cert leaf.pem -url {here.url}/ocsp -CAfile root.pem"
    said = await says(desk, ask)
    assert "Response verify OK" in said
    assert "leaf.pem: good" in said
    await here.suspend(one)
    assert "Reason: certificateHold" in await says(desk, ask)
    await here.resume(one)
    assert "leaf.pem: good" in await says(desk, f"openssl ocsp -sha256 {ask[12:]} -no_nonce")
    await here.end(one)
    said = await says(desk, ask)
    assert "Response verify OK" in said
    assert "leaf.pem: revoked" in said
    assert "Reason: keyCompromise" in said


@pytest.mark.peer
async def test_openssl_asks_about_several_at_once(here: Station, tmp_path: Path) -> None:
    good, bad, held = await here.leaf(), await here.leaf(), await here.leaf()
    desk = laid(Desk(tmp_path), here, good)
    desk.put("bad.pem", ca.pem(bad.der)), desk.put("held.pem", ca.pem(held.der))
    await here.end(bad)
    await here.suspend(held)
    ask = f"openssl ocsp -url {here.url}/ocsp -CAfile root.pem -issuer ministry.pem -cert leaf.pem"
    said = await says(desk, f"{ask} -cert bad.pem -serial 4711 -sha256 -cert held.pem")
    assert "Response verify OK" in said
    stated = [line for line in said.splitlines() if ": " in line and line.split(": ")[0] in ("leaf.pem", "bad.pem", "4711", "held.pem")]
    assert stated == ["leaf.pem: good", "bad.pem: revoked", "4711: unknown", "held.pem: revoked"]
    assert "Reason: keyCompromise" in said
    assert "Reason: certificateHold" in said
    await here.resume(held)
    assert "held.pem: good" in await says(desk, f"{ask} -cert held.pem")
    assert "unauthorized" in await says(desk, f"{ask} -issuer root.pem -cert ministry.pem")  # each authority has a responder of its own
    assert "malformed" in await says(desk, ask + " -serial 1" * ocsp.MAX_ASKED)


async def test_an_answer_about_several_is_signed_for_whoever_asks_unless_all_are_unknown(here: Station) -> None:
    one, other = await here.leaf(), await here.leaf()
    issuer = here.ministry.certificate
    questions = {(one.serial, other.serial): 1, (one.serial, 4711): 1, (4711, 4712): 0}
    await here.answers.to(asking(issuer, one.serial, other.serial))  # makes who answers
    for serials, signatures in questions.items():
        before = (await here.services.signer.status()).signatures
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(here.url + "/ocsp", content=asking(issuer, *serials))
        got = await get(here, "/ocsp/" + quote(base64.b64encode(asking(issuer, *serials)).decode(), safe=""))
        made = sum((await here.services.signer.status()).signatures.values()) - sum(before.values())
        assert (made, answer.headers["cache-control"], got.headers["cache-control"]) == (2 * signatures, "no-store", "no-store")
        if not signatures:
            assert answer.content == got.content == ocsp.refusal(ocsp.UNAUTHORIZED)
            continue
        assert not ocsp.read(answer.content, issuer, one.serial).revoked_us
        if other.serial not in serials:
            with pytest.raises(ValueError, match="does not know"):
                ocsp.read(answer.content, issuer, 4711)


def asking(issuer: bytes, *serials: int) -> bytes:
    return der.sequence(der.sequence(der.sequence(*[der.sequence(ocsp.identifier(issuer, serial)) for serial in serials])))


@pytest.mark.peer
async def test_openssl_accepts_a_stamp_by_http(here: Station, tmp_path: Path) -> None:
    with pytest.raises(timestamp.Refused, match="at the moment"):
        timestamp.read_response(await stamps(here.services).answer(b""))  # there is no authority of time yet
    await certify.found(here.services, "Racine", ["localhost"])
    desk = Desk(tmp_path)
    desk.put("stamped", b"octets of a signature")
    await says(desk, "openssl ts -query -data stamped -sha256 -cert -out question")
    async with httpx.AsyncClient(trust_env=False) as http:
        kind = {"content-type": "application/timestamp-query"}
        answer = await http.post(here.url + "/tsa", content=desk.get("question"), headers=kind)
        refused = await http.post(here.url + "/tsa", content=b"\x30\x00", headers=kind)
        assert (await http.post(here.url + "/tsa", content=desk.get("question"))).status_code == 415
    assert answer.headers["content-type"] == "application/timestamp-reply"
    desk.put("answer", answer.content)
    roots = here.services.settings.keys / "root.pem"
    assert "Verification: OK" in await says(desk, f"openssl ts -verify -queryfile question -in answer -CAfile {roots}")
    with pytest.raises(timestamp.Refused, match="not a request"):
        timestamp.read_response(refused.content)


async def test_a_question_by_get_may_be_kept_by_caches(here: Station) -> None:
    """In base64 however it is escaped; RFC 5019 §6.2."""
    one = await here.leaf()
    octets = ocsp.request(here.ministry.certificate, one.serial)
    written = base64.b64encode(octets).decode()
    answers = [await get(here, "/ocsp/" + form) for form in (quote(written, safe=""), quote(written, safe="/+="), written.rstrip("="))]
    assert len({answer.content for answer in answers}) == 1
    answer = answers[0]
    assert answer.headers["content-type"] == "application/ocsp-response"
    assert "public, max-age=300" in answer.headers["cache-control"]
    assert not ocsp.read(answer.content, here.ministry.certificate, one.serial).revoked_us
    again = await get(here, "/ocsp/" + quote(written, safe=""), **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_who_is_not_known_is_told_so_unsigned_and_uncached(here: Station) -> None:
    status = await here.services.signer.status()
    questions = {
        "never issued": (ocsp.request(here.ministry.certificate, 4711), ocsp.UNAUTHORIZED),
        "another authority": (ocsp.request(here.root.certificate, 4711), ocsp.UNAUTHORIZED),
        "nonsense": (b"\x30\x03\x02\x01\x01", ocsp.MALFORMED),
        "nothing": (b"", ocsp.MALFORMED),
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        for asked, want in questions.values():
            answer = await http.post(here.url + "/ocsp", content=asked, headers={"content-type": "application/ocsp-request"})
            assert answer.content == ocsp.refusal(want)
            assert answer.headers["cache-control"] == "no-store"
        assert (await http.post(here.url + "/ocsp", content=bytes(10_000))).status_code == 413
    assert (await get(here, "/ocsp/%%%")).content == ocsp.refusal(ocsp.MALFORMED)
    assert (await here.services.signer.status()).signatures == status.signatures


async def test_certificates_of_authorities_and_nothing_else_are_served(here: Station) -> None:
    answer = await get(here, f"/ca/{here.authority}.cer")
    assert (answer.content, answer.headers["content-type"]) == (here.ministry.certificate, "application/pkix-cert")
    listed = await get(here, places.list_path(here.authority, places.WHOLE))
    assert listed.headers["content-type"] == "application/pkix-crl"
    for path in (
        "/ca/ca-none.cer",
        "/ca/..",
        f"/crl/{here.authority}/16.crl",
        "/crl/none/all.crl",
        "/crl/x/all.crl.bak",
        "/",
        "/evidence/",
    ):
        assert (await get(here, path)).status_code == 404, path


async def test_files_of_the_log_are_served_and_nothing_beside_them(here: Station) -> None:
    folder = here.services.settings.data / "evidence"
    (folder / "tile/0").mkdir(parents=True)
    (folder / "tile/0/000").write_bytes(b"tile")
    (folder / "checkpoint").write_bytes(b"note")
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(folder.parent / "secret")
    tile, note = await get(here, "/evidence/tile/0/000"), await get(here, "/evidence/checkpoint")
    assert (tile.content, "immutable" in tile.headers["cache-control"]) == (b"tile", True)
    assert (note.content, note.headers["cache-control"]) == (b"note", "no-cache")
    for path in ("../secret", "%2e%2e/secret", "tile/../../secret", "link", "tile", "tile/0/001", "a" * 300, "a" * 100 + "/b" * 9, "%00"):
        assert (await get(here, "/evidence/" + path)).status_code == 404, path
