import email
import email.policy

import pytest

from mailcore.message import mdn
from mailcore.message.addresses import Mailbox


@pytest.mark.parametrize(
    ("asking", "author", "told"),
    [
        (b"Amina <a@x.example>", b"A@x.example", "a@x.example"),
        (b"a@x.example, b@x.example", b"a@x.example", None),
        (b"b@x.example", b"a@x.example", None),
        (b"", b"a@x.example", None),
        (b"a@x.example", b"a@x.example, b@x.example", None),
    ],
)
def test_only_the_one_author_may_ask(asking, author, told):
    found = mdn.asks(asking, author)
    assert (None if found is None else found.address) == told


@pytest.mark.parametrize(("local", "kind"), [("karim", "disposition-notification"), ("كريم", "global-disposition-notification")])
def test_a_confirmation_names_the_letter_and_that_a_person_sent_it(local, kind):
    raw = mdn.confirmation(
        reader=Mailbox("Karim", local, "y.example"),
        to=Mailbox("", "a", "x.example"),
        host="mx.y.example",
        subject="تعميم",
        original_id="<one@x.example>",
        date_us=0,
        message_id="two@y.example",
    )
    found = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    assert found.get_content_type() == "multipart/report"
    assert found["Auto-Submitted"] == "auto-replied"
    text, machine = found.get_payload()
    assert "\u2067فتحت" in text.get_content()
    assert machine.get_content_type() == f"message/{kind}"
    assert b"Disposition: manual-action/MDN-sent-manually; displayed\r\n" in raw
    assert b"Original-Message-ID: <one@x.example>\r\n" in raw
    assert f"; {local}@y.example\r\n".encode() in raw
