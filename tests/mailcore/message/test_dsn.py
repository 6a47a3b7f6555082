import email
import email.policy

import pytest

from mailcore.message import content
from mailcore.message.addresses import Mailbox
from mailcore.message.dsn import Outcome, around, report
from mailcore.message.index import index

ORIGINAL = b"From: a@b.example\r\nSubject: =?utf-8?Q?R=C3=A9union?=\r\nMessage-ID: <orig@x>\r\n\r\nsecret body\r\n"
FAILED = Outcome("x@y.example", "failed", "5.1.1", "550 5.1.1 no such user", "mx.y.example", "rfc822;X@y.example")
DELAYED = Outcome("z@y.example", "delayed", "4.4.1", "connection timed out", retry_until_us=86_400_000_000, last_attempt_us=1_000_000)


def make(*outcomes: Outcome, original: bytes = ORIGINAL, envid: str = "", queue_id: str = "") -> bytes:
    return report(
        reporting_mta="mx.a.example",
        postmaster=Mailbox("", "postmaster", "a.example"),
        to=Mailbox("", "a", "b.example"),
        outcomes=outcomes,
        arrival_us=0,
        date_us=60_000_000,
        message_id="dsn@x",
        original=original,
        envid=envid,
        queue_id=queue_id,
    )


def part(raw: bytes, path: str) -> bytes:
    return next(content.decoded(raw, span) for span in index(raw).header.spans if span.path == path)


def test_the_machine_part() -> None:
    assert part(make(FAILED, DELAYED, envid="QQ314159"), "2").replace(b"\r\n ", b" ") == (
        b"Original-Envelope-Id: QQ314159\r\nReporting-MTA: dns; mx.a.example\r\nArrival-Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n\r\n"
        b"Original-Recipient: rfc822; X@y.example\r\nFinal-Recipient: rfc822; x@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        b"Final-Recipient: rfc822; z@y.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
        b"Diagnostic-Code: X-Diwan; connection timed out\r\nLast-Attempt-Date: Thu, 01 Jan 1970 00:00:01 +0000\r\n"
        b"Will-Retry-Until: Fri, 02 Jan 1970 00:00:00 +0000\r\n"
    )


def test_the_number_in_the_queue_is_told_to_people_and_machines() -> None:
    raw = make(FAILED, queue_id="01M2XK4Z00001")
    assert b"X-Diwan-Queue-ID: 01M2XK4Z00001\r\n\r\n" in part(raw, "2")
    assert "number : 01M2XK4Z00001" in part(raw, "1").decode()
    assert b"number" not in part(make(FAILED), "1")


def test_the_shape_and_the_top_header() -> None:
    raw = make(FAILED)
    found = index(raw)
    assert [f"{s.type}/{s.subtype}" for s in found.header.spans] == [
        "multipart/report", "text/plain", "message/delivery-status", "text/rfc822-headers",
    ]  # fmt: skip
    assert b'"report-type" "delivery-status"' in found.summary.bodystructure
    assert b"Auto-Submitted: auto-replied\r\n" in raw
    assert found.summary.references == ["orig@x"]
    assert raw.isascii()
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))


def test_only_the_header_goes_back() -> None:
    raw = make(FAILED)
    assert part(raw, "3") == ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert b"secret" not in raw


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("failed", ("تعذر", "n'a pas pu être distribué", "could not be delivered")),
        ("delayed", ("ستعاد المحاولة", "tentatives continuent", "do not send it again")),
        ("delivered", ("سلمت", "a été distribué", "was delivered")),
        ("relayed", ("أحيلت", "ne confirme pas", "does not confirm")),
        ("expanded", ("وزعت", "membres", "members")),
    ],
)
def test_people_read_it_in_three_languages(action: str, words: tuple[str, ...]) -> None:
    shown = part(make(Outcome("x@y.example", action, "")), "1").decode()
    assert "Réunion" in shown
    assert "<x@y.example>" in shown
    assert all(word in shown for word in words)


