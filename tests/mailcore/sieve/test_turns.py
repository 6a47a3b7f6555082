"""A long script takes no turn away from others."""

import threading

import pytest

from mailcore.queue.accept import accept
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
