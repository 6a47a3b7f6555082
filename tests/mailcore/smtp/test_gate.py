"""Counting connections and memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.networks import site
from mailcore.smtp.gate import Gate, Memory


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


def test_memory_is_given_only_while_there_is_some() -> None:
    memory = Memory(10)
    assert [memory.take(6), memory.take(5), memory.take(4)] == [True, False, True]
    memory.give(6)
    assert memory.left_bytes == 6