def test_addresses_outside_ascii_stay_7_bit() -> None:
    raw = make(Outcome("علي@y.example", "failed", "5.6.7", "refusé", "mx.y.example", "utf-8;علي+1@y.example"))
    status = part(raw, "2").replace(b"\r\n ", b" ")
    assert b"Final-Recipient: utf-8; \\x{639}\\x{644}\\x{64A}@y.example\r\n" in status
    assert b"Original-Recipient: utf-8; \\x{639}\\x{644}\\x{64A}\\x{2B}1@y.example\r\n" in status
    assert raw.isascii()
    assert "علي@y.example" in part(raw, "1").decode()


def test_an_original_header_outside_ascii_is_a_global_header() -> None:
    raw = make(FAILED, original="Subject: é\n\nbody".encode())
    assert part(raw, "3") == "Subject: é\r\n".encode()
    assert index(raw).header.spans[3].subtype == "global-headers"
    assert raw.isascii()


@pytest.mark.parametrize("diagnostic", ["550 a\r\nAction: delivered", "550 a\r\n\r\nFinal-Recipient: rfc822; x@y", "a\x00b", "x" * 5000])
def test_what_a_peer_says_never_becomes_a_field(diagnostic: str) -> None:
    raw = make(Outcome("x@y.example", "failed", "5.0.0\r\nX: y", diagnostic, "mx\r\nX: y.example"))
    fields = [line.partition(b":")[0] for line in part(raw, "2").split(b"\r\n") if line and not line.startswith(b" ")]
    assert fields == [
        b"Reporting-MTA", b"Arrival-Date", b"Final-Recipient", b"Action", b"Status", b"Remote-MTA", b"Diagnostic-Code",
    ]  # fmt: skip
    assert b"Status: 5.0.0\r\n" in part(raw, "2")


@pytest.mark.parametrize(
    "original", [b"", b"\r\n", b"garbage", b"A: b\n" * 50_000, b"\x00\xff", b"From x\r\nA: " + b"y" * 2000 + b"\r\n\r\n"]
)
def test_any_original_can_be_reported(original: bytes) -> None:
    raw = make(FAILED, original=original)
    assert raw.isascii()
    assert len(raw) < 120_000


def test_the_standard_library_reads_it() -> None:
    read = email.message_from_bytes(make(FAILED, DELAYED), policy=email.policy.default)
    status = list(read.iter_parts())[1]
    groups = status.get_payload()
    assert [group["Action"] for group in groups] == [None, "failed", "delayed"]


def test_a_report_needs_a_recipient() -> None:
    with pytest.raises(ValueError, match="without a recipient"):
        make()


def test_arabic_reads_from_the_right_and_a_foreign_subject_turns_no_line() -> None:
    shown = part(make(FAILED), "1").decode()
    lines = [line for line in shown.splitlines() if "تعذر" in line]
    assert lines
    assert all((line[0], line[-1]) == ("\u2067", "\u2069") for line in lines)
    assert "\u2068R\u00e9union\u2069" in shown


def test_who_has_an_address_outside_ascii_reads_such_addresses_as_they_are() -> None:
    raw = report(
        reporting_mta="mx.a.example",
        postmaster=Mailbox("", "postmaster", "a.example"),
        to=Mailbox("", "كريم", "b.example"),
        outcomes=[Outcome("أمينة@y.example", "failed", "5.1.1", "لا أحد", orcpt="utf-8;\u0623@y.example")],
        arrival_us=0,
        date_us=0,
        message_id="dsn@x",
        original=ORIGINAL,
    )
    assert b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit" in raw
    assert "Final-Recipient: utf-8; أمينة@y.example\r\n".encode() in raw
    assert "Original-Recipient: utf-8; \u0623@y.example\r\n".encode() in raw


def test_a_whole_message_is_enclosed_without_being_looked_at() -> None:
    frame = around(
        reporting_mta="mx.a.example",
        postmaster=Mailbox("", "postmaster", "a.example"),
        to=Mailbox("", "a", "b.example"),
        outcomes=[FAILED],
        arrival_us=0,
        date_us=0,
        message_id="dsn@x",
        header=ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n",
        coding="7bit",
    )
    found = email.message_from_bytes(frame.before + ORIGINAL + frame.behind, policy=email.policy.SMTP)
    assert [each.get_content_type() for each in found.iter_parts()] == ["text/plain", "message/delivery-status", "message/rfc822"]
    assert found.get_payload()[2].get_payload()[0]["Subject"] == "R\u00e9union"
