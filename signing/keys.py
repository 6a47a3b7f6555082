"""The signer as the other processes see it: an asynchronous client that pipelines and finds a restarted signer again."""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import cast

import msgspec

from signing import wire
from signing.address import address
from signing.enveloped import Share
from signing.errors import SignerUnavailable
from signing.wire import MAX_BATCH, Answer, Framer, FrameTooLong, Refusal, Reply, Request, Status

MAX_IN_FLIGHT = 1024  # requests of one process that may wait for answers
ANSWER_S = 10.0  # a P-384 signature takes under a millisecond; this allows for a machine that swaps
PATIENCE_S = 5.0  # how long a restart of the signer may take before a caller is told
RETRY_S = 0.05
RETRIES_S = (RETRY_S, RETRY_S)  # the second for a connection that a dying signer's listener still took


class LinkLost(Exception):
    """The connection ended before the answer came."""


class Signer:
    """A handle on the signer process; many callers may share it."""

    def __init__(self, socket: Path, *, answer_s: float = ANSWER_S, patience_s: float = PATIENCE_S) -> None:
        self._socket = socket
        self._answer_s = answer_s
        self._patience_s = patience_s
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._ids = count(1)
        self._closed = False

    @classmethod
    async def connect(cls, socket: Path, *, answer_s: float = ANSWER_S, patience_s: float = PATIENCE_S) -> "Signer":
        """Return a connected client; raise SignerUnavailable when nobody answers at `socket` within `patience_s`."""
        signer = cls(socket, answer_s=answer_s, patience_s=patience_s)
        await signer._connected()
        return signer

    async def generate(self, key_id: str, kind: str, *, activated: bool = False) -> bytes:
        """Make a key of a kind of `signing.keyring.KINDS`; return its SubjectPublicKeyInfo, DER. Raise KeyExists.

        A key made with `activated` signs or decrypts only with a token of `signing.activation.activation`.
        """
        [public] = await self._ask(lambda id: wire.Generate(id, key_id, kind, activated), repeatable=False)
        return public

    async def public(self, key_id: str) -> bytes:
        """Return the SubjectPublicKeyInfo of a key, DER; raise NoSuchKey."""
        [public] = await self._ask(lambda id: wire.Public(id, key_id))
        return public

    async def sign(self, key_id: str, digest: bytes, activation: bytes = b"", purpose: str = "sign") -> bytes:
        """Return the signature, ECDSA in DER or RSA, over a digest of 32 (p256, rsa3072) or 48 (p384) octets.

        Raise NoSuchKey, SigningRefused, and NotActivated when the key needs an `activation` made for exactly this
        key, digest and purpose, once.
        """
        ask = lambda id: wire.Sign(id, key_id, digest, purpose, activation)  # noqa: E731
        [signature] = await self._ask(ask, repeatable=not activation)
        return signature

    async def decrypt(self, key_id: str, share: Share, key_bytes: int, activation: bytes = b"") -> bytes:
        """Return the key of an encrypted content out of a share of it: one that opens nothing when anything is wrong with it.

        Raise NoSuchKey, SigningRefused for a key that signs, and NotActivated when the key needs an `activation` made for
        `unwrapping.digest` of this share and the purpose `unwrapping.PURPOSE`.
        """
        parts = key_id, share.method, share.wrapped, share.point, share.info, key_bytes, activation
        [key] = await self._ask(lambda id: wire.Decrypt(id, *parts), repeatable=not activation)
        return key

    async def note_key(self, key_id: str) -> bytes:
        """Return the public half, 32 octets, of an Ed25519 key that signs checkpoints; it is made at the first call."""
        [public] = await self._ask(lambda id: wire.NoteKey(id, key_id))
        return public

    async def sign_note(self, key_id: str, text: bytes) -> bytes:
        """Return the signature over the octets of a checkpoint, or what a witness signs of one; raise NoSuchKey, SigningRefused."""
        [signature] = await self._ask(lambda id: wire.SignNote(id, key_id, text))
        return signature

    async def new_secret(self) -> tuple[bytes, bytes]:
        """Return a fresh secret of 32 octets: wrapped under the node's key, to be stored, and plain, to be used."""
        [(wrapped, secret)] = await self.new_secrets(1)
        return wrapped, secret

    async def new_secrets(self, number: int) -> list[tuple[bytes, bytes]]:
        """Return fresh secrets as pairs (wrapped, plain)."""
        pairs: list[tuple[bytes, bytes]] = []
        while len(pairs) < number:
            size = min(MAX_BATCH, number - len(pairs))
            octets = await self._ask(lambda id, size=size: wire.NewSecrets(id, size))  # type: ignore[misc]
            pairs += zip(octets[::2], octets[1::2], strict=True)
        return pairs

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret that `new_secret` wrapped; raise BadSecret when it was not this node."""
        [secret] = await self.unwrap_many([wrapped])
        return secret

    async def unwrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the secrets in the order given; raise BadSecret when one of them is not of this node."""
        plain: list[bytes] = []
        for start in range(0, len(wrapped), MAX_BATCH):
            batch = list(wrapped[start : start + MAX_BATCH])
            plain += await self._ask(lambda id, batch=batch: wire.Unwrap(id, batch))  # type: ignore[misc]
        return plain

    async def status(self) -> Status:
        """Return who signs since when, and how often each key has signed."""
        [octets] = await self._ask(wire.Report)
        return msgspec.json.decode(octets, type=Status)

    async def close(self) -> None:
        """End the connection; whoever still waits gets SignerUnavailable."""
        self._closed = True
        if self._link is not None:
            await self._link.close()

    async def _ask(self, build: Callable[[int], Request], *, repeatable: bool = True) -> list[bytes]:
        """Send a request; again when the connection was lost, if asking twice does no harm."""
        id = next(self._ids)
        octets = wire.frame(build(id))
        async with self._room:
            for pause_s in RETRIES_S if repeatable else ():
                try:
                    return await self._exchange(id, octets)
                except LinkLost:
                    await asyncio.sleep(pause_s)
            try:
                return await self._exchange(id, octets)
            except LinkLost as reason:
                raise SignerUnavailable(reason="lost") from reason

    async def _exchange(self, id: int, octets: bytes) -> list[bytes]:
        link = self._link if self._link is not None and self._link.alive else await self._connected()
        try:
            async with asyncio.timeout(self._answer_s):
                reply = await link.exchange(id, octets)
        except TimeoutError as reason:
            raise SignerUnavailable(reason="timeout") from reason
        if isinstance(reply, Refusal):
            raise wire.ERRORS.get(reply.code, SignerUnavailable)()
        return reply.values

    async def _connected(self) -> "Link":
        """Return a live connection, trying for as long as a restart may take."""
        async with self._connecting:
            deadline = time.monotonic() + self._patience_s
            while self._link is None or not self._link.alive:
                if self._closed:
                    raise SignerUnavailable(reason="closed")
                try:
                    self._link = await _open(self._socket)
                except OSError as reason:
                    if time.monotonic() >= deadline:
                        raise SignerUnavailable(reason=str(reason)) from reason
                    await asyncio.sleep(RETRY_S)
            return self._link


