"""What one asks of the DNS and what it says, as values. Pure.

RFC 1034 §4.3.4 and RFC 2308 (a name or its records do not exist), RFC 4035 §3.2.3 (AD: the resolver has verified it).
"""

from dataclasses import dataclass
from enum import Enum, auto


class Outcome(Enum):
    """How a question ended. TEMPORARY is every way in which the DNS did not say yes or no."""

    FOUND = auto()
    NONE = auto()
    TEMPORARY = auto()


@dataclass(frozen=True, slots=True)
class Question:
    """`name` without its final dot, ASCII; `kind` as the DNS calls it: A, AAAA, MX, TXT, PTR, TLSA …"""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The records as a zone file writes them, names in lower case without their final dot.

    A TXT record is its strings joined, an octet for each character (ISO 8859-1). `exists` says that the name has records of some kind,
    `authentic` that a resolver we trust for it has verified the answer (DNSSEC).
    """

    outcome: Outcome
    records: tuple[str, ...] = ()
    exists: bool = True
    authentic: bool = False

    @property
    def failed(self) -> bool:
        """Say whether asking again later may help."""
        return self.outcome is Outcome.TEMPORARY


NOTHING = Answer(Outcome.NONE)
NO_SUCH_NAME = Answer(Outcome.NONE, exists=False)
NO_ANSWER = Answer(Outcome.TEMPORARY)
