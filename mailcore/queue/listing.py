"""What operators see of the queue: recipients, totals by destination, how old the oldest is. Only reads."""

from dataclasses import dataclass

from config.database import Tx
from mailcore.queue import holds, ranks

MAX_LISTED = 1000
_COLUMNS = """
    SELECT m.queue_id, m.sender, m.size_bytes, m.created_us, m.expires_us, r.number, r.address, r.attempts, r.due_us,
           r.lease_owner, r.last_text, r.domain, r.rank, m.hold_until_us, m.by_us, m.by_mode, r.hold_id, COALESCE(h.reason, ''),
           COALESCE(h.who, ''), COALESCE(d.reason, '')
    FROM queue_recipient r JOIN queue_message m ON m.queue_id = r.queue_id
    LEFT JOIN queue_hold h ON h.hold_id = r.hold_id LEFT JOIN queue_destination d ON d.lane = r.lane"""
_LISTING = f"""{_COLUMNS}
    WHERE (:domain = '' OR r.domain = :domain) AND (:anybody = 1 OR LOWER(m.sender) = :sender) AND (:held = 0 OR r.hold_id <> 0)
    ORDER BY r.due_us, r.queue_id, r.number LIMIT :limit"""
_SHOW = f"""{_COLUMNS}
    WHERE r.queue_id IN (SELECT queue_id FROM queue_message WHERE queue_id = :id
                         UNION ALL SELECT queue_id FROM queue_message WHERE origin_id = :id AND origin_id <> 0)
    ORDER BY r.queue_id, r.number LIMIT :limit"""
_TOTALS = f"""
    SELECT r.domain, COUNT(*), SUM(CASE WHEN r.lease_owner <> '' THEN 1 ELSE 0 END),
           SUM(CASE WHEN r.hold_id <> 0 THEN 1 ELSE 0 END),
           MIN(CASE WHEN m.hold_until_us > m.created_us THEN m.hold_until_us ELSE m.created_us END),
           MIN(CASE WHEN r.due_us < {holds.NEVER_US} THEN r.due_us END), COALESCE(MAX(d.reason), ''), COALESCE(MAX(d.rest_us), 0)
    FROM queue_recipient r JOIN queue_message m ON m.queue_id = r.queue_id LEFT JOIN queue_destination d ON d.lane = r.lane
    GROUP BY r.domain ORDER BY COUNT(*) DESC, r.domain LIMIT :limit"""
_OLDEST = """
    SELECT MIN(CASE WHEN hold_until_us > created_us THEN hold_until_us ELSE created_us END) FROM queue_message m
    WHERE EXISTS (SELECT 1 FROM queue_recipient r WHERE r.queue_id = m.queue_id AND r.hold_id = 0)"""
_HOLDS = """
    SELECT h.hold_id, h.kind, h.value, h.reason, h.who, h.held_us,
           (SELECT COUNT(*) FROM queue_recipient r WHERE r.hold_id = h.hold_id AND r.hold_id <> 0)
    FROM queue_hold h ORDER BY h.held_us, h.hold_id LIMIT :limit"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One recipient still to be served. `due_us` is the next try, or the end of the lease when there is an owner."""

    queue_id: int
    sender: str
    size_bytes: int
    created_us: int
    expires_us: int
    number: int
    address: str
    attempts: int
    due_us: int
    lease_owner: str
    last_text: str
    domain: str
    rank: int
    hold_until_us: int
    by_us: int
    by_mode: str
    hold_id: int
    hold_reason: str
    hold_who: str
    trouble: str  # why the destination rests, or fails

    @property
    def held(self) -> bool:
        """Say whether an operator holds it back."""
        return self.hold_id != 0

    @property
    def priority(self) -> str:
        """What people call its priority."""
        return ranks.NAMES[self.rank]

    def state(self, now_us: int) -> str:
        """Return in one word what it waits for."""
        if self.held:
            return "held"
        if self.lease_owner:
            return "sending"
        if self.hold_until_us > now_us:
            return "scheduled"
        return "due" if self.due_us <= now_us else "deferred"


@dataclass(frozen=True, slots=True)
class Total:
    """What waits for one destination. `due_us` is None when all of it is held."""

    domain: str
    waiting: int
    leased: int
    held: int
    oldest_us: int
    due_us: int | None
    trouble: str
    rest_us: int


@dataclass(frozen=True, slots=True)
class Hold:
    """What an operator holds back, and how many recipients that are."""

    hold_id: int
    kind: str
    value: str
    reason: str
    who: str
    held_us: int
    recipients: int


def listing(tx: Tx, limit: int = MAX_LISTED, domain: str = "", sender: str | None = None, *, held: bool = False) -> list[Waiting]:
    """Return recipients by the time of their next try: of one destination, from one sender ("" is the null sender), or held ones."""
    found = tx.rows(
        _LISTING, limit=limit, domain=domain.lower(), anybody=int(sender is None), sender=(sender or "").lower(), held=int(held)
    )
    return [Waiting(*row) for row in found]


def show(tx: Tx, queue_id: int) -> list[Waiting]:
    """Return the recipients of one message that are left, in the order of its envelope.

    Behind them stand those of what lists made of it, which wait under ids of their own.
    """
    return [Waiting(*row) for row in tx.rows(_SHOW, id=queue_id, limit=MAX_LISTED)]


def totals(tx: Tx, limit: int = MAX_LISTED) -> list[Total]:
    """Return what waits for each destination, the most first."""
    return [Total(*row) for row in tx.rows(_TOTALS, limit=limit)]


def held(tx: Tx, limit: int = MAX_LISTED) -> list[Hold]:
    """Return what operators hold back, the oldest first."""
    return [Hold(*row) for row in tx.rows(_HOLDS, limit=limit)]


def oldest_us(tx: Tx) -> int | None:
    """Return since when the oldest message waits that nobody holds back, None when none does."""
    oldest: int | None = tx.value(_OLDEST)
    return oldest


def depth(tx: Tx) -> int:
    """Return how many recipients wait."""
    waiting: int = tx.value("SELECT COUNT(*) FROM queue_recipient")
    return waiting
