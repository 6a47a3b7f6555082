"""Every refusal of the house has its code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import errors as common
from config.errors import MailError
from directory import errors as directory
from mailcore import errors as mail
from mailcore.imap.errors import CODES, refusal
from signing import errors as signing

# RFC 9051 §7.1; RFC 3516, 4469, 4978, 5464, 5465, 6154, 7162, 7889, 8474, 9585, 9586, 9738
REGISTERED = frozenset(
    (
        "ALREADYEXISTS",
        "APPENDUID",
        "AUTHENTICATIONFAILED",
        "AUTHORIZATIONFAILED",
        "BADCHARSET",
        "BADEVENT",
        "BADURL",
        "CANNOT",
        "CAPABILITY",
        "CLIENTBUG",
        "CLOSED",
        "COMPRESSIONACTIVE",
        "CONTACTADMIN",
        "COPYUID",
        "CORRUPTION",
        "EXPIRED",
        "EXPUNGEISSUED",
        "HASCHILDREN",
        "HIGHESTMODSEQ",
        "INPROGRESS",
        "INUSE",
        "LIMIT",
        "MAILBOXID",
        "MESSAGELIMIT",
        "METADATA",
        "MODIFIED",
        "NONEXISTENT",
        "NOPERM",
        "NOTIFICATIONOVERFLOW",
        "OVERQUOTA",
        "PARSE",
        "PERMANENTFLAGS",
        "PRIVACYREQUIRED",
        "READ-ONLY",
        "READ-WRITE",
        "SERVERBUG",
        "TOOBIG",
        "TRYCREATE",
        "UIDNEXT",
        "UIDREQUIRED",
        "UIDVALIDITY",
        "UNAVAILABLE",
        "UNKNOWN-CTE",
        "UNSEEN",
        "USEATTR",
    )
)
WRITTEN = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH) \[([A-Z0-9-]+)")
IMAP = Path(__file__).parents[3] / "mailcore/imap"
SAID = {"ok": 1, "no": 1, "bad": 1, "untagged": 2, "_leave": 2}  # what writes a response, and which argument is its code


def codes() -> Iterator[tuple[str, str]]:
    """Every response code that stands in the source, with its file."""
    for path in sorted(IMAP.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in SAID:
                at = SAID[getattr(node.func, "attr", getattr(node.func, "id", ""))]
                for code in node.args[at : at + 1]:
                    yield from ((path.name, found) for found in heads(code))
            if isinstance(node, ast.Constant) and isinstance(node.value, bytes):  # responses that are written in one piece
                yield from ((path.name, found.decode("ascii")) for found in WRITTEN.findall(node.value))


def heads(written: ast.expr) -> Iterator[str]:
    """The first word of what an expression writes, where it stands in the source."""
    match written:
        case ast.IfExp():
            yield from heads(written.body)
            yield from heads(written.orelse)
        case ast.JoinedStr():
            yield from heads(written.values[0])
        case ast.Constant(str(text)) if text:
            yield text.partition(" ")[0]


def test_every_code_is_a_registered_one() -> None:
    found = set(codes())
    assert {("mailboxes.py", "USEATTR"), ("changing.py", "TRYCREATE"), ("selecting.py", "UIDVALIDITY")} <= found
    assert {(name, code) for name, code in found if code not in REGISTERED} == set()
    assert {code.partition(" ")[0] for code in CODES.values()} <= REGISTERED


FAMILY = [
    kind
    for module in (common, mail, directory, signing)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, MailError) and kind is not MailError
]


@pytest.mark.parametrize("kind", FAMILY)
def test_no_refusal_is_missing(kind: type[MailError]) -> None:
    assert kind in CODES


def test_a_refusal_of_another_family_is_for_the_operator() -> None:
    class Unheard(MailError):
        text = "unheard of"

    assert refusal(Unheard()).line(b"a") == b"a NO [CONTACTADMIN] unheard of\r\n"


def test_text_on_the_wire_is_printable_ascii() -> None:
    assert refusal(mail.NoSuchMailbox("no box\r\nnamed é")).line(b"a") == b"a NO [NONEXISTENT] no box??named ?\r\n"
