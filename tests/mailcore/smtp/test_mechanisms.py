"""How SASL octets travel. RFC 4954 §4."""

import pytest

from mailcore.smtp.mechanisms import decode, encode
from mailcore.smtp.reply import AUTH_CANCELLED, BAD_AUTH, Refused, Reply


@pytest.mark.parametrize(
    ("line", "want"),
    [(b"*", AUTH_CANCELLED), (b"!", BAD_AUTH), (b"AA\r\nAA", BAD_AUTH), (b"AAA", BAD_AUTH), (b"AAAA=", BAD_AUTH), (b" AAAA", BAD_AUTH)],
)
def test_what_is_not_base64_is_refused(line: bytes, want: Reply) -> None:
    with pytest.raises(Refused) as refused:
        decode(line)
    assert refused.value.reply is want


def test_base64_both_ways() -> None:
    assert decode(encode(b"\0a\0b").encode()) == b"\0a\0b"
    assert decode(b"") == b""
