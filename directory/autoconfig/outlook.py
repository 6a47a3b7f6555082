"""Outlook's Autodiscover, the "plain old XML" form, for IMAP and SMTP. Pure.

[MS-OXDSCLI] §2.2.3 (request), §2.2.4 (response and error codes), §3.2.5.1: Outlook POSTs a request that names an address and the schema it
understands. It asks before it knows a password, so the answer is the same whether the address exists or not.
"""

import hashlib

from directory.autoconfig.offer import Mailbox, Offer, Service
from directory.markup import BadMarkup, Element, parse, render

PATHS = ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml", "/AutoDiscover/AutoDiscover.xml")
MEDIA_TYPE = "text/xml; charset=utf-8"
MAX_BYTES = 8_192  # a request has about 400

REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
ACCEPTABLE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"

# [MS-OXDSCLI] §2.2.4.1.1.2.2
UNKNOWN_ADDRESS, INVALID_REQUEST, UNKNOWN_SCHEMA = 500, 600, 601
MESSAGES = {
    UNKNOWN_ADDRESS: "The email address can't be found.",
    INVALID_REQUEST: "Invalid Request",
    UNKNOWN_SCHEMA: "Provider is not available",
}
_TYPES = {"imaps": "IMAP", "submissions": "SMTP", "imap": "IMAP", "submission": "SMTP"}
_ENCRYPTION = {"implicit": "SSL", "starttls": "TLS"}


class Refused(BadMarkup):
    """A request that is answered by an error document. `code` is one of the table above."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(MESSAGES[code], code=code)


def address(body: bytes) -> str:
    """Return the address that a request asks about. Raises Refused."""
    try:
        root = parse(body)
    except BadMarkup:
        raise Refused(INVALID_REQUEST) from None
    request = root.child(f"{{{REQUEST}}}Request")
    if root.tag != f"{{{REQUEST}}}Autodiscover" or request is None:
        raise Refused(INVALID_REQUEST)
    if request.word(f"{{{REQUEST}}}AcceptableResponseSchema") != ACCEPTABLE:
        raise Refused(UNKNOWN_SCHEMA)
    asked = request.word(f"{{{REQUEST}}}EMailAddress")
    if not asked:
        raise Refused(INVALID_REQUEST)
    return asked


def settings(box: Mailbox, offer: Offer) -> bytes:
    """Return the settings for an address: one way in and one way out, implicit TLS where there is it."""
    incoming, outgoing = offer.named("imaps", "imap")[:1], offer.named("submissions", "submission")[:1]
    account = (
        _field("AccountType", "email"),
        _field("Action", "settings"),
        *(_protocol(box, offer.host, one) for one in (*incoming, *outgoing)),
    )
    user = Element(_name("User"), (_field("DisplayName", box.name_fr),))
    answer = Element(_name("Response"), (user, Element(_name("Account"), account)))
    return render(Element(f"{{{RESPONSE}}}Autodiscover", (answer,)), {RESPONSE: "a", ACCEPTABLE: ""})


def refusal(code: int, host: str, at_us: int) -> bytes:
    """Return the error document of a code. `at_us` is the time, of which only the time of day is told."""
    seconds, micros = divmod(at_us, 1_000_000)
    clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}0"
    server = int.from_bytes(hashlib.sha256(host.encode()).digest()[:4], "big")
    fields = (
        Element(f"{{{RESPONSE}}}ErrorCode", text=str(code)),
        Element(f"{{{RESPONSE}}}Message", text=MESSAGES[code]),
        Element(f"{{{RESPONSE}}}DebugData"),
    )
    error = Element(f"{{{RESPONSE}}}Error", fields, attributes={"Time": clock, "Id": str(server)})
    return render(Element(f"{{{RESPONSE}}}Autodiscover", (Element(f"{{{RESPONSE}}}Response", (error,)),)), {RESPONSE: ""})


def _protocol(box: Mailbox, host: str, service: Service) -> Element:
    kind = _TYPES[service.name]
    fields = [
        _field("Type", kind),
        _field("Server", host),
        _field("Port", str(service.port)),
        _field("DomainRequired", "off"),
        _field("LoginName", box.address),
        _field("SPA", "off"),
        _field("SSL", "on"),
        _field("Encryption", _ENCRYPTION[service.tls]),
        _field("AuthRequired", "on"),
    ]
    if kind == "SMTP":
        fields += [_field("UsePOPAuth", "off"), _field("SMTPLast", "off")]
    return Element(_name("Protocol"), tuple(fields))


def _field(name: str, text: str) -> Element:
    return Element(_name(name), text=text)


def _name(local: str) -> str:
    return f"{{{ACCEPTABLE}}}{local}"
