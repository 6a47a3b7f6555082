"""What is wrong with a script, in the reader's language: every sentence of `mailcore.sieve.faults`, and what is filled in."""

from mailcore.sieve.faults import Fault, SieveError
from webmail import bidi
from webmail.errors import N_
from webmail.language import gettext as _

FAULTS: dict[Fault, str] = {
    Fault.TOO_LARGE: N_("the script is larger than {limit} octets"),
    Fault.NOT_UTF8: N_("these octets are not UTF-8"),
    Fault.BAD_CHARACTER: N_("this character cannot stand here: {found}"),
    Fault.OPEN_STRING: N_("this text has no closing quotation mark"),
    Fault.OPEN_TEXT: N_("this text: block has no line with a single dot"),
    Fault.OPEN_COMMENT: N_("this comment is not closed"),
    Fault.BIG_NUMBER: N_("this number is too large"),
    Fault.LONG_NAME: N_("this name is too long"),
    Fault.EXPECTED: N_("{expected} is missing before {found}"),
    Fault.TOO_DEEP: N_("blocks or tests are nested more than {limit} deep"),
    Fault.LONG_LIST: N_("this list is longer than {limit}"),
    Fault.UNKNOWN_COMMAND: N_("there is no command {name}"),
    Fault.UNKNOWN_TEST: N_("there is no test {name}"),
    Fault.UNKNOWN_TAG: N_("{name} does not know {tag}"),
    Fault.REPEATED_TAG: N_("{tag} is there twice, or with another that excludes it"),
    Fault.TAG_VALUE: N_("{tag} must be followed by {expected}"),
    Fault.MISSING: N_("{name} lacks {expected}"),
    Fault.TOO_MUCH: N_("{name} does not take {found}"),
    Fault.NO_BLOCK: N_("{name} needs a block in braces"),
    Fault.NEEDS_TEST: N_("{name} needs one test"),
    Fault.NEEDS_TESTS: N_("{name} needs tests in parentheses"),
    Fault.STRAY_BLOCK: N_("{name} takes no block"),
    Fault.STRAY_TEST: N_("{name} takes no test"),
    Fault.LATE_REQUIRE: N_("require stands before all other commands"),
    Fault.UNKNOWN_EXTENSION: N_("the extension {name} is not known here"),
    Fault.NOT_REQUIRED: N_("{name} needs require {extension}"),
    Fault.ELSE_ALONE: N_("{name} does not follow an if"),
    Fault.UNKNOWN_COMPARATOR: N_("there is no comparator {name}"),
    Fault.BAD_COMPARATOR: N_("the comparator {name} cannot be used with {tag}"),
    Fault.BAD_HEADER: N_("this is not the name of a header field: {name}"),
    Fault.NOT_ADDRESSES: N_("the field {name} holds no addresses"),
    Fault.BAD_ENVELOPE: N_("there is no envelope part {name}"),
    Fault.BAD_ADDRESS: N_("this is not an address: {name}"),
    Fault.BAD_MAILBOX: N_("this is not a name that a mailbox can have: {name}"),
    Fault.BAD_RELATION: N_("there is no relation {name}"),
    Fault.BAD_VARIABLE: N_("this is not the name of a variable: {name}"),
    Fault.BAD_NAMESPACE: N_("there is no namespace {name}"),
    Fault.BAD_UNICODE: N_("there is no such character: {name}"),
    Fault.BAD_DATE_PART: N_("there is no date part {name}"),
    Fault.BAD_ZONE: N_("this is not a time zone such as +0100: {name}"),
    Fault.BAD_INDEX: N_("an index is 1 or more"),
    Fault.LAST_ALONE: N_(":last needs :index"),
    Fault.BAD_MIME: N_("this is not a MIME entity with its header"),
    Fault.BAD_SPECIAL_USE: N_("there is no special use {name}"),
    Fault.EMPTY_LIST: N_("this list is empty"),
    Fault.VARIABLE_HERE: N_("a variable cannot stand here"),
    Fault.TOO_MANY_VARIABLES: N_("there are more than {limit} variables"),
    Fault.TOO_MANY_ACTIONS: N_("the script asks for more than {limit} actions"),
    Fault.TOO_MANY_REDIRECTS: N_("the script forwards more than {limit} times"),
    Fault.TOO_LONG: N_("the script takes too long for this letter"),
    Fault.CONFLICT: N_("{name} cannot go together with {other}"),
}
FILLED = (
    N_("a number"),
    N_("a text"),
    N_("a text or a list"),
    N_("nothing"),
    N_("a command"),
    N_("a semicolon or a block"),
    N_("a test"),
    N_("a text in quotation marks"),
    N_("the end of the script"),
    N_(":over or :under"),
)


def explained(error: SieveError) -> str:
    """Return a fault in words; what the script says stands apart from the sentence around it."""
    said = {name: _(str(value)) if value in FILLED else bidi.isolate(str(value)) for name, value in error.said.items()}
    return _(FAULTS[error.fault]).format(**said)
