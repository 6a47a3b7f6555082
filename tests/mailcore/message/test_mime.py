import pytest

from mailcore.message import mime


def tree(raw: bytes) -> list[tuple[str, str, bytes]]:
    parts = mime.walk(mime.parse(raw))
    return [(p.path, f"{p.type}/{p.subtype}", b"" if p.children else raw[p.body_start : p.end]) for p in parts]


MIXED = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "want"),
    [
        (b"--x\r\n\r\na\r\n--x--\r\n", [b"a"]),
        (b"pre\r\n--x\r\n\r\na\r\n--x\r\n\r\nb\r\n\r\n--x--\r\npost --x\r\n--x\r\n\r\nc", [b"a", b"b\r\n"]),
        (b"--x\n\na\n--x\n\nb\n--x--\n", [b"a", b"b"]),
        (b"--x \t\r\n\r\na\r\n--x-- \r\n", [b"a"]),
        (b"--x\r\n\r\na\r\n--xy\r\n--x--z\r\n--x--", [b"a\r\n--xy\r\n--x--z"]),  # the whole line must be the delimiter
        (b"--x\r\n\r\na", [b"a"]),
        (b"--x\r\n\r\na\r\n", [b"a\r\n"]),
        (b"--x\r\n\r\n--x--", [b""]),
        (b"--x\r\n--x\r\n\r\nb\r\n--x--", [b"", b"b"]),
        (b"--x\r\nA: b\r\n--x--", [b""]),
        (b"--x", [b""]),
        (b"--x--", []),
        (b" --x\r\n\r\na", []),
        (b"", []),
    ],
)
def test_delimiters(body: bytes, want: list[bytes]) -> None:
    assert [text for path, _, text in tree(MIXED + body) if path] == want


def test_an_outer_delimiter_ends_an_unclosed_inner_multipart() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n"
        b"--outer\r\n\r\na\r\n--out\r\n\r\nb\r\n--out--\r\n"
    )
    assert tree(raw) == [
        ("", "multipart/mixed", b""),
        ("1", "multipart/mixed", b""),
        ("1.1", "text/plain", b"a"),
        ("2", "text/plain", b"b"),
    ]


def test_paths_follow_imap() -> None:
    inner = (
        b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\na\r\n--y\r\n"
        b"Content-Type: message/rfc822\r\n\r\nS: t\r\n\r\nb\r\n--y--"
    )
    raw = MIXED + b"--x\r\n\r\nt\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--x--"
    assert [path for path, _, _ in tree(raw)] == ["", "1", "2", "2", "2.1", "2.2", "2.2.1"]
    assert [path for path, _, _ in tree(b"Content-Type: message/rfc822\r\n\r\n" + inner)] == ["", "1", "1.1", "1.2", "1.2.1"]
    assert [path for path, _, _ in tree(b"Content-Type: message/rfc822\r\n\r\nS: t\r\n\r\nb")] == ["", "1.1"]


@pytest.mark.parametrize(
    ("field", "want"),
    [
        (b"Content-Type: Text/HTML; Charset=UTF-8", ("text", "html", "utf-8")),
        (b"Content-Type: text", ("text", "plain", "")),
        (b"Content-Type: /", ("text", "plain", "")),
        (b"Content-Type:", ("text", "plain", "")),
        (b"Content-Type: text/plain; charset=us-ascii (comment)", ("text", "plain", "us-ascii")),
        (b'Content-Type:\r\n text/plain;\r\n\tcharset = "a\\"b"', ("text", "plain", 'a"b')),
        (b"Content-Type: text/plain; charset=a; charset=b", ("text", "plain", "a")),
        (b"Content-Type: text/plain\r\nContent-Type: text/html", ("text", "plain", "")),
    ],
)
def test_content_type(field: bytes, want: tuple[str, str, str]) -> None:
    root = mime.parse(field + b"\r\n\r\n")
    assert (root.type, root.subtype, root.charset) == want


@pytest.mark.parametrize(
    ("field", "want"),
    [
        (b"Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
        (b'Content-Disposition: attachment; filename="a \\"b\\".pdf"', 'a "b".pdf'),
        (b"Content-Disposition: attachment; filename=my file (1).pdf", "my file (1).pdf"),
        (b"Content-Disposition: attachment; filename*=utf-8''%D9%85%D8%AD%D8%B6%D8%B1.pdf", "محضر.pdf"),
        (b"Content-Disposition: attachment; filename*=utf-8'ar'%D9%85; filename=x.pdf", "م"),
        (b"Content-Disposition: attachment; filename=x.pdf; filename*=windows-1256''%E3", "م"),
        (b"Content-Disposition: attachment; filename*0*=utf-8''%D9; filename*1*=%85; filename*2=.pdf", "م.pdf"),
        (b"Content-Disposition: attachment; filename*1=b; filename*0=a; filename*3=d", "ab"),
        (b'Content-Disposition: attachment; filename="=?utf-8?B?2YU=?="', "م"),
        (b'Content-Disposition: attachment; filename="\xd9\x85.pdf"', "م.pdf"),
        (b"Content-Type: image/png; name=a.png", "a.png"),
        (b"Content-Type: image/png; name=a.png\r\nContent-Disposition: inline; filename=b.png", "b.png"),
        (b'Content-Disposition: attachment; filename="../../etc/passwd"', "passwd"),
        (b'Content-Disposition: attachment; filename="C:\\\\x\\\\y.doc"', "y.doc"),
        (b'Content-Disposition: attachment; filename=".."', ""),
        ('Content-Disposition: attachment; filename="annexe\u202efdp.exe"'.encode(), "annexefdp.exe"),
        (b"Content-Disposition: attachment; filename*=broken", "broken"),
        (b"Content-Disposition: ; filename=x", ""),
    ],
)
def test_filename(field: bytes, want: str) -> None:
    assert mime.parse(field + b"\r\n\r\n").filename == want


def test_the_number_of_parts_is_bounded_and_nothing_is_lost() -> None:
    raw = MIXED + b"--x\r\n\r\na\r\n" * 20_000 + b"--x--\r\n"
    root = mime.parse(raw)
    assert len(list(mime.walk(root))) == mime.MAX_PARTS
    assert root.children[-1].end == len(raw)


def test_lines_that_begin_like_the_delimiter_are_not_tried_for_ever() -> None:
    raw = MIXED + b"--x\r\n\r\na\r\n" + b"--xy\r\n" * 50_000 + b"--x--"
    assert [part.end for part in mime.parse(raw).children] == [len(raw)]


def test_nesting_without_end_is_bounded() -> None:
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10_000))
    parts = list(mime.walk(mime.parse(raw)))
    assert len(parts) == mime.MAX_DEPTH
    assert (parts[-1].type, parts[-1].children) == ("application", [])


def test_a_message_that_repeats_its_own_boundary_is_harmless() -> None:
    raw = (MIXED + b"--x\r\n") * 5000
    assert len(list(mime.walk(mime.parse(raw)))) <= mime.MAX_PARTS


@pytest.mark.parametrize("value", [b";a=b" * 5000, b";a*0=b" * 5000, b';a="' * 5000, b'; "' * 50_000, b";" * 100_000, b"; a" * 50_000])
def test_hostile_parameters_are_bounded(value: bytes) -> None:
    assert len(mime.parse(b"Content-Type: a/b" + value + b"\r\n\r\n").params) <= 100


def test_lines_are_counted_where_imap_wants_them() -> None:
    assert mime.parse(b"\r\na\r\nb\r\nc").lines == 2
    assert mime.parse(b"Content-Type: image/png\r\n\r\na\r\nb").lines == 0
