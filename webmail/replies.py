"""Answers and forwards: subject, recipients, quotation. Pure. RFC 5322 §3.6.4, §3.6.5."""

import re
from collections.abc import Collection, Iterable

from mailcore.message.addresses import Mailbox

# What mail programs put before a subject in the languages written here; one of them is enough.
_PREFIX = re.compile(r"\s*(?:re|réf|rép|rep|aw|tr|fw|fwd|رد|ر|إعادة توجيه|تحويل)\s*(?:\[\d+\])?\s*[:：]\s*", re.IGNORECASE)


def bare(subject: str) -> str:
    """Return a subject without the prefixes that answering and forwarding have piled up."""
    while match := _PREFIX.match(subject):
        subject = subject[match.end() :]
    return subject.strip()


def answer_subject(subject: str) -> str:
    """Return the subject of an answer: one ``Re: ``."""
    return f"Re: {bare(subject)}".strip()


def forward_subject(subject: str) -> str:
    """Return the subject of a forward: one ``Fwd: ``."""
    return f"Fwd: {bare(subject)}".strip()


def quoted(text: str) -> str:
    """Return a text with `>` before each line, format of RFC 3676 §4.5 without flowing."""
    return "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.strip("\n").split("\n"))


def others(mailboxes: Iterable[Mailbox], known: Collection[str]) -> tuple[Mailbox, ...]:
    """Return the mailboxes whose addresses are not in `known` (case folded), each once."""
    found: dict[str, Mailbox] = {}
    for mailbox in mailboxes:
        key = mailbox.address.casefold()
        if key not in known:
            found.setdefault(key, mailbox)
    return tuple(found.values())


def chain(references: Iterable[str], in_reply_to: str, message_id: str) -> tuple[str, ...]:
    """Return the References of an answer: those of its parent (or its In-Reply-To), and the parent itself."""
    parents = list(references) or ([in_reply_to] if in_reply_to else [])
    return tuple(dict.fromkeys([*parents, *([message_id] if message_id else [])]))
