"""Carrying out a change of credentials: the change, its notice and the session that goes on, in one transaction.

Most changes end every sign-in of the person. The session in which it was made goes on under another cookie, so that whoever
may have got hold of the former one has nothing left of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Concatenate, Generic, ParamSpec, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory.rights import Actor
from mailcore.queue import queue
from mailcore.queue.types import Entry
from webmail import cookies, guard, sessions
from webmail.desk import SESSION_COOKIE, Desk
from webmail.oidc import farewell
from webmail.security import notices
from webmail.security.notices import Event

P = ParamSpec("P")
R = TypeVar("R")
PAGE = "/security"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Changed(Generic[R]):
    """A change that was made: what it returned, and the desk with its next cookie."""

    value: R
    desk: Desk

    def on(self, answer: Response) -> Response:
        """Give an answer the next cookie."""
        cookies.give(answer, SESSION_COOKIE, self.desk.cookie)
        return answer

    def see(self, done: str, anchor: str) -> Response:
        """Go back to the page and say what was done."""
        return self.on(guard.see(PAGE, done, anchor=anchor))


async def carry(
    request: Request, desk: Desk, event: Event, unit: Callable[Concatenate[Tx, Actor, P], R], *args: P.args, **kwargs: P.kwargs
) -> Changed[R]:
    """Carry out a unit of `directory.acts.own`. Raises what it raises; then nothing has happened."""
    following = replace(desk, cookie=sessions.new_token())
    notice = await notices.entry(request, desk, event)
    actor = Actor(desk.login, person_id=desk.person_id)
    value = await desk.services.db.write(_change, desk, following.cookie, notice, lambda tx: unit(tx, actor, *args, **kwargs))
    log.info("web.security", event_name=event.name, person_id=desk.person_id, peer=guard.peer(request))
    return Changed(value, following)


def _change(tx: Tx, desk: Desk, token: str, notice: Entry, unit: Callable[[Tx], R]) -> R:
    value = unit(tx)
    farewell.follow(tx, desk.cookie, token, desk.person_id)
    queue.enqueue(tx, notice)
    return value
