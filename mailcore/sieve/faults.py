"""What can be wrong with a script, each in one sentence with its place. Pure.

The sentences are the texts of the wire (RFC 5804 §1.3 wants UTF-8, people want words); the webmail has them in three languages.
"""

from dataclasses import dataclass
from enum import StrEnum

from config.errors import MailError


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a script, both from 1; a line of 0 is the script as a whole."""

    line: int
    column: int


NOWHERE = Place(0, 0)


class Fault(StrEnum):
    """A sentence; names in braces are filled in."""

    TOO_LARGE = "the script is larger than {limit} octets"
    NOT_UTF8 = "these octets are not UTF-8"
    BAD_CHARACTER = "this character cannot stand here: {found}"
    OPEN_STRING = "this text has no closing quotation mark"
    OPEN_TEXT = "this text: block has no line with a single dot"
    OPEN_COMMENT = "this comment is not closed"
    BIG_NUMBER = "this number is too large"
    LONG_NAME = "this name is too long"
    EXPECTED = "{expected} is missing before {found}"
    TOO_DEEP = "blocks or tests are nested more than {limit} deep"
    LONG_LIST = "this list is longer than {limit}"
    UNKNOWN_COMMAND = "there is no command {name}"
    UNKNOWN_TEST = "there is no test {name}"
    UNKNOWN_TAG = "{name} does not know {tag}"
    REPEATED_TAG = "{tag} is there twice, or with another that excludes it"
    TAG_VALUE = "{tag} must be followed by {expected}"
    MISSING = "{name} lacks {expected}"
    TOO_MUCH = "{name} does not take {found}"
    NO_BLOCK = "{name} needs a block in braces"
    NEEDS_TEST = "{name} needs one test"
    NEEDS_TESTS = "{name} needs tests in parentheses"
    STRAY_BLOCK = "{name} takes no block"
    STRAY_TEST = "{name} takes no test"
    LATE_REQUIRE = "require stands before all other commands"
    UNKNOWN_EXTENSION = "the extension {name} is not known here"
    NOT_REQUIRED = "{name} needs require {extension}"
    ELSE_ALONE = "{name} does not follow an if"
    UNKNOWN_COMPARATOR = "there is no comparator {name}"
    BAD_COMPARATOR = "the comparator {name} cannot be used with {tag}"
    BAD_HEADER = "this is not the name of a header field: {name}"
    NOT_ADDRESSES = "the field {name} holds no addresses"
    BAD_ENVELOPE = "there is no envelope part {name}"
    BAD_ADDRESS = "this is not an address: {name}"
    BAD_MAILBOX = "this is not a name that a mailbox can have: {name}"
    BAD_RELATION = "there is no relation {name}"
    BAD_VARIABLE = "this is not the name of a variable: {name}"
    BAD_NAMESPACE = "there is no namespace {name}"
    BAD_UNICODE = "there is no such character: {name}"
    BAD_DATE_PART = "there is no date part {name}"
    BAD_ZONE = "this is not a time zone such as +0100: {name}"
    BAD_INDEX = "an index is 1 or more"
    LAST_ALONE = ":last needs :index"
    BAD_MIME = "this is not a MIME entity with its header"
    BAD_SPECIAL_USE = "there is no special use {name}"
    EMPTY_LIST = "this list is empty"
    VARIABLE_HERE = "a variable cannot stand here"
    TOO_MANY_VARIABLES = "there are more than {limit} variables"
    TOO_MANY_ACTIONS = "the script asks for more than {limit} actions"
    TOO_MANY_REDIRECTS = "the script forwards more than {limit} times"
    TOO_LONG = "the script takes too long for this letter"
    CONFLICT = "{name} cannot go together with {other}"


class SieveError(MailError):
    """A script that cannot be compiled, or cannot go on. `text` says it in English with its place."""

    def __init__(self, fault: Fault, place: Place = NOWHERE, **said: object) -> None:
        self.fault, self.place, self.said = fault, place, said
        sentence = fault.format(**said)
        super().__init__(f"line {place.line}, column {place.column}: {sentence}" if place.line else sentence, fault=fault.name)
