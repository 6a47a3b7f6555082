"""What people type as their name: their address, or their address and a post they act for. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from directory.address import Address, fold, parse
from directory.errors import BadAddress

MAX_LOGIN_CHARS = 600  # two addresses of 254 and what divides them
_TWO = re.compile(r"([^*/].*@[^*/@]+)[*/](.+@[^@]+)", re.DOTALL)  # no domain has either sign; "/" needs no quoting in IMAP


@dataclass(frozen=True, slots=True)
class Login:
    """`post` is None for somebody who opens their own mailbox."""

    person: Address
    post: Address | None

    @property
    def account(self) -> str:
        """The name under which failed tries are counted."""
        return fold(self.person)


def account_of(claim: Login | None, text: str) -> str:
    """Return the name under which tries are counted, also for what is no name."""
    return claim.account if claim is not None else text[:64].casefold()


@lru_cache(maxsize=4096)  # the same people sign in all day
def parse_login(text: str) -> Login | None:
    """Read ``person@domain`` or ``person@domain/other@domain`` (or ``*`` between them); None when it is neither.

    The other is a post's, a unit's or a lent mailbox; which of them, and whether it is open, the directory says.
    """
    if len(text) > MAX_LOGIN_CHARS:
        return None
    both = _TWO.fullmatch(text.strip())
    try:
        if both is not None:
            return Login(parse(both[1]), parse(both[2]))
        return Login(parse(text.strip()), None)
    except BadAddress:
        return None
