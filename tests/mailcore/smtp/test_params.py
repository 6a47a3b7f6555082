"""Parameters of MAIL and RCPT. RFC 1870, RFC 3461 §4, RFC 4954 §5, RFC 6152, RFC 6531 §3.4, RFC 6533 §3."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.params import MailParameters, RecipientParameters, mail_parameters, recipient_parameters, xtext
from mailcore.smtp.reply import Refused

MAIL = [
    (b"", MailParameters()),
    (b" SIZE=1234", MailParameters(size_bytes=1234)),
    (b" size=0 body=8bitmime", MailParameters(body="8BITMIME")),
    (b" BODY=7BIT  SMTPUTF8", MailParameters(smtputf8=True)),
    (b" RET=hdrs ENVID=QQ+2B314", MailParameters(ret="HDRS", envid="QQ+314")),
    (b" RET=FULL", MailParameters(ret="FULL")),
    (b" AUTH=<>", MailParameters()),
    (b" AUTH=a+2Bb@x.example", MailParameters(auth="a+b@x.example")),
]

RECIPIENT = [
    (b"", RecipientParameters()),
    (b" NOTIFY=never", RecipientParameters(frozenset({"NEVER"}))),
    (b" NOTIFY=SUCCESS,failure,DELAY", RecipientParameters(frozenset({"SUCCESS", "FAILURE", "DELAY"}))),
    (b" ORCPT=rfc822;Bob+2BX@x.example", RecipientParameters(orcpt="rfc822;Bob+X@x.example")),
    (b" ORCPT=UTF-8;\\x{645}@x.example", RecipientParameters(orcpt="utf-8;م@x.example")),
    (" ORCPT=utf-8;م@x.example".encode(), RecipientParameters(orcpt="utf-8;م@x.example")),
]

MAIL_REFUSED = [
    (b" SIZE", 501), (b" SIZE=x", 501), (b" SIZE=-1", 501), (b" SIZE=" + b"9" * 21, 501), (b" SIZE=1 SIZE=1", 501),
    (b" BODY=BINARY", 501), (b" BODY", 501), (b" SMTPUTF8=1", 501), (b" RET=ALL", 501), (b" ENVID=a+0Ab", 501),
    (b" ENVID=a+2", 501), (b" ENVID=+ZZ", 501), (b" ENVID=" + b"a" * 101, 501), (b" HOLDFOR=0", 501), (b" X=1", 555),
    (b" REQUIRETLS=", 501), (b" =1", 501), (b" SIZE=1=2", 501), (b" \xff", 501), (b" NOTIFY=NEVER", 555), (b" AUTH=+FF", 501),
]  # fmt: skip

RECIPIENT_REFUSED = [
    (b" NOTIFY=", 501), (b" NOTIFY=NEVER,SUCCESS", 501), (b" NOTIFY=SUCCESS,SUCCESS", 501), (b" NOTIFY=LATER", 501),
    (b" ORCPT=a@x", 501), (b" ORCPT=rfc822;", 501), (b" ORCPT=x400;a", 501), (b" ORCPT=rfc822;a+0D+0Ab", 501),
    (b" ORCPT=rfc822;a ORCPT=rfc822;a", 501), (b" ORCPT=utf-8;\\x{110000}", 501), (b" ORCPT=utf-8;\\x{D800}", 501), (b" SIZE=1", 555),
    (b" ORCPT=rfc822;" + b"a" * 500, 501), (b" ORCPT=utf-8;\\x{A}", 501),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "want"), MAIL)
def test_mail_parameters_are_read(octets: bytes, want: MailParameters) -> None:
    assert mail_parameters(octets) == want


@pytest.mark.parametrize(("octets", "want"), RECIPIENT)
def test_recipient_parameters_are_read(octets: bytes, want: RecipientParameters) -> None:
    assert recipient_parameters(octets) == want


@pytest.mark.parametrize(("octets", "code"), MAIL_REFUSED)
def test_bad_mail_parameters_are_501_and_unknown_ones_555(octets: bytes, code: int) -> None:
    with pytest.raises(Refused) as refused:
        mail_parameters(octets)
    assert (refused.value.reply.code, refused.value.reply.status) == (code, "5.5.4")


@pytest.mark.parametrize(("octets", "code"), RECIPIENT_REFUSED)
def test_bad_recipient_parameters_are_501_and_unknown_ones_555(octets: bytes, code: int) -> None:
    with pytest.raises(Refused) as refused:
        recipient_parameters(octets)
    assert (refused.value.reply.code, refused.value.reply.status) == (code, "5.5.4")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_xtext_decodes_what_was_encoded(text: str) -> None:
    encoded = "".join(c if c not in "+=" and c != " " else f"+{ord(c):02X}" for c in text)
    assert xtext(encoded.encode()) == text


@given(st.binary(max_size=60))
def test_any_octets_are_parameters_or_refused(octets: bytes) -> None:
    for read in (mail_parameters, recipient_parameters):
        with contextlib.suppress(Refused):
            read(octets)
