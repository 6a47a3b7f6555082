import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.queue import wire
from mailcore.queue.types import By, Lease, Queued, Reply, queue_name, queue_number
from mailcore.store.types import BlobId

ALL = {"size": "1000", "8bitmime": "", "smtputf8": "", "dsn": ""}
HEADER = b"Subject: x\r\n\r\n"


def message(sender="a@x.example", envid="", ret="", smtputf8=False, **more):
    return Queued(1, BlobId(b"b"), b"", 10, sender, None, envid, ret, smtputf8, 0, 0, **more)


def lease(address="b@y.example", notify=(), orcpt=""):
    return Lease(message(), 0, "w", 1, 0, address, "y.example", frozenset(notify), orcpt, 1, False)


def mail(extensions, body=b"plain\r\n", leases=(), **kwargs):
    made = message(**kwargs)
    return wire.mail(made, wire.facts(HEADER + body), leases or [lease()], extensions)


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
    assert wire.sendable(message(sender), wire.facts(raw), extensions) == want


def test_eight_bit_headers_need_smtputf8_only_when_the_client_said_so():
    header = "Subject: é\r\n\r\n".encode()
    known = wire.facts(header)
    assert wire.sendable(message(), known, {"8bitmime": ""}) is None
    assert wire.sendable(message(smtputf8=True), known, {"8bitmime": ""}) == wire.NEEDS_UTF8
    assert b"SMTPUTF8" in wire.mail(message(smtputf8=True), known, [lease()], ALL)


BINARY = HEADER + b"a\n\0b\r\n"


@pytest.mark.parametrize(
    ("raw", "offered", "want"),
    [
        (BINARY, {"binarymime": "", "chunking": ""}, None),
        (BINARY, {"binarymime": ""}, wire.NEEDS_BINARY),
        (BINARY, {"chunking": "", "8bitmime": ""}, wire.NEEDS_BINARY),
        (HEADER + b"x" * 1001 + b"\r\n", {"8bitmime": ""}, wire.NEEDS_BINARY),
        (HEADER + b"plain\r\n", {}, None),
        (HEADER + b"\xc3\xa9\r\n", {}, wire.NEEDS_8BIT),
    ],
)
def test_binary_content_is_never_coded_anew(raw, offered, want):
    made = message(body="BINARYMIME")
    known = wire.facts(raw, binary=True)
    assert wire.sendable(made, known, offered) == want
    if want is None:
        command = wire.mail(made, known, [lease()], offered)
        assert (b"BODY=BINARYMIME" in command) is (raw is BINARY)


@pytest.mark.parametrize(
    ("by", "offered", "want"),
    [
        (By(90_000_000), {}, wire.NEEDS_DELIVERBY),
        (By(90_000_000), {"deliverby": "60"}, None),
        (By(90_000_000, notify=True), {}, None),
        (None, {}, None),
    ],
)
def test_what_is_to_be_returned_when_it_is_late_goes_only_to_who_promises_that(by, offered, want):
    assert wire.sendable(message(by=by), wire.facts(HEADER + b"x\r\n"), offered) == want


def test_what_an_extension_of_the_queue_asks_for_goes_on():
    made = message(requiretls=True, priority=4, by=By(90_000_000, notify=True))
    offered = {"requiretls": "", "mt-priority": "", "deliverby": ""}
    known = wire.facts(HEADER + b"x\r\n")
    assert wire.sendable(made, known, {}) == wire.NEEDS_REQUIRETLS
    command = wire.mail(made, known, [lease()], offered, now_us=30_000_000)
    assert command == b"MAIL FROM:<a@x.example> REQUIRETLS MT-PRIORITY=4 BY=60;N"


@pytest.mark.parametrize(
    ("said", "want"),
    [
        ({}, wire.Limits()),
        ({"limits": "MAILMAX=10 RCPTMAX=100 RCPTDOMAINMAX=1"}, wire.Limits(10, 100, 1)),
        ({"limits": "rcptmax=7 OTHER=x"}, wire.Limits(0, 7, 0)),
        ({"limits": "RCPTMAX=0 MAILMAX=-1 RCPTDOMAINMAX=9999999"}, wire.Limits()),
    ],
)
def test_limits_of_a_peer_are_read_and_nonsense_is_passed_over(said, want):
    assert wire.limits(said) == want


def test_extensions_are_keywords_with_parameters():
    assert wire.extensions(("mx.example hello", "SIZE 100", "8bitmime", "Limits RCPTMAX=5 ")) == {
        "size": "100",
        "8bitmime": "",
        "limits": "RCPTMAX=5",
    }


ENDS = st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\r", b"\n", b"\0", b"..", b"\xff", b"x" * 1200]), max_size=12)


@given(ENDS.map(b"".join), st.integers(1, 5))
def test_facts_do_not_depend_on_how_a_message_is_cut(body, size):
    raw, scan = HEADER + body, wire.Scan(binary=True)
    scan.feed(raw[: len(HEADER) + 1])
    for at in range(len(HEADER) + 1, len(raw), size):
        scan.feed(raw[at : at + size])
    assert scan.facts() == wire.facts(raw, binary=True)
    stray = re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is not None
    assert scan.facts().stray is stray


@given(ENDS.map(b"".join), st.integers(1, 5))
def test_stuffed_content_is_the_content_again_for_whoever_reads_data(body, size):
    stuffer = wire.Stuffer()
    sent = b"".join(stuffer.feed(body[at : at + size]) for at in range(0, len(body), size)) + stuffer.end()
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3
    read = (b"\r\n" + sent[:-3]).replace(b"\r\n.", b"\r\n")[2:]
    assert read == body + (b"" if body.endswith(b"\r\n") or not body else b"\r\n")


REPLIES = b"220 hi\r\n250-a\r\n250-SIZE 5\r\n250 c\r\n354\r\n421 4.3.2 bye\r\n"


@given(st.lists(st.integers(1, 20), max_size=20))
def test_replies_are_the_same_however_their_octets_come(cuts):
    reader, found, at = wire.Replies(), [], 0
    for size in [*cuts, len(REPLIES)]:
        reader.feed(REPLIES[at : at + size])
        at += size
        while (said := reader.next()) is not None:
            found.append(said)
    assert found == [(220, ("hi",)), (250, ("a", "SIZE 5", "c")), (354, ("",)), (421, ("4.3.2 bye",))]
    assert reader.empty


@pytest.mark.parametrize(
    "octets",
    [b"hello\r\n", b"250-a\r\n550 b\r\n", b"150 x\r\n", b"250x\r\n", b"2" * 3000, b"250-x\r\n" * 300],
)
def test_what_is_no_reply_is_not_taken_for_one(octets):
    reader = wire.Replies()
    reader.feed(octets)
    with pytest.raises(wire.BadReply):
        reader.next()


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
