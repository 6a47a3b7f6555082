"""A letter that poses as one of ours is marked; one that somebody signed in to send is not."""

import pytest

from directory.demo import FeaturedPerson
from tests.webmail.site import EDUCATION, INTERIOR, Site
from tests.webmail.views.test_folder import text

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
        ("ESMTPS", f"ami@ailleurs.example\r\nSender: Le ministre <{INTERIOR}>", True),
        ("ESMTPSA", f"ami@ailleurs.example\r\nSender: Le ministre <{INTERIOR}>", False),
    ],
)
async def test_a_letter_that_poses_as_ours_is_marked(site: Site, clerk: FeaturedPerson, protocol: str, sender: str, marked: bool) -> None:
    await site.deliver(EDUCATION, letter(protocol, sender))
    reader = await site.signed_in(site.people[EDUCATION], "en")
    page = await text(reader, await reader.newest(await site.account(EDUCATION)))
    assert (MARK in page) is marked


HOST = "mx.diwan.example"
DENIED, CONFIRMED = "does not confirm that it sent this letter", "confirms that it sent this letter"


def examined(sender: str, said: str, before: str = "") -> bytes:
    """A stranger's letter with what we found, right behind our trace, or behind what the stranger wrote `before`."""
    trace, _, rest = letter("ESMTPS", sender).decode().partition("From:")
    return f"{trace}{before}Authentication-Results: {said}\r\nFrom:{rest}".encode()


OURS_DOMAIN = INTERIOR.partition("@")[2]
FOUND = [
    (INTERIOR, f"{HOST}; dmarc=pass header.from={OURS_DOMAIN}", "", (False, False, True)),
    (INTERIOR, f"{HOST}; dkim=pass header.d={OURS_DOMAIN} header.s=x;\r\n\tdmarc=none header.from={OURS_DOMAIN}", "", (False, False, True)),
    (INTERIOR, f'{HOST}; dkim=pass reason="l= leaves" header.d={OURS_DOMAIN}; dmarc=none', "", (True, False, False)),
    (INTERIOR, f"{HOST}; spf=fail smtp.mailfrom={OURS_DOMAIN}; dmarc=fail header.from={OURS_DOMAIN}", "", (True, False, False)),
    (INTERIOR, f"{HOST}; dmarc=pass header.from=attack.example", "", (True, False, False)),
    (INTERIOR, f"mx.attack.example; dmarc=pass header.from={OURS_DOMAIN}", "", (True, False, False)),
    (INTERIOR, f"{HOST}; dmarc=pass header.from={OURS_DOMAIN}", "X: y\r\n", (True, False, False)),
    ("dg@bank.example", f"{HOST}; dmarc=fail header.from=bank.example", "", (False, True, False)),
    ("dg@bank.example", f"{HOST}; dmarc=pass header.from=bank.example", "", (False, False, True)),
    (f"dg@bank.example\r\nSender: {INTERIOR}", f"{HOST}; dmarc=pass header.from=bank.example", "", (True, False, True)),
    (f"{INTERIOR}\r\nSender: {EDUCATION}", f"{HOST}; dmarc=pass header.from={OURS_DOMAIN}", "", (True, False, True)),
    ("dg@bank.example", f"{HOST}; dmarc=temperror header.from=bank.example", "", (False, False, False)),
]


@pytest.mark.parametrize(("sender", "said", "before", "marks"), FOUND)
async def test_what_the_authors_domain_says_is_shown(
    site: Site, clerk: FeaturedPerson, sender: str, said: str, before: str, marks: tuple[bool, bool, bool]
) -> None:
    await site.deliver(EDUCATION, examined(sender, said, before))
    reader = await site.signed_in(site.people[EDUCATION], "en")
    page = await text(reader, await reader.newest(await site.account(EDUCATION)))
    assert (MARK in page, DENIED in page, CONFIRMED in page) == marks
