"""From port 465 and from another server to a mailbox, through the real queue and the real store."""

from mailcore.queue.accept import accept
from mailcore.queue.worker import deliver as delivering
from mailcore.store.check import check, check_blobs
from tests.mailcore.queue.node import inbox
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, KARIM, LETTER
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_submit import plain


async def test_letters_from_people_and_from_servers_reach_a_mailbox_octet_by_octet(listening: Listening) -> None:
    services = listening.services
    await listening.start("smtp", accept=accept)
    await listening.start("submission", accept=accept)
    account = await services.store.open_account(await _account_id(listening))
    with services.store.bus.subscribe(account.account_id) as news:
        await listening.roles.enter_async_context(delivering(services))
        outside, inside = await listening.client("smtp"), await listening.client("submissions")
        await inside.ask(f"AUTH PLAIN {plain()}")
        assert (await deliver(outside, "a@x.example", KARIM)).startswith("250 2.0.0 queued as ")
        assert (await deliver(inside, AMINA, KARIM)).startswith("250 2.0.0 queued as ")
        while len(received := await inbox(services, KARIM)) < 2:
            assert await news.wait(20)
    assert all(raw.endswith(LETTER) for raw in received)
    assert sum(b"\r\nMessage-ID: <" in raw for raw in received) == 1
    assert await services.db.read(check) + await check_blobs(services.db, services.store) == []


async def _account_id(listening: Listening) -> int:
    return await listening.services.db.read(lambda tx: tx.value("SELECT account_id FROM address WHERE address = :a", a=KARIM))
