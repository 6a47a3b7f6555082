"""A letter of our own ministry, judged by a node with its own register, lists and answers: what a certificate comes to is seen at once."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from config.clock import SystemClock
from mailcore.judging import judging
from mailcore.pki.freshness import material
from signing import worker
from signing.cms import SigningIdentity
from signing.judging import Judging
from signing.pki import ca, register
from signing.pki.profiles import Subject
from signing.pki.register import Issued, New
from signing.pki.revocation import Material
from tests.mailcore.pki.station import Station, station
from tests.signing.country import CHANGED, ENTITY, Holder, public_octets

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("judging")]

ADDRESS = "bureau@interieur.gov.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Station]:
    async with station(tmp_path_factory.mktemp("node"), SystemClock()) as made:
        await made.publisher.look()
        yield made
    worker.close()


async def holder(here: Station) -> tuple[Holder, Issued]:
    """Somebody of the ministry, with a key that is here, in the register."""
    key, now_us = ec.generate_private_key(ec.SECP256R1()), here.services.clock.now_us()
    subject = Subject("مكتب الضبط", "وزارة", "", (ADDRESS,))
    made = await ca.issue(here.services.signer, here.ministry, "sign", subject, public_octets(key), now_us, url=here.url)
    noted = await here.services.db.write(register.add, here.authority, made, New("sign", "k", 7, ADDRESS))
    return Holder(key, SigningIdentity("", made, here.ministry.issued_chain)), noted


async def judged(here: Station, cms: bytes, entity: bytes = ENTITY) -> str:
    judge = Judging([here.root.certificate], partial(material, here.services))
    return (await judge.judge(entity, cms, ADDRESS, here.services.clock.now_us())).reason_key


async def test_what_becomes_of_a_certificate_is_seen_in_the_next_verdict(here: Station) -> None:
    clerk, noted = await holder(here)
    signature = clerk.sign(when_us=here.services.clock.now_us())
    assert await judged(here, signature) == "good"
    assert await judged(here, signature, CHANGED) == "changed"
    await here.suspend(noted)
    assert await judged(here, signature) == "suspended"
    await here.resume(noted)
    assert await judged(here, signature) == "good"
    await here.end(noted)
    assert await judged(here, signature) == "revoked_since"


async def test_lists_alone_are_enough(here: Station) -> None:
    """Both judges accept the parts and deltas that are published."""
    clerk, noted = await holder(here)
    await here.publisher.look()
    signature = clerk.sign(when_us=here.services.clock.now_us())

    async def lists(path: Sequence[bytes]) -> Material:
        return Material((await material(here.services, path)).crls)

    judge = Judging([here.root.certificate], lists)
    assert (await judge.judge(ENTITY, signature, ADDRESS, here.services.clock.now_us())).reason_key == "good"
    await here.end(noted)
    await here.publisher.look()
    assert (await judge.judge(ENTITY, signature, ADDRESS, here.services.clock.now_us())).reason_key == "revoked_since"


async def test_a_node_has_one_judge(here: Station) -> None:
    assert judging(here.services) is judging(here.services)
