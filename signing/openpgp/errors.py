"""What OpenPGP refuses, with texts that are safe to show."""

from config.errors import MailError


class BadPgpKey(MailError):
    """Octets that are no OpenPGP key, or one that cannot serve: revoked, expired, of another address, not made for this."""

    text = "this is no OpenPGP key that can be used here"


class CannotOpen(MailError):
    """One answer for everything that is wrong with an encrypted text: who sent it must not learn what it was (EFAIL)."""

    text = "this encrypted letter cannot be opened"


class PgpUnavailable(MailError):
    """GnuPG is missing, took too long, or ended in a way that says nothing about what it was given."""

    text = "OpenPGP is not available at the moment, try again later"
    temporary = True


class NoPgpKey(MailError):
    """Somebody has no OpenPGP key that is known here."""

    text = "there is no OpenPGP key for this"
