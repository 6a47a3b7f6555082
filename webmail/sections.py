"""What a reader of a special form of letter gives: sections for its page, and the letter inside. The table is in `webmail.readers`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from webmail.desk import Box, Desk
from webmail.forms import Form
from webmail.reading import Opened


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page above the text: the template that shows it, which finds `facts` as `section.facts`."""

    template: str
    facts: object


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader makes of a letter.

    `inside` is the letter that was wrapped in it: it is shown and judged in its place. `plain_only` forbids the formatted version.
    """

    sections: tuple[Section, ...] = ()
    inside: Opened | None = None
    plain_only: bool = False


NOTHING = Read()
Reader = Callable[[Desk, Box, Opened], Awaitable[Read]]
Action = Callable[[Request, Desk, Box, Opened, Form], Awaitable[Response]]
