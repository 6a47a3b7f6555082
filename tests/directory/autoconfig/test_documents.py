"""Thunderbird's and Apple's documents say what was offered, and no more."""

import plistlib
from xml.etree import ElementTree

from config.settings import Listen
from directory.autoconfig import apple, thunderbird
from directory.autoconfig.offer import Mailbox, offer

BOX = Mailbox("amina@interieur.gov.example", "interieur.gov.example", "وزارة الداخلية", "Ministère de l'Intérieur")
LISTEN = Listen(imaps="[::]:993", imap="[::]:143", submissions="[::]:465", submission="[::]:587", https="[::]:2443")
OFFER = offer("mx.diwan.example", LISTEN)


def test_thunderbird_reads_servers_in_the_order_of_preference() -> None:
    root = ElementTree.fromstring(thunderbird.config(BOX, OFFER, "/dav/"))
    assert (root.tag, root.attrib) == ("clientConfig", {"version": "1.1"})
    provider = root.find("emailProvider")
    assert provider is not None
    assert provider.attrib == {"id": BOX.domain}
    assert provider.findtext("domain") == BOX.domain
    found = [
        (one.tag, one.attrib["type"], one.findtext("hostname"), one.findtext("port"), one.findtext("socketType"), one.findtext("username"))
        for one in provider
        if one.tag.endswith("Server")
    ]
    host, name = "mx.diwan.example", "%EMAILADDRESS%"
    assert found == [
        ("incomingServer", "imap", host, "993", "SSL", name),
        ("incomingServer", "imap", host, "143", "STARTTLS", name),
        ("outgoingServer", "smtp", host, "465", "SSL", name),
        ("outgoingServer", "smtp", host, "587", "STARTTLS", name),
    ]
    assert provider.findtext("addressBook/serverURL") == "https://mx.diwan.example:2443/dav/"


def test_apples_profile_has_no_password_and_replaces_itself() -> None:
    first, second = (apple.profile(BOX, OFFER, "/dav/", "dc=diwan") for _ in range(2))
    assert first == second
    read = plistlib.loads(first)
    mail, books = read["PayloadContent"]
    assert mail["PayloadType"] == "com.apple.mail.managed"
    assert (mail["IncomingMailServerPortNumber"], mail["OutgoingMailServerPortNumber"]) == (993, 465)
    assert (books["CardDAVHostName"], books["CardDAVPort"], books["CardDAVPrincipalURL"]) == ("mx.diwan.example", 2443, "/dav/")
    assert b"<key>IncomingPassword" not in first
    assert len({read["PayloadUUID"], mail["PayloadUUID"], books["PayloadUUID"]}) == 3
    other = plistlib.loads(apple.profile(Mailbox("karim@interieur.gov.example", BOX.domain, "", ""), OFFER, "/dav/"))
    assert other["PayloadUUID"] != read["PayloadUUID"]


def test_nothing_is_said_about_what_is_switched_off() -> None:
    bare = offer("mx.diwan.example", Listen(imaps="[::]:993"))
    assert ElementTree.fromstring(thunderbird.config(BOX, bare, "/dav/")).find(".//addressBook") is None
    assert plistlib.loads(apple.profile(BOX, bare, "/dav/"))["PayloadContent"] == []
