"""Acts of somebody at their desk: in their own name, or for the post or unit whose mailbox it is about."""

from config.database import Tx
from directory import acts, lists
from directory.acts import Act, Outcome
from directory.acts.lists import ListReject, ListRelease
from directory.lists import MailingList
from directory.rights import Actor
from mailcore.queue import moderation
from webmail.desk import Box, Desk
from webmail.errors import NoSuchPage

LISTS = "/lists"


def owned(desk: Desk) -> tuple[Box, ...]:
    """Return the mailboxes that are the visitor's own or come with a post that they hold."""
    return tuple(box for box in desk.boxes if box.lent is None)


def own(desk: Desk, account_id: int) -> Box:
    """Return such a mailbox by its account. Raises NoSuchPage."""
    found = next((box for box in owned(desk) if box.account_id == account_id), None)
    if found is None:
        raise NoSuchPage(account_id=account_id)
    return found


async def own_list(desk: Desk, list_id: int) -> tuple[MailingList, Box]:
    """Return an open list and the mailbox of the visitor's that owns it. Raises NoSuchPage."""
    lists_owned = await desk.services.db.read(lists.owned_by, [box.account_id for box in owned(desk)])
    found = next((one for one in lists_owned if one.list_id == list_id), None)
    if found is None:
        raise NoSuchPage(list_id=list_id)
    return found, own(desk, found.owner_id)


async def perform(desk: Desk, box: Box, act: Act) -> Outcome:
    """Carry out an act about a mailbox of the visitor. Raises what the act refuses."""
    return await desk.services.db.write(acts.perform, desk.actor(box), act)


async def decide(desk: Desk, box: Box, act: ListRelease | ListReject) -> Outcome:
    """Decide on a letter that waits for the owner of a list."""
    return await desk.services.db.write(_decide, desk.actor(box), act)


def _decide(tx: Tx, actor: Actor, act: ListRelease | ListReject) -> Outcome:
    return moderation.decide(tx, actor, act)
