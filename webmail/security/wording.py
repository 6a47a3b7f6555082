"""Words for what opens what."""

from directory.types import Scope
from webmail.errors import N_

SCOPES: dict[Scope, str] = {
    "imap": N_("Read mail"),
    "smtp": N_("Send mail"),
    "ldap": N_("Look up the directory"),
    "dav": N_("Address books"),
}
