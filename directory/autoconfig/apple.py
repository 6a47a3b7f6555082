"""Apple's configuration profile: mail, address book and directory of an iPhone or a Mac in one file. Pure.

Apple Device Management: payloads ``Configuration``, ``com.apple.mail.managed``, ``com.apple.carddav.account``, ``com.apple.ldap.account``.
A profile that has the identifiers of one before replaces it, so they are derived from the address.
"""

import plistlib
import uuid
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from directory.autoconfig.offer import Mailbox, Offer

PATH = "/.well-known/diwan/mail.mobileconfig"
MEDIA_TYPE = "application/x-apple-aspen-config"

_PROFILES = uuid.UUID("6f1d6a0e-6a1f-5a3c-9d7e-2f6c2f0a4b11")  # the name space of our identifiers

Payload = Mapping[str, object]


def profile(box: Mailbox, offer: Offer, address_books: str, base_dn: str = "") -> bytes:
    """Return the profile of an account, without any password: the device asks for it.

    `address_books` is the path of CardDAV; the directory is left out without a `base_dn`.
    """
    wanted = (_mail(box, offer), _books(box, offer, address_books), _directory(box, offer, base_dn))
    payloads = [{**payload, **_identity(box, str(payload["PayloadType"]))} for payload in wanted if payload]
    whole = {
        "PayloadType": "Configuration",
        "PayloadDisplayName": f"{box.name_fr} {box.address}",
        "PayloadOrganization": box.name_fr,
        "PayloadRemovalDisallowed": False,
        "PayloadContent": payloads,
        **_identity(box, "Configuration"),
    }
    return plistlib.dumps(whole)


def _mail(box: Mailbox, offer: Offer) -> Payload:
    incoming, outgoing = offer.named("imaps", "imap"), offer.named("submissions", "submission")
    if not incoming or not outgoing:
        return {}
    return {
        "PayloadType": "com.apple.mail.managed",
        "EmailAccountType": "EmailTypeIMAP",
        "EmailAccountDescription": box.name_fr,
        "EmailAddress": box.address,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerHostName": offer.host,
        "IncomingMailServerPortNumber": incoming[0].port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerUsername": box.address,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerHostName": offer.host,
        "OutgoingMailServerPortNumber": outgoing[0].port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerUsername": box.address,
        "OutgoingPasswordSameAsIncomingPassword": True,
        "SMIMEEnabled": True,
    }


def _books(box: Mailbox, offer: Offer, path: str) -> Payload:
    url = urlsplit(offer.url(path))
    if not url.hostname:
        return {}
    return {
        "PayloadType": "com.apple.carddav.account",
        "CardDAVAccountDescription": box.name_fr,
        "CardDAVHostName": offer.host,
        "CardDAVPort": url.port or 443,
        "CardDAVPrincipalURL": path,
        "CardDAVUseSSL": True,
        "CardDAVUsername": box.address,
    }


def _directory(box: Mailbox, offer: Offer, base_dn: str) -> Payload:
    if not base_dn or not offer.named("ldaps"):
        return {}
    search = {"LDAPSearchSettingDescription": box.name_fr, "LDAPSearchSettingScope": "LDAPSearchSettingScopeSubtree"}
    return {
        "PayloadType": "com.apple.ldap.account",
        "LDAPAccountDescription": box.name_fr,
        "LDAPAccountHostName": f"{offer.host}:{offer.named('ldaps')[0].port}",
        "LDAPAccountUseSSL": True,
        "LDAPAccountUserName": box.address,
        "LDAPSearchSettings": [{**search, "LDAPSearchSettingSearchBase": base_dn}],
    }


def _identity(box: Mailbox, kind: str) -> Payload:
    name = f"{kind}/{box.address.casefold()}"
    reverse = ".".join(reversed(box.domain.split(".")))
    return {
        "PayloadVersion": 1,
        "PayloadUUID": str(uuid.uuid5(_PROFILES, name)).upper(),
        "PayloadIdentifier": f"{reverse}.{kind}.{quote(box.address.casefold(), safe='@.-_+')}",
    }
