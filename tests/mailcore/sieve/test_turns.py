"""A long script takes no turn away from others."""

import threading

import pytest

from mailcore.queue import listing, queue
from mailcore.queue.accept import accept
from mailcore.queue.local import serve
from mailcore.queue.worker import drain
from mailcore.sieve import delivery
from mailcore.sieve.compile import Script
from tests.mailcore.queue.node import KARIM, inbox, letter, submission
from tests.mailcore.sieve.test_delivery import folder, use


@pytest.fixture
def database_url():
    return "sqlite"


LONG = 'if header :contains "subject" "nothing of the kind" { discard; }' * 100


@pytest.mark.parametrize(
    ("script", "text", "apart"),
    [
        ("", "bonjour", False),
        (LONG, "bonjour", True),
        ('if body :contains "nothing of the kind" { discard; }', "bonjour", False),
        ('if body :contains "nothing of the kind" { discard; }', "bonjour\r\n" * delivery.INLINE_BYTES, True),
    ],
)
async def test_what_takes_long_runs_apart_and_ends_the_same(services, monkeypatch, script, text, apart):
    ended, run = [], Script.run

    def noted(*given, **more):
        outcome = run(*given, **more)
        ended.append(threading.current_thread() is not threading.main_thread())
        return outcome

    monkeypatch.setattr(Script, "run", noted)
    monkeypatch.setattr(delivery, "INLINE_STEPS", 100)
    await use(services, KARIM, 'require ["body","fileinto"];' + script + 'fileinto "Archive";')
    await accept(services, submission(KARIM, raw=letter(text)))
    await drain(services)
    assert ended == [apart]
    assert [octets for octets, _ in await folder(services, KARIM, "Archive")] == [letter(text)]
    assert await inbox(services, KARIM) == []


async def test_a_script_is_asked_once_for_all_addresses_of_its_owner(services, monkeypatch):
    asked, run = [], Script.run
    monkeypatch.setattr(Script, "run", lambda *given, **more: asked.append(1) or run(*given, **more))
    await use(services, KARIM, 'require ["fileinto","copy"]; redirect :copy "clerk@elsewhere.example"; fileinto "Archive";')
    local, _, domain = KARIM.partition("@")
    await accept(services, submission(*(f"{local}+{number}@{domain}" for number in range(20)), raw=letter()))
    leases = await services.db.write(queue.lease_local, "me", services.clock.now_us() + 1_000_000, 50)
    await serve(services, leases)
    assert len(leases) == 20
    assert len(asked) == 1
    assert len(await folder(services, KARIM, "Archive")) == 1
    assert [each.address for each in await services.db.read(listing.listing)] == ["clerk@elsewhere.example"]
