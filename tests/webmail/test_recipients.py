"""Recipients as people type them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webmail import recipients

AMINA = "amina@interieur.gov.example"


@pytest.mark.parametrize(
    ("text", "addresses", "bad"),
    [
        (AMINA, [AMINA], []),
        (f"Amina <{AMINA}>", [AMINA], []),
        (f'"Benali, Amina" <{AMINA}>; k@x.example', [AMINA, "k@x.example"], []),
        ("أمينة <أمينة@interieur.gov.example>، k@x.example", ["أمينة@interieur.gov.example", "k@x.example"], []),
        (f"{AMINA},,, {AMINA.upper()} ;", [AMINA], []),
        ("personne", [], ["personne"]),
        (f"{AMINA}\r\nBcc: secret@x.example", [AMINA], ["Bcc: secret@x.example"]),
        ("=?utf-8?q?a=40b=2Eexample=00?=@x.example", [], ["=?utf-8?q?a=40b=2Eexample=00?=@x.example"]),
        ("a@b.example <c@d.example> x", [], ["a@b.example <c@d.example> x"]),
        ("", [], []),
        ("@", [], ["@"]),
        ("x" * 2000 + "@y.example", [], ["x" * 80]),
    ],
)
def test_a_field_is_read_entry_by_entry(text: str, addresses: list[str], bad: list[str]) -> None:
    found = recipients.parse(text)
    assert [mailbox.address for mailbox in found.mailboxes] == addresses
    assert list(found.bad) == bad


@example('"b.,a"@a')
@example('"b،"@a')
@example('x <"< :b:"@a>')
@given(st.text(alphabet=st.sampled_from('ab@.,;<>" \r\n:\\،؛')) | st.text())
def test_what_is_shown_reads_back_and_holds_no_line_break(text: str) -> None:
    found = recipients.parse(text)
    for mailbox in found.mailboxes:
        assert "\r" not in mailbox.name + mailbox.address
        assert "\n" not in mailbox.name + mailbox.address
    again = recipients.parse(recipients.show(found.mailboxes))
    assert [one.address for one in again.mailboxes] == [one.address for one in found.mailboxes]
    assert not again.bad
