"""By which right somebody acted in the post that signed, as the page says it."""

import pytest

from config.clock import SECOND_US
from mailcore.message.types import ACTING_FIELD
from signing import smime
from tests.clocks import ShiftedClock
from tests.webmail.site import EDUCATION, INTERIOR, Site, Visitor
from tests.webmail.views.conftest import Lent
from tests.webmail.views.test_encrypted import OUR_TOP, PLAIN, signed, signing_key
from tests.webmail.views.test_folder import text

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_who_acted_by_a_delegation_is_shown_with_its_decision(site: Site, visitor: Visitor, lent: Lent, later: ShiftedClock) -> None:
    delegate = site.people[EDUCATION].address
    lent.owner, lent.clerk = INTERIOR, delegate
    account = await lent.lend(["send_as"], decision="D-7/2026")
    later.ahead_us += SECOND_US  # a signature tells its moment in whole seconds
    entity = smime.entity(PLAIN, await signed(site, *await signing_key(site), PLAIN), "b-1")

    async def acting(who: str) -> str:
        top = OUR_TOP.replace(b"MIME-Version", f"{ACTING_FIELD}: {who}\r\nMIME-Version".encode())
        await site.deliver(INTERIOR, top + entity)
        page = await text(visitor, await visitor.newest(account))
        assert 'class="verdict good"' in page
        return page.partition("Acting on that day")[2].partition("</div>")[0]

    shown = await acting(delegate)
    assert f"<bdi>{delegate}</bdi> · by delegation" in shown
    assert "<bdi>D-7/2026</bdi>" in shown
    assert await acting("nobody@interieur.gov.example") == ""  # who has none
    await lent.end()
    await lent.lend(["read"])
    later.ahead_us += SECOND_US
    entity = smime.entity(PLAIN, await signed(site, *await signing_key(site), PLAIN), "b-1")
    assert await acting(delegate) == ""  # who may read alone
