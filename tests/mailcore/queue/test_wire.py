import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.queue import wire
from mailcore.queue.types import Lease, Queued, Reply, queue_name, queue_number
from mailcore.store.types import BlobId

ALL = {"size": "1000", "8bitmime": "", "smtputf8": "", "dsn": ""}
HEADER = b"Subject: x\r\n\r\n"


def message(sender="a@x.example", envid="", ret="", smtputf8=False):
    return Queued(1, BlobId(b"b"), b"", 10, sender, None, envid, ret, smtputf8, 0, 0)


def lease(address="b@y.example", notify=(), orcpt=""):
    return Lease(message(), 0, "w", 1, 0, address, "y.example", frozenset(notify), orcpt, 1, False)


def mail(extensions, body=b"plain\r\n", leases=(), **kwargs):
    made = message(**kwargs)
    return wire.mail(made, HEADER + body, leases or [lease()], len(HEADER), extensions)


@pytest.mark.parametrize(
    ("command", "want"),
    [
        (mail({}), b"MAIL FROM:<a@x.example>"),
        (mail(ALL, sender=""), b"MAIL FROM:<> SIZE=21"),
        (mail(ALL, "é\r\n".encode()), b"MAIL FROM:<a@x.example> SIZE=18 BODY=8BITMIME"),
        (mail({"dsn": ""}, envid="a+b=c é", ret="HDRS"), b"MAIL FROM:<a@x.example> RET=HDRS ENVID=a+2Bb+3Dc+20+C3+A9"),
        (mail({}, envid="x", ret="FULL"), b"MAIL FROM:<a@x.example>"),
        (mail({"smtputf8": ""}, sender="أمينة@x.example"), "MAIL FROM:<أمينة@x.example> SMTPUTF8".encode()),
        (mail({"smtputf8": ""}, leases=[lease("كريم@y.example")]), b"MAIL FROM:<a@x.example> SMTPUTF8"),
        (wire.rcpt(lease(), ALL), b"RCPT TO:<b@y.example>"),
        (
            wire.rcpt(lease(notify={"SUCCESS", "FAILURE"}, orcpt="rfc822;b+c@y.example"), ALL),
            b"RCPT TO:<b@y.example> NOTIFY=FAILURE,SUCCESS ORCPT=rfc822;b+2Bc@y.example",
        ),
        (wire.rcpt(lease(notify={"NEVER"}, orcpt="rfc822;b@y.example"), {}), b"RCPT TO:<b@y.example>"),
    ],
)
def test_commands_carry_what_the_peer_offers(command, want):
    assert command == want


@pytest.mark.parametrize(
    ("raw", "extensions", "sender", "want"),
    [
        (HEADER + b"x\r\n", {}, "a@x.example", None),
        (HEADER + b"x" * 1000 + b"\r\n", ALL, "a@x.example", wire.TOO_BIG),
        (HEADER + b"x" * 1000 + b"\r\n", {"size": "0"}, "a@x.example", None),
        (HEADER + b"x" * 1000 + b"\r\n", {"size": ""}, "a@x.example", None),
        (HEADER + b"a\nb\r\n", ALL, "a@x.example", wire.STRAY_BREAKS),
        (HEADER + b"a\rb\r\n", ALL, "a@x.example", wire.STRAY_BREAKS),
        (HEADER + b"\xc3\xa9\r\n", {}, "a@x.example", wire.NEEDS_8BIT),
        (HEADER + b"x\r\n", {}, "أمينة@x.example", wire.NEEDS_UTF8),
    ],
)
def test_what_the_peer_cannot_take_is_not_sent(raw, extensions, sender, want):
    assert wire.sendable(message(sender), raw, len(HEADER), extensions) == want


def test_eight_bit_headers_need_smtputf8_only_when_the_client_said_so():
    header = "Subject: é\r\n\r\n".encode()
    assert wire.sendable(message(), header, len(header), {"8bitmime": ""}) is None
    assert wire.sendable(message(smtputf8=True), header, len(header), {"8bitmime": ""}) == wire.NEEDS_UTF8
    assert b"SMTPUTF8" in wire.mail(message(smtputf8=True), header, [lease()], len(header), ALL)


@pytest.mark.parametrize(
    ("code", "text", "want"),
    [
        (250, "2.1.5 fine", Reply(250, "2.1.5", "fine", "p")),
        (550, "5.1.1 no\n5.1.1 such user", Reply(550, "5.1.1", "no such user", "p")),
        (550, "no status", Reply(550, "5.0.0", "no status", "p")),
        (451, "5.1.1 class differs", Reply(451, "4.0.0", "5.1.1 class differs", "p")),
        (550, "5.1.1 evil\x07\u202etext", Reply(550, "5.1.1", "evil  text", "p")),
        (354, "what", Reply(451, "4.5.0", "unexpected reply 354 what", "p")),
        (550, "", Reply(550, "5.0.0", "", "p")),
    ],
)
def test_replies_are_read_with_their_enhanced_codes(code, text, want):
    assert wire.reply(code, text, "p") == want


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_xtext_is_printable_and_gives_the_text_back(text):
    coded = wire.xtext(text)
    assert re.fullmatch(rb"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", coded)
    assert re.sub(rb"\+([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), coded) == text.encode()


@given(st.integers(0, 2**63 - 1))
def test_queue_names_are_short_and_reversible(number):
    assert len(queue_name(number)) == 13
    assert queue_number(queue_name(number).lower()) == number
