import pytest

from mailcore.message.index import index
from webmail.trace import findings, is_from_outside, mark


@pytest.mark.parametrize(
    ("protocol", "outside"),
    [
        ("ESMTPS", True),
        ("SMTP", True),
        ("UTF8SMTPS", True),
        ("LMTP", True),
        ("UTF8LMTP", True),
        ("ESMTPSA", False),
        ("UTF8SMTPSA", False),
        ("HTTPS", False),
    ],
)
def test_who_signed_in_here_is_told_by_our_own_trace(protocol: str, outside: bool) -> None:
    trace = f"Received: from a.example (a.example [192.0.2.1])\r\n by mx.diwan.example with {protocol} id 1\r\n"
    raw = trace + "Diwan-Acting: x@y.example\r\n\r\n"
    assert is_from_outside(index(raw.encode()).header) is outside


@pytest.mark.parametrize(("protocol", "outside"), [("ESMTPS", True), ("ESMTPSA", False)])
def test_a_letter_that_a_script_passed_on_is_what_it_was_when_it_came(protocol: str, outside: bool) -> None:
    came = f"Received: from a.example ([192.0.2.1])\r\n by mx.diwan.example with {protocol} id 1\r\n"
    results = "Authentication-Results: mx.diwan.example; dmarc=pass header.from=a.example\r\n"
    passed = "Received: by mx.diwan.example with local id 7;\r\n\tSun, 22 Nov 2026 08:00:00 +0000\r\nDiwan-Redirected: 00ff\r\n" * 2
    header = index((passed + came + results + "Subject: x\r\n\r\n").encode()).header
    assert is_from_outside(header) is outside
    assert findings(header, "MX.diwan.example") == results.encode()
    assert findings(header, "mx.other.example") == b""


def test_a_letter_without_a_trace_came_from_nowhere() -> None:
    assert not is_from_outside(index(b"Subject: x\r\n\r\n").header)


OURS = "Received: from a.example (a.example [192.0.2.1])\r\n by mx.diwan.example with ESMTPS id 1\r\n"


@pytest.mark.parametrize(
    ("header", "want"),
    [
        ("Diwan-Trace-Result: mx.diwan.example; trace=broken; node=school; hops=2\r\n" + OURS, "broken"),
        ("Diwan-Trace-Result: mx.diwan.example; trace=good; node=school; hops=2\r\n" + OURS, None),
        (OURS + "Diwan-Trace-Result: mx.diwan.example; trace=broken; node=school; hops=2\r\n", None),
        ("Diwan-Trace-Result: mx.diwan.example; trace=nonsense\r\n" + OURS, None),
        (OURS, None),
    ],
)
def test_what_is_wrong_with_the_way_is_believed_only_above_our_own_trace(header: str, want: str | None) -> None:
    found = mark(index(header.encode() + b"\r\n").header)
    assert (found and found.mark) == want
    assert is_from_outside(index(header.encode() + b"\r\n").header)
