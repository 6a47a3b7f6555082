"""Whose seal stands beside a signature: the post's own, else its unit's; a person has none."""

import pytest

from config.database import Tx
from directory import certificates, posts
from tests.webmail.site import INTERIOR, Site
from webmail import sealing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_post_has_its_own_seal_else_that_of_its_unit(site: Site) -> None:
    post = await site.account(INTERIOR)

    def tried(tx: Tx) -> None:
        own, unit = sealing.find(tx, post, tx.now_us), posts.find(tx, post).unit_id
        assert own is not None
        certificates.add(tx, unit, sealing.SEAL, "seal-of-the-unit", own.der, own.chain)
        assert sealing.find(tx, post, tx.now_us) == own
        certificates.revoke(tx, post, own.key_id)
        for account in (post, unit):
            found = sealing.find(tx, account, tx.now_us)
            assert found is not None
            assert (found.account_id, found.key_id) == (unit, "seal-of-the-unit")
        certificates.revoke(tx, unit, "seal-of-the-unit")
        assert sealing.find(tx, post, tx.now_us) is None
        certificates.restore(tx, post, own.key_id)

    await site.services.db.write(tried)


async def test_a_person_has_no_seal_whatever_was_issued(site: Site) -> None:
    person, post = site.people[INTERIOR].person_id, await site.account(INTERIOR)

    def tried(tx: Tx) -> None:
        own = sealing.find(tx, post, tx.now_us)
        assert own is not None
        certificates.add(tx, person, sealing.SEAL, "seal-of-a-person", own.der, own.chain)
        assert sealing.find(tx, person, tx.now_us) is None
        certificates.revoke(tx, person, "seal-of-a-person")

    await site.services.db.write(tried)
