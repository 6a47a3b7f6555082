"""Refusals as ManageSieve says them: one table. RFC 5804 §1.3."""

from config.errors import DatabaseUnreachable, MailError, NoRoom
from directory import errors as directory
from mailcore import errors as mail
from mailcore.managesieve import wire
from mailcore.sieve import errors as sieve
from mailcore.sieve.faults import Fault, SieveError

CODES: dict[type[MailError], str] = {
    sieve.NoSuchScript: "NONEXISTENT",
    sieve.ScriptExists: "ALREADYEXISTS",
    sieve.ScriptActive: "ACTIVE",
    sieve.BadScriptName: "",
    sieve.TooManyScripts: "QUOTA/MAXSCRIPTS",
    sieve.ScriptsTooLarge: "QUOTA/MAXSIZE",
    SieveError: "",
    directory.TooManyAttempts: "TRYLATER",
    directory.BadCredentials: "",
    mail.Unavailable: "TRYLATER",
    NoRoom: "TRYLATER",
    DatabaseUnreachable: "TRYLATER",
    MailError: "",
}


def refusal(error: MailError) -> bytes:
    """Return NO with the text and the code of a refusal."""
    code = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    if isinstance(error, SieveError) and error.fault is Fault.TOO_LARGE:
        code = "QUOTA/MAXSIZE"
    return wire.answer("NO", error.text, code or ("TRYLATER" if error.temporary else ""))
