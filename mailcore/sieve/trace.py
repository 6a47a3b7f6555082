"""What a forwarded letter carries, so that none goes round in circles. Pure. RFC 5228 §4.2, RFC 5321 §4.4, §6.3.

The mark of an account is opaque: it tells nobody whose it is, and nobody else can make it.
"""

from mailcore.sieve.letter import Letter

FIELD = "Diwan-Redirected"
MAX_REDIRECTED = 5  # how often one letter is sent on by scripts, whosever
MAX_HOPS = 40  # Received fields; reception refuses more than 50 (smtp/policy.py), and nobody shall have to


def fields(host: str, date: str, number: str, mark: bytes) -> bytes:
    """Return what stands before a letter that a script sends on."""
    return f"Received: by {host} with local id {number};\r\n\t{date}\r\n{FIELD}: {mark.hex()}\r\n".encode("ascii")


def goes_round(letter: Letter, mark: bytes) -> bool:
    """Say whether a letter was sent on from here before, or too often by anybody."""
    marks = letter.texts(FIELD)
    return mark.hex() in marks or len(marks) >= MAX_REDIRECTED or len(letter.octets("received")) >= MAX_HOPS
