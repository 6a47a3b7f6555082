"""SASLprep (RFC 4013, a profile of RFC 3454) as SCRAM asks for it. Pure.

Only for the SCRAM verifier: what a client hashes is the SASLprep form of what was typed (RFC 5802 §2.2), which differs from
the OpaqueString form (RFC 8265) of our other hashes in compatibility characters alone.
"""

import stringprep
import unicodedata

_PROHIBITED = (  # RFC 4013 §2.3
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class Unprepared(ValueError):
    """The text has no SASLprep form: clients send it as it is, or not at all."""


def saslprep(text: str) -> str:
    """Return the SASLprep form of a text, as a stored string (RFC 4013 §2.5). Raises Unprepared."""
    mapped = "".join(" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))  # §2.1
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)  # §2.2
    if not prepared or any(forbidden(c) for c in prepared for forbidden in _PROHIBITED):
        raise Unprepared
    if any(map(stringprep.in_table_a1, prepared)):  # §2.5: code points that Unicode 3.2 did not assign
        raise Unprepared
    _check_directions(prepared)
    return prepared


def _check_directions(text: str) -> None:
    """RFC 3454 §6: right-to-left text stands alone, and begins and ends with itself."""
    right_to_left = [stringprep.in_table_d1(c) for c in text]
    if not any(right_to_left):
        return
    if any(map(stringprep.in_table_d2, text)) or not (right_to_left[0] and right_to_left[-1]):
        raise Unprepared
