"""One-time codes from a shared secret and the time. Pure.

RFC 4226 §5.3 (HOTP), RFC 6238 (TOTP). SHA-1, six digits and 30 seconds: what every authenticator application can do
(RFC 6238 §1.2 allows others, and most applications ignore that they were asked for). HMAC-SHA-1 is not weakened by collisions.
"""

import base64
import hmac
from urllib.parse import quote

from config.clock import SECOND_US

SECRET_BYTES = 20  # RFC 4226 §4 R6 recommends 160 bits
DIGITS = 6
STEP_US = 30 * SECOND_US
DRIFT_STEPS = 1  # RFC 6238 §5.2: one step for slow typing and clocks


def code(secret: bytes, step: int) -> str:
    """Return the code of a time step (RFC 4226 §5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_at(now_us: int) -> int:
    """Return the number of the time step that contains a time (RFC 6238 §4.2)."""
    return now_us // STEP_US


def find_step(secret: bytes, typed: str, now_us: int, last_step: int) -> int | None:
    """Return the step whose code was typed, None when no code fits or its step is used up (RFC 6238 §5.2)."""
    here = step_at(now_us)
    steps = range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1)
    fits = [step for step in steps if hmac.compare_digest(code(secret, step).encode(), typed.encode())]
    return next((step for step in fits if step > last_step), None)


def uri(secret: bytes, account: str, issuer: str) -> str:
    """Return what a QR code shows to an application (Google Authenticator's key URI format)."""
    base32 = base64.b32encode(secret).decode("ascii").rstrip("=")
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?secret={base32}&issuer={quote(issuer)}"
