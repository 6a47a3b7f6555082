"""What is put in front of a message. RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3."""

import pytest

from mailcore.smtp import trace
from mailcore.smtp.trace import Hop


@pytest.mark.parametrize(
    ("flags", "want"),
    [
        ((False, False, False, False), "SMTP"),
        ((True, False, False, False), "ESMTP"),
        ((True, True, False, False), "ESMTPS"),
        ((True, True, True, False), "ESMTPSA"),
        ((True, False, False, True), "UTF8SMTP"),
        ((True, True, True, True), "UTF8SMTPSA"),
    ],
)
def test_the_protocol_is_named_by_what_was_used(flags: tuple[bool, bool, bool, bool], want: str) -> None:
    assert trace.protocol(*flags) == want


@pytest.mark.parametrize(("recipient", "told"), [("b@y.example", True), ("", False), ("أمينة@y.example", False), ("b@" + "y" * 220, False)])
def test_the_recipient_is_told_when_it_fits(recipient: str, told: bool) -> None:
    octets = trace.received(Hop("c.example ([192.0.2.1])", "mx.example", "ESMTP", "id1", recipient, "the date"))
    assert (b"for <" in octets) is told
    assert octets.startswith(b"Received: from c.example ([192.0.2.1])\r\n\tby mx.example with ESMTP id id1")
    assert octets.endswith(b";\r\n\tthe date\r\n")


def test_an_ipv6_address_is_tagged() -> None:
    assert trace.literal("2001:db8::1") == "[IPv6:2001:db8::1]"
    assert trace.literal("192.0.2.1") == "[192.0.2.1]"
