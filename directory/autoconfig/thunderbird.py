"""Thunderbird's autoconfiguration, ``config-v1.1.xml``: also read by K-9, Evolution, KMail, FairEmail and Delta Chat. Pure.

https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat, and the draft of the IETF's mailmaint group on top of it.
The client asks before it knows a password, so the answer says nothing about people: the address stands in it as ``%EMAILADDRESS%``.
"""

from directory.autoconfig.offer import Mailbox, Offer, Service
from directory.markup import Element, render

# Where clients look, in their order (comm-central, FetchConfig.sys.mjs; mailmaint draft §4): below autoconfig.DOMAIN, then below DOMAIN.
PATHS = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml", "/.well-known/mail-v1.xml")
MEDIA_TYPE = "application/xml; charset=utf-8"

_SOCKET = {"implicit": "SSL", "starttls": "STARTTLS"}
_ADDRESS = "%EMAILADDRESS%"


def config(box: Mailbox, offer: Offer, address_books: str) -> bytes:
    """Return the document for a domain. `address_books` is the path below which CardDAV is served."""
    servers = [_server("incomingServer", "imap", one, offer.host) for one in offer.named("imaps", "imap")]
    servers += [_server("outgoingServer", "smtp", one, offer.host) for one in offer.named("submissions", "submission")]
    if url := offer.url(address_books):
        servers.append(_address_book(url))
    provider = Element(
        "emailProvider",
        (
            Element("domain", text=box.domain),
            Element("displayName", text=box.name_fr),
            Element("displayShortName", text=box.name_ar),
            *servers,
        ),
        attributes={"id": box.domain},
    )
    return render(Element("clientConfig", (provider, *_web(offer)), attributes={"version": "1.1"}), {})


def _server(tag: str, kind: str, service: Service, host: str) -> Element:
    return Element(
        tag,
        (
            Element("hostname", text=host),
            Element("port", text=str(service.port)),
            Element("socketType", text=_SOCKET[service.tls]),
            Element("authentication", text="password-cleartext"),  # over TLS; its "password-encrypted" is CRAM-MD5, never SCRAM
            Element("username", text=_ADDRESS),
        ),
        attributes={"type": kind},
    )


def _address_book(url: str) -> Element:
    fields = (
        Element("username", text=_ADDRESS),
        Element("authentication", text="http-basic"),
        Element("serverURL", text=url),
    )
    return Element("addressBook", fields, attributes={"type": "carddav"})


def _web(offer: Offer) -> tuple[Element, ...]:
    url = offer.url("/signin")
    return (Element("webMail", (Element("loginPage", attributes={"url": url}),)),) if url else ()
