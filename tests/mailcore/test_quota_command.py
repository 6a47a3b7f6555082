"""`diwan quota`: sizes as people write them, and what the commands show and change."""

import json
from pathlib import Path

import pytest

from config.commands import ask
from config.database import Tx
from directory.commands.finding import account
from directory.errors import BadEntry, NotFound
from mailcore import quota
from tests.directory.commands.test_register_commands import diwan, fund, node

__all__ = ["fund", "node"]

LEILA = "leila@cnas.example"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        *(("0", 0), ("12", 12), ("500M", 500 << 20), ("20g", 20 << 30), ("1 TiB", 1 << 40), ("64KB", 65_536), ("none", None)),
        *(("1.5G", 3 << 29), ("1,5 GiB", 3 << 29), ("0,25m", 1 << 18)),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, octets: int | None) -> None:
    assert quota.size(text) == octets


@pytest.mark.parametrize("text", ["", "much", "1.5", "1,500M", "1.G", ".5G", "20X", "9" * 13])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadEntry, match="is no size"):
        quota.size(text)


@pytest.mark.parametrize(("text", "count"), [("0", 0), (" 50000 ", 50_000), ("None", None)])
def test_numbers_of_messages_are_numbers(text: str, count: int | None) -> None:
    assert quota.number(text) == count


@pytest.mark.parametrize("text", ["", "abc", "5K", "1.5", "9" * 13])
def test_what_is_no_number_is_refused_as_such(text: str) -> None:
    with pytest.raises(BadEntry, match="is no number of messages"):
        quota.number(text)


def test_what_is_negative_is_refused_by_name() -> None:
    with pytest.raises(BadEntry, match=r"--storage cannot be negative: '-1G'"):
        quota.size("-1G")
    with pytest.raises(BadEntry, match=r"--messages cannot be negative: '-5'"):
        quota.number("-5")


def shown(node: Path, *arguments: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(diwan(node, "quota", "show", *arguments, "--json").stdout)
    return found


def test_a_quota_of_ones_own_is_set_and_reset(fund: Path) -> None:
    everybody = shown(fund)
    diwan(fund, "quota", "set", LEILA, "--storage", "20G")
    own = shown(fund, LEILA)
    assert (own["storage_limit_bytes"], own["messages_limit"], own["own"]) == (20 << 30, everybody["messages_limit"], True)
    diwan(fund, "quota", "default", "--storage", "none", "--messages", "5")
    diwan(fund, "quota", "reset", LEILA)
    nothing = {"storage_bytes": 0, "messages": 0}
    assert shown(fund, LEILA) == {**shown(fund), **nothing, "address": LEILA, "own": False}
    assert shown(fund)["storage_limit_bytes"] is None


def test_people_read_it_as_a_table(fund: Path) -> None:
    said = diwan(fund, "quota", "show", LEILA).stdout
    assert "octets" in said
    assert "everybody's" in said


def test_everybodys_limits_hold_nothing(fund: Path) -> None:
    said = diwan(fund, "quota", "show").stdout
    assert "held" not in said
    assert said.endswith("for every account without its own\n")


def test_the_answer_repeats_the_limit_and_warns_who_is_over_it(fund: Path) -> None:
    assert "50,000 messages\n" in diwan(fund, "quota", "default", "--messages", "50000").stdout
    assert diwan(fund, "quota", "show", "--all").stdout.startswith("no account has a quota of its own")
    done = diwan(fund, "quota", "set", LEILA, "--storage", "1,5G")
    assert f"{LEILA}: {3 << 29:,} octets, 50,000 messages\n" in done.stdout
    assert "warning" not in done.output
    assert f"{LEILA}: {3 << 29:,} octets, no limit of messages\n" in diwan(fund, "quota", "set", LEILA, "--messages", "none").stdout
    assert f"{LEILA}  0       {3 << 29:,}" in diwan(fund, "quota", "show", "--all").stdout
    ask(fund, _hold, 900)
    assert "warning" not in diwan(fund, "quota", "set", LEILA, "--storage", "900").output
    done = diwan(fund, "quota", "set", LEILA, "--storage", "899")
    assert f"warning: {LEILA} holds 900 octets already" in done.output
    [listed] = json.loads(diwan(fund, "quota", "show", "--all", "--json").stdout)
    assert (listed["address"], listed["storage_bytes"], listed["storage_limit_bytes"], listed["percent"]) == (LEILA, 900, 899, 100)


def _hold(tx: Tx, octets: int) -> None:
    leila = account(tx, LEILA).account_id
    tx.execute(
        """INSERT INTO mailbox (account_id, mailbox_id, name, name_fold, role, uidvalidity, uid_next, highest_modseq, message_count,
           unseen_count, size_bytes) VALUES (:id, 1, 'INBOX', 'inbox', 'inbox', 1, 2, 1, 1, 0, :octets)""",
        id=leila,
        octets=octets,
    )


def test_an_address_or_all(fund: Path) -> None:
    assert diwan(fund, "quota", "show", LEILA, "--all").exit_code == 2


def test_bad_wishes_are_refused(fund: Path) -> None:
    with pytest.raises(BadEntry, match="say what"):
        diwan(fund, "quota", "set", LEILA)
    with pytest.raises(NotFound):
        diwan(fund, "quota", "show", "nobody@cnas.example")
