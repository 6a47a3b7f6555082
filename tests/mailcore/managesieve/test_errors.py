"""What is refused for now is said to be tried later. RFC 5804 §1.3."""

import pytest

from config.errors import DatabaseUnreachable, MailError, NoRoom
from mailcore.errors import Unavailable
from mailcore.managesieve.errors import refusal


@pytest.mark.parametrize("kind", [DatabaseUnreachable, NoRoom, Unavailable])
def test_what_the_node_cannot_do_for_now_may_be_tried_later(kind: type[MailError]) -> None:
    assert refusal(kind()) == f'NO (TRYLATER) "{kind.text}"\r\n'.encode()
