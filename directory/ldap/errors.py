"""What this face refuses, and the result codes of the whole MailError family. RFC 4511 §4.1.9, appendix A."""

from config.errors import DatabaseUnreachable, MailError, NoRoom
from directory import errors as directory

SUCCESS = 0
SASL_IN_PROGRESS = 14
COMPARE_FALSE, COMPARE_TRUE = 5, 6
SIZE_LIMIT_EXCEEDED = 4
PROTOCOL_ERROR, OTHER = 2, 80
UNAVAILABLE = 52


class NotUnderstood(MailError):
    """What arrived is no LDAP message: the connection cannot go on (§4.4.1)."""

    text = "this is not an LDAP message"


class UnknownOperation(MailError):
    text = "this operation is not known here"


class TooComplex(MailError):
    text = "this filter is too deep or too long"


class Unindexed(MailError):
    """Nothing narrows the search down: it would read the whole register."""

    text = "search for a name, an address or the members of one unit"


class BadName(MailError):
    text = "this is not a distinguished name"


class NoSuchEntry(MailError):
    """No entry has this name. `matched` is the nearest one above it that exists."""

    text = "there is no such entry"

    def __init__(self, matched: str = "") -> None:
        self.matched = matched
        super().__init__()


class NoSuchAttribute(MailError):
    text = "the entry has no such attribute"


class ReadOnly(MailError):
    text = "this directory is read-only here"


class NotSignedIn(MailError):
    text = "sign in first"


class PasswordMissing(MailError):
    """A name without a password is no sign-in (RFC 4513 §5.1.2)."""

    text = "a name needs a password"


class CriticalControl(MailError):
    text = "a critical control cannot be honoured"


class TookTooLong(MailError):
    text = "this took longer than allowed"


class TooMuchAtOnce(MailError):
    text = "too many requests wait on this connection"


CODES: dict[type[MailError], int] = {
    NotUnderstood: PROTOCOL_ERROR,
    UnknownOperation: PROTOCOL_ERROR,
    TookTooLong: 3,
    TooComplex: 11,
    Unindexed: 11,
    CriticalControl: 12,
    NoSuchAttribute: 16,
    NoSuchEntry: 32,
    BadName: 34,
    PasswordMissing: 53,
    ReadOnly: 53,
    NotSignedIn: 50,
    TooMuchAtOnce: 51,
    DatabaseUnreachable: UNAVAILABLE,
    NoRoom: UNAVAILABLE,
    directory.BadCredentials: 49,
    directory.BadExchange: PROTOCOL_ERROR,
    directory.UnknownMechanism: 7,
    directory.SecondFactorNeeded: 49,
    directory.SignInExpired: 49,
    directory.TooManyAttempts: 51,
    directory.NotPermitted: 50,
    directory.NotPending: 53,
    directory.NotFound: 32,
    directory.BadAddress: 34,
    directory.AddressTaken: 68,
    directory.BadEntry: 53,
}


def code_of(error: MailError) -> int:
    """Return the result code of a refusal; one of another family is `other`."""
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), OTHER)
