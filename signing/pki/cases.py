"""What is asked of the path judge and what it answers, as it travels to a worker and back: `signing.pki.judge` is heavy to import."""

import msgspec

JUDGE = "signing.pki.judge:decide"  # the function that a worker runs


class Case(msgspec.Struct, array_like=True, frozen=True):
    """What is to be judged, certificates and lists DER. `signed_us` is when the key is believed to have been used, `at_us` when we judge.

    `revocation` is "required", "declared" (where a certificate names a place for it) or "none". The rest are inputs of RFC 5280 §6.1.1;
    `weak` lets SHA-1 and short DSA keys pass, for old test suites.
    """

    leaf: bytes
    others: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    ocsps: tuple[bytes, ...]
    at_us: int
    signed_us: int
    revocation: str = "required"
    policies: tuple[str, ...] = ()
    explicit_policy: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False
    weak: bool = False


class Judged(msgspec.Struct, array_like=True, frozen=True):
    """A key of `signing.reasons.REASONS`, "good" among them; what the judge says; the path, leaf first; when it was revoked, if it was."""

    reason: str
    said: str = ""
    path: tuple[bytes, ...] = ()
    revoked_us: int = 0
    of_leaf: bool = True


def encoded(case: Case) -> bytes:
    """Return a case as a worker takes it."""
    return msgspec.msgpack.encode(case)
