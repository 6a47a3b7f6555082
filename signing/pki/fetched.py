"""What other authorities published, as it was fetched, in rows that all processes of a node share. RFC 5280 §6.3.3, RFC 6960 §4.2.2.1."""

from dataclasses import dataclass

from config.clock import DAY_US
from config.database import Tx

KEPT_US = 90 * DAY_US  # after its end: a letter that is opened again is judged without the network
FORGOTTEN = 500  # rows in one transaction


@dataclass(frozen=True, slots=True)
class Fetched:
    """Octets, b"" for none yet, with their updates; when they were last asked for, and why nothing came then."""

    octets: bytes
    this_update_us: int
    next_update_us: int
    tried_us: int
    failed: str


NOTHING = Fetched(b"", 0, 0, 0, "")

_FIND = "SELECT octets, this_update_us, next_update_us, tried_us, failed FROM revocation_fetched WHERE url = :url AND asked = :asked"
_KEEP = """
    INSERT INTO revocation_fetched (url, asked, octets, this_update_us, next_update_us, tried_us, failed)
    VALUES (:url, :asked, :octets, :this_us, :next_us, :now_us, '')
    ON CONFLICT (url, asked) DO UPDATE SET octets = EXCLUDED.octets, this_update_us = EXCLUDED.this_update_us,
        next_update_us = EXCLUDED.next_update_us, tried_us = EXCLUDED.tried_us, failed = ''
    WHERE revocation_fetched.this_update_us <= EXCLUDED.this_update_us
"""
_FAIL = """
    INSERT INTO revocation_fetched (url, asked, octets, this_update_us, next_update_us, tried_us, failed)
    VALUES (:url, :asked, :octets, 0, :now_us, :now_us, :why)
    ON CONFLICT (url, asked) DO UPDATE SET tried_us = EXCLUDED.tried_us, failed = EXCLUDED.failed
"""
_FORGET = """
    DELETE FROM revocation_fetched WHERE (url, asked) IN
        (SELECT url, asked FROM revocation_fetched WHERE next_update_us < :before_us AND tried_us < :before_us LIMIT :most)
"""


def find(tx: Tx, url: str, asked: bytes = b"") -> Fetched:
    """Return what is known of a list (`asked` empty) or of an answer to a question; NOTHING when it was never asked for."""
    row = tx.row(_FIND, url=url, asked=asked)
    return NOTHING if row is None else Fetched(bytes(row[0]), *row[1:])


def keep(tx: Tx, url: str, asked: bytes, octets: bytes, this_update_us: int, next_update_us: int) -> bool:
    """Keep what came unless something newer is there; say whether it was kept."""
    times = {"this_us": this_update_us, "next_us": next_update_us, "now_us": tx.now_us}
    return bool(tx.execute(_KEEP, url=url, asked=asked, octets=octets, **times))


def fail(tx: Tx, url: str, asked: bytes, why: str) -> None:
    """Note that nothing came; what was there before stays."""
    tx.execute(_FAIL, url=url, asked=asked, octets=b"", now_us=tx.now_us, why=why)


def forget(tx: Tx) -> int:
    """Forget what ended long ago, some of it; return how many were."""
    return tx.execute(_FORGET, before_us=tx.now_us - KEPT_US, most=FORGOTTEN)
