"""FETCH: exact for every letter of the vectors, and in the grammar whatever the letter."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.imap import fetching, octets
from mailcore.imap.commands import Attribute, Level
from mailcore.imap.fetching import Opened
from mailcore.imap.parse.cursor import Cursor
from mailcore.imap.parse.fetching import ITEMS, fetch
from mailcore.message.index import index
from mailcore.store.types import AccountId, BlobId, Stored
from tests.mailcore.imap.grammar import read
from tests.mailcore.imap.node import Client, Server
from tests.vectors.letters import ENVELOPE_FIELDS, LETTERS, Vector

RENDERED = [name.decode() for name, item in ITEMS.items() if isinstance(item, Attribute) and item.level is not Level.VIEW]


def asked(item: str) -> str:
    """Return how one asks for what is answered as `item` without reading the message; a partial needs its length."""
    for name in ("BODY[", "BINARY["):
        if item.startswith(name):
            return name[:-1] + ".PEEK" + item[len(name) - 1 :]
    return item


def answered(item: str) -> str:
    """Return what the answer calls an item that was asked for with a partial."""
    return item.rpartition(".")[0] + ">" if item.endswith(">") else item


def compare(vector: Vector, found: dict[str, Any], item: str) -> None:
    """Fail when an item is not what the vector says."""
    want, got = vector.want[item], found[answered(item)]
    if item == "ENVELOPE":
        got = {name: value for name, value in zip(ENVELOPE_FIELDS, got, strict=True) if name in want}
    assert got == want, (vector.name, item)


def alone(raw: bytes, items: str, *, utf8: bool = False) -> bytes:
    """Answer items of one message as the server would, without a server."""
    known = index(raw)
    row = Stored(7, 0, 9, 0, len(raw), 3, BlobId(b""), b"", None, None, 0, 3)
    opened = Opened(AccountId(1), row, known.summary, known.header)
    wanted = fetch(Cursor(b" 1 " + items.encode())).items
    pieces = []
    for item in fetching.in_utf8(wanted) if utf8 else wanted:
        if isinstance(item, Attribute):
            pieces.append(fetching.renderer(item)(opened))
        else:
            pieces.append(octets.label(item) + b" " + b"".join(octets.whole(octets.plan(item, known.header, len(raw)), raw)))
    return b"* 1 FETCH (" + b" ".join(pieces) + b")"


@pytest.mark.parametrize("vector", LETTERS, ids=lambda vector: vector.name)
def test_every_letter_is_answered_exactly(vector: Vector) -> None:
    for item in vector.want:
        compare(vector, read(alone(vector.raw, f"({asked(item)})"))[1], item)


async def test_the_server_answers_the_same(server: Server, amina: Client) -> None:
    for number, vector in enumerate(LETTERS, 1):
        assert (await amina.append(vector.raw)).startswith(b"OK"), vector.name
        if number == 1:
            await amina.ask("SELECT INBOX")
        items = list(vector.want)
        assert (await amina.ask(f"FETCH {number} (UID {' '.join(map(asked, items))} BODY.PEEK[] RFC822.SIZE)")).startswith(b"OK")
        [line] = [line for line in amina.untagged if b" FETCH (" in line]
        found = read(line)[1]
        assert list(dict.fromkeys(["UID", *map(answered, items), "BODY[]", "RFC822.SIZE"])) == list(found)
        assert (found["BODY[]"], found["RFC822.SIZE"]) == (vector.raw, len(vector.raw))
        for item in items:
            compare(vector, found, item)


LINES = st.sampled_from(
    [
        b"From: a@x.example", b"From: \xc3\xa9 <a@x.example>", b"To: g: a@x, b;, c", b'Subject: "q\\" \x01', b"Subject: \xff\xfe",
        b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: message/rfc822", b"Content-Type: multipart/digest; boundary=b",
        b"Content-Type: text/plain; charset*0*=utf-8''%; x=\"\\\"\"", b"Content-Type: text/\xe9", b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable", b"Content-Description: \xd9\x85", b"Content-Language: a, \xe9,,",
        b"Content-MD5: \\",
        b"Content-Disposition: a; filename=\"\xc3\xa9\r\n b\"", b"--b", b"--b--", b"", b"", b"text =E9 =\r\n", b"AAEC", b"\x7f\x80",
        b"Date: (", b":",
        b" folded", b"Message-ID: <a@b> <c>", b"Reply-To: ,;:<>@", b"To: " + b"(" * 50,
    ]
)  # fmt: skip
SECTIONS = (
    "BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[1.1] BODY.PEEK[2.MIME] BODY.PEEK[1.HEADER] BODY.PEEK[1.TEXT]"
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES | st.binary(max_size=20).map(lambda octets: octets.replace(b"\x00", b"")), max_size=40), st.booleans())
def test_every_answer_is_of_the_grammar(lines: list[bytes], utf8: bool) -> None:
    raw = b"\r\n".join(lines) or b"x"
    items = f"({' '.join(RENDERED)} {SECTIONS} BODY.PEEK[HEADER.FIELDS (From Subject)] BODY.PEEK[1.HEADER.FIELDS.NOT (To)]<1.9>)"
    found = read(alone(raw, items, utf8=utf8), utf8=utf8)[1]
    assert found["BODY[]"] == raw
    assert found["BODY[HEADER]"] + found["BODY[TEXT]"] == raw