class Link(asyncio.Protocol):
    """One connection: requests of one turn of the event loop leave in one write, answers wake their callers by id."""

    def __init__(self) -> None:
        self.alive = False
        self._framer = Framer()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._gone = self._loop.create_future()

    async def exchange(self, id: int, octets: bytes) -> Reply:
        """Send one framed request and return its reply; raise LinkLost."""
        if not self.alive:
            raise LinkLost
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting[id] = future
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(octets)
        try:
            return await future
        finally:
            self._waiting.pop(id, None)

    async def close(self) -> None:
        """Close and wait until the socket is gone."""
        if self.alive:
            self._transport.close()
            await self._gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self.alive = True

    def data_received(self, data: bytes) -> None:
        """Give each reply to its caller; a stream that makes no sense ends the connection."""
        try:
            for body in self._framer.feed(data):
                self._wake(wire.reply(body))
        except (FrameTooLong, SignerUnavailable):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits."""
        self.alive = False
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkLost())
        self._gone.set_result(None)

    def _wake(self, reply: Answer | Refusal) -> None:
        if reply.id == 0:
            raise SignerUnavailable(reason="the signer could not read a request")
        future = self._waiting.get(reply.id)
        if future is not None and not future.done():
            future.set_result(reply)

    def _flush(self) -> None:
        octets, self._outgoing = b"".join(self._outgoing), []
        if self.alive:
            self._transport.write(octets)


async def _open(socket: Path) -> Link:
    with address(socket) as name:
        _, link = await asyncio.get_running_loop().create_unix_connection(Link, name)
    return link
