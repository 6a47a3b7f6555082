"""What real sessions look like: the golden transcripts, without what must be heard."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
SAID = re.compile(r"([A-Z]): (.*)")
GIVEN = re.compile(r"given: (.*)")


@dataclass(frozen=True, slots=True)
class Step:
    """A client says something, or (`who` is "") something is given."""

    who: str
    text: str


def sessions() -> list[tuple[str, tuple[Step, ...]]]:
    """Return every transcript by name."""
    return [(path.stem, steps(path.read_text("utf-8"))) for path in sorted(TRANSCRIPTS.glob("*.imap"))]


def steps(text: str) -> tuple[Step, ...]:
    """Return what a transcript says."""
    found = []
    for whole in text.splitlines():
        line = re.sub(r"(^|\s+)# .*$", "", whole).strip()
        if match := SAID.fullmatch(line):
            found.append(Step(match[1], match[2]))
        elif match := GIVEN.fullmatch(line):
            found.append(Step("", match[1]))
    return tuple(found)


def command(text: str, rng: random.Random) -> bytes:
    """Return a command as octets; what a transcript would have bound is a number."""
    return re.sub(r"\$\w+", lambda _: str(rng.randint(0, 9)), text).replace("⏎", "\r\n").encode()
