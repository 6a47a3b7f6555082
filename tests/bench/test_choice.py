"""What the command line chooses: parts of the IMAP table share one run, because they share the mailboxes that are filled."""

from functools import partial

from bench.__main__ import IMAP_PARTS, SECTIONS, chosen


def test_nothing_chosen_is_everything() -> None:
    assert chosen(None) == list(SECTIONS.values())


def test_parts_of_the_imap_table_are_measured_together() -> None:
    (work,) = chosen(["imap-store", "imap-page", "imap-store"])
    assert isinstance(work, partial)
    assert work.keywords == {"parts": ("store", "page")}


def test_the_whole_imap_table_holds_its_parts() -> None:
    assert chosen(["imap-store", "imap"]) == [SECTIONS["imap"]]
    assert {
        "flags",
        "envelopes",
        "headers",
        "page",
        "bodies",
        "store",
        "append",
        "select",
        "trips",
        "search",
        "idle",
        "memory",
        "sign-in",
    } == set(IMAP_PARTS.values())
