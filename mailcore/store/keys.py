"""Account keys: what opens an account's mail. Destroying an account's key destroys its mail.

Each account has a random 32-octet key, stored only wrapped by the node's key, which stays with the signer. From it come
an AES-256-GCM key for summaries and headers and an AES key-wrap key (RFC 3394) for the keys of blobs. The node's own
account (0) has such a key too; the identity and the key of a blob are derived from it, see blobs.py.
"""

import hmac
import os
import struct

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from mailcore.errors import Damaged
from mailcore.message.types import Faces, Fields, Header, Summary
from mailcore.store.types import AccountId, Stored

NONCE = 12  # AES-GCM, NIST SP 800-38D; random, so a key serves 2**32 messages

_encoder = msgspec.msgpack.Encoder()
_summaries = msgspec.msgpack.Decoder(Summary)
_headers = msgspec.msgpack.Decoder(Header)
_faces = msgspec.msgpack.Decoder(Faces)
_fields = msgspec.msgpack.Decoder(Fields)


def derive(secret: bytes, purpose: bytes) -> bytes:
    """Return a 32-octet key for one purpose (HMAC-SHA-256 as PRF, NIST SP 800-108)."""
    return hmac.digest(secret, b"diwan " + purpose, "sha256")


def encoded(value: Summary | Header) -> bytes:
    """Return a summary or a header as `seal` takes it, for many accounts at once."""
    return _encoder.encode(value)


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
        assert stored.summary_sealed is not None
        return _summaries.decode(self.open(b"summary", stored.message_id, stored.summary_sealed))

    def header(self, stored: Stored) -> Header:
        """Open the header that the query asked for. Raises Damaged."""
        assert stored.header_sealed is not None
        return self.open_header(stored.message_id, stored.header_sealed)

    def open_header(self, message_id: int, sealed: bytes) -> Header:
        """Open a header. Raises Damaged."""
        return _headers.decode(self.open(b"header", message_id, sealed))

    def faces(self, stored: Stored) -> Faces:
        """Open the beginning of the summary that the query asked for. Raises Damaged."""
        assert stored.summary_sealed is not None
        return _faces.decode(self.open(b"summary", stored.message_id, stored.summary_sealed))

    def fields(self, stored: Stored) -> Fields:
        """Open the fields of the header that the query asked for. Raises Damaged."""
        assert stored.header_sealed is not None
        return _fields.decode(self.open(b"header", stored.message_id, stored.header_sealed))

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
