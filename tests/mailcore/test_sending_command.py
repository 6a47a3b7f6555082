"""`diwan sending`: what people and administrations may send."""

import json
from pathlib import Path

import pytest

from directory.errors import BadEntry
from mailcore import sending
from tests.directory.commands.test_register_commands import diwan, fund, node

__all__ = ["fund", "node"]

LEILA = "leila@cnas.example"


@pytest.mark.parametrize(("text", "now", "want"), [("", 7, 7), ("5", 7, 5), ("none", 7, 0), ("Default", 7, None), ("", None, None)])
def test_limits_are_numbers_none_or_default(text: str, now: int | None, want: int | None) -> None:
    assert sending.limit(text, now) == want


@pytest.mark.parametrize(("text", "want"), [("flash", 6), ("Routine", 0), ("9", 9), ("default", None), ("", 3)])
def test_priorities_have_names(text: str, want: int | None) -> None:
    assert sending.priority(text, 3) == want


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "١"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(BadEntry, match="is no limit"):
        sending.limit(text, None)


@pytest.mark.parametrize("text", ["10", "-1", "urgent"])
def test_what_is_no_priority_is_refused(text: str) -> None:
    with pytest.raises(BadEntry, match="is no priority"):
        sending.priority(text, None)


def test_limits_are_set_kept_and_shown(fund: Path) -> None:
    diwan(fund, "sending", "set", LEILA, "--messages-hour", "5", "--priority", "flash")
    diwan(fund, "sending", "set", LEILA, "--recipients-day", "none")
    found = json.loads(diwan(fund, "sending", "show", LEILA, "--json").stdout)
    assert found["limits"] == {"messages_hour": 5, "messages_day": None, "recipients_hour": None, "recipients_day": 0, "priority": 6}
    assert found["messages_last_day"] == 0
    shown = diwan(fund, "sending", "show", LEILA).stdout
    assert [line.split("  ")[-1].strip() for line in shown.splitlines()[1:]] == [
        "5",
        "5,000, as the settings say",
        "5,000, as the settings say",
        "no limit",
        "highest priority: 6",
    ]


def test_an_administration_is_named_by_its_code(fund: Path) -> None:
    diwan(fund, "sending", "set", "cnas", "--messages-day", "1000")
    assert json.loads(diwan(fund, "sending", "show", "cnas", "--json").stdout)["limits"]["messages_day"] == 1000
