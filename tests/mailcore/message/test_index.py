import msgspec

from mailcore.message.index import Header, Index, Summary, index

RAW = (
    b"Date: Tue, 04 Mar 2025 10:12:12 +0100\r\nFrom: =?utf-8?B?2LnZhNmK?= <ali@x.example>\r\n"
    b'To: "B, C" <b@x.example>, d@x.example\r\nCc: G: e@x.example;\r\nSubject: =?utf-8?Q?R=C3=A9union?=\r\n'
    b"Message-ID: <1@x>\r\nIn-Reply-To: <0@x> (of yesterday)\r\nReferences: <a@x>\r\n\t<0@x> junk\r\n\r\nBonjour\r\n"
)


def test_summary() -> None:
    found = index(RAW)
    summary = found.summary
    assert found.size_bytes == len(RAW)
    assert (summary.subject, summary.from_name, summary.from_address) == ("Réunion", "علي", "ali@x.example")
    assert (summary.to, summary.cc) == ("B, C, d@x.example", "e@x.example")
    assert (summary.message_id, summary.in_reply_to, summary.references) == ("1@x", "0@x", ["a@x", "0@x"])
    assert summary.date_us == 1_741_079_532_000_000
    assert (summary.preview, summary.attachments, summary.signed) == ("Bonjour", 0, False)


def test_header_holds_the_octets() -> None:
    header = index(RAW).header
    assert RAW[: header.header_bytes] == b"".join(octets for _, octets in header.fields) + b"\r\n"
    assert header.fields[6] == (b"in-reply-to", b"In-Reply-To: <0@x> (of yesterday)\r\n")


def test_an_index_survives_its_storage() -> None:
    found = index(RAW)
    for value, kind in ((found, Index), (found.summary, Summary), (found.header, Header)):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=kind) == value


def test_nothing_is_known_of_nothing() -> None:
    summary = index(b"").summary
    assert (summary.subject, summary.from_address, summary.date_us, summary.message_id) == ("", "", 0, "")


def test_signed_means_the_whole_message() -> None:
    inner = b"Content-Type: multipart/signed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y--"
    assert index(inner).summary.signed
    assert index(b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n").summary.signed
    assert not index(b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\n").summary.signed
    assert not index(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + inner + b"\r\n--x--").summary.signed


def test_a_summary_stays_small() -> None:
    raw = b"To: " + b"a@b.example, " * 9000 + b"\r\nSubject: " + b"s" * 100_000 + b"\r\nReferences: " + b"<a@b> " * 9000 + b"\r\n\r\n"
    summary = index(raw).summary
    assert len(summary.to) < 1000
    assert len(summary.subject) <= 16_384
    assert len(summary.references) == 100


def test_monstrous_fields_are_read_only_in_part_and_kept_whole() -> None:
    raw = b"From: " + b"<" * 400_000 + b"\r\nTo: " + b"(" * 400_000 + b"\r\n" + b"A: b\r\n" * 100_000 + b"\r\nbody"
    found = index(raw)
    assert found.header.header_bytes == len(raw) - 4
    assert sum(len(octets) for _, octets in found.header.fields) == found.header.header_bytes - 2
    assert len(found.summary.envelope) < 50_000
