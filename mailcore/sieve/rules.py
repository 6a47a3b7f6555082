"""Rules as people understand them, and the script that they make. Pure.

The script carries its rules in a comment. It counts as made of rules as long as it is what the rules make, octet for octet:
one that somebody changed by hand is theirs, and is never taken for ours.
"""

import re
from dataclasses import dataclass

import msgspec

from mailcore.sieve.compile import compile
from mailcore.sieve.faults import SieveError

NAME = "diwan"  # of the script that the webmail makes
MAX_RULES = 100
MAX_TEXT = 200  # characters of what a rule looks for
MAX_NOTICE = 4000  # of an absence notice
_MARK = "# diwan-rules "
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NEEDS = {  # what a script shows of an extension, and its name
    "fileinto": "fileinto",
    ":create": "mailbox",
    ":flags": "imap4flags",
    ":copy": "copy",
    "i;unicode-casemap": "comparator-i;unicode-casemap",
    "currentdate": "date",
    ':value "': "relational",
    "vacation": "vacation",
}


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A letter whose fields hold these words ("" for any) goes into a folder, gets a flag, goes on to somebody; then rules end for it."""

    sender: str = ""
    recipient: str = ""
    subject: str = ""
    folder: str = ""  # "" leaves it in the inbox
    flag: bool = False
    seen: bool = False
    forward: str = ""


class Absence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What senders are told between two days (``2026-12-01``, "" for no end), each of them once a week."""

    text: str = ""
    subject: str = ""
    since: str = ""
    until: str = ""


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it, in order."""

    rules: tuple[Rule, ...] = ()
    absence: Absence | None = None


@dataclass(frozen=True, slots=True)
class Unfit(Exception):
    """A rule that makes no sense; `what` names the field."""

    what: str


def script(rules: Rules) -> bytes:
    """Return the script that these rules make. Raises SieveError when they hold what no script can."""
    carried = _MARK + msgspec.json.encode(rules).decode() + "\r\n"
    pieces = [_absence(rules.absence)] if rules.absence is not None else []
    body = "".join([*pieces, *map(_rule, rules.rules)])
    needed = [name for shown, name in _NEEDS.items() if shown in body]
    require = f"require {_list(needed)};\r\n" if needed else ""
    made = (require + carried + body).encode()
    compile(made)
    return made


def read(octets: bytes) -> Rules | None:
    """Return the rules that made a script, None for one that was written by hand."""
    found = re.search(rb"(?m)^# diwan-rules (\{[^\r\n]*\})\r$", octets)
    if found is None:
        return None
    try:
        rules = msgspec.json.decode(found[1], type=Rules)
        return rules if script(rules) == octets else None
    except (msgspec.MsgspecError, SieveError):
        return None


def require_sense(rule: Rule) -> None:
    """Raise Unfit for a rule without words to look for, or without anything to do."""
    words = (rule.sender, rule.recipient, rule.subject)
    if not any(words) or any(len(text) > MAX_TEXT or not text.isprintable() for text in words):
        raise Unfit("words")
    if not (rule.folder or rule.flag or rule.seen or rule.forward):
        raise Unfit("deed")


def require_days(absence: Absence) -> None:
    """Raise Unfit for a notice without text, or days that are none or lie the wrong way round."""
    if not absence.text.strip() or len(absence.text) > MAX_NOTICE:
        raise Unfit("text")
    if len(absence.subject) > MAX_TEXT or not (absence.subject or "x").isprintable():
        raise Unfit("subject")
    if any(day and not _DAY.fullmatch(day) for day in (absence.since, absence.until)):
        raise Unfit("days")
    if absence.since and absence.until and absence.until < absence.since:
        raise Unfit("days")


def _rule(rule: Rule) -> str:
    fields = ((["from"], rule.sender), (["to", "cc"], rule.recipient), (["subject"], rule.subject))
    tests = [f"header :contains{_comparator(text)} {_list(names)} {_quoted(text)}" for names, text in fields if text]
    deeds = []
    flags = [name for name, wanted in (("\\Flagged", rule.flag), ("\\Seen", rule.seen)) if wanted]
    if rule.forward:
        deeds.append(f"redirect :copy {_quoted(rule.forward)};")
    flagged = f" :flags {_list(flags)}" if flags else ""
    deeds.append(f"fileinto{flagged} :create {_quoted(rule.folder)};" if rule.folder else f"keep{flagged};")
    inside = "".join(f"    {deed}\r\n" for deed in (*deeds, "stop;"))
    return f"if allof ({', '.join(tests)}) {{\r\n{inside}}}\r\n"


def _absence(absence: Absence) -> str:
    subject = f" :subject {_quoted(absence.subject)}" if absence.subject else ""
    deed = f"vacation :days 7{subject} {_quoted(absence.text)};"
    days = (("ge", absence.since), ("le", absence.until))
    tests = [f'currentdate :value "{relation}" "date" {_quoted(day)}' for relation, day in days if day]
    return f"if allof ({', '.join(tests)}) {{\r\n    {deed}\r\n}}\r\n" if tests else f"{deed}\r\n"


def _comparator(text: str) -> str:
    """Words beyond ASCII are found however their letters are written; others need no more than the default."""
    return "" if text.isascii() else ' :comparator "i;unicode-casemap"'


def _list(texts: list[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\r\n", "\n").replace("\n", "\r\n") + '"'
