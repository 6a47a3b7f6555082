import email.utils

import pytest

from mailcore.message import addresses
from mailcore.message.addresses import Group, Mailbox, parse_addresses


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (b"", ()),
        (b"  \r\n", ()),
        (b"a@b.example", (Mailbox("", "a", "b.example"),)),
        (b"<a@b.example>", (Mailbox("", "a", "b.example"),)),
        (b"Ali <a@b.example>", (Mailbox("Ali", "a", "b.example"),)),
        (b'"Ali, Bey" <a@b.example>', (Mailbox("Ali, Bey", "a", "b.example"),)),
        (b'"Ali \\"x\\" Bey" <a@b.example>', (Mailbox('Ali "x" Bey', "a", "b.example"),)),
        (b"a@b (Ali)", (Mailbox("Ali", "a", "b"),)),
        (b"a@b (Ali (the) \\) Bey)", (Mailbox("Ali (the) ) Bey", "a", "b"),)),
        (b"A <a@b>, B <c@d>,e@f", (Mailbox("A", "a", "b"), Mailbox("B", "c", "d"), Mailbox("", "e", "f"))),
        (b"A. B. Ali <a@b>", (Mailbox("A. B. Ali", "a", "b"),)),
        (b"=?utf-8?B?2YXYsdit2KjYpw==?= <a@b>", (Mailbox("مرحبا", "a", "b"),)),
        (b'"=?utf-8?B?2YXYsdit2KjYpw==?=" <a@b>', (Mailbox("مرحبا", "a", "b"),)),
        ("علي <علي@مثال.example>".encode(), (Mailbox("علي", "علي", "مثال.example"),)),
        (b'"a b"@c', (Mailbox("", "a b", "c"),)),
        (b"<@r1,@r2:a@b>", (Mailbox("", "a", "b"),)),  # RFC 5322 §4.4
        (b"a@[192.0.2.1]", (Mailbox("", "a", "[192.0.2.1]"),)),
        (b"A\r\n B <a@b>", (Mailbox("A B", "a", "b"),)),
        (b"undisclosed-recipients:;", (Group("undisclosed-recipients", ()),)),
        (b"G: A <a@b>, c@d; e@f", (Group("G", (Mailbox("A", "a", "b"), Mailbox("", "c", "d"))), Mailbox("", "e", "f"))),
        (b"G: a@b", (Group("G", (Mailbox("", "a", "b"),)),)),
        (b"Ali", (Mailbox("", "Ali", ""),)),
        (b"Ali <>", (Mailbox("Ali", "", ""),)),
        (b"a@b <c@d>", (Mailbox("a@b", "c", "d"),)),
        (b"Ali Bey a@b", (Mailbox("Ali Bey", "a", "b"),)),
        (b",, a@b ,,", (Mailbox("", "a", "b"),)),
        (b'"open <a@b>', (Mailbox("", "open <a@b>", ""),)),
        (b"(only a comment)", ()),
        (b"=?utf-8?q?a=40b=2C?= <c@d>", (Mailbox("a@b,", "c", "d"),)),
        (b"=?utf-8?q?user=40evil?=@b", (Mailbox("", "=?utf-8?q?user=40evil?=", "b"),)),  # never decoded in an address
        (b"x\x00y@b\x00", (Mailbox("", "xy", "b"),)),
    ],
)
def test_parse(value: bytes, want: tuple[Mailbox | Group, ...]) -> None:
    assert parse_addresses(value) == want


@pytest.mark.parametrize("value", [b"A B <a@b.example>", b'"A, B" <a@b>, c@d.example', b"a@b (A)", b"x.y+z@sub.b.example"])
def test_the_standard_library_agrees_on_honest_lists(value: bytes) -> None:
    want = [(name, address) for name, address in email.utils.getaddresses([value.decode()])]
    assert [(box.name, box.address) for box in addresses.mailboxes(value)] == want


@pytest.mark.parametrize(
    "value",
    [b"(" * 300_000, b'"' * 300_000, b'"\\' * 150_000, b"<" * 300_000, b"a@" * 150_000, b"[" * 300_000, b":;" * 150_000, b" " * 300_000],
)
def test_hostile_lists_are_linear_and_harmless(value: bytes) -> None:
    parse_addresses(value)


def test_entries_are_bounded() -> None:
    assert len(addresses.entries(b"a@b," * 20_000)) == addresses.MAX_ENTRIES
    assert len(addresses.entries(b"a@b ()," * 20_000)) <= addresses.MAX_ENTRIES + 1
