"""Keys on a PKCS#11 token: made there, used there, never taken out. OASIS PKCS #11 v2.40 §2.3 (elliptic curves).

What leaves this module is a handle that finds a key again. A token that goes away is one that does not answer: whoever asks comes
again, and the session is opened anew.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters

from config.log import log
from signing.errors import NoSuchKey, SignerUnavailable
from signing.vault import HANDLE, Damaged, private

T = TypeVar("T")

ID_BYTES = 16
CURVES = {"p256": "secp256r1", "p384": "secp384r1"}
KEPT = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a token is: the library of its maker, its label, and a file with the user's PIN, beside this one unless it says where."""

    module: str
    label: str
    pin: str


def read(path: Path) -> Place:
    """Return the place that a file names, TOML. Raises Damaged."""
    try:
        place = msgspec.toml.decode(path.read_bytes(), type=Place)
    except (msgspec.MsgspecError, UnicodeDecodeError) as reason:
        raise Damaged(f"{path}: {reason}") from reason
    return msgspec.structs.replace(place, pin=str(path.parent / place.pin))


class Token:
    """One token, one session, used by one thread at a time (§6.7.4: a session is not for several)."""

    def __init__(self, place: Place) -> None:
        self._place, self._pin = place, private(Path(place.pin)).decode().strip()
        self._lock = threading.Lock()
        self._session: Any = None
        self._asked(lambda session: None)

    def generate(self, kind: str, label: str) -> bytes:
        """Make a key of kind `p256` or `p384`; return the handle. Raises SignerUnavailable."""
        identifier = secrets.token_bytes(ID_BYTES)

        def make(session: Any) -> None:
            named = {Attribute.EC_PARAMS: encode_named_curve_parameters(CURVES[kind])}
            parameters = session.create_domain_parameters(KeyType.EC, named, local=True)
            parameters.generate_keypair(id=identifier, label=label, store=True, private_template=KEPT)

        self._asked(make)
        return HANDLE + identifier

    def key(self, handle: bytes) -> "TokenKey":
        """Return the key of a handle. Raises NoSuchKey, SignerUnavailable."""
        return TokenKey(self, handle.removeprefix(HANDLE))

    def public(self, identifier: bytes) -> bytes:
        """Return a key's SubjectPublicKeyInfo, DER. Raises NoSuchKey, SignerUnavailable."""
        return self._asked(lambda session: encode_ec_public_key(session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=identifier)))

    def sign(self, identifier: bytes, digest: bytes) -> bytes:
        """Return the ECDSA signature over a digest, DER. Raises NoSuchKey, SignerUnavailable."""

        def work(session: Any) -> bytes:
            private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=identifier)
            return encode_ecdsa_signature(private.sign(digest, mechanism=Mechanism.ECDSA))

        return self._asked(work)

    def close(self) -> None:
        """End the session."""
        with self._lock:
            self._drop()

    def _asked(self, work: Callable[[Any], T]) -> T:
        with self._lock:
            try:
                if self._session is None:
                    self._session = self._opened()
                return work(self._session)
            except pkcs11.exceptions.NoSuchKey as reason:
                raise NoSuchKey(token=self._place.label) from reason
            except (pkcs11.exceptions.PKCS11Error, RuntimeError) as reason:  # RuntimeError: the library cannot be loaded
                self._drop()
                log.error("token.failed", token=self._place.label, kind=type(reason).__name__, said=str(reason))
                raise SignerUnavailable(reason="token") from reason

    def _opened(self) -> Any:
        """Open a session; a session of ours that ended badly may have left the user signed in."""
        token = pkcs11.lib(self._place.module).get_token(token_label=self._place.label)
        try:
            return token.open(rw=True, user_pin=self._pin)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            return token.open(rw=True)

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except pkcs11.exceptions.PKCS11Error as reason:
                log.info("token.session_lost", kind=type(reason).__name__)


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key on a token, with what the signer asks of any key."""

    token: Token
    identifier: bytes

    def public(self) -> bytes:
        """Return the SubjectPublicKeyInfo, DER. Raises NoSuchKey, SignerUnavailable."""
        return self.token.public(self.identifier)

    def sign(self, digest: bytes, algorithm: ec.ECDSA) -> bytes:
        """Return the ECDSA signature over a digest, DER. Raises NoSuchKey, SignerUnavailable."""
        return self.token.sign(self.identifier, digest)
