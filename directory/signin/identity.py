"""From what was read of a person to who signed in."""

from directory.credentials import Record
from directory.errors import BadCredentials
from directory.types import Identity, Method


def identity(record: Record, *methods: Method) -> Identity:
    """Return who `record` is in the mailbox that was asked for. Raises BadCredentials for one that is not open to them now."""
    acting = record.acting
    if acting is None:
        raise BadCredentials(account=record.address)
    return Identity(
        account_id=acting.account_id,
        person_id=record.person_id,
        address=acting.address,
        name_ar=record.name_ar,
        name_fr=record.name_fr,
        language=record.language,
        posts=record.posts,
        capacity=acting.capacity,
        access=acting.access,
        methods=methods,
        delegation_id=acting.delegation_id,
        folder=acting.folder,
        epoch=record.epoch,
    )
