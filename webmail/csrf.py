"""Forms prove that they come from our own pages.

Two checks, either of which would do: browsers say where a request comes from (Fetch Metadata, or Origin), and each form
carries a token derived from the visitor's cookie. The token is masked anew in every page, so that compression of the
page tells nothing about it (BREACH).
"""

import hashlib
import hmac
import secrets

from starlette.datastructures import Headers

from config.errors import MailError

SIZE_BYTES = 32


class Forged(MailError):
    text = "this form does not come from a page of this site, or is too old: open the page again"


def token(cookie: str) -> str:
    """Return a fresh token for the visitor who holds `cookie`."""
    mask = secrets.token_bytes(SIZE_BYTES)
    return (mask + _xor(mask, _secret(cookie))).hex()


def check(cookie: str, given: str, headers: Headers) -> None:
    """Accept a form, or raise Forged."""
    if not cookie or not _same_origin(headers) or not _genuine(cookie, given):
        raise Forged


def _genuine(cookie: str, given: str) -> bool:
    try:
        octets = bytes.fromhex(given)
    except ValueError:
        return False
    return len(octets) == 2 * SIZE_BYTES and hmac.compare_digest(_xor(octets[:SIZE_BYTES], octets[SIZE_BYTES:]), _secret(cookie))


def _same_origin(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin == f"https://{headers.get('host', '')}"


def _secret(cookie: str) -> bytes:
    return hashlib.sha256(b"csrf\0" + cookie.encode()).digest()


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=False))
