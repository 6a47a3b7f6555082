"""The act on how much may be sent: by an administrator for people, from above for an administration."""

from typing import Any

import msgspec

from config.database import Tx
from directory import organisations, sending
from directory.acts import places
from directory.acts.act import Act, Rule, Rules
from directory.errors import NotFound
from directory.rights import Scope
from directory.sending import Sending


class SendingSet(Act, frozen=True, tag="sending.set"):
    """Say how much a person or an administration may send. None is what the settings say, 0 no limit."""

    holder_id: int
    messages_hour: int | None = None
    messages_day: int | None = None
    recipients_hour: int | None = None
    recipients_day: int | None = None
    priority: int | None = None


def _set(tx: Tx, act: SendingSet) -> Sending:
    given = Sending(act.messages_hour, act.messages_day, act.recipients_hour, act.recipients_day, act.priority)
    return sending.give(tx, act.holder_id, given)


def _there(tx: Tx, act: SendingSet) -> Scope:
    """Return where a person is, or what is above an administration: none sets its own limits. Raises NotFound."""
    try:
        organisations.find(tx, act.holder_id)
    except NotFound:
        return places.account(tx, act.holder_id)
    return places.above_organisation(tx, act.holder_id)


def _subject(act: SendingSet, value: Any) -> int:
    return act.holder_id


def _shown(tx: Tx, act: SendingSet, value: Any) -> Any:
    return msgspec.to_builtins(sending.own(tx, act.holder_id))


RULES: Rules = {SendingSet: Rule("addresses", _there, _set, "sending", _subject, _shown)}
