"""Whoever has one IPv6 address has all of its /64: listeners count them as one client. RFC 6177 §2."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import Imap
from directory.ldap import server as ldap
from mailcore.imap import server as imap
from mailcore.managesieve import server as managesieve

HERE, BESIDE, ELSEWHERE = "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"


def _imap() -> Any:
    listener = imap.Listener.__new__(imap.Listener)
    settings = SimpleNamespace(imap=Imap(max_connections_per_address=1))
    listener.services, listener._connections, listener._by_peer = SimpleNamespace(settings=settings), set(), Counter()  # type: ignore[assignment]
    return listener


def _ldap() -> Any:
    return ldap.Listener(None, ldap.Room(9, 1, 1, 1), lambda transport: None)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("made", [_imap, _ldap])
def test_a_network_has_the_places_of_one_client(made: Any) -> None:
    listener = made()
    coming = [_Connection(one) for one in (HERE, BESIDE, ELSEWHERE)]
    assert [listener.admit(one) for one in coming] == [True, False, True]
    for one in coming:
        listener.forget(one)
    assert listener.admit(coming[1])


class _Connection:
    def __init__(self, address: str) -> None:
        self.peer = self.address = address


class _Writer:
    """What a connection of ManageSieve is to its listener: an address, and what is said to it."""

    def __init__(self, address: str) -> None:
        self.address, self.said, self.transport = address, b"", self

    def get_extra_info(self, name: str) -> tuple[str, int]:
        return (self.address, 1)

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def write(self, octets: bytes) -> None:
        self.said += octets

    def close(self) -> None:
        pass


async def test_managesieve_counts_a_network_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managesieve, "MAX_PER_ADDRESS", 1)
    entered, go_on = asyncio.Event(), asyncio.Event()

    class Waiting:
        def __init__(self, *_: object) -> None:
            pass

        async def serve(self) -> None:
            entered.set()
            await go_on.wait()

    monkeypatch.setattr(managesieve, "Connection", Waiting)
    listener: Any = managesieve.Listener.__new__(managesieve.Listener)
    listener._tasks, listener._by_address, listener._services, listener._tls = set(), Counter(), None, None
    first, second = _Writer(HERE), _Writer(BESIDE)
    async with asyncio.TaskGroup() as group:
        group.create_task(listener._accept(None, first))
        await entered.wait()
        await listener._accept(None, second)
        go_on.set()
    assert (first.said, second.said[:3]) == (b"", b"BYE")
