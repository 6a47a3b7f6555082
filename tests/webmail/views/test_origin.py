"""A letter that poses as one of ours is marked; one that somebody signed in to send is not."""

import pytest

from directory.demo import FeaturedPerson
from tests.webmail.site import EDUCATION, INTERIOR, Site
from tests.webmail.views.test_folder import text, uids

pytestmark = pytest.mark.asyncio(loop_scope="session")
MARK = "nobody signed in to send it"


def letter(protocol: str, sender: str) -> bytes:
    way = f"by mx.diwan.example with {protocol} id 1"
    trace = f"Received: from client.example ([192.0.2.1])\r\n\t{way};\r\n\tSat, 21 Nov 2026 10:00:00 +0000\r\n"
    return f"{trace}From: {sender}\r\nTo: {EDUCATION}\r\nSubject: ordre\r\n\r\nPayez.\r\n".encode()


@pytest.mark.parametrize(
    ("protocol", "sender", "marked"),
    [
        ("ESMTP", INTERIOR, True),
        ("ESMTPS", f"Le ministre <{INTERIOR.upper()}>", True),
        ("UTF8SMTPS", INTERIOR, True),
        ("SMTP", INTERIOR, True),
        ("ESMTPSA", INTERIOR, False),
        ("HTTPS", INTERIOR, False),
        ("ESMTPS", "ami@ailleurs.example", False),
    ],
)
async def test_a_letter_that_poses_as_ours_is_marked(site: Site, clerk: FeaturedPerson, protocol: str, sender: str, marked: bool) -> None:
    await site.deliver(EDUCATION, letter(protocol, sender))
    reader = await site.signed_in(site.people[EDUCATION], "en")
    await reader.get(f"/mail/{await site.account(EDUCATION)}/")
    inbox = reader.path
    page = await text(reader, f"{inbox}/{uids(await text(reader, inbox))[0]}")
    assert (MARK in page) is marked
