"""Account keys: what opens an account's mail. Destroying an account's key destroys its mail.

Each account has a random 32-octet key, stored only wrapped by the node's key, which stays with the signer. From it come
an AES-256-GCM key for summaries and headers and an AES key-wrap key (RFC 3394) for the keys of blobs. The node's own
account (0) has such a key too; the identity and the key of a blob are derived from it, see blobs.py.

What came to many accounts at once has a summary and a header that are sealed once, under a key made of the blob's (shared.py).
"""

import os
import struct
from functools import lru_cache
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from mailcore.errors import Damaged
from mailcore.message.types import Faces, Fields, Header, Summary
from mailcore.store.types import AccountId, BlobId, Stored

NONCE = 12  # AES-GCM, NIST SP 800-38D; random, so a key serves 2**32 messages
WRAPPED = 40  # octets of a wrapped key of 32 (RFC 3394)
SHARED_KNOWN = 256  # keys of summaries that many accounts have, kept ready

_BLOCK = 64  # octets of SHA-256
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))  # FIPS 198-1
_encoder = msgspec.msgpack.Encoder()
_summaries = msgspec.msgpack.Decoder(Summary)
_headers = msgspec.msgpack.Decoder(Header)
_faces = msgspec.msgpack.Decoder(Faces)
_fields = msgspec.msgpack.Decoder(Fields)


def derive(secret: bytes, purpose: bytes) -> bytes:
    """Return a 32-octet key for one purpose (HMAC-SHA-256 as PRF, NIST SP 800-108)."""
    return hmac_sha256(secret, b"diwan " + purpose)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return what `hmac.digest` does, for a key of up to 64 octets and a short message, in half the time.

    That one lets the interpreter go for each microsecond of work: two busy threads then do little else than take turns.
    """
    padded = key.ljust(_BLOCK, b"\0")
    return sha256(padded.translate(_OUTER) + sha256(padded.translate(_INNER) + message).digest()).digest()


def encoded(value: Summary | Header) -> bytes:
    """Return a summary or a header as `seal` takes it, for many accounts at once."""
    return _encoder.encode(value)


def seal_shared(field: bytes, blob_id: BlobId, dek: bytes, plain: bytes) -> bytes:
    """Return a field of a message as it is stored once for many accounts, bound to what it is and to the message's octets."""
    nonce = os.urandom(NONCE)
    return nonce + _shared(dek).encrypt(nonce, plain, field + blob_id)


def open_shared(field: bytes, blob_id: BlobId, dek: bytes, sealed: bytes) -> bytes:
    """Return what `seal_shared` sealed. Raises Damaged."""
    try:
        return _shared(dek).decrypt(sealed[:NONCE], sealed[NONCE:], field + blob_id)
    except (InvalidTag, ValueError) as error:  # the latter for what is shorter than a nonce
        raise Damaged(blob=blob_id.hex(), field=field.decode("ascii")) from error


@lru_cache(maxsize=SHARED_KNOWN)
def _shared(dek: bytes) -> AESGCM:
    return AESGCM(derive(dek, b"shared fields"))


class AccountKey:
    """One account's key, unlocked."""

    __slots__ = ("_aead", "_threads", "_wrap", "account_id", "secret")

    def __init__(self, account_id: AccountId, secret: bytes) -> None:
        self.account_id = account_id
        self.secret = secret
        self._aead = AESGCM(derive(secret, b"fields"))
        self._wrap = derive(secret, b"wrap")
        self._threads = b""

    @property
    def threads(self) -> bytes:
        """The key under which the account knows Message-IDs."""
        self._threads = self._threads or derive(self.secret, b"threads")
        return self._threads

    def wrap(self, dek: bytes) -> bytes:
        """Return a blob's key wrapped for this account: 40 octets."""
        return aes_key_wrap(self._wrap, dek)

    def unwrap(self, dek_wrapped: bytes) -> bytes:
        """Return a blob's key. Raises Damaged."""
        try:
            return aes_key_unwrap(self._wrap, dek_wrapped)
        except InvalidUnwrap as error:
            raise Damaged(account_id=self.account_id) from error

    def seal_summary(self, message_id: int, summary: Summary) -> bytes:
        """Return a summary as it is stored, bound to this account and message."""
        return self.seal(b"summary", message_id, _encoder.encode(summary))

    def seal_header(self, message_id: int, header: Header) -> bytes:
        """Return a header as it is stored, bound to this account and message."""
        return self.seal(b"header", message_id, _encoder.encode(header))

    def summary(self, stored: Stored) -> Summary:
        """Open the summary that the query asked for. Raises Damaged."""
        return _summaries.decode(self.summary_plain(stored))

    def header(self, stored: Stored) -> Header:
        """Open the header that the query asked for. Raises Damaged."""
        return _headers.decode(self.header_plain(stored))

    def faces(self, stored: Stored) -> Faces:
        """Open the beginning of the summary that the query asked for. Raises Damaged."""
        return _faces.decode(self.summary_plain(stored))

    def fields(self, stored: Stored) -> Fields:
        """Open the fields of the header that the query asked for. Raises Damaged."""
        return _fields.decode(self.header_plain(stored))

    def summary_plain(self, stored: Stored) -> bytes:
        """Open the summary that the query asked for, encoded as it was sealed. Raises Damaged."""
        if stored.summary_sealed is None:
            raise Damaged(account_id=self.account_id, field="summary", number=stored.message_id)
        if stored.is_shared:
            return open_shared(b"summary", stored.blob_id, self.unwrap(stored.dek_wrapped), stored.summary_sealed)
        return self.open(b"summary", stored.message_id, stored.summary_sealed)

    def header_plain(self, stored: Stored) -> bytes:
        """Open the header that the query asked for, encoded as it was sealed. Raises Damaged."""
        if stored.header_sealed is None:
            raise Damaged(account_id=self.account_id, field="header", number=stored.message_id)
        if stored.is_shared:
            return open_shared(b"header", stored.blob_id, self.unwrap(stored.dek_wrapped), stored.header_sealed)
        return self.open(b"header", stored.message_id, stored.header_sealed)

    def _bound(self, field: bytes, number: int) -> bytes:
        return field + struct.pack(">qq", self.account_id, number)

    def seal(self, field: bytes, number: int, plain: bytes, nonce: bytes = b"") -> bytes:
        """Return octets as they are stored, bound to this account, to what they are and to whose: a message's or mailbox's number.

        Who seals much at once gives random octets as the nonce.
        """
        nonce = nonce or os.urandom(NONCE)
        return nonce + self._aead.encrypt(nonce, plain, self._bound(field, number))

    def open(self, field: bytes, number: int, sealed: bytes) -> bytes:
        """Return what was sealed for this field and number. Raises Damaged."""
        try:
            return self._aead.decrypt(sealed[:NONCE], sealed[NONCE:], self._bound(field, number))
        except (InvalidTag, ValueError) as error:  # the latter for what is shorter than a nonce
            raise Damaged(account_id=self.account_id, field=field.decode("ascii"), number=number) from error
