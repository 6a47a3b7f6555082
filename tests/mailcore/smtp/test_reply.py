"""Replies. RFC 5321 §4.2, RFC 2034, RFC 3463."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import errors as common_errors
from config.errors import MailError
from directory import errors as directory_errors
from mailcore import errors as mail_errors
from mailcore.smtp import reply
from mailcore.smtp.reply import CODES, Reply, Then
from signing import errors as signing_errors

FAMILY = [
    each
    for module in (common_errors, mail_errors, directory_errors, signing_errors)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, MailError)
]
TABLE = [each for each in vars(reply).values() if isinstance(each, Reply)]
LINE = re.compile(rb"[2-5]\d\d[ -][ -~]{0,500}\r\n")


@pytest.mark.parametrize("error", FAMILY)
def test_no_class_of_the_error_family_is_missing(error: type[MailError]) -> None:
    assert error in CODES


@pytest.mark.parametrize("code", CODES.values())
def test_codes_agree_with_their_enhanced_codes(code: tuple[int, str]) -> None:
    assert str(code[0])[0] == code[1][0]


@pytest.mark.parametrize("error", FAMILY)
def test_a_temporary_refusal_has_a_temporary_code(error: type[MailError]) -> None:
    if error.temporary:
        assert CODES[error][0] < 500


@pytest.mark.parametrize("said", TABLE)
def test_replies_have_matching_enhanced_codes_and_are_ascii(said: Reply) -> None:
    assert LINE.fullmatch(said.encode())
    assert said.status[:1] in ("", str(said.code)[0])
    assert said.status or said.code in (354,)
    assert (said.then is Then.CLOSE) or said.code not in (421, 521, 221)


def test_a_subclass_answers_as_its_parent() -> None:
    class Special(mail_errors.OverQuota):
        text = "special"

    assert reply.for_error(Special()).encode() == b"452 4.2.2 special\r\n"


def test_a_421_closes() -> None:
    assert reply.for_error(directory_errors.TooManyAttempts(60)).then is Then.CLOSE


@given(st.lists(st.text(max_size=600), min_size=1, max_size=3))
def test_no_text_can_break_a_reply(lines: list[str]) -> None:
    octets = Reply(550, "5.0.0", tuple(lines)).encode()
    assert octets.count(b"\n") == len(lines)
    assert all(LINE.fullmatch(line + b"\n") for line in octets.split(b"\n")[:-1])
