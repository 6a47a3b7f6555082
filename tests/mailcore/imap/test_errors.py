"""Every refusal of the house has its code."""

import pytest

from config.errors import MailError
from directory import errors as directory
from mailcore import errors as mail
from mailcore.imap.errors import CODES, refusal
from signing import errors as signing

FAMILY = [
    kind
    for module in (mail, directory, signing)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, MailError) and kind is not MailError
]


@pytest.mark.parametrize("kind", FAMILY)
def test_no_refusal_is_missing(kind: type[MailError]) -> None:
    assert kind in CODES


def test_a_refusal_of_another_family_is_for_the_operator() -> None:
    class Unheard(MailError):
        text = "unheard of"

    assert refusal(Unheard()).line(b"a") == b"a NO [CONTACTADMIN] unheard of\r\n"


def test_text_on_the_wire_is_printable_ascii() -> None:
    assert refusal(mail.NoSuchMailbox("no box\r\nnamed é")).line(b"a") == b"a NO [NONEXISTENT] no box??named ?\r\n"
