"""Acts on how much mail accounts may hold: an administrator for the accounts of the administration, the nation for everybody."""

from typing import Any

import msgspec

from config.database import Tx
from directory import quotas
from directory.acts import places
from directory.acts.act import Act, Rule, Rules
from directory.quotas import EVERYBODY, Quota
from directory.rights import NATION, Scope


class QuotaSet(Act, frozen=True, tag="quota.set"):
    """Give an account a quota of its own, or (`everybodys`) the one of everybody. None is no limit."""

    account_id: int
    storage_bytes: int | None = None
    messages: int | None = None
    everybodys: bool = False


class QuotaDefault(Act, frozen=True, tag="quota.default"):
    """Change the quota of every account that has none of its own. None is no limit."""

    storage_bytes: int | None
    messages: int | None


def _set(tx: Tx, act: QuotaSet) -> Quota:
    return quotas.give(tx, act.account_id, None if act.everybodys else Quota(act.storage_bytes, act.messages))


def _there(tx: Tx, act: QuotaSet) -> Scope:
    return places.account(tx, act.account_id)


def _subject(act: Any, value: Any) -> int:
    found: int = getattr(act, "account_id", EVERYBODY)
    return found


def _shown(tx: Tx, act: Any, value: Any) -> Any:
    return msgspec.to_builtins(quotas.own(tx, _subject(act, value)))


def _default(tx: Tx, act: QuotaDefault) -> Quota:
    return quotas.give(tx, EVERYBODY, Quota(act.storage_bytes, act.messages))


def _nation(tx: Tx, act: QuotaDefault) -> Scope:
    return NATION


RULES: Rules = {
    QuotaSet: Rule("addresses", _there, _set, "quota", _subject, _shown),
    QuotaDefault: Rule("domains", _nation, _default, "quota", _subject, _shown),
}
