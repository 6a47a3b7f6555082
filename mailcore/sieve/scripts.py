"""An account's scripts: kept sealed, one of them in force. Units of work. RFC 5804 §1.4, §1.6, §2."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import MINUTE_US
from config.database import Tx
from mailcore.sieve import limits
from mailcore.sieve.errors import BadScriptName, NoSuchScript, ScriptActive, ScriptExists, ScriptsTooLarge, TooManyScripts
from mailcore.sieve.faults import Fault, SieveError
from mailcore.store import accounts
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId

MAX_SCRIPTS = 32  # of one account; Pigeonhole sieve_quota_max_scripts, which is unlimited unless set
MAX_ACCOUNT_BYTES = 1_048_576  # of all scripts of one account; Pigeonhole sieve_quota_max_storage likewise
MAX_NAME_BYTES = 512  # RFC 5804 §1.6 asks for 512 octets
FIELD, FAULT_FIELD = b"sieve", b"sieve fault"
MAX_FAULT_CHARS = 500
FAULT_PAUSE_US = MINUTE_US

_UNNAMEABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # RFC 5804 §1.6
_COUNT = "UPDATE counter SET value = value + 1 WHERE name = 'sieve' RETURNING value"
_TOUCH = """
    INSERT INTO sieve_account (account_id, active, version, fault, fault_us) VALUES (:account_id, '', :version, :nothing, 0)
    ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, fault = excluded.fault, fault_us = 0
"""
_STORE = """
    INSERT INTO sieve_script (account_id, name, sealed, size_bytes, changed_us) VALUES (:account_id, :name, :sealed, :size_bytes, :now)
    ON CONFLICT (account_id, name)
    DO UPDATE SET sealed = excluded.sealed, size_bytes = excluded.size_bytes, changed_us = excluded.changed_us
"""
_FAULT = """
    UPDATE sieve_account SET fault = :fault, fault_us = :now
    WHERE account_id = :account_id AND fault_us <= :now - :pause_us
