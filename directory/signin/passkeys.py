"""Passkeys: WebAuthn Level 2, with the `webauthn` library, which only this module imports.

The private key stays in the authenticator; what it signs names this site, so that no other site can use it (§13.4.4 there).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from directory.errors import BadCredentials, BadEntry
from directory.types import Passkey

CHALLENGE_BYTES = 32  # WebAuthn §13.4.3 asks for 16 at least
TIMEOUT_MS = 300_000
MAX_ANSWER_CHARS = 65_536
MIN_RSA_BITS = 2048
UNSOUND = (ValueError, TypeError, LookupError, RecursionError, UnsupportedAlgorithm)  # what the library lets through of what is none


@dataclass(frozen=True, slots=True)
class Site:
    """What passkeys are bound to: the host name of the web (its "RP ID") and the origins of its pages."""

    host: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """What an authenticator has made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backed_up: bool
    transports: tuple[str, ...]


def creation_options(site: Site, challenge: bytes, user: bytes, address: str, name: str, existing: Sequence[Passkey]) -> str:
    """Return, as JSON, what a browser needs to make a passkey. `user` is an opaque handle of the person."""
    library, shapes = _library(), _library().helpers.structs
    options = library.generate_registration_options(
        rp_id=site.host,
        rp_name=site.name,
        user_id=user,
        user_name=address,
        user_display_name=name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=shapes.AuthenticatorSelectionCriteria(
            resident_key=shapes.ResidentKeyRequirement.PREFERRED, user_verification=shapes.UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=[shapes.PublicKeyCredentialDescriptor(id=one.credential_id) for one in existing],
    )
    return str(library.options_to_json(options))


def created(site: Site, challenge: bytes, answer: str) -> NewPasskey:
    """Return what an authenticator has made. Raises BadEntry when the answer proves nothing."""
    if len(answer) > MAX_ANSWER_CHARS:
        raise BadEntry("this passkey could not be registered")
    library = _library()
    try:
        parsed = library.helpers.parse_registration_credential_json(answer)
        found = library.verify_registration_response(
            credential=parsed, expected_challenge=challenge, expected_rp_id=site.host, expected_origin=list(site.origins)
        )
        _check(found.credential_public_key)
    except (library.helpers.exceptions.WebAuthnException, *UNSOUND) as error:
        raise BadEntry("this passkey could not be registered", reason=str(error)) from error
    transports = tuple(str(one.value) for one in parsed.response.transports or ())
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count, bool(found.credential_backed_up), transports)


def request_options(site: Site, challenge: bytes, allowed: Sequence[Passkey], *, verified: bool) -> str:
    """Return, as JSON, what a browser needs to ask for a passkey; none `allowed` lets the authenticator choose."""
    library, shapes = _library(), _library().helpers.structs
    wanted = shapes.UserVerificationRequirement.REQUIRED if verified else shapes.UserVerificationRequirement.PREFERRED
    known = {one.value: one for one in shapes.AuthenticatorTransport}
    options = library.generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        user_verification=wanted,
        allow_credentials=[
            shapes.PublicKeyCredentialDescriptor(
                id=one.credential_id, transports=[known[name] for name in one.transports if name in known] or None
            )
            for one in allowed
        ],
    )
    return str(library.options_to_json(options))


def named(answer: str) -> bytes:
    """Return which passkey an authenticator's answer is of, before anything is proved. Raises BadCredentials."""
    if len(answer) > MAX_ANSWER_CHARS:
        raise BadCredentials(reason="passkey")
    library = _library()
    try:
        return bytes(library.helpers.parse_authentication_credential_json(answer).raw_id)
    except (library.helpers.exceptions.WebAuthnException, *UNSOUND) as error:
        raise BadCredentials(reason="passkey") from error


def proved(site: Site, challenge: bytes, passkey: Passkey, answer: str, *, verified: bool) -> int:
    """Return the authenticator's new count when its answer is right. Raises BadCredentials. About a millisecond of CPU.

    `verified` asks that the authenticator has made sure who uses it: for a passkey that stands for the password too.
    """
    library = _library()
    try:
        found = library.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=list(site.origins),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=verified,
        )
    except (library.helpers.exceptions.WebAuthnException, *UNSOUND) as error:
        raise BadCredentials(reason="passkey", detail=str(error)) from error
    return int(found.new_sign_count)


def _check(public_key: bytes) -> None:
    """Make sure that what was made is a key, which the library looks at only when it is used. Raises one of UNSOUND.

    ES256 is on P-256 (WebAuthn §5.8.5).
    """
    helpers = _library().helpers
    key = helpers.decoded_public_key_to_cryptography(helpers.decode_credential_public_key(public_key))
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(f"a key on {key.curve.name}")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits")


@functools.cache
def _library() -> Any:
    """Import the library when the first passkey comes: it takes long to load, and most processes never need it."""
    import webauthn

    return webauthn
