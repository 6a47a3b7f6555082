"""Which part of a letter is an S/MIME signature. RFC 8551 §3.5.2 (opaque), §3.5.3 (multipart/signed)."""

from collections.abc import Sequence

from mailcore.message.types import Span

OPAQUE = (("application", "pkcs7-mime"), ("application", "x-pkcs7-mime"))  # signed or encrypted: the content says which
_DETACHED = (("application", "pkcs7-signature"), ("application", "x-pkcs7-signature"))


def signed(spans: Sequence[Span]) -> tuple[Span, Span] | None:
    """Return the part that a signature covers and the signature, when the whole letter is one multipart/signed; else None.

    The second of the two parts is itself the signature, not something that holds one.
    """
    root, last = spans[0], spans[-1]
    if (root.type, root.subtype, root.children) != ("multipart", "signed", 2):
        return None
    return (spans[1], last) if last.path == "2" and (last.type, last.subtype) in _DETACHED else None
