"""Who is not told of what, by what it says of itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap import capabilities
from mailcore.imap.quirks import QUIRKS, hidden

OUTLOOK = frozenset(("IDLE", "CONDSTORE", "QRESYNC"))


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        ((("name", "Microsoft Outlook"), ("version", "16.0.17328.20550")), OUTLOOK),
        ((("name", "microsoft outlook"), ("version", "16")), OUTLOOK),
        ((("name", "Microsoft Outlook"), ("version", "15.0.5589")), frozenset()),
        ((("name", "Microsoft Outlook"), ("version", "17.1")), frozenset()),
        ((("name", "Microsoft Outlook"),), frozenset()),
        ((("version", "16.0"),), frozenset()),
        ((("name", "Thunderbird"), ("version", "128.0")), frozenset()),
        ((), frozenset()),
    ],
)
def test_a_client_is_known_by_name_and_version(fields: tuple[tuple[str, str], ...], want: frozenset[str]) -> None:
    assert hidden(fields) == want


@given(st.lists(st.tuples(st.sampled_from(["name", "version", "os"]), st.text(max_size=40))))
def test_whatever_a_client_says_of_itself(fields: list[tuple[str, str]]) -> None:
    assert hidden(fields) <= OUTLOOK


def test_every_row_says_why_and_hides_what_there_is() -> None:
    for quirk in QUIRKS:
        assert quirk.reason
        assert quirk.source
        assert quirk.name == quirk.name.casefold()
        assert quirk.hides <= {*capabilities.ALWAYS, *capabilities.SIGNED_IN, *capabilities.ENABLES}
