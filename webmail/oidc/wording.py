"""What scopes mean to people."""

from collections.abc import Sequence

from directory.oidc import scopes
from webmail.errors import N_
from webmail.language import gettext as _

SCOPES = {
    "openid": N_("Know you again, under a name that no other platform has for you"),
    "profile": N_("See your name and language"),
    "email": N_("See your address"),
    "organisation": N_("See in which administration and unit you work"),
    "posts": N_("See which posts you hold"),
    "offline_access": N_("Go on with this when you have signed out, until you take it back"),
    "imap": N_("Read, move and delete your mail and that of your posts"),
    "smtp": N_("Send mail in your name and in that of your posts"),
    "ldap": N_("Look people up in the directory"),
    "dav": N_("See your address books"),
}


def scope_words(asked: Sequence[str]) -> list[tuple[str, bool]]:
    """Return what scopes mean, in the reader's language, and whether each is about mail itself."""
    return [(_(SCOPES[scope]), scope in scopes.MAIL) for scope in asked]
