"""Failure windows: growing locks per account and network, small pauses for everybody else, bounded memory."""

import pytest

from config.clock import HOUR_US, SECOND_US
from directory.signin import windows
from directory.signin.windows import ACCOUNT_FREE, FORGET_US, FREE_LOOKS, FREE_TRIES, KNOWN_US, MAX_PAUSE_S, NETWORK_FREE, Windows

NOW = 1_000 * HOUR_US


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("unix", "unix"),
        ("", ""),
    ],
)
def test_a_peer_counts_for_its_network(peer: str, network: str) -> None:
    assert windows.network_of(peer) == network


def failed(state: Windows, times: int, account: str = "a", network: str = "n") -> Windows:
    for _ in range(times):
        state.begin(account, network, NOW)
    return state


def test_the_first_tries_are_free() -> None:
    assert failed(Windows(), FREE_TRIES - 1).locked_s("a", "n", NOW) == 0


def test_each_further_failure_doubles_the_lock_up_to_a_quarter_of_an_hour() -> None:
    assert failed(Windows(), FREE_TRIES).locked_s("a", "n", NOW) == 1
    assert failed(Windows(), FREE_TRIES + 3).locked_s("a", "n", NOW) == 8
    assert failed(Windows(), FREE_TRIES + 500).locked_s("a", "n", NOW) == 900


def test_a_lock_holds_for_one_account_in_one_network() -> None:
    state = failed(Windows(), FREE_TRIES + 3)
    assert state.locked_s("b", "n", NOW) == 0
    assert state.locked_s("a", "m", NOW) == 0


def test_failures_are_forgotten() -> None:
    assert failed(Windows(), 1000).locked_s("a", "n", NOW + FORGET_US) == 0
    assert failed(Windows(), 1000).pause_s("a", "m", NOW + FORGET_US) == 0


def test_success_opens_the_lock_and_does_not_help_a_guesser_elsewhere() -> None:
    state = failed(failed(Windows(), FREE_TRIES), FREE_TRIES, network="far")
    state.succeeded("a", "n", NOW)
    assert state.locked_s("a", "n", NOW) == 0
    assert state.locked_s("a", "far", NOW) == 1


def test_one_password_on_many_accounts_is_held_back_by_network() -> None:
    state = Windows()
    for n in range(NETWORK_FREE + 10):
        state.begin(f"account {n}", "n", NOW)
    assert state.pause_s("another", "n", NOW) == pytest.approx(1.0)
    assert state.pause_s("another", "m", NOW) == 0


def test_a_pause_is_short_and_spares_networks_that_are_known() -> None:
    state = failed(Windows(), ACCOUNT_FREE + 1000)
    assert state.pause_s("a", "elsewhere", NOW) == MAX_PAUSE_S
    state.succeeded("a", "home", NOW)
    assert state.pause_s("a", "home", NOW) == 0
    assert state.pause_s("a", "elsewhere", NOW + SECOND_US) == MAX_PAUSE_S


def test_memory_is_bounded_by_forgetting_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_ENTRIES", 10)
    state = failed(Windows(), FREE_TRIES)
    for n in range(9):
        state.begin(f"account {n}", f"network {n}", NOW)
    assert state.locked_s("a", "n", NOW) == 1
    state.begin("one more", "network", NOW)
    assert state.locked_s("a", "n", NOW) == 0


def test_an_address_that_the_account_is_known_from_is_a_place_of_its_own() -> None:
    windows = Windows()
    assert windows.place("amina", "192.0.2.7", NOW) == "192.0.2.0/24"
    windows.succeeded("amina", "192.0.2.0/24", NOW, "192.0.2.7")
    assert windows.place("amina", "192.0.2.7", NOW) == "192.0.2.7"
    for _ in range(FREE_TRIES):
        windows.begin("amina", windows.place("amina", "192.0.2.8", NOW), NOW)
    assert windows.locked_s("amina", windows.place("amina", "192.0.2.8", NOW), NOW)
    assert not windows.locked_s("amina", windows.place("amina", "192.0.2.7", NOW), NOW)
    assert windows.place("amina", "192.0.2.7", NOW + KNOWN_US) == "192.0.2.0/24"


def test_behind_a_lock_few_answers_are_looked_at_and_only_at_a_known_place() -> None:
    windows = Windows()
    assert not windows.look("amina", "192.0.2.7", NOW)
    windows.know("amina", "192.0.2.7", NOW)
    assert all(windows.look("amina", "192.0.2.7", NOW) for _ in range(FREE_LOOKS))
    assert not windows.look("amina", "192.0.2.7", NOW)
    windows.looked_well("amina", "192.0.2.7")
    assert windows.look("amina", "192.0.2.7", NOW)
