"""What evidence there must be after a node has died and come back: of each fact of a letter once, and of letters that never were none."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from config.database import Tx
from signing.evidence import record
from tests.kill import scene
from tests.mailcore.queue import node

Facts = Counter[tuple[str, str]]  # event and recipient
RECEIVED, CONSIGNED = "ReceivedFromNonERDS", "ContentConsignment"


def wanted(number: int) -> Facts:
    """Return the facts of a letter that has arrived everywhere."""
    received = [(RECEIVED, address) for address in scene.recipients(number)]
    if scene.is_plain(number):
        return Counter(received + [(CONSIGNED, address) for address in scene.recipients(number)])
    here = [(CONSIGNED, address) for address in (node.KARIM, scene.ABSENT, *scene.CLERKS)]
    return Counter(
        [*received, *here, ("ContentConsignmentFailure", scene.NOBODY), *(("RelayToNonERDS", one) for one in (scene.FAR, scene.ONWARD))]
    )


def there(tx: Tx) -> dict[str, Facts]:
    """Return the facts of which there is evidence, by Message-ID."""
    found: dict[str, Facts] = defaultdict(Counter)
    for octets in tx.column("SELECT record FROM evidence_fact UNION ALL SELECT record FROM evidence"):
        one = record.read(bytes(octets))
        found[one.message].update((one.event, address) for address in one.recipients)
    return found


def compared(found: Mapping[str, Facts], arrived: Mapping[int, bool]) -> list[str]:
    """Return what is wrong with the evidence of letters, of which is known whether they have arrived."""
    wrong = []
    for number, whole in arrived.items():
        facts, right = found.get(f"{number}@kill", Counter()), wanted(number) if whole else Counter[tuple[str, str]]()
        if facts != right:
            wrong.append(f"letter {number}: missing evidence {dict(right - facts)}, evidence of nothing {dict(facts - right)}")
    return wrong
