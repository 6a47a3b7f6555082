"""Header rules. RFC 5322 §3.6.2; the espoofer cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import MailError
from directory.address import Address
from mailcore.errors import MalformedMessage, TooManyHops
from mailcore.smtp import policy
from mailcore.smtp.policy import author, read_head, refuse_loops, transmitter
from mailcore.smtp.reply import Refused

PLAIN = [
    b"a@x.example",
    b"<a@x.example>",
    b"Amina <a@x.example>",
    b'"Benali, Amina" <a@x.example>',
    b"=?utf-8?q?Am=C3=ADna?= <a@x.example>",
    "أمينة <a@x.example>".encode(),
    b"a@x.example (Amina)",
    b"Amina B. Ali <a@x.example>",
    b'"a@evil.example" <a@x.example>',
    b"\r\n Amina\r\n\t<a@x.example>",
    b"Amina [EXT] <a@X.example>",
]

REFUSED = [
    b"", b"undisclosed", b"a@x.example, b@y.example", b"<a@attack>, <b@legit>", b"a@x.test <b@y.test>", b"<(any@legit>",
    b"admin@legit,<b@attack>", b"<any@attack>admin@legit", b"<@route:a@x.example>", b"=?utf-8?b?YUB4LmV4YW1wbGU=?=", b"<>",
    b"group: a@x.example;", b"<a@x.example> <b@y.example>", b"a@x.example b@y.example", b'"<a@x.example>"', b"< a@x.example >",
    b"a (c) @x.example", b"(unclosed <a@x.example>", b'"unclosed <a@x.example>', b"a@x.example (nested (comment))",
    b"a@legit.example\0 <b@x.example>", b"<a@x.example", b"a@x.example>", b"Amina a@x.example", b"<a@x..example>",
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN)
def test_one_mailbox_in_any_current_form_is_an_author(value: bytes) -> None:
    assert author(read_head(b"From: " + value + b"\r\n\r\n")) == Address("a", "x.example")


@pytest.mark.parametrize("value", REFUSED)
def test_everything_that_can_be_read_in_two_ways_is_refused(value: bytes) -> None:
    with pytest.raises(Refused) as refused:
        author(read_head(b"From: " + value + b"\r\n\r\n"))
    assert (refused.value.reply.code, refused.value.reply.status) == (550, "5.7.1")


@pytest.mark.parametrize("header", [b"", b"Sender: a@x\r\n", b"From: a@x\r\nfrom: a@x\r\n", b"Resent-From: a@x\r\n"])
def test_there_is_exactly_one_from_field(header: bytes) -> None:
    with pytest.raises(Refused):
        author(read_head(header + b"\r\nbody\r\n"))


@pytest.mark.parametrize(
    "header",
    [
        b" From: a@x\r\n", b"From : a@x\r\n", b"From\r\n : a@x\r\n", b"From\0: a@x\r\n", b"garbage\r\n", b": a@x\r\n",
        b"X: " + b"y" * 102_400 + b"\r\n", b"X: y\r\n" * 1001, b"From a@x Mon Jan 1\r\n", b"\xd9\x85: x\r\n",
    ],
)  # fmt: skip
def test_a_line_that_is_no_field_makes_the_header_malformed(header: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_head(header + b"From: a@x\r\n\r\n")


@pytest.mark.parametrize("name", [b"__proto__", b"constructor", b"__class__", b"X" * 60_000])
def test_hostile_names_are_only_names(name: bytes) -> None:
    assert author(read_head(name + b": 1\r\nFrom: a@x\r\n\r\n")) == Address("a", "x")


def test_the_body_is_not_the_header() -> None:
    head = read_head(b"From: a@x\r\n\r\nFrom: b@y\r\nnot a field\r\n")
    assert head.from_values == (b" a@x",)
    assert (head.has_date, head.has_message_id, head.hops) == (False, False, 0)


def test_fields_are_found_in_any_case() -> None:
    head = read_head(b"FROM: a@x\r\nDATE: x\r\nmessage-ID: <1>\r\nReceived: x\r\nSender: b@y\r\n")
    assert (head.has_date, head.has_message_id, head.hops, transmitter(head)) == (True, True, 1, Address("b", "y"))


def test_a_message_with_51_hops_goes_in_circles() -> None:
    refuse_loops(read_head(b"Received: x\r\n" * 50 + b"\r\n"), "mx.example", ["a@x.example"])
    with pytest.raises(TooManyHops):
        refuse_loops(read_head(b"Received: x\r\n" * 51 + b"\r\n"), "mx.example", ["a@x.example"])


def passed(times: int, address: str = "a@x.example") -> bytes:
    return b"Received: from y.example\r\n\tby MX.example with ESMTP for <%b>; x\r\n" % address.encode() * times


@pytest.mark.parametrize(
    ("header", "recipients", "stopped"),
    [
        (passed(2), ["a@x.example"], False),
        (passed(3), ["A@x.example"], True),
        (passed(3), ["b@x.example"], False),
        (passed(3), ["a@x.example", "b@x.example"], False),
        (passed(4) + passed(4, "b@x.example"), ["a@x.example", "b@x.example"], True),
        (b"Delivered-To: a@x.example\r\n", ["a@x.example"], True),
        (b"Delivered-To: a@x.example\r\n", ["a@x.example", "b@x.example"], False),
        (b"Delivered-To: a@x.example\r\n" + passed(1), ["b@x.example"], False),
    ],
)
def test_what_comes_back_for_all_its_recipients_is_stopped(header: bytes, recipients: list[str], stopped: bool) -> None:
    head = read_head(header + b"\r\n")
    if not stopped:
        refuse_loops(head, "mx.example", recipients)
        return
    with pytest.raises(TooManyHops):
        refuse_loops(head, "mx.example", recipients)


def test_routing_marks_ask_for_relaying() -> None:
    asked = [policy.routes_further(Address(local, "ours")) for local in ("a%remote", "remote!a", "a@remote", "a.b+c")]
    assert asked == [True, True, True, False]


@given(st.lists(st.sampled_from([b"From:", b" ", b"a@x", b"<", b">", b"(", b")", b'"', b",", b"\r\n", b":", b"\\", b"\0"]), max_size=30))
def test_any_header_is_judged(parts: list[bytes]) -> None:
    try:
        author(read_head(b"".join(parts)))
    except (Refused, MailError):
        pass


@pytest.mark.parametrize("mark", [b"(", b'"', b"\\", b"a.", b"(a)", b"<", b" "])
def test_a_long_value_is_judged_in_linear_time(mark: bytes) -> None:
    with pytest.raises(Refused):
        author(read_head(b"From: " + mark * (100_000 // len(mark)) + b"\r\n\r\n"))
