"""Signatures and encryption of entities through GnuPG. Everything blocks: call it in a thread.

RFC 3156 §4 (encryption), §5 (signatures over the octets as sent, lines ended by CRLF), RFC 9580 §5.13 (only what is protected
against change is opened).
"""

from collections.abc import Sequence

from signing.openpgp import home, keys
from signing.openpgp.errors import BadPgpKey, CannotOpen, PgpUnavailable
from signing.openpgp.home import said
from signing.openpgp.status import is_opened, judged, of
from signing.openpgp.types import Judged, Opened, Secret

MICALG = "pgp-sha256"  # RFC 3156 §5
_HASH = ("--digest-algo", "SHA256")
_ARMOUR = b"-----BEGIN PGP SIGNATURE-----"


def sign(secret: Secret, octets: bytes) -> bytes:
    """Return a detached signature, armoured. Raises BadPgpKey when the key cannot sign, as when it has expired."""
    with home.opened(private=True) as place:
        keys.hold(place, secret)
        made = place.gpg.sign(
            octets, keyid=secret.fingerprint, passphrase=secret.passphrase, clearsign=False, detach=True, extra_args=_HASH
        )
        if not of(said(made), "SIG_CREATED"):
            raise BadPgpKey(fingerprint=secret.fingerprint)
        return _crlf(made.data)


def verify(key: bytes, octets: bytes, signature: bytes) -> Judged:
    """Return what a detached signature over octets is worth, by one key alone (b"" for none): another one proves nothing."""
    if signature.count(_ARMOUR) > 1:
        return Judged("unreadable")
    with home.opened() as place:
        if key:
            keys.keep(place, [key])
        result = place.gpg.verify_data(place.write("signature", signature), octets)
        try:
            found = judged(said(result))
        except CannotOpen:
            return Judged("unreadable")
        return Judged("unreadable") if found.worth == "none" else found


def encrypt(octets: bytes, recipients: Sequence[bytes], hidden: Sequence[bytes] = (), secret: Secret | None = None) -> bytes:
    """Return octets encrypted to public keys, armoured; with `secret` signed inside (RFC 3156 §6.2).

    Nobody is told that those of `hidden` can read it too. Raises BadPgpKey when a key cannot be encrypted to.
    """
    with home.opened(private=secret is not None) as place:
        open_names, hidden_names = (_kept(place, group) for group in (recipients, hidden))
        if secret is not None:
            keys.hold(place, secret)
        result = place.gpg.encrypt(
            octets,
            open_names,
            hidden_recipients=hidden_names or None,
            sign=secret.fingerprint if secret is not None else None,
            passphrase=secret.passphrase if secret is not None else None,
            extra_args=_HASH,
        )
        events = said(result)
        if of(events, "INV_RECP"):
            raise BadPgpKey
        if not of(events, "END_ENCRYPTION") or len(of(events, "SIG_CREATED")) != int(secret is not None):
            raise PgpUnavailable(reason="not encrypted")
        return _crlf(result.data)


def decrypt(secrets: Sequence[Secret], octets: bytes, sender: bytes = b"") -> Opened:
    """Open what was encrypted to one of our keys; judge what was signed inside by one key of its sender alone.

    Raises CannotOpen for everything that is not one text, encrypted to us and protected against change.
    """
    for secret in secrets:
        found = _decrypted(secret, octets, sender)
        if found is not None:
            return found
    raise CannotOpen


def _decrypted(secret: Secret, octets: bytes, sender: bytes) -> Opened | None:
    with home.opened(private=True) as place:
        try:
            keys.hold(place, secret)
            keys.keep(place, [sender] if sender else [])
        except BadPgpKey:
            return None
        result = place.gpg.decrypt(octets, passphrase=secret.passphrase, extra_args=["--no-symkey-cache"])
        events = said(result)
        return Opened(bytes(result.data), judged(events)) if is_opened(events) else None


def _kept(place: home.Home, group: Sequence[bytes]) -> list[str]:
    """Put public keys into a home; return their fingerprints. Raises BadPgpKey."""
    before = set(place.gpg.list_keys().fingerprints) if group else set()
    keys.keep(place, group)
    return [one["fingerprint"] for one in place.gpg.list_keys() if one["fingerprint"] not in before] if group else []


def _crlf(armoured: bytes) -> bytes:
    return armoured.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
