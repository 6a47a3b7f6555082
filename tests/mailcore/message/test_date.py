import datetime
import email.utils

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.message.date import format_date, internaldate, parse_date

US = 1_741_079_532_000_000  # 2025-03-04 09:12:12 UTC


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (b"Tue, 04 Mar 2025 10:12:12 +0100", US),
        (b" Tue, 4 Mar 2025 09:12:12 +0000 (UTC)\r\n", US),
        (b"4 Mar 2025 09:12:12 GMT", US),
        (b"Tue, 4 Mar 25 04:12:12 EST", US),
        (b"Tue,  4 March 2025 09:12:12", US),
        (b"Tuesday, 04-Mar-25 09:12:12 GMT", US),
        (b"Tue, 4 Mar 2025 09:12 Z", US - 12_000_000),
        (b"Tue, 4 Mar 2025 14:42:12 +0530", US),
        (b"Tue, 4 Mar 2025 01:12:12 -0800", US),
        (b"1 Jan 70 00:00:00 +0000", 0),
        (b"31 Dec 1969 23:59:59 +0000", -1_000_000),
        (b"29 Feb 2023 00:00:00 +0000", None),
        (b"32 Jan 2023 00:00:00 +0000", None),
        (b"1 Foo 2023 00:00:00 +0000", None),
        (b"1 Jan 2023 24:00:00 +0000", None),
        (b"1 Jan 2023 00:60:00 +0000", None),
        (b"1 Jan 0000 00:00:00 +0000", None),
        (b"", None),
        (b"yesterday", None),
        (b"\xff" * 1000, None),
    ],
)
def test_parse(value: bytes, want: int | None) -> None:
    assert parse_date(value) == want


@settings(max_examples=100, deadline=None)
@given(st.integers(-2_000_000_000, 200_000_000_000), st.integers(-840, 840))
def test_what_is_written_reads_back_here_and_in_the_standard_library(seconds: int, offset_min: int) -> None:
    shown = format_date(seconds * 1_000_000, offset_min)
    assert parse_date(shown.encode()) == seconds * 1_000_000
    assert email.utils.parsedate_to_datetime(shown).timestamp() == seconds


def test_internaldate_has_a_fixed_width() -> None:
    assert internaldate(US) == b'" 4-Mar-2025 09:12:12 +0000"'
    assert internaldate(US + 10 * 86_400_000_000) == b'"14-Mar-2025 09:12:12 +0000"'


@pytest.mark.parametrize("us", [-(10**30), 10**30])
def test_instants_beyond_the_calendar_are_held_at_its_ends(us: int) -> None:
    assert len(internaldate(us)) == 28
    assert format_date(us, 840)


def test_epoch_is_the_unix_epoch() -> None:
    assert format_date(0) == datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
