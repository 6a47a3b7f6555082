"""Whether a message goes round in circles, by what its header says of its way. RFC 5321 §6.3.

Many hops are the last resort. Before them: our own trace for the same recipient again and again, or a Delivered-To that names
the recipient, which whoever forwards from a mailbox adds (Postfix, qmail, Exim).
"""

import re
from collections.abc import Sequence

MAX_HOPS = 50  # Received fields; Postfix hopcount_limit
MAX_PASSES = 3  # of one node for one recipient: a mailbox that forwards to another system which sends back

_BLANKS = re.compile(rb"\s+")


def goes_round(fields: Sequence[tuple[bytes, bytes]], host: str, address: str, coming: int = 0) -> bool:
    """Say whether a message for a recipient comes back to `host`; `fields` are (name in lower case, the whole field).

    `coming` are passes for the recipient that the header does not tell of yet.
    """
    received = [octets for name, octets in fields if name == b"received"]
    if len(received) > MAX_HOPS:
        return True
    delivered = [octets for name, octets in fields if name == b"delivered-to"]
    if not delivered and coming + len(received) <= MAX_PASSES:
        return False
    wanted = address.casefold().encode()
    if any(_said(octets) == wanted for octets in delivered):
        return True
    by, for_whom = f" by {host.lower()} ".encode(), b" for <" + wanted + b">"
    passes = (_BLANKS.sub(b" ", octets).lower() for octets in received)
    return coming + sum(by in one and for_whom in one for one in passes) > MAX_PASSES


def _said(field: bytes) -> bytes:
    return field.partition(b":")[2].strip().strip(b"<>").decode("utf-8", "replace").casefold().encode()
