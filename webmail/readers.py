"""Special forms of letters: one reader for each, asked in order; what one unwraps the next ones see.

A reader that has nothing to do with a letter gives NOTHING and costs nothing. Buttons in its section are answered by its action.
"""

from dataclasses import dataclass

from webmail import encryption, opaque, pdfs
from webmail.desk import Box, Desk
from webmail.openpgp import reading as openpgp
from webmail.reading import Opened
from webmail.sections import Action, Reader, Section

# what is encrypted before what is signed before what is attached
UNWRAPPING: tuple[Reader, ...] = (encryption.read, openpgp.read_encrypted, openpgp.read_signed, opaque.read)
READERS: tuple[Reader, ...] = (*UNWRAPPING, pdfs.read)
# by the value of the button `action`; its letter is the one as it came
ACTIONS: dict[str, Action] = {encryption.ACTION: encryption.act, **openpgp.ACTIONS}


@dataclass(frozen=True, slots=True)
class Whole:
    """A letter after every reader: the innermost one, and what they add to its page."""

    opened: Opened
    sections: tuple[Section, ...] = ()
    plain_only: bool = False


async def read(desk: Desk, box: Box, opened: Opened) -> Whole:
    """Return a letter as its page shows it. Raises what the readers raise."""
    return await _read(desk, box, opened, READERS)


async def unwrapped(desk: Desk, box: Box, opened: Opened) -> Whole:
    """Return a letter without judging what is attached, which may cost seconds: for one of its parts, or an answer."""
    return await _read(desk, box, opened, UNWRAPPING)


async def _read(desk: Desk, box: Box, opened: Opened, table: tuple[Reader, ...]) -> Whole:
    whole = Whole(opened)
    for reader in table:
        found = await reader(desk, box, whole.opened)
        whole = Whole(found.inside or whole.opened, whole.sections + found.sections, whole.plain_only or found.plain_only)
    return whole