"""


@dataclass(frozen=True, slots=True)
class Named:
    """One script of a list."""

    name: str
    active: bool
    size_bytes: int
    changed_us: int


@dataclass(frozen=True, slots=True)
class State:
    """What an account has: its scripts by name, and what went wrong lately."""

    scripts: tuple[Named, ...]
    fault_sealed: bytes
    fault_us: int

    def fault(self, account: AccountKey) -> str:
        """Return what went wrong, "" for nothing. Raises Damaged."""
        return account.open(FAULT_FIELD, 0, self.fault_sealed).decode("utf-8") if self.fault_sealed else ""

    @property
    def active(self) -> str:
        """Return the name of the script in force, "" for none."""
        return next((each.name for each in self.scripts if each.active), "")


def canonical(name: str) -> str:
    """Return a script's name as it is kept. Raises BadScriptName."""
    name = unicodedata.normalize("NFC", name)
    if not name or len(name.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES or _UNNAMEABLE.search(name):
        raise BadScriptName
    return name


def state(tx: Tx, account_id: int) -> State:
    """Return the scripts of an account."""
    row = tx.row("SELECT active, fault, fault_us FROM sieve_account WHERE account_id = :account_id", account_id=account_id)
    active, fault, fault_us = row or ("", b"", 0)
    found = tx.rows(
        "SELECT name, size_bytes, changed_us FROM sieve_script WHERE account_id = :account_id ORDER BY name", account_id=account_id
    )
    return State(tuple(Named(name, name == active, size, changed) for name, size, changed in found), fault, fault_us)


def read(tx: Tx, account: AccountKey, name: str) -> bytes:
    """Return a script's octets. Raises NoSuchScript, Damaged."""
    sealed = tx.value(
        "SELECT sealed FROM sieve_script WHERE account_id = :account_id AND name = :name", account_id=account.account_id, name=name
    )
    if sealed is None:
        raise NoSuchScript
    return account.open(FIELD, _number(name), sealed)


def active(tx: Tx, account: AccountKey) -> bytes | None:
    """Return the script in force, None when there is none. Raises Damaged."""
    name = tx.value("SELECT active FROM sieve_account WHERE account_id = :account_id", account_id=account.account_id)
    return read(tx, account, name) if name else None


def require_room(tx: Tx, account_id: int, name: str, size_bytes: int) -> None:
    """Raise TooManyScripts, ScriptsTooLarge or SieveError when there is no room for a script of this size (RFC 5804 §2.5)."""
    if size_bytes > limits.MAX_SCRIPT_BYTES:
        raise SieveError(Fault.TOO_LARGE, limit=limits.MAX_SCRIPT_BYTES)
    others = [each for each in state(tx, account_id).scripts if each.name != canonical(name)]
    if len(others) >= MAX_SCRIPTS:
        raise TooManyScripts
    if size_bytes + sum(each.size_bytes for each in others) > MAX_ACCOUNT_BYTES:
        raise ScriptsTooLarge


def put(tx: Tx, account: AccountKey, name: str, octets: bytes) -> None:
    """Store a script that compiles, in the place of the one of this name. Raises as `require_room` does, and BadScriptName."""
    name = canonical(name)
    _touch(tx, account.account_id)
    require_room(tx, account.account_id, name, len(octets))
    sealed = account.seal(FIELD, _number(name), octets)
    tx.execute(_STORE, account_id=account.account_id, name=name, sealed=sealed, size_bytes=len(octets), now=tx.now_us)


def activate(tx: Tx, account_id: int, name: str) -> None:
    """Put a script in force, or none with "" (RFC 5804 §2.8). Raises NoSuchScript."""
    _touch(tx, account_id)
    if name:
        _require(tx, account_id, name)
    tx.execute("UPDATE sieve_account SET active = :name WHERE account_id = :account_id", account_id=account_id, name=name)


def put_in_force(tx: Tx, account: AccountKey, name: str, octets: bytes) -> None:
    """Store a script and put it in force. Raises as `put` does."""
    put(tx, account, name, octets)
    activate(tx, account.account_id, canonical(name))


def delete(tx: Tx, account_id: int, name: str) -> None:
    """Remove a script that is not in force (RFC 5804 §2.10). Raises NoSuchScript, ScriptActive."""
    _touch(tx, account_id)
    _require(tx, account_id, name)
    if tx.value("SELECT active FROM sieve_account WHERE account_id = :account_id", account_id=account_id) == name:
        raise ScriptActive
    tx.execute("DELETE FROM sieve_script WHERE account_id = :account_id AND name = :name", account_id=account_id, name=name)


def rename(tx: Tx, account: AccountKey, old: str, new: str) -> None:
    """Call a script otherwise; in force it stays so (RFC 5804 §2.11). Raises NoSuchScript, ScriptExists, BadScriptName."""
    new, account_id = canonical(new), account.account_id
    _touch(tx, account_id)
    octets = read(tx, account, old)
    if new == old:
        return
    if tx.row("SELECT 1 FROM sieve_script WHERE account_id = :account_id AND name = :name", account_id=account_id, name=new):
        raise ScriptExists
    tx.execute(
        "UPDATE sieve_script SET name = :new, sealed = :sealed WHERE account_id = :account_id AND name = :old",
        account_id=account_id,
        old=old,
        new=new,
        sealed=account.seal(FIELD, _number(new), octets),
    )
    tx.execute(
        "UPDATE sieve_account SET active = :new WHERE account_id = :account_id AND active = :old", account_id=account_id, old=old, new=new
    )


def version(tx: Tx) -> int:
    """Return the counter of changes of all accounts."""
    value: int = tx.value("SELECT value FROM counter WHERE name = 'sieve'")
    return value


def changed(tx: Tx, since: int, limit: int) -> list[tuple[int, int]]:
    """Return accounts whose scripts changed after a version, as (account, version), the oldest change first."""
    return [
        (row[0], row[1])
        for row in tx.rows(
            "SELECT account_id, version FROM sieve_account WHERE version > :since ORDER BY version LIMIT :limit", since=since, limit=limit
        )
    ]


def sorted_among(tx: Tx, account_ids: Sequence[int]) -> set[int]:
    """Return which of these accounts have a script in force."""
    return set(
        tx.column("SELECT account_id FROM sieve_account WHERE account_id IN (:ids[]) AND active <> ''", ids=sorted(set(account_ids)))
    )


def note_fault(tx: Tx, account: AccountKey, fault: str) -> None:
    """Note what went wrong at a delivery, for the owner to see; one within a minute stands for all."""
    sealed = account.seal(FAULT_FIELD, 0, fault[:MAX_FAULT_CHARS].encode("utf-8", "replace"))
    tx.execute(_FAULT, account_id=account.account_id, fault=sealed, now=tx.now_us, pause_us=FAULT_PAUSE_US)


def _touch(tx: Tx, account_id: int) -> None:
    """Count a change. The counter's row makes versions come in the order of commits."""
    accounts.bump(tx, AccountId(account_id))
    tx.execute(_TOUCH, account_id=account_id, version=tx.value(_COUNT), nothing=b"")


def _require(tx: Tx, account_id: int, name: str) -> None:
    if tx.row("SELECT 1 FROM sieve_script WHERE account_id = :account_id AND name = :name", account_id=account_id, name=name) is None:
        raise NoSuchScript


def _number(name: str) -> int:
    """Return what binds sealed octets to a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")
