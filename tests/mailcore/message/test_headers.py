import pytest

from mailcore.message import headers


@pytest.mark.parametrize(
    ("raw", "want", "body"),
    [
        (b"", [], b""),
        (b"\r\nbody", [], b"body"),
        (b"\nbody", [], b"body"),
        (b"A: 1\r\nB: 2\r\n\r\nbody", [(b"A", b" 1\r\n"), (b"B", b" 2\r\n")], b"body"),
        (b"A: 1\nB: 2\n\nbody", [(b"A", b" 1\n"), (b"B", b" 2\n")], b"body"),
        (b"A: 1\r\n\tmore\r\n \r\nB:\r\n\r\n", [(b"A", b" 1\r\n\tmore\r\n \r\n"), (b"B", b"\r\n")], b""),
        (b"A : 1\r\n\r\n", [(b"A", b" 1\r\n")], b""),
        (b"A\t: 1\r\n\r\n", [(b"A", b" 1\r\n")], b""),
        (b" From: a\r\nB: 2\r\n\r\n", [(b"", b" From: a\r\n"), (b"B", b" 2\r\n")], b""),
        (b"From a@b Tue\r\nB: 2\r\n\r\n", [(b"", b"From a@b Tue\r\n"), (b"B", b" 2\r\n")], b""),
        (b"garbage\r\nB: 2\r\n\r\nx", [(b"", b"garbage\r\n"), (b"B", b" 2\r\n")], b"x"),
        (b"From\x00: a\r\n\r\n", [(b"", b"From\x00: a\r\n")], b""),
        (b"\xd8\xa7: a\r\n\r\n", [(b"", b"\xd8\xa7: a\r\n")], b""),
        (b": a\r\n\r\n", [(b"", b": a\r\n")], b""),
        (b"A: 1\rB: 2\r\n\r\n", [(b"A", b" 1\rB: 2\r\n")], b""),
        (b"A: no end", [(b"A", b" no end")], b""),
        (b"A: 1\r\nB", [(b"A", b" 1\r\n"), (b"B"[:0], b"B")], b""),
        (b"A: 1\n\r\nx\n\ny", [(b"A", b" 1\n")], b"x\n\ny"),
    ],
)
def test_scan(raw: bytes, want: list[tuple[bytes, bytes]], body: bytes) -> None:
    fields, body_start = headers.scan(raw)
    assert [(f.name, raw[f.value_start : f.end]) for f in fields] == want
    assert raw[body_start:] == body


def test_scan_stays_between_start_and_end() -> None:
    raw = b"xxA: 1\r\nB: 2\r\n\r\nyy"
    fields, body_start = headers.scan(raw, 2, 12)
    assert [raw[f.start : f.end] for f in fields] == [b"A: 1\r\n", b"B: 2"]
    assert body_start == 12


def test_fields_beyond_the_cap_are_one_malformed_line() -> None:
    raw = b"A: 1\r\n" * 1500 + b"\r\nbody"
    fields, body_start = headers.scan(raw)
    assert len(fields) == headers.MAX_FIELDS + 1
    assert fields[-1].name == b""
    assert fields[-1].end == 1500 * 6
    assert raw[body_start:] == b"body"


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (b" a\r\n", b"a"),
        (b" a\r\n b\r\n", b"a b"),
        (b"a\n\tb", b"a\tb"),
        (b"\r\n a", b"a"),
        (b"a\r\r\n b", b"a b"),
        (b"  \r\n", b""),
    ],
)
def test_unfold(value: bytes, want: bytes) -> None:
    assert headers.unfold(value) == want


def test_values_takes_the_first_of_each_name() -> None:
    raw = b"From: a\r\nfrom: b\r\nTo: c\r\n\r\n"
    assert headers.values(raw, headers.scan(raw)[0], {b"from"}) == {b"from": b"a"}


@pytest.mark.parametrize("raw", [b"a" * 2_000_000, b"a:" * 1_000_000, b" \n" * 1_000_000, b"\r" * 2_000_000])
def test_megabytes_in_one_header_are_linear(raw: bytes) -> None:
    fields, _ = headers.scan(raw)
    assert b"".join(raw[f.start : f.end] for f in fields) == raw
