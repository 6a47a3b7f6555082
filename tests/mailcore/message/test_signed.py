"""Where S/MIME signatures stand in letters."""

import pytest

from mailcore.message.index import index
from mailcore.message.signed import signed

SIGNATURE = "Content-Type: application/{kind}\r\n\r\nMAAA\r\n"
PARTED = "Content-Type: multipart/{kind}; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n{second}\r\n--b--\r\n"
FORWARDED = "Content-Type: message/rfc822\r\n\r\n" + SIGNATURE.format(kind="pkcs7-signature")


@pytest.mark.parametrize(
    ("letter", "paths"),
    [
        (PARTED.format(kind="signed", second=SIGNATURE.format(kind="pkcs7-signature")), ("1", "2")),
        (PARTED.format(kind="signed", second=SIGNATURE.format(kind="x-pkcs7-signature")), ("1", "2")),
        (PARTED.format(kind="mixed", second=SIGNATURE.format(kind="pkcs7-signature")), None),
        (PARTED.format(kind="signed", second=SIGNATURE.format(kind="pgp-signature")), None),
        (PARTED.format(kind="signed", second=FORWARDED), None),
        (SIGNATURE.format(kind="pkcs7-signature"), None),
    ],
)
def test_the_second_of_two_parts_is_itself_the_signature(letter: str, paths: tuple[str, str] | None) -> None:
    found = signed(index(letter.encode()).header.spans)
    assert (None if found is None else tuple(one.path for one in found)) == paths
