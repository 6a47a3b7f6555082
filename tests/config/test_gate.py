"""Counting connections and requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import gate
from config.clock import SECOND_US
from config.gate import Gate, Rate
from config.networks import site


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, key: str) -> None:
    assert site(address) == key


def test_one_client_cannot_take_every_place() -> None:
    gate = Gate(total=3, per_client=2)
    assert [gate.admit("a"), gate.admit("a"), gate.admit("a"), gate.admit("b"), gate.admit("c")] == [True, True, False, True, False]
    gate.leave("a")
    assert gate.admit("c")


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_whoever_comes_in_leaves_a_place_behind(clients: list[str]) -> None:
    gate = Gate(total=5, per_client=2)
    inside = [client for client in clients if gate.admit(client)]
    assert gate.inside == len(inside) <= 5
    for client in inside:
        gate.leave(client)
    assert gate.inside == 0
    assert all(gate.admit(client) for client in "abc")


def test_a_client_asks_so_often_in_a_minute_and_is_told_when_again() -> None:
    rate = Rate(2)
    said = [
        rate.wait_s(address, seconds * SECOND_US) for address, seconds in (("a", 0), ("a", 1), ("a", 20), ("b", 20), ("a", 59), ("a", 60))
    ]
    assert said == [0, 0, 40, 0, 1, 0]
    assert [Rate(1).wait_s("a", 0), Rate(0).wait_s("a", 0), Rate(0).wait_s("a", 0)] == [0, 0, 0]


def test_a_site_is_one_client_whatever_address_of_it_asks() -> None:
    rate = Rate(1)
    assert [rate.wait_s(one, 0) for one in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")] == [0, 60, 0]


def test_who_comes_behind_very_many_shares_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "MAX_CLIENTS", 2)
    rate = Rate(1)
    assert [rate.wait_s(one, 0) for one in "abcd"] == [0, 0, 0, 60]
    assert rate.wait_s("d", 60 * SECOND_US) == 0
